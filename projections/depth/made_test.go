package depth_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections/depth"
)

// made makes events by hand and folds them.
type made struct {
	t    testing.TB
	f    *depth.Fold
	n    uint64
	at   time.Time
	dice *rand.Rand
}

var dayOne = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func make1(t testing.TB, o depth.Options) *made {
	return &made{t: t, f: depth.NewFold(o), at: dayOne, dice: rand.New(rand.NewPCG(4, 4))}
}

// event folds one event; family.verb is its type.
func (m *made) event(journey, typ, source, schema, data string) {
	m.t.Helper()
	m.n++
	family, verb, _ := strings.Cut(typ, ".")
	e := ledger.Event{ID: "e" + strconv.FormatUint(m.n, 10), Source: source, Type: ledger.Type(family, verb), Subject: journey, Time: m.at, Schema: schema, Data: []byte(data)}
	r := recorded(m.t, e, m.n)
	m.f.Add(&r)
}

// offer offers at web>desk@chat and gives the handoff's id.
func (m *made) offer(journey, source, schema, envelope string) string {
	m.t.Helper()
	m.event(journey, "handoff.offered", source, schema, `{"from":{"stage":"web"},"to":{"stage":"desk"},"channel":"chat","envelope":`+envelope+`}`)
	return "e" + strconv.FormatUint(m.n, 10)
}

// TestWhatAProducerBroke plants a field that goes missing, one that changes its type, one that is new and a new value, all on day 40 and from one of two producers.
func TestWhatAProducerBroke(t *testing.T) {
	m := make1(t, depth.Options{})
	broken := dayOne.AddDate(0, 0, 40)
	for day := range 70 {
		for k := range 24 {
			m.at = dayOne.AddDate(0, 0, day).Add(time.Duration(k) * 20 * time.Minute)
			after, source := !m.at.Before(broken), []string{"app", "shop"}[k%2]
			bad := after && source == "app"
			order := `"order":"O-1",`
			if m.dice.Float64() < 0.03 || bad && m.dice.Float64() < 0.5 {
				order = ""
			}
			amount, plan, extra := "12", `"basic"`, ""
			if m.dice.IntN(2) == 0 {
				plan = `"Maria Curie"`
			}
			if bad {
				amount, extra = `"12"`, `,"device":{"os":"x","screen":{"width":3}}`
				if m.dice.IntN(4) == 0 {
					plan = `"Lise Meitner"`
				}
			}
			m.offer(fmt.Sprintf("j-%d-%d", day, k), source, "", `{"mandatory":{`+order+`"amount":`+amount+`,"plan":`+plan+extra+`},
				"fields":{"plan":{"classification":"personal"},"amount":{"classification":"internal"},"device":{"classification":"internal"}}}`)
		}
	}
	r := m.f.Drift(depth.DriftOptions{})
	found := map[string]depth.DriftRow{}
	for _, row := range r.Rows {
		if row.Drifted {
			found[row.Kind+" "+row.Field+" "+row.Value] = row
		}
	}
	value := ""
	for _, row := range found {
		if row.Kind == depth.DriftEnum {
			value = row.Value
		}
	}
	if !strings.HasPrefix(value, "sha256:") {
		t.Errorf("the new value of a personal field is shown as %q", value)
	}
	for _, key := range []string{"missing order ", "malformed amount ", "structure amount mandatory/amount string ", "structure device mandatory/device object ",
		"structure device mandatory/device/screen/width number ", "enum plan " + value} {
		row, ok := found[key]
		if !ok {
			t.Errorf("%q was not found", key)
			continue
		}
		since, err := time.Parse(time.DateOnly, row.Since)
		if off := since.Sub(broken.Truncate(24*time.Hour)).Hours() / 24; err != nil || off < -2 || off > 2 {
			t.Errorf("%s since %s, it was %s", key, row.Since, broken.Format(time.DateOnly))
		}
		if row.StartedBy == nil || row.StartedBy.Source != "app" || !row.Active {
			t.Errorf("%s: started by %+v, active %v", key, row.StartedBy, row.Active)
		}
	}
	if row := found["missing order "]; row.Before > 0.08 || row.After < 0.2 || row.After > 0.32 || len(row.Chart) != 70 {
		t.Errorf("the missing rate goes from %g to %g, %d days in the chart", row.Before, row.After, len(row.Chart))
	}
	if got := found["structure amount mandatory/amount string "].Sample; got != "99" {
		t.Errorf("the sample is %q, and should be a form", got)
	}
	everything := all(t, m.f)
	for _, secret := range []string{"Meitner", "Curie"} {
		if strings.Contains(everything, secret) {
			t.Errorf("a report holds %q", secret)
		}
	}
	alerts := depth.Alerts(r, depth.Thresholds{})
	kinds := map[string]int{}
	for _, a := range alerts {
		kinds[a.Kind]++
	}
	if kinds[depth.DriftMissing] != 1 || kinds[depth.DriftMalformed] != 1 || kinds[depth.DriftEnum] != 1 || kinds[depth.DriftStructure] != 2 {
		t.Errorf("alerts by kind: %v", kinds)
	}
	if raised, cleared := depth.Changes(alerts[1:], alerts[:len(alerts)-1]); len(raised) != 1 || len(cleared) != 1 || raised[0].Key != alerts[0].Key {
		t.Errorf("raised %v, cleared %v", raised, cleared)
	}

	// The producer is mended: in time the alarms of rates clear.
	for day := 70; day < 110; day++ {
		for k := range 24 {
			m.at = dayOne.AddDate(0, 0, day).Add(time.Duration(k) * 20 * time.Minute)
			m.offer(fmt.Sprintf("j-%d-%d", day, k), []string{"app", "shop"}[k%2], "", `{"mandatory":{"order":"O-1","amount":12,"plan":"basic"}}`)
		}
	}
	for _, a := range depth.Alerts(m.f.Drift(depth.DriftOptions{}), depth.Thresholds{}) {
		if a.Kind != depth.DriftDistribution {
			t.Errorf("still on: %+v", a)
		}
	}
}

