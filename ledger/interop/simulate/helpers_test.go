package simulate

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// line is one journey's truth, as a reader of the file sees it.
type line struct {
	Journey    string             `json:"journey"`
	K          int                `json:"k"`
	Flow       string             `json:"flow"`
	Start      time.Time          `json:"start"`
	Drifted    bool               `json:"drifted"`
	Segment    string             `json:"segment"`
	Prior      int                `json:"prior_contacts"`
	Category   string             `json:"category"`
	Lost       string             `json:"lost"`
	Closed     time.Time          `json:"closed"`
	Features   map[string]float64 `json:"features"`
	Success    outcomeLine        `json:"success"`
	Churn      outcomeLine        `json:"churn"`
	Recontact  bool               `json:"recontact"`
	Suggestion *struct {
		ID, Handoff, Action, Best string
		Propensity                float64
		HoldOut                   bool `json:"hold_out"`
		Taken                     bool
		P                         map[string]float64 `json:"success_p"`
	}
	Handoffs []struct {
		ID, From, To, Channel, Fate string
		Accepted                    bool
		Version                     int
		Missing, Cut, Gamed         []string
		Left                        []string `json:"left_out"`
	}
	Reasks    []struct{ Handoff, Field, Class string }
	Anomalies []struct{ Name, Handoff string }
}

type outcomeLine struct {
	P       float64
	Visible float64 `json:"visible_p"`
	Noise   float64
	Outcome bool
}

type header struct {
	Truth   string
	Version int
	Seed    uint64
	Drift   time.Time
	Flows   []struct {
		Flow             string
		Goal             string
		Weight           int
		SuccessIntercept float64 `json:"success_intercept"`
		ChurnIntercept   float64 `json:"churn_intercept"`
	}
	Success, Churn formulaLine
	Actions        map[string]json.RawMessage
}

type formulaLine struct {
	Coefficients map[string]float64
	NoiseSD      float64 `json:"noise_sd"`
}

// simulated runs a simulation and gives its events and its truth.
func simulated(t testing.TB, o Options) ([]ledger.Event, header, []line) {
	t.Helper()
	events, truth := raw(t, o)
	h, lines := parsed(t, truth)
	return events, h, lines
}

// large is one simulation for the tests that need many journeys and no events.
var large = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	s, err := New(Options{Seed: 31, Journeys: 30000, Truth: &b})
	if err != nil {
		panic(err)
	}
	for _, err := range s.Events() {
		if err != nil {
			panic(err)
		}
	}
	return b.Bytes()
})

func parsed(t testing.TB, truth []byte) (h header, lines []line) {
	t.Helper()
	for i, text := range bytes.Split(bytes.TrimSpace(truth), []byte("\n")) {
		if i == 0 {
			strictly(t, text, &h)
			continue
		}
		var l line
		strictly(t, text, &l)
		lines = append(lines, l)
	}
	return h, lines
}

func strictly(t testing.TB, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func raw(t testing.TB, o Options) (events []ledger.Event, truth []byte) {
	t.Helper()
	var b bytes.Buffer
	o.Truth = &b
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events, b.Bytes()
}

// bytesOf is how events look in a file.
func bytesOf(events []ledger.Event) (b []byte) {
	for i := range events {
		b = append(ledger.AppendCloudEventLine(b, &ledger.Recorded{Event: events[i]}), '\n')
	}
	return b
}

// journeys folds events as an engine would have placed them.
func journeys(t testing.TB, events []ledger.Event) map[string]*ledger.Journey {
	t.Helper()
	out, revisions := map[string]*ledger.Journey{}, map[string]uint64{}
	for i := range events {
		r := ledger.Recorded{Event: events[i], Stream: ledger.StreamFor(&events[i]), Position: uint64(i + 1), RecordedTime: events[i].Time}
		facets, err := ledger.DeriveFacets(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		r.Facets = facets
		revisions[r.Stream]++
		r.Revision = revisions[r.Stream]
		if out[r.Subject] == nil {
			out[r.Subject] = &ledger.Journey{}
		}
		out[r.Subject].Apply(&r)
	}
	return out
}
