package ledger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// HandoffSource is the source of events that HandOff and MoveHandoff make for callers who name none.
const HandoffSource = "baton/handoffs"

// HandoffCall is a handoff in one call, for teams in which to hand over is to have handed over: it says handoff.offered and, unless
// OfferOnly is set, handoff.accepted by the receiver.
type HandoffCall struct {
	ID      string // of the handoff, which is that of its offered event; "" makes a random one, and a retry then a second handoff
	Source  string // of the events; "" is HandoffSource
	Journey string
	From    Party // Stage is required, as in To
	To      Party
	Channel string
	Reason  string
	Time    time.Time // when it happened; zero is when it is recorded

	Envelope json.RawMessage            // context that goes along, see docs/formats.md; nil is none
	Data     map[string]json.RawMessage // further members of the offer's data

	OfferOnly     bool   // the receiver will accept, or decline, in a call of its own
	Schema        string // dataschema of the offer
	DataSubject   string
	CorrelationID string
}

// HandoffMove is one move of a handoff that was offered before.
type HandoffMove struct {
	Handoff string
	Verb    HandoffState // one of MoveVerbs
	ID      string       // of the event; "" is the handoff's and the verb, so that a retry is known as one
	Source  string       // "" is HandoffSource
	Journey string
	By      Party // who moves it; an acceptance without it is by the receiver
	Reason  string
	Outcome string
	Time    time.Time
	Data    map[string]json.RawMessage // further members
}

// HandedOff says what became of a handoff by a call, as of the last of the call's own events: a retry is answered as the first was.
type HandedOff struct {
	Handoff   string       `json:"handoff"`
	Journey   string       `json:"journey"`
	Point     string       `json:"point"`
	State     HandoffState `json:"state"`
	Owner     Party        `json:"owner"`               // of the journey
	Anomalies []string     `json:"anomalies,omitempty"` // what the rules of custody say against it; it is recorded all the same
	Receipts  []Receipt    `json:"receipts"`            // of the handoff's events, in order
	Notices   []Notice     `json:"notices,omitempty"`   // what its contract says against it
}

// MoveVerbs are the verbs that people and systems say of a handoff. The rest is said by Baton itself.
func MoveVerbs() []HandoffState {
	return []HandoffState{Accepted, Declined, Completed, Returned, Withdrawn, Failed}
}

// HandOff appends a handoff's events as one batch, all or none. The first event of a journey is journey.started, in the same batch. The same
// call again, with its ID, writes nothing and answers the first receipts; another call with that ID is CodeIDConflict, or
// CodePartialBatch where the first was OfferOnly and this one is not. The other way round the offer is there already, and is answered. Further errors are CodeInvalid, which names the field, and those of an append.
func HandOff(ctx context.Context, r Reader, to Append, c HandoffCall) (HandedOff, error) {
	if c.ID == "" {
		c.ID = rand.Text()
	}
	events, err := c.Events()
	if err != nil {
		return HandedOff{}, err
	}
	stream := JourneyStream(c.Journey)
	head, err := r.StreamHead(ctx, stream)
	if err != nil {
		return HandedOff{}, err
	}
	var result Result
	if head.Revision == 0 {
		result = to(ctx, []Batch{{Stream: stream, Expect: NoStream, Events: slices.Concat([]Event{c.started()}, events)}})[0]
	}
	// Somebody else began the journey; where this very call was made by another hand meanwhile, its handoff is there and its beginning is not.
	if head.Revision > 0 || errors.Is(result.Err, CodeStaleRevision) || errors.Is(result.Err, CodePartialBatch) {
		result = to(ctx, []Batch{{Stream: stream, Expect: Any, Events: events}})[0]
	}
	if result.Err != nil {
		return HandedOff{}, result.Err
	}
	result.Receipts = result.Receipts[len(result.Receipts)-len(events):]
	if place := result.Receipts[0].Stream; place != stream {
		return HandedOff{Handoff: c.ID, Journey: c.Journey, Point: Point(c.From.Stage, c.To.Stage, c.Channel), State: Quarantined,
			Receipts: result.Receipts, Notices: result.Notices}, nil
	}
	return handedOff(ctx, r, c.Journey, c.ID, result)
}

// MoveHandoff appends one move. A move that the state machine does not know is recorded and named in Anomalies; a handoff that
// the journey does not have is CodeNotFound, since then the caller has mistaken one of the two names.
func MoveHandoff(ctx context.Context, r Reader, to Append, m HandoffMove) (HandedOff, error) {
	e, err := m.Event()
	if err != nil {
		return HandedOff{}, err
	}
	j, err := foldFacts(ctx, r, m.Journey, 0)
	if err != nil {
		return HandedOff{}, err
	}
	if j.Find(m.Handoff) < 0 {
		return HandedOff{}, Errorf(CodeNotFound, "move handoff", "look at the handoffs of the journey; a handoff's id is that of its offered event",
			"journey %.80q has no handoff %.80q", m.Journey, m.Handoff)
	}
	result := to(ctx, []Batch{{Stream: JourneyStream(m.Journey), Expect: Any, Events: []Event{e}}})[0]
	if result.Err != nil {
		return HandedOff{}, result.Err
	}
	return handedOff(ctx, r, m.Journey, m.Handoff, result)
}

