package evaluate

import (
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/race"
	"github.com/baton-ledger/baton/predict/table"
)

// endOfCase is the class of a prefix that nothing follows.
const endOfCase = "(end of case)"

// NextActivity makes the task of Tax et al.: see the package's conventions.
func NextActivity(l *Log, name string, seed uint64) (*Task, error) {
	cut := len(l.Cases) * 2 / 3
	if cut == 0 || cut == len(l.Cases) {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "use a log with more cases", "the log has %d cases", len(l.Cases))
	}
	t := &Task{Name: name, Primary: "accuracy", Seed: seed,
		Convention: "cases in file order, first two thirds train, last third tests; prefixes of two or more events; accuracy with and without the rows whose class is the end of the case"}
	spec := l.spec(l.Cases[:cut])
	t.Frame = table.New(spec.Columns()...)
	activities := l.activities()
	t.Classes = append(activities, endOfCase)
	t.End = int32(len(activities))
	t.Labels.Classes = len(t.Classes)
	class := map[string]int32{}
	for i, a := range activities {
		class[a] = int32(i)
	}
	var s Split
	b, row := spec.New(), []table.Value{}
	for c, one := range l.Cases {
		b.Reset()
		for i, e := range one.Events {
			if b.Add(e); i == 0 {
				continue
			}
			row = b.Row(row[:0])
			t.Frame.Append(row)
			label := t.End
			if i+1 < len(one.Events) {
				label = class[one.Events[i+1].Activity]
			}
			t.Labels.Of, t.Labels.Group = append(t.Labels.Of, label), append(t.Labels.Group, int32(c))
			if c < cut {
				s.Train = append(s.Train, t.Frame.Rows-1)
			} else {
				s.Test = append(s.Test, t.Frame.Rows-1)
			}
		}
	}
	if len(s.Train) == 0 || len(s.Test) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "use a log whose cases have two events or more", "there are %d training and %d test rows", len(s.Train), len(s.Test))
	}
	order := make([]float64, len(s.Train))
	for i, row := range s.Train {
		order[i] = float64(t.Labels.Group[row])
	}
	s.Inner = race.Forward(order, order, 0.5, 2)
	t.Splits = []Split{s}
	t.Baselines = []Baseline{{"majority", t.majority}, {"markov, three back with back-off", t.markov}}
	return t, t.Frame.Check()
}

// activities are all that the log has, in order: a class that training has no row of can still come true.
func (l *Log) activities() []string {
	seen := map[string]bool{}
	for _, c := range l.Cases {
		for _, e := range c.Events {
			seen[e.Activity] = true
		}
	}
	return slices.Sorted(mapsKeys(seen))
}

// majority says for all rows how often each class was there in training.
func (t *Task) majority(train, test []int) [][]float64 {
	counts := make([]float64, t.Labels.Classes)
	for _, row := range train {
		counts[t.Labels.Of[row]] += 1 / float64(len(train))
	}
	out := make([][]float64, len(test))
	for i := range out {
		out[i] = counts
	}
	return out
}

// markov counts what followed the last three activities, with back-off to fewer.
func (t *Task) markov(train, test []int) [][]float64 {
	m := learn.NewMarkov(t.Labels.Classes)
	context := func(row int) []string {
		values := make([]table.Value, len(t.Frame.Columns))
		t.Frame.Read(row, values)
		var last []string
		for i := range 3 {
			last = append(last, values[i].Text)
		}
		return last
	}
	for _, row := range train {
		m.Add(context(row), t.Labels.Of[row])
	}
	out := make([][]float64, len(test))
	for i, row := range test {
		out[i] = m.Predict(context(row))
	}
	return out
}