// TestTiersByHand follows one handoff through its tiers, and holds its score against the formula.
func TestTiersByHand(t *testing.T) {
	catalogue := func(schema, _ string) *contract.Contract {
		if schema != "contracts/returns/v3" {
			return nil
		}
		return &contract.Contract{Name: "returns", Version: 3, Fields: []contract.Field{{Name: "order", Class: contract.Mandatory, Weight: 1}, {Name: "reason", Class: contract.Mandatory, FreshFor: contract.Duration(48 * time.Hour)},
			{Name: "calls", Class: contract.Optional, Weight: 3}, {Name: "next", Class: contract.ForwardLooking}}}
	}
	m := make1(t, depth.Options{Contracts: catalogue, Policy: func(point string) string {
		return map[string]string{"web>desk@chat": "predictive"}[point]
	}})
	row := func() depth.TierRow {
		t.Helper()
		r := m.f.Tiers(depth.TierOptions{})
		if len(r.Rows) != 1 || r.Position != m.n {
			t.Fatalf("%+v", r)
		}
		return r.Rows[0]
	}
	h := m.offer("J", "app", "contracts/returns/v3", `{"mandatory":{"order":"O-1","reason":"broken"},"forward_looking":{"next":"call"},
		"fields":{"reason":{"asserted_at":"`+m.at.Add(-48*time.Hour).Format(time.RFC3339)+`"}}}`)
	if r := row(); r.None != 1 || r.Scored != 0 {
		t.Errorf("offered: %+v", r)
	}
	m.event("J", "handoff.delivered", "overlay", "", `{"handoff":"`+h+`","fields":["order","next"],"tokens":40}`)
	if r := row(); r.Minimal != 1 || r.Declared != 0 {
		t.Errorf("an identifier and a prediction nobody saw: %+v", r)
	}
	m.event("J", "handoff.delivered", "overlay", "", `{"handoff":"`+h+`","fields":["reason"],"tokens":40}`)
	// order 1, reason 2·exp(-1), next 3, of 1+2+3+3.
	want := (1 + 2*0.36788 + 3) / 9
	if r := row(); r.Contextual != 1 || r.DepthMean < want-0.001 || r.DepthMean > want+0.001 || r.Label != "medium" {
		t.Errorf("delivered: %+v, the score is %.4f", r, want)
	}
	m.event("J", "handoff.viewed", "overlay", "", `{"handoff":"`+h+`","fields":["order"],"stage":"desk"}`)
	if r := row(); r.Mismatch != 1 || len(r.Mismatches) != 1 || r.Mismatches[0] != (depth.Mismatch{Journey: "J", Handoff: h, Declared: "predictive", Derived: "contextual"}) {
		t.Errorf("viewed: %+v", r)
	}
	m.at = m.at.Add(90 * time.Second)
	m.event("J", "interaction.recorded", "web", "", `{"activity":"looks on","stage":"web"}`)
	m.event("J", "interaction.recorded", "desk", "", `{"activity":"call","stage":"desk"}`)
	if b := row().Benefit; b.ParseMean != 90_000 || b.Tokens != 40 {
		t.Errorf("reading: %+v", b)
	}
	m.event("J", "suggestion.shown", "overlay", "", `{"handoff":"`+h+`"}`)
	if r := row(); r.Predictive != 1 || r.Mismatch != 0 || len(r.Mismatches) != 0 || r.Declared != 1 {
		t.Errorf("shown: %+v", r)
	}
	m.event("J", "journey.closed", "desk", "", `{}`)
	m.event("J", "handoff.viewed", "overlay", "", `{"handoff":"`+h+`","fields":["next"]}`)
	if journeys, handoffs := m.f.Open(); journeys+handoffs != 0 || row().Predictive != 1 {
		t.Errorf("%d journeys and %d handoffs are kept of none that is open", journeys, handoffs)
	}
}