// Events makes the offer and, unless OfferOnly is set, the acceptance. The same call makes the same events.
func (c *HandoffCall) Events() ([]Event, error) {
	for _, f := range []struct{ name, value string }{
		{"journey", c.Journey}, {"from.stage", c.From.Stage}, {"to.stage", c.To.Stage}, {"channel", c.Channel}, {"id", c.ID},
	} {
		if f.value == "" {
			return nil, Errorf(CodeInvalid, "hand off", "say "+f.name, "%s is missing", f.name)
		}
	}
	if limit := MaxID - len(".accepted"); len(c.ID) > limit {
		return nil, Errorf(CodeTooLarge, "hand off", "use a shorter id", "id has %d bytes, at most %d are allowed", len(c.ID), limit)
	}
	offer, err := object("hand off", c.Data, member{"from", c.From.json()}, member{"to", c.To.json()}, text("channel", c.Channel),
		text("reason", c.Reason), member{"envelope", c.Envelope})
	if err != nil {
		return nil, err
	}
	events := []Event{c.event(c.ID, "offered", offer)}
	events[0].Schema = c.Schema
	if !c.OfferOnly {
		accept, _ := object("hand off", nil, text("handoff", c.ID), text("stage", c.To.Stage), text("party", c.To.Party), text("kind", c.To.Kind))
		events = append(events, c.event(c.ID+".accepted", "accepted", accept))
		events[1].CausationID = c.ID
	}
	return events, nil
}

func (c *HandoffCall) started() Event {
	data, _ := object("hand off", nil, text("stage", c.From.Stage), text("party", c.From.Party), text("kind", c.From.Kind))
	e := c.event(c.ID+".started", "", data)
	e.Type = Type("journey", "started")
	return e
}

func (c *HandoffCall) event(id, verb string, data []byte) Event {
	return Event{ID: id, Source: orSource(c.Source), Type: Type("handoff", verb), Subject: c.Journey, Time: c.Time, ContentType: "application/json",
		DataSubject: c.DataSubject, CorrelationID: c.CorrelationID, Data: data}
}

// Event makes the move's event.
func (m *HandoffMove) Event() (Event, error) {
	const op = "move handoff"
	if verbs := MoveVerbs(); !slices.Contains(verbs, m.Verb) {
		names := make([]string, len(verbs))
		for i, v := range verbs {
			names[i] = string(v)
		}
		return Event{}, Errorf(CodeInvalid, op, "use one of "+strings.Join(names, ", "), "verb %.40q is none that is said of a handoff", string(m.Verb))
	}
	if m.Journey == "" {
		return Event{}, Errorf(CodeInvalid, op, "say journey", "journey is missing")
	}
	data, err := object(op, m.Data, text("handoff", m.Handoff), text("stage", m.By.Stage), text("party", m.By.Party), text("kind", m.By.Kind),
		text("reason", m.Reason), text("outcome", m.Outcome))
	if err != nil {
		return Event{}, err
	}
	id := m.ID
	if id == "" {
		id = m.Handoff + "." + string(m.Verb)
	}
	return Event{ID: id, Source: orSource(m.Source), Type: Type("handoff", string(m.Verb)), Subject: m.Journey, Time: m.Time,
		ContentType: "application/json", CausationID: m.Handoff, Data: data}, nil
}

func orSource(s string) string {
	if s == "" {
		return HandoffSource
	}
	return s
}

// handedOff reads the journey up to the last receipt.
func handedOff(ctx context.Context, r Reader, journey, handoff string, result Result) (HandedOff, error) {
	receipts := result.Receipts
	j, err := foldFacts(ctx, r, journey, receipts[len(receipts)-1].Revision)
	if err != nil {
		return HandedOff{}, err
	}
	out := HandedOff{Handoff: handoff, Journey: journey, Owner: j.Owner(), Receipts: receipts, Notices: result.Notices}
	if i := j.Find(handoff); i >= 0 {
		out.Point, out.State = j.Handoffs[i].Point(), j.Handoffs[i].State
	}
	for _, a := range j.Anomalies {
		if slices.ContainsFunc(receipts, func(r Receipt) bool { return r.Revision == a.Revision }) {
			out.Anomalies = append(out.Anomalies, a.Name)
		}
	}
	return out, nil
}

// foldFacts folds a journey's stream without its overlay, which makes no handoff and moves none to an end.
func foldFacts(ctx context.Context, r Reader, journey string, to uint64) (Journey, error) {
	var j Journey
	for e, err := range r.ReadStream(ctx, JourneyStream(journey), ReadOptions{To: to, HeaderOnly: true}) {
		if err != nil {
			return Journey{}, err
		}
		j.Apply(&e)
	}
	return j, nil
}

// member is one of a JSON object; a nil value is none.
type member struct {
	name  string
	value []byte
}

func text(name, value string) member {
	if value == "" {
		return member{name, nil}
	}
	return member{name, appendString(nil, value)}
}

func (p Party) json() []byte {
	b, _ := object("", nil, text("stage", p.Stage), text("party", p.Party), text("kind", p.Kind))
	return b
}

// object writes members in their order and extras, which stand byte for byte as they are, by name.
func object(op string, extras map[string]json.RawMessage, members ...member) ([]byte, error) {
	buf := []byte{}
	add := func(m member) error {
		if m.value == nil {
			return nil
		}
		if !json.Valid(m.value) {
			return Errorf(CodeInvalid, op, "send JSON", "%.80s is not a JSON value", m.name)
		}
		buf = append(appendName(buf, m.name), m.value...)
		return nil
	}
	for _, m := range members {
		if _, twice := extras[m.name]; twice {
			return nil, Errorf(CodeInvalid, op, "leave it out of data", "data.%s has a field of its own: %s", m.name, m.name)
		}
		if err := add(m); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extras)) {
		if err := add(member{name, extras[name]}); err != nil {
			return nil, err
		}
	}
	if len(buf) == 0 {
		return []byte("{}"), nil
	}
	buf[0] = '{' // the comma before the first
	return append(buf, '}'), nil
}
