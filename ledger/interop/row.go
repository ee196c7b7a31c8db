package interop

import (
	"fmt"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// row is one event of a log, before anybody has said what its columns mean.
type row struct {
	caseID string
	number int64 // in the file, from 1
	line   int   // where it begins, 0 where the format has no lines
	attrs  []attr
	outer  []attr // attributes of the case, named case:…; the same for all rows of a trace
}

// attr is a named value. A verbatim value is JSON as it stands; any other is text.
type attr struct {
	name, value string
	verbatim    bool
}

// sink takes what a reader reads. caseEnds is called where a reader knows that no row of that case follows.
type sink interface {
	row(r *row) error
	caseEnds(caseID string) error
}

// get gives a value by name; the case's own attributes come last. A JSON string is given as its text.
func (r *row) get(name string) string {
	for _, list := range [...][]attr{r.attrs, r.outer} {
		for i := range list {
			if list[i].name == name {
				return list[i].text()
			}
		}
	}
	return ""
}

func (a *attr) text() string {
	if a.verbatim && strings.HasPrefix(a.value, `"`) {
		return unquoteJSON(a.value)
	}
	return a.value
}

// names lists the columns of a row, for errors that say what there is.
func (r *row) names() []string {
	var out []string
	for _, a := range r.attrs {
		out = append(out, a.name)
	}
	for _, a := range r.outer {
		out = append(out, a.name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxColumns bounds the attributes of one row.
const maxColumns = 4096

// add appends an attribute; a name that stands twice keeps both values, as name and name#2.
func add(list []attr, a attr) []attr {
	same := func(b attr) bool { return b.name == a.name }
	if !slices.ContainsFunc(list, same) {
		return append(list, a)
	}
	name, n := a.name, 1
	for _, b := range list {
		if rest, ok := strings.CutPrefix(b.name, name); ok && (rest == "" || rest[0] == '#') {
			n++
		}
	}
	for a.name = fmt.Sprintf("%s#%d", name, n); slices.ContainsFunc(list, same); n++ {
		a.name = fmt.Sprintf("%s#%d", name, n+1)
	}
	return append(list, a)
}

// where names the row for a person.
func (r *row) where() string {
	var b strings.Builder
	fmt.Fprintf(&b, "row %d", r.number)
	var more []string
	if r.line > 0 {
		more = append(more, fmt.Sprintf("line %d", r.line))
	}
	if r.caseID != "" {
		more = append(more, fmt.Sprintf("case %.80q", r.caseID))
	}
	if len(more) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(more, ", "))
	}
	return b.String()
}

func (r *row) fail(code ledger.Code, hint, format string, args ...any) error {
	return ledger.Errorf(code, "import "+r.where(), hint, format, args...)
}

// tooLarge says that no event could hold these attributes, and which one is to blame.
func (r *row) tooLarge(list []attr) error {
	size, largest := 0, attr{}
	for _, a := range list {
		size += len(a.name) + len(a.value)
		if len(a.value) > len(largest.value) {
			largest = a
		}
	}
	return r.fail(ledger.CodeTooLarge, "leave large content out of the log and keep a reference with its digest",
		"the row has %d bytes or more, at most %d are allowed; the largest column is %.80q with %d", size, ledger.MaxData, largest.name, len(largest.value))
}

// quoteNames lists names for an error, the first few of them.
func quoteNames(names []string) string {
	const most = 40
	text := `"` + strings.Join(names[:min(most, len(names))], `", "`) + `"`
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", text, len(names)-most)
	}
	return text
}
