package evaluate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/predict/prefix"
)

// LogOptions say how a log is read. Activity may join columns with "+" where no column has that name.
type LogOptions struct {
	Case, Activity, Time, Party string
	Attributes                  []string // columns that are features of the last event; nil: all others with few values enough
}

// Log is what was read of a log: cases in the file's order, events in the order of the file within their case.
type Log struct {
	Cases      []Case
	Attributes []string
	Parties    bool
}

// Case is one case of a log.
type Case struct {
	ID     string
	Events []prefix.Event
}

// maxAttributeValues is from how many different values on a column is taken for text, an id or a person, and is no feature unless it is named.
const maxAttributeValues = 500

// ReadLog reads a XES or CSV file, plain or gzipped.
func ReadLog(path string, o LogOptions) (*Log, error) {
	l, at := &Log{}, map[string]int{}
	taken := []string{o.Case, "case:" + o.Case, o.Activity, o.Time, o.Party}
	columns := map[string]map[string]bool{} // values seen, by column
	var kept []map[string]string            // of each event, in the order of reading
	type place struct{ c, e int }
	var places []place
	err := interop.Rows(path, o.Case, func(r interop.Row) error {
		e, err := o.event(r)
		if err != nil {
			return err
		}
		c, ok := at[r.Case()]
		if !ok {
			c = len(l.Cases)
			at[r.Case()] = c
			l.Cases = append(l.Cases, Case{ID: r.Case()})
		}
		l.Parties = l.Parties || e.Party != ""
		places = append(places, place{c, len(l.Cases[c].Events)})
		kept = append(kept, attributes(r, o, taken, columns))
		l.Cases[c].Events = append(l.Cases[c].Events, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(l.Cases) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "name a log with events", "%s has no events", path)
	}
	if l.Attributes = o.Attributes; o.Attributes == nil {
		l.Attributes = useful(columns, len(kept))
	}
	for i, p := range places {
		e := &l.Cases[p.c].Events[p.e]
		for _, name := range l.Attributes {
			e.Attributes = append(e.Attributes, kept[i][name])
		}
	}
	return l, nil
}

// event reads what the options name.
func (o *LogOptions) event(r interop.Row) (e prefix.Event, err error) {
	if e.Activity = r.Get(o.Activity); e.Activity == "" && strings.Contains(o.Activity, "+") {
		var parts []string
		for name := range strings.SplitSeq(o.Activity, "+") {
			parts = append(parts, r.Get(name))
		}
		e.Activity = strings.Join(parts, "/")
	}
	if strings.Trim(e.Activity, "/") == "" {
		return e, r.Fail("name a column that every row has: --activity COLUMN; there are "+strings.Join(r.Columns(), ", "), "column %q, the activity, is empty or not there", o.Activity)
	}
	if e.Time, err = r.Time(o.Time); err != nil {
		return e, err
	}
	if o.Party != "" {
		e.Party = r.Get(o.Party)
	}
	return e, nil
}

// attributes keeps the columns of a row that no option names, unless a list names those to keep.
func attributes(r interop.Row, o LogOptions, taken []string, columns map[string]map[string]bool) map[string]string {
	names := o.Attributes
	if names == nil {
		for _, name := range r.Columns() {
			if !slices.Contains(taken, name) {
				names = append(names, name)
			}
		}
	}
	out := map[string]string{}
	for _, name := range names {
		v := r.Get(name)
		if v == "" {
			continue
		}
		if columns[name] == nil {
			columns[name] = map[string]bool{}
		}
		if len(columns[name]) <= maxAttributeValues {
			columns[name][v] = true
		}
		out[name] = v
	}
	return out
}

// useful gives the columns that can be features: more than one value, and not one for every few events.
func useful(columns map[string]map[string]bool, events int) (names []string) {
	for name, values := range columns {
		if len(values) > 1 && len(values) <= min(maxAttributeValues, max(events/10, 10)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// spec makes the features' spec of training cases alone: the activities that are counted one by one are the most frequent ones there.
func (l *Log) spec(train []Case) *prefix.Spec {
	const most = 16
	count := map[string]int{}
	for _, c := range train {
		for _, e := range c.Events {
			count[e.Activity]++
		}
	}
	var names []string
	for name := range count {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	return &prefix.Spec{Activities: names[:min(most, len(names))], Attributes: l.Attributes, Parties: l.Parties}
}
