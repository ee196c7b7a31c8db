package prefix

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/predict/table"
)

var noon = time.Date(2026, 3, 2, 12, 30, 0, 0, time.UTC) // a Monday

func spec() *Spec {
	return &Spec{Activities: []string{"call", "mail"}, Attributes: []string{"tier"}, Parties: true}
}

func story() []Event {
	at := func(h float64) time.Time { return noon.Add(time.Duration(h * float64(time.Hour))) }
	return []Event{
		{Activity: "call", Time: at(0), Party: "bot", Attributes: []string{"gold"}},
		{Activity: "mail", Time: at(1), Party: "sales", Attributes: []string{"gold"}},
		{Activity: "call", Time: at(5), Party: "bot", Attributes: []string{""}},
		{Activity: "call", Time: at(4), Party: "bot", Attributes: []string{"iron"}}, // the clock went back
	}
}

func rows(s *Spec, events []Event) (out [][]table.Value) {
	b := s.New()
	for _, e := range events {
		b.Add(e)
		out = append(out, b.Row(nil))
	}
	return out
}

// TestRow names what a row says of a small story.
func TestRow(t *testing.T) {
	s := spec()
	row, at := rows(s, story())[2], map[string]table.Value{}
	columns := s.Columns()
	if len(row) != len(columns) {
		t.Fatalf("%d values for %d columns", len(row), len(columns))
	}
	for i, c := range columns {
		at[c.Name] = row[i]
	}
	for name, want := range map[string]string{"activity": "call", "activity before": "mail", "activity 3 before": "", "last 3 activities": "call > mail > call",
		"party": "bot", "party before": "sales", "parties before and now": "sales > bot", "tier": ""} {
		if at[name].Text != want {
			t.Errorf("%s is %q, want %q", name, at[name].Text, want)
		}
	}
	for name, want := range map[string]float64{"count of call": 2, "count of mail": 1, "events": 3, "hours since start": math.Log1p(5), "hours since last event": math.Log1p(4),
		"hours since same activity": math.Log1p(5), "mean hours between events": math.Log1p(2.5), "hour": 17.5, "weekday": 1,
		"changes of party": 2, "returns": 1, "parties": 2, "visits of party": 2, "hours since change of party": 0} {
		if math.Abs(at[name].Number-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", name, at[name].Number, want)
		}
	}
}

// TestTheFutureChangesNothing: a misleading future leaves every earlier row as it was, and a builder used again remembers nothing.
func TestTheFutureChangesNothing(t *testing.T) {
	s := spec()
	short := rows(s, story()[:2])
	long := rows(s, append(story()[:2], Event{Activity: "churn", Time: noon.AddDate(1, 0, 0), Party: "nobody", Attributes: []string{"lead"}}))
	for i := range short {
		if !slices.EqualFunc(short[i], long[i], same) {
			t.Errorf("row %d: %v with a future, %v without", i, long[i], short[i])
		}
	}
	b := s.New()
	for _, e := range story() {
		b.Add(e)
	}
	b.Reset()
	b.Add(story()[0])
	if again := b.Row(nil); !slices.EqualFunc(again, short[0], same) {
		t.Errorf("after Reset %v, at first %v", again, short[0])
	}
}

func same(a, b table.Value) bool {
	return a.Text == b.Text && (a.Number == b.Number || math.IsNaN(a.Number) && math.IsNaN(b.Number))
}

// TestClocksThatJump: time that goes back counts as none passed, and never as a negative.
func TestClocksThatJump(t *testing.T) {
	for i, row := range rows(spec(), story()) {
		for j, c := range spec().Columns() {
			if c.Kind == table.Number && row[j].Number < 0 {
				t.Errorf("row %d: %s is %g", i, c.Name, row[j].Number)
			}
		}
	}
}