// TestSimpleSenders record an offer and its acceptance and no more: what was offered counts as delivered.
func TestSimpleSenders(t *testing.T) {
	m := make1(t, depth.Options{})
	h := m.offer("J", "app", "", `{"mandatory":{"order_id":"1","reason":"x"},"side_panel":[{"title":"chat","ref":"t/1"}]}`)
	m.event("J", "handoff.accepted", "desk", "", `{"handoff":"`+h+`"}`)
	empty := m.offer("K", "app", "", `{}`)
	m.event("K", "handoff.accepted", "desk", "", `{"handoff":"`+empty+`"}`)
	r := m.f.Tiers(depth.TierOptions{}).Rows[0]
	if r.Contextual != 1 || r.None != 1 || r.Benefit.Accepted != 2 {
		t.Errorf("%+v", r)
	}
}

// TestChannelsThatDisagree: the same stages hand over by chat with context and by mail with identifiers.
func TestChannelsThatDisagree(t *testing.T) {
	m := make1(t, depth.Options{})
	for i := range 40 {
		for _, c := range []string{"chat", "mail"} {
			id, fields := fmt.Sprint(c, i), `"order_id":"1"`
			if c == "chat" {
				fields += `,"reason":"x"`
			}
			m.event(id, "handoff.offered", "app", "", `{"from":"web","to":"desk","channel":"`+c+`","envelope":{"mandatory":{`+fields+`}}}`)
			m.event(id, "handoff.delivered", "overlay", "", `{"handoff":"e`+strconv.FormatUint(m.n, 10)+`","fields":["order_id"`+map[bool]string{true: `,"reason"`}[c == "chat"]+`]}`)
			m.event(id, "handoff.accepted", "desk", "", `{"handoff":"e`+strconv.FormatUint(m.n-1, 10)+`"}`)
		}
	}
	r := m.f.Tiers(depth.TierOptions{})
	if len(r.Pairs) != 1 || !r.Pairs[0].Inconsistent || r.Pairs[0].Entropy != 1 || r.Pairs[0].Between != 1 {
		t.Errorf("%+v", r.Pairs)
	}
	if r.Mix.Minimal != 0.5 || r.Mix.P > 1e-6 {
		t.Errorf("%+v", r.Mix)
	}
}

