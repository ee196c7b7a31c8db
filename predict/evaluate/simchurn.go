package evaluate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/race"
	"github.com/baton-ledger/baton/predict/table"
)

// What the task simulates: so many journeys that the standard error of AUC on its test part is below .01, over so many days that half of their labels are known
// when the test part begins, though they take thirty. The world changes after a third of the days: what no label has seen yet cannot be learned.
const (
	churnJourneys = 20_000
	churnDays     = 180
	churnDrift    = churnDays / 3
)

// truthName is the baseline that says the probability the simulator drew from, its noise integrated out: nobody who reads the journey up to its close can say more.
const truthName = "truth (visible_p)"

// closing is a simulated journey's close, and what was said of churn later.
type closing struct {
	journey   string
	position  uint64
	at, known time.Time
	churned   int32
}

// SimulatorChurn makes the task of telling at a simulated journey's close whether the customer will be lost: rows by package features, labels by
// feedback.recorded about churn, thirty days after the close. The last quarter of the closes tests, the closes whose label was known when it begins train, and
// the truth stands beside it as a baseline.
func SimulatorChurn(seed uint64, journeys int) (*Task, error) {
	const held = 0.25
	var text bytes.Buffer
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	s, err := simulate.New(simulate.Options{Seed: seed, Journeys: journeys, Start: start, Days: churnDays, Drift: start.AddDate(0, 0, churnDrift), Truth: &text})
	if err != nil {
		return nil, err
	}
	survey := features.NewSurvey()
	list, err := closings(policy.Place(s.Events()), survey)
	if err != nil {
		return nil, err
	}
	if len(list) < 100 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "simulate more journeys", "%d journeys have a close and a label", len(list))
	}
	cut := list[int(float64(len(list))*(1-held))].at
	t := &Task{Name: "simulator churn", Primary: "auc", Seed: seed, End: -1, Classes: []string{"stays", "churns"}, Ideal: truthName, Within: 0.01}
	t.Convention = fmt.Sprintf("%d simulated journeys and those linked to them, in %d days, the world changes after %d; a row is a journey's close; closes from %s, the last quarter, test; those whose label was known by then, 30 days after the close, train",
		journeys, churnDays, churnDrift, cut.UTC().Format(time.RFC3339))
	visible, err := visibleChurn(text.Bytes())
	if err != nil {
		return nil, err
	}
	text.Reset() // the truth is told each time
	if err := t.closeRows(policy.Place(s.Events()), survey.Spec(cut, nil), list); err != nil {
		return nil, err
	}
	t.closeSplit(list, cut)
	t.Baselines = []Baseline{{"base rate", t.majority}, {truthName, func(_, test []int) [][]float64 {
		out := make([][]float64, len(test))
		for i, row := range test {
			p := visible[list[row].journey]
			out[i] = []float64{1 - p, p}
		}
		return out
	}}}
	return t, t.Frame.Check()
}

// closings finds the closes that have a label, by time, and shows all events to the survey.
func closings(events iter.Seq2[ledger.Recorded, error], survey *features.Survey) (list []closing, err error) {
	open := map[string]int{} // journey → its close in list
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		survey.Add(&e, e.Occurred())
		journey := ledger.JourneyOf(e.Stream)
		if features.Moment(&e) == "closed" {
			open[journey] = len(list)
			list = append(list, closing{journey: journey, position: e.Position, at: e.Occurred()})
			continue
		}
		if e.Type != ledger.Type("feedback", "recorded") || e.Facets.Field != "churn" {
			continue
		}
		if i, ok := open[journey]; ok && list[i].known.IsZero() {
			list[i].known = e.Occurred()
			if e.Facets.Outcome == "churned" {
				list[i].churned = 1
			}
		}
	}
	list = slices.DeleteFunc(list, func(c closing) bool { return c.known.IsZero() })
	slices.SortFunc(list, func(a, b closing) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.position, b.position)) })
	return list, nil
}

// closeRows folds the journeys and takes each one's row at its close.
func (t *Task) closeRows(events iter.Seq2[ledger.Recorded, error], spec *features.Spec, list []closing) error {
	place := make(map[uint64]int, len(list))
	for i, c := range list {
		place[c.position] = i
	}
	rows, builders := make([][]table.Value, len(list)), map[string]*features.Builder{}
	for e, err := range events {
		if err != nil {
			return err
		}
		if !features.Counts(&e) {
			continue
		}
		journey := ledger.JourneyOf(e.Stream)
		b, begun := builders[journey]
		if !begun {
			b = spec.New()
			builders[journey] = b
		}
		if b == nil {
			continue // its row was taken
		}
		b.Add(&e)
		if i, ok := place[e.Position]; ok {
			rows[i], builders[journey] = b.Row(nil), nil
		}
	}
	t.Frame, t.Labels = table.New(spec.Columns()...), table.Labels{Classes: len(t.Classes)}
	for i, c := range list {
		if rows[i] == nil {
			return ledger.Errorf(ledger.CodeInternal, "evaluate", "", "the close of %s is not simulated again", c.journey)
		}
		t.Frame.Append(rows[i])
		t.Labels.Of, t.Labels.Group = append(t.Labels.Of, c.churned), append(t.Labels.Group, int32(i))
	}
	return nil
}

// closeSplit tests on what closes from the cut on and trains on what was known by then. Labels come too late for folds in time inside: they are shuffled.
func (t *Task) closeSplit(list []closing, cut time.Time) {
	var s Split
	var y []int32
	for i, c := range list {
		switch {
		case !c.at.Before(cut):
			s.Test = append(s.Test, i)
		case !c.known.After(cut):
			s.Train, y = append(s.Train, i), append(y, c.churned)
		}
	}
	s.Inner = race.Shuffled(y, 3, t.Seed)
	t.Splits = []Split{s}
}

// visibleChurn reads visible_p of churn from a simulation's truth, by journey.
func visibleChurn(text []byte) (map[string]float64, error) {
	out := map[string]float64{}
	for line := range bytes.Lines(text) {
		var l struct {
			Journey string `json:"journey"`
			Churn   struct {
				Visible float64 `json:"visible_p"`
			} `json:"churn"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, ledger.Errorf(ledger.CodeInternal, "evaluate", "", "the simulator's truth: %w", err)
		}
		if l.Journey != "" {
			out[l.Journey] = l.Churn.Visible
		}
	}
	return out, nil
}
