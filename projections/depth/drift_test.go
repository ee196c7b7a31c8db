package depth_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/depth"
)

// TestThePlantedDriftIsFound: the simulator changes the mix of versions and brings a new category after two thirds of its days. Both are found, with the day, the
// shares and where it was first; nothing else is.
func TestThePlantedDriftIsFound(t *testing.T) {
	f, header, lines := simulated(t, simulate.Options{Seed: 21, Journeys: 9000}, depth.Options{})
	r := f.Drift(depth.DriftOptions{})
	values, mixes := map[string]bool{}, map[string]bool{}
	for _, row := range r.Rows {
		if !row.Drifted {
			continue
		}
		at, err := time.Parse(time.DateOnly, row.Since)
		if err != nil {
			t.Fatal(err)
		}
		// A point with few handoffs a day knows the day less well: it takes six of them to see a change of 10 to 70 %.
		perDay := float64(row.NBefore) / header.Drift.Sub(lines[0].Start).Hours() * 24
		slack := 2 + math.Ceil(3/max(perDay, 0.5))
		if days := math.Abs(at.Sub(header.Drift).Hours() / 24); row.Kind != depth.DriftEnum && days > slack {
			t.Errorf("%s of %s %s since %s: %g days from the drift, %g are allowed at %.1f a day", row.Kind, row.Point, row.Field, row.Since, days, slack, perDay)
		}
		switch row.Kind {
		case depth.DriftEnum:
			values[row.Contract+" "+row.Field+" "+row.Value] = true
			checkFirst(t, f, &row, lines)
		case depth.DriftDistribution:
			if row.Field != "issue_category" || row.Value != "subscription pause" {
				t.Errorf("a distribution that nobody changed: %+v", row)
			}
		case depth.DriftVersion:
			mixes[row.Contract] = true
			if row.Version != 2 {
				t.Errorf("version %d rose in %+v", row.Version, row)
			}
			binomial(t, row.Point+" before", row.Before, 0.1, float64(row.NBefore))
			binomial(t, row.Point+" after", row.After, 0.7, float64(row.N))
		default:
			t.Errorf("nobody planted %+v", row)
		}
	}
	for _, c := range []string{"chatbot-to-human/1", "sales-to-support/1", "ai-agent-to-human/1"} {
		key := c + " issue_category subscription pause"
		if !values[key] {
			t.Errorf("%s was not found", key)
		}
		delete(values, key)
	}
	if len(values) > 0 {
		t.Errorf("new values that are not new: %v", values)
	}
	for _, c := range []string{"web-to-onboarding/1", "returns/1", "marketing-to-sales/1"} {
		if !mixes[c] {
			t.Errorf("the mix of %s was not found", c)
		}
	}
	if alerts := depth.Alerts(r, depth.Thresholds{}); len(alerts) == 0 {
		t.Error("the new category alarms nobody")
	} else {
		for _, a := range alerts {
			if a.Field != "issue_category" || a.Kind != depth.DriftEnum && a.Kind != depth.DriftDistribution || a.Position != f.Position() {
				t.Errorf("alert %+v", a)
			}
		}
	}
}

// binomial holds a share against its probability: four standard deviations, and one handoff for the day that was not hit.
func binomial(t *testing.T, what string, got, p, n float64) {
	t.Helper()
	if math.Abs(got-p) > 4*math.Sqrt(p*(1-p)/n)+1/n {
		t.Errorf("%s: %.3f of %g, expected %g", what, got, n, p)
	}
}

// checkFirst holds where a value was first seen against the truth: no journey with it begins before.
func checkFirst(t *testing.T, _ *depth.Fold, row *depth.DriftRow, lines []truthLine) {
	t.Helper()
	for _, l := range lines {
		if l.Journey == row.FirstSeen.Journey {
			if l.Category != row.Value || l.Start.After(row.FirstSeen.Time) || row.FirstSeen.Position == 0 {
				t.Errorf("first seen %+v, and the truth says %s", row.FirstSeen, l.Category)
			}
			return
		}
	}
	t.Errorf("first seen in the journey %q, which is none", row.FirstSeen.Journey)
}

// TestNoFalseAlarms runs worlds that never change: at most as many reports say drifted as alpha promises, and chance allows.
func TestNoFalseAlarms(t *testing.T) {
	const worlds, alpha = 12, 0.05
	wrong := 0
	for seed := range uint64(worlds) {
		f, _, _ := simulated(t, simulate.Options{Seed: 300 + seed, Journeys: 2500, Drift: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, depth.Options{})
		r := f.Drift(depth.DriftOptions{Alpha: alpha})
		for _, row := range r.Rows {
			if row.Drifted {
				t.Logf("seed %d: %s of %s %s, p %g", 300+seed, row.Kind, row.Point, row.Field, row.P)
				wrong++
				break
			}
		}
		if r.Tests < 200 {
			t.Errorf("only %d tests: such a report cannot be wrong", r.Tests)
		}
	}
	if wrong > 3 { // P(more than 3 of 12 at 5 %) = 0.002
		t.Errorf("%d of %d worlds without a change are said to have drifted", wrong, worlds)
	}
}

// TestThePrefixDecides: what a fold says at a position does not depend on how it got there, and says the same twice.
func TestThePrefixDecides(t *testing.T) {
	s, err := simulate.New(simulate.Options{Seed: 9, Journeys: 600})
	if err != nil {
		t.Fatal(err)
	}
	var events []ledger.Recorded
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		e.Data = append([]byte(nil), e.Data...)
		events = append(events, recorded(t, e, uint64(len(events)+1)))
	}
	half := len(events) / 2
	straight, twice := depth.NewFold(depth.Options{}), depth.NewFold(depth.Options{})
	for i := range events[:half] {
		straight.Add(&events[i])
		twice.Add(&events[i])
		if i%700 == 0 {
			all(t, twice)         // asking changes nothing
			twice.Add(&events[i]) // nor does an event that comes again
		}
	}
	if a, b := all(t, straight), all(t, twice); a != b {
		t.Error("two folds of the same events differ")
	}
	before := all(t, straight)
	if again := all(t, straight); before != again {
		t.Error("the same fold answers differently")
	}
	for i := range events[half:] {
		straight.Add(&events[half+i])
	}
	if all(t, straight) == before {
		t.Error("half of the events change nothing")
	}
}

// all is everything a fold says.
func all(t *testing.T, f *depth.Fold) string {
	t.Helper()
	return text(t, f.Tiers(depth.TierOptions{}), f.Fields(depth.Query{}), f.Drift(depth.DriftOptions{Charts: true}))
}

func text(t *testing.T, reports ...any) string {
	t.Helper()
	b, err := json.Marshal(reports)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