// TestFormsAndQuestions: a form that people leave, a field that costs time and is not used, questions of the three classes, violations.
func TestFormsAndQuestions(t *testing.T) {
	m := make1(t, depth.Options{})
	for i := range 300 {
		id := fmt.Sprint("j", i)
		m.event(id, "journey.started", "web", "", `{"stage":"web"}`)
		if i%3 == 0 {
			continue // it is left
		}
		m.event(id, "interaction.recorded", "web", "", `{"activity":"talk","stage":"web","attributes":{"size":3}}`)
		h := m.offer(id, "web", "contracts/form/v1", `{"mandatory":{"order_id":"1","colour":"-"},"optional":{"locale":"en"},
			"fields":{"order_id":{"method":"user","fill_ms":9000},"locale":{"method":"system","classification":"personal"}}}`)
		m.event(id, "contract.violated", "baton/contracts", "", `{"handoff":"`+h+`","violations":[{"type":"Datatype-Mismatch","field":"colour","path":"/x","message":"m"},{"type":"Required-Missing","field":"size"}]}`)
		m.event(id, "contract.violated", "somebody", "", `{"handoff":"`+h+`","violations":[{"type":"Datatype-Mismatch","field":"order_id"}]}`)
		m.event(id, "handoff.accepted", "desk", "", `{"handoff":"`+h+`"}`)
		for _, field := range []string{"size", "order_id", "colour", "weight"} {
			m.event(id, "question.asked", "desk", "", `{"handoff":"`+h+`","field":"`+field+`"}`)
		}
		m.event(id, "handoff.completed", "desk", "", `{"handoff":"`+h+`","used":["order_id"]}`)
	}
	r := m.f.Fields(depth.Query{})
	rows := map[string]depth.FieldRow{}
	for _, row := range r.Rows {
		rows[row.Field] = row
	}
	if x := rows["order_id"]; x.UsedShare != 1 || x.AskedIgnored != 200 || x.Methods.User != 200 || x.Filled != 200 || x.HoursPerMonth < 14 || x.HoursPerMonth > 16 || x.Malformed != 0 {
		t.Errorf("order_id: %+v", x) // 9 s × 200 in a day × 30 is 15 hours
	}
	if x := rows["locale"]; !has(x.Findings, depth.UnusedPersonal) || x.Methods.FreeShare != 0 {
		t.Errorf("locale: %+v", x)
	}
	if x := rows["colour"]; x.Junk != 200 || x.Malformed != 200 || x.AskedNew != 200 || !has(x.Findings, depth.Gamed) || x.Methods.FreeShare != 1 {
		t.Errorf("colour: %+v", x)
	}
	if x := rows["size"]; x.AskedLost != 200 || x.Required != 200 || x.Offered != 0 || !has(x.Findings, depth.Add) || x.Class != "" {
		t.Errorf("size: %+v", x)
	}
	if x := rows["weight"]; x.AskedNew != 200 {
		t.Errorf("weight: %+v", x)
	}
	if len(r.Funnels) != 1 || r.Funnels[0].Started != 300 || r.Funnels[0].Offered != 200 || r.Funnels[0].Requested != 3 || r.Funnels[0].Mandatory != 2 || r.Funnels[0].Abandoned < 0.33 {
		t.Errorf("%+v", r.Funnels)
	}
	if b := m.f.Tiers(depth.TierOptions{}).Rows[0].Benefit; b.LostHandoffs != 200 || b.AskedAgain != 400 {
		t.Errorf("%+v", b)
	}
	later := m.f.Fields(depth.Query{Since: dayOne.AddDate(0, 0, 1)})
	if len(later.Rows) != 0 {
		t.Errorf("a day without handoffs has %d rows", len(later.Rows))
	}
}

func has(list []string, what string) bool {
	for _, s := range list {
		if s == what {
			return true
		}
	}
	return false
}

// TestOddEvents: what is no JSON, no envelope, or a time from nowhere neither stops the fold nor wipes it out.
func TestOddEvents(t *testing.T) {
	m := make1(t, depth.Options{Days: 30})
	m.offer("J", "app", "", `{"mandatory":{"a":1}}`)
	m.offer("J", "app", "", `7`)
	m.offer("J", "app", "", `{"mandatory":[1],"optional":{"b":null},"fields":{"a":3},"key_insight":{}}`)
	r := ledger.Recorded{Event: ledger.Event{ID: "x", Source: "app", Type: ledger.Type("handoff", "offered"), Subject: "J", Time: dayOne.AddDate(90, 0, 0), Data: []byte(`{"envelope":{"mandatory":{"a":`),
		Facets: ledger.Facets{Sender: "web", Receiver: "desk", Channel: "chat"}}, Stream: "journey-J", Position: m.n + 1, RecordedTime: dayOne}
	m.f.Add(&r)
	m.n++
	if got := m.f.Tiers(depth.TierOptions{}).Rows[0].Handoffs; got != 4 {
		t.Errorf("%d handoffs, want 4", got)
	}
	m.at = dayOne.AddDate(0, 0, 31)
	m.offer("K", "app", "", `{"mandatory":{"a":1}}`)
	if got := m.f.Tiers(depth.TierOptions{Query: depth.Query{Until: dayOne}}).Rows; len(got) != 0 {
		t.Errorf("a day that is too old is kept: %+v", got)
	}
	m.at = dayOne.AddDate(0, 0, 200)
	m.offer("L", "app", "", `{"mandatory":{"a":1}}`)
	if journeys, _ := m.f.Open(); journeys != 2 {
		t.Errorf("%d journeys are kept, want the new one and the one from nowhere", journeys)
	}
	if _, err := json.Marshal(m.f.Drift(depth.DriftOptions{})); err != nil {
		t.Error(err)
	}
}
