package evaluate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/race"
	"github.com/baton-ledger/baton/predict/table"
)

// Handover makes the task of the next handover within a horizon: see the package's conventions. Cut is the part of the rows, by time, before
// the test part.
func Handover(l *Log, name string, horizon time.Duration, cut float64, seed uint64) (*Task, error) {
	if !l.Parties {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "say --party with the column of the group or person that has the work", "the log names no party")
	}
	moments := l.handovers(horizon)
	if len(moments) < 20 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "choose another --party, or a log with handovers", "the party changes %d times", len(moments))
	}
	at := make([]time.Time, len(moments))
	for i, m := range moments {
		at[i] = m.at
	}
	slices.SortFunc(at, time.Time.Compare)
	when := at[min(int(float64(len(at))*cut), len(at)-1)]
	t := &Task{Name: name, Primary: "auc", Seed: seed, End: -1, OneHot: 8, Classes: []string{"stays", "handed over again"},
		Convention: fmt.Sprintf("a row is a change of party; cut at %s, the time of the row at %.4g of %d by time; rows from there test; rows whose %s had passed by the cut train",
			when.UTC().Format(time.RFC3339), cut, len(at), short(horizon))}
	t.Labels.Classes = 2
	return t, t.handoverRows(l, moments, when, horizon)
}

// moment is a change of party: event e of case c, and whether another follows within the horizon.
type moment struct {
	c, e  int
	at    time.Time
	again bool
}

func (l *Log) handovers(horizon time.Duration) (list []moment) {
	for c, one := range l.Cases {
		last, party := -1, ""
		for e, event := range one.Events {
			if event.Party == "" {
				continue
			}
			if party != "" && event.Party != party {
				if last >= 0 && event.Time.Sub(list[last].at) <= horizon {
					list[last].again = true
				}
				last = len(list)
				list = append(list, moment{c: c, e: e, at: event.Time})
			}
			party = event.Party
		}
	}
	return list
}

// short writes 24h0m0s as 24h.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// handoverRows makes the rows and the split.
func (t *Task) handoverRows(l *Log, moments []moment, when time.Time, horizon time.Duration) error {
	var before []Case // what was there before the cut, for the spec
	for _, c := range l.Cases {
		n := 0
		for n < len(c.Events) && c.Events[n].Time.Before(when) {
			n++
		}
		before = append(before, Case{Events: c.Events[:n]})
	}
	spec := l.spec(before)
	t.Frame = table.New(spec.Columns()...)
	b, row := spec.New(), []table.Value{}
	var s Split
	var at, known []float64
	for i, m := range moments {
		if i == 0 || moments[i-1].c != m.c {
			b.Reset()
			for _, e := range l.Cases[m.c].Events[:m.e] {
				b.Add(e)
			}
		} else {
			for _, e := range l.Cases[m.c].Events[moments[i-1].e+1 : m.e] {
				b.Add(e)
			}
		}
		b.Add(l.Cases[m.c].Events[m.e])
		row = b.Row(row[:0])
		t.Frame.Append(row)
		label := int32(0)
		if m.again {
			label = 1
		}
		t.Labels.Of, t.Labels.Group = append(t.Labels.Of, label), append(t.Labels.Group, int32(m.c))
		switch end := m.at.Add(horizon); {
		case !m.at.Before(when):
			s.Test = append(s.Test, i)
		case !end.After(when):
			s.Train = append(s.Train, i)
			at, known = append(at, float64(m.at.Unix())), append(known, float64(end.Unix()))
		}
	}
	if len(s.Train) < 20 || len(s.Test) == 0 {
		return ledger.Errorf(ledger.CodeInvalid, "evaluate", "move --split, or use a longer log", "%d training and %d test rows are left", len(s.Train), len(s.Test))
	}
	s.Inner = race.Forward(at, known, 0.5, 3)
	t.Splits = []Split{s}
	t.Baselines = []Baseline{{"base rate", t.majority}}
	return nil
}
