package policy

import (
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/table"
)

// The column of a model's row that holds the action, and what stands between an action and a column in the name of a cross: a column that
// has that column's value where the action is that one, and is missing where it is another.
const (
	actionColumn = "action"
	crossOf      = ": "
)

// layout says what a row of a model of actions is: the features of the state, the action, and crosses of the two.
type layout struct {
	base    []table.Column
	actions []string // all that a model knows, none included
	crosses []cross
}

type cross struct {
	action string
	column int // of base
}

// crossed lays a row out with crosses of all actions but none and the given columns.
func crossed(base []table.Column, actions []string, columns []int) *layout {
	l := &layout{base: base, actions: actions}
	for _, a := range actions {
		if a == None {
			continue
		}
		for _, c := range columns {
			l.crosses = append(l.crosses, cross{a, c})
		}
	}
	return l
}

func (l *layout) columns() (list []table.Column) {
	for _, c := range l.base {
		list = append(list, table.Column{Name: c.Name, Kind: c.Kind})
	}
	list = append(list, table.Column{Name: actionColumn, Kind: table.Category})
	for _, x := range l.crosses {
		list = append(list, table.Column{Name: x.action + crossOf + l.base[x.column].Name, Kind: l.base[x.column].Kind})
	}
	return list
}

// fill writes the row of a state and an action; dst has one member a column.
func (l *layout) fill(dst, state []table.Value, action string) {
	at := copy(dst, state)
	dst[at] = table.Value{Text: action}
	for i, x := range l.crosses {
		dst[at+1+i] = table.Value{Number: table.Missing}
		if x.action == action {
			dst[at+1+i] = state[x.column]
		}
	}
}

// source is the column of the state that a column of the row comes from, -1 for the action.
func (l *layout) source(column int) int {
	switch {
	case column < len(l.base):
		return column
	case column == len(l.base):
		return -1
	}
	return l.crosses[column-len(l.base)-1].column
}

// layoutOf reads a layout off a model's columns. The error is CodeUnsupported where it is no model of actions, or of features of another version.
func layoutOf(e *table.Encoding, actions []string) (*layout, *features.Spec, error) {
	fail := func(format string, args ...any) error {
		return ledger.Errorf(ledger.CodeUnsupported, "read actions", "train one with `baton predict actions`", format, args...)
	}
	at := slices.IndexFunc(e.Columns, func(c table.ColumnEncoding) bool { return c.Name == actionColumn && c.Kind == table.Category })
	if at < 0 {
		return nil, nil, fail("the model has no column %q", actionColumn)
	}
	spec, err := features.SpecOf(&table.Encoding{Version: e.Version, Classes: e.Classes, Columns: e.Columns[:at]})
	if err != nil {
		return nil, nil, err
	}
	l := &layout{actions: actions, base: spec.Columns()}
	for _, c := range e.Columns[at+1:] {
		found := false
		for _, a := range actions {
			name, ok := strings.CutPrefix(c.Name, a+crossOf)
			if column := slices.IndexFunc(l.base, func(b table.Column) bool { return b.Name == name && b.Kind == c.Kind }); ok && column >= 0 {
				l.crosses, found = append(l.crosses, cross{a, column}), true
				break
			}
		}
		if !found {
			return nil, nil, fail("the model has a column %q, which is no cross of an action and a feature", c.Name)
		}
	}
	return l, spec, nil
}
