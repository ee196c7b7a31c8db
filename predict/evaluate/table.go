package evaluate

import (
	"fmt"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/race"
	"github.com/baton-ledger/baton/predict/table"
)

// TableOptions say what of a table is asked.
type TableOptions struct {
	Name     string
	Label    string   // the column
	Positive string   // its value that counts as yes; "": the two values in order, the second is positive
	Drop     []string // columns that are no features
	Folds    int
	Seed     uint64
}

// innerFolds are the race's within a training part of a table.
const innerFolds = 4

// Table makes a task of a file. Rows without a label are left out.
func Table(text *table.Text, o TableOptions) (*Task, error) {
	fail := func(hint, format string, args ...any) error {
		return ledger.Errorf(ledger.CodeInvalid, "evaluate", hint, format, args...)
	}
	for _, name := range append([]string{o.Label}, o.Drop...) {
		if !slices.Contains(text.Header, name) {
			return nil, fail(fmt.Sprintf("the columns are %q", text.Header), "the table has no column %q", name)
		}
	}
	t := &Task{Name: o.Name, Primary: "auc", Frame: text.Frame(append([]string{o.Label}, o.Drop...)...), End: -1, Seed: o.Seed,
		Convention: fmt.Sprintf("%d stratified folds, shuffled, seed %d (the folds of scikit-learn's StratifiedKFold); means over folds", o.Folds, o.Seed)}
	var err error
	if t.Labels.Of, t.Classes, err = binaryLabels(text.Cells[slices.Index(text.Header, o.Label)], o); err != nil {
		return nil, err
	}
	t.Labels.Classes = 2
	if len(t.Frame.Columns) == 0 {
		return nil, fail("leave --drop out", "no column is left to learn from")
	}
	if err := t.Frame.Check(); err != nil {
		return nil, err
	}
	return t, t.fold(o)
}

// binaryLabels reads a column as no (0) and yes (1); -1 where it is empty.
func binaryLabels(cells []string, o TableOptions) ([]int32, []string, error) {
	values := slices.Compact(slices.Sorted(slices.Values(cells)))
	values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	hint := fmt.Sprintf("say --positive with one of %q", values[:min(len(values), 20)])
	positive := o.Positive
	switch {
	case len(values) < 2:
		return nil, nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "choose another label, or a table with both outcomes",
			"column %q has %d different values: there is nothing to tell apart", o.Label, len(values))
	case positive == "" && len(values) == 2:
		positive = values[1]
	case !slices.Contains(values, positive):
		return nil, nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", hint, "column %q has no value %q", o.Label, positive)
	}
	y := make([]int32, len(cells))
	for i, cell := range cells {
		switch cell {
		case positive:
			y[i] = 1
		case "":
			y[i] = -1
		}
	}
	negative := "not " + positive
	if len(values) == 2 {
		negative = values[0]
		if negative == positive {
			negative = values[1]
		}
	}
	return y, []string{negative, positive}, nil
}

// fold makes the splits.
func (t *Task) fold(o TableOptions) error {
	var rows []int
	var y []int32
	counts := [2]int{}
	for i, label := range t.Labels.Of {
		if label >= 0 {
			rows, y = append(rows, i), append(y, label)
			counts[label]++
		}
	}
	if o.Folds < 2 || min(counts[0], counts[1]) < 2*o.Folds {
		return ledger.Errorf(ledger.CodeInvalid, "evaluate", "use fewer --folds, at least 2, or a table with more rows of the rarer outcome",
			"%d folds of %d rows with %d of %q and %d of %q are too many", o.Folds, len(rows), counts[0], t.Classes[0], counts[1], t.Classes[1])
	}
	of := stratified(y, o.Folds, o.Seed)
	for f := range o.Folds {
		var s Split
		var inner []int32
		for i, row := range rows {
			if of[i] == f {
				s.Test = append(s.Test, row)
			} else {
				s.Train, inner = append(s.Train, row), append(inner, y[i])
			}
		}
		s.Inner = race.Shuffled(inner, innerFolds, o.Seed+uint64(f))
		t.Splits = append(t.Splits, s)
	}
	return nil
}
