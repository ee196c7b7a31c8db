package simulate

import (
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// eventTypes are those that acts become.
var eventTypes = [verbCount]string{
	vStarted: ledger.Type("journey", "started"), vActed: ledger.Type("interaction", "recorded"), vOffered: ledger.Type("handoff", "offered"),
	vDelivered: ledger.Type("handoff", "delivered"), vViewed: ledger.Type("handoff", "viewed"), vAccepted: ledger.Type("handoff", "accepted"),
	vDeclined: ledger.Type("handoff", "declined"), vExpired: ledger.Type("handoff", "expired"), vWithdrawn: ledger.Type("handoff", "withdrawn"),
	vFailed: ledger.Type("handoff", "failed"), vReturned: ledger.Type("handoff", "returned"), vCompleted: ledger.Type("handoff", "completed"),
	vAsked: ledger.Type("question", "asked"), vAnswered: ledger.Type("question", "answered"), vFeedback: ledger.Type("feedback", "recorded"),
	vEnrichmentRequested: ledger.Type("enrichment", "requested"), vEnrichmentCompleted: ledger.Type("enrichment", "completed"),
	vEnrichmentLate: ledger.Type("enrichment", "late"), vEnrichmentFailed: ledger.Type("enrichment", "failed"),
	vSuggested: ledger.Type("suggestion", "offered"), vShown: ledger.Type("suggestion", "shown"), vTaken: ledger.Type("suggestion", "accepted"),
	vDismissed: ledger.Type("suggestion", "dismissed"), vSuggestionOutcome: ledger.Type("suggestion", "outcome"),
	vClosed: ledger.Type("journey", "closed"), vChurn: ledger.Type("feedback", "recorded"), vLinked: ledger.Type("journey", "linked"),
}

// sources[flow][stage]; what no stage does is done by one of the others.
var sources = func() (out [][]string) {
	for f := range flows {
		names := make([]string, len(flows[f].stages))
		for s := range names {
			names[s] = "sim/" + flows[f].name + "/" + flows[f].stages[s].name
		}
		out = append(out, names)
	}
	return out
}()

const (
	sourceOverlay   = "sim/overlay"
	sourceDeadlines = "sim/deadlines"
	sourceAccounts  = "sim/accounts"
)

var reasons = map[verb][]string{
	vDeclined:  {"wrong team", "no capacity", "context missing"},
	vExpired:   {"not accepted in time"},
	vWithdrawn: {"customer cancelled", "sent by mistake"},
	vFailed:    {"receiver unreachable", "payload rejected"},
	vReturned:  {"context missing", "not our case", "needs approval"},
	vDismissed: {"not relevant", "do not trust it", "already done"},
}

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// event makes the event of one act. Its data is in the arena.
func (s *Simulation) event(j *journey, a *act) ledger.Event {
	e := ledger.Event{ID: s.eventID(j, a.number), Source: sources[j.flowIndex][a.stage], Type: eventTypes[a.verb], Subject: j.id,
		Time: time.UnixMilli(a.at).UTC(), ContentType: "application/json", DataSubject: "customer-" + strconv.FormatUint(j.customer, 36)}
	if a.again {
		e.Subject += "-again"
	}
	switch {
	case a.verb == vExpired:
		e.Source = sourceDeadlines
	case a.verb == vChurn:
		e.Source = sourceAccounts
	case ledger.InOverlay(e.Type):
		e.Source = sourceOverlay
	}
	if a.cause >= 0 {
		e.CausationID = s.eventID(j, uint16(a.cause))
	}
	if a.verb == vOffered {
		hd := &j.hands[a.hand]
		e.Schema = "contracts/" + j.flow.name + "/" + strconv.Itoa(hd.hop+1) + "/v" + strconv.Itoa(hd.version)
	}
	b := append(s.arena.begin(), '{')
	e.Data = s.arena.keep(append(s.data(b, j, a), '}'))
	return e
}

// data writes the members of an act's data.
func (s *Simulation) data(b []byte, j *journey, a *act) []byte {
	if a.hand >= 0 {
		return s.handData(b, j, a)
	}
	st := &j.flow.stages[a.stage]
	switch a.verb {
	case vStarted:
		b = member(member(b, "flow", j.flow.name), "channel", st.channel)
		b = j.actor(b, a)
	case vActed:
		b = j.acted(b, a)
	case vClosed:
		b = member(b, "outcome", j.outcomeName(a))
		b = j.actor(b, a)
	case vLinked:
		b = member(member(b, "journey", j.id), "reason", "same issue again")
	case vChurn:
		b = member(b, "field", "churn")
		outcome := "retained"
		if j.outcome[1] {
			outcome = "churned"
		}
		b = member(b, "outcome", outcome)
		b = number(b, "days_after_close", 30)
	}
	return b
}

// outcomeName is how the journey ended. The journey of a customer who came back is always resolved.
func (j *journey) outcomeName(a *act) string {
	switch {
	case a.again || j.outcome[0]:
		return j.flow.goal
	case j.flow.goal == goalConvert:
		return "not_converted"
	}
	return "unresolved"
}

func (j *journey) actor(b []byte, a *act) []byte {
	st := &j.flow.stages[a.stage]
	b = member(b, "stage", st.name)
	b = member(b, "party", partyNames[j.flowIndex][a.stage][a.party])
	return member(b, "kind", st.kind)
}

// acted is an interaction. The first one says what was known of the customer, and each one what was learned in it.
func (j *journey) acted(b []byte, a *act) []byte {
	st := &j.flow.stages[a.stage]
	activity := ""
	switch {
	case a.again:
		activity = "contacted again"
	case a.what >= actionActs:
		activity = "suggestion followed: " + actionNames[a.what-actionActs]
	default:
		activity = st.acts[min(int(a.what), len(st.acts)-1)]
	}
	b = member(b, "activity", activity)
	b = j.actor(b, a)
	b = member(b, "channel", st.channel)
	first := a.number == 1
	if !first && a.fields == 0 && !a.again {
		return b
	}
	b = append(key(b, "attributes"), '{')
	if first || a.again {
		b = member(member(b, "segment", segmentNames[j.segment]), "category", j.category)
		b = number(number(b, "tenure_months", int64(j.tenure)), "prior_contacts", int64(j.prior))
	}
	a.fields.each(func(f int) { b = j.value(key(b, catalogue[f].name), f) })
	return append(b, '}')
}

// handData writes the members of what is about a handoff. All of them repeat its ends and channel.
func (s *Simulation) handData(b []byte, j *journey, a *act) []byte {
	hd := &j.hands[a.hand]
	if a.verb != vOffered {
		b = member(b, "handoff", s.eventID(j, hd.number))
	}
	switch a.verb {
	case vAsked, vAnswered, vFeedback:
		return j.questionData(b, hd, a)
	case vSuggested, vShown, vTaken, vDismissed, vSuggestionOutcome:
		return s.suggestionData(b, j, a)
	case vEnrichmentRequested, vEnrichmentCompleted, vEnrichmentLate, vEnrichmentFailed:
		b = member(b, "from_system", "profile")
		if a.verb != vEnrichmentRequested {
			b = number(b, "took_ms", int64(a.size))
		}
		return b
	}
	b = j.end(b, "from", hd.from, hd.fromParty)
	b = j.end(b, "to", hd.to, hd.toParty)
	b = member(b, "channel", hd.channel)
	switch a.verb {
	case vOffered:
		b = number(b, "prepared_ms", int64(hd.prepared))
		return s.envelope(b, j, hd, a)
	case vDelivered:
		b = a.fields.names(key(b, "fields"), hd.version)
		b = number(b, "tokens", int64(tokens(hd)))
		return member(b, "tier", j.tier(hd))
	case vViewed:
		b = j.actor(b, a)
		return a.fields.names(key(b, "fields"), hd.version)
	case vCompleted:
		b = j.actor(member(b, "outcome", "done"), a)
		return a.fields.names(key(b, "used"), hd.version)
	}
	if list := reasons[a.verb]; list != nil {
		reason := list[mix(hd.salt+1)%uint64(len(list))]
		if a.verb == vReturned && hd.missing != 0 {
			reason = list[0]
		}
		b = member(b, "reason", reason)
	}
	if a.verb == vExpired {
		return b
	}
	return j.actor(b, a)
}

func (j *journey) end(b []byte, name string, stage, party uint8) []byte {
	st := &j.flow.stages[stage]
	b = append(key(b, name), '{')
	b = member(b, "stage", st.name)
	b = member(b, "party", partyNames[j.flowIndex][stage][party])
	return append(member(b, "kind", st.kind), '}')
}

func (j *journey) questionData(b []byte, hd *handoff, a *act) []byte {
	f := int(a.what)
	b = member(b, "field", fieldName(f, hd.version))
	switch a.verb {
	case vAsked:
		b = member(b, "text", catalogue[f].ask)
		return j.actor(b, a)
	case vAnswered:
		b = append(member(b, "kind", "customer"), `,"party":"customer"`...)
		b = append(key(b, "attributes"), '{')
		return append(j.value(key(b, fieldName(f, hd.version)), f), '}')
	}
	b = member(b, "verdict", "was missing")
	return j.actor(b, a)
}

func (s *Simulation) suggestionData(b []byte, j *journey, a *act) []byte {
	g := &j.suggestion
	b = member(b, "action", actionNames[a.what])
	switch a.verb {
	case vSuggested:
		b = append(key(b, "candidates"), '[')
		for i, name := range actionNames {
			b = quoted(comma(b, i), name)
		}
		b = append(b, ']')
		b = decimal(b, "propensity", float64(g.propensity)/1000)
		b = member(b, "policy", "sim-random/1")
		b = boolean(b, "hold_out", g.holdOut)
		return number(b, "ttl_seconds", 3600)
	case vDismissed:
		list := reasons[vDismissed]
		b = member(b, "reason", list[mix(j.salt)%uint64(len(list))])
	case vSuggestionOutcome:
		b = member(b, "outcome", j.outcomeName(a))
	}
	return member(b, "suggestion", s.eventID(j, g.number))
}
