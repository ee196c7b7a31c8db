package points

import (
	"context"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Query is what shows a pain point in the data, in one of three forms:
//
//	reasks class=lost field=order_id      questions asked again; both members may be left out, class is then any but new
//	returned reason="context missing"     an event of a point's handoffs, by verb or family.verb, and members of its header
//	event.verb == "failed" && data.x > 3  a CEL expression over event and data, as `baton tail --where` takes
type Query struct {
	Text  string
	class string // of reasks; "" is all but new
	field string
	reask bool
	match Match // of events
}

// verbs by which the short form names events without their family, in this order.
var shortFamilies = []string{"handoff", "question", "feedback", "enrichment", "suggestion"}

// ParseQuery reads a query; compile, where there is one, reads what is none of the short forms. Errors are CodeInvalid.
func ParseQuery(text string, compile func(string) (Match, error)) (*Query, error) {
	q := &Query{Text: text}
	first, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if first == "" {
		return nil, refuse(queryHint, "evidence: the query is empty")
	}
	if first == "reasks" {
		return q, q.parseReasks(rest)
	}
	if family, verb := shortType(first); family != "" {
		conditions, err := pairs(rest)
		if err != nil {
			return nil, err
		}
		q.match, err = short(ledger.Type(family, verb), conditions)
		return q, err
	}
	if compile == nil {
		return nil, refuse(queryHint, "evidence: %.80q begins like no query", text)
	}
	match, err := compile(text)
	q.match = match
	return q, err
}

const queryHint = `write reasks field=order_id, or returned reason="context missing", or a CEL expression as event.verb == "failed"`

func (q *Query) parseReasks(rest string) error {
	q.reask = true
	conditions, err := pairs(rest)
	if err != nil {
		return err
	}
	for name, value := range conditions {
		switch {
		case name == "field":
			q.field = value
		case name == "class" && slices.Contains(Classes(), value):
			q.class = value
		case name == "class":
			return refuse("use "+strings.Join(Classes(), ", "), "evidence: class %.40q is none", value)
		default:
			return refuse("use field and class", "evidence: reasks has no %.40q", name)
		}
	}
	return nil
}

// shortType reads handoff.returned, or returned.
func shortType(word string) (family, verb string) {
	family, verb, dotted := strings.Cut(word, ".")
	if dotted {
		if slices.Contains(ledger.Verbs(family), verb) {
			return family, verb
		}
		return "", ""
	}
	for _, f := range shortFamilies {
		if slices.Contains(ledger.Verbs(f), word) {
			return f, word
		}
	}
	return "", ""
}

// facets that the short form may ask for.
var facets = map[string]func(*ledger.Facets) string{
	"reason": func(f *ledger.Facets) string { return f.Reason }, "field": func(f *ledger.Facets) string { return f.Field },
	"outcome": func(f *ledger.Facets) string { return f.Outcome }, "stage": func(f *ledger.Facets) string { return f.Stage },
	"party": func(f *ledger.Facets) string { return f.Party }, "kind": func(f *ledger.Facets) string { return f.Kind },
	"channel": func(f *ledger.Facets) string { return f.Channel }, "status": func(f *ledger.Facets) string { return f.Status },
}

// short matches events of a type whose facets have the values.
func short(typ string, conditions map[string]string) (Match, error) {
	for name := range conditions {
		if facets[name] == nil {
			return nil, refuse("use reason, field, outcome, stage, party, kind, channel or status, or a CEL expression", "evidence: an event has no %.40q in its header", name)
		}
	}
	return func(_ context.Context, r *ledger.Recorded) (bool, error) {
		if r.Type != typ {
			return false, nil
		}
		for name, value := range conditions {
			if facets[name](&r.Facets) != value {
				return false, nil
			}
		}
		return true, nil
	}, nil
}

// pairs reads name=value and name="a value", apart by spaces.
func pairs(text string) (map[string]string, error) {
	out := map[string]string{}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		name, rest, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \"'") {
			return nil, refuse(queryHint, "evidence: %.60q is not name=value", text)
		}
		value := ""
		if quote := rest; quote != "" && (quote[0] == '"' || quote[0] == '\'') {
			end := strings.IndexByte(quote[1:], quote[0])
			if end < 0 {
				return nil, refuse(queryHint, "evidence: the quote before %.60q is not closed", quote[1:])
			}
			value, text = quote[1:1+end], quote[end+2:]
		} else {
			value, text, _ = strings.Cut(rest, " ")
		}
		out[name] = value
	}
	return out, nil
}

// Example is one place where the pain shows.
type Example struct {
	Journey  string `json:"journey"`
	Handoff  string `json:"handoff"`
	Position uint64 `json:"position"`
	Says     string `json:"says"`
}

// Evidence is what a query found among the handoffs of a point that were offered in the window.
type Evidence struct {
	Point    string    `json:"point"`
	Pain     string    `json:"pain,omitempty"`
	Query    string    `json:"query"`
	Window   Window    `json:"window"`
	Handoffs int       `json:"handoffs"` // read
	Complete bool      `json:"complete"` // all of the window were
	Found    int       `json:"found"`    // events or questions
	Affected int       `json:"affected"` // handoffs with one at least
	Share    float64   `json:"share"`    // affected of handoffs
	Examples []Example `json:"examples"` // the newest, one a journey
}

// maxExamples is how many examples evidence comes with.
const maxExamples = 5

// Evidence runs a query over a point's handoffs, the newest journeys of the window and at most o.Journeys of them.
func (d *Desk) evidence(ctx context.Context, p *Point, pain string, q *Query, o Options) (*Evidence, error) {
	o, err := d.aliases(ctx, p, o.withDefaults())
	if err != nil {
		return nil, err
	}
	w, _, err := d.window(ctx, o)
	if err != nil {
		return nil, err
	}
	rows, err := d.offered(ctx, p.Name, w)
	if err != nil {
		return nil, err
	}
	out := &Evidence{Point: p.Name, Pain: pain, Query: q.Text, Window: w, Examples: []Example{}}
	affected := map[*handed]bool{}
	found := func(h *handed, position uint64, says string) {
		out.Found++
		affected[h] = true
		fresh := !slices.ContainsFunc(out.Examples, func(e Example) bool { return e.Journey == h.row.Journey })
		if fresh && len(out.Examples) < maxExamples {
			out.Examples = append(out.Examples, Example{h.row.Journey, h.row.ID, position, says})
		}
	}
	var match func(*handed, *ledger.Recorded) error
	if !q.reask {
		match = func(h *handed, e *ledger.Recorded) error {
			ok, err := q.match(ctx, e)
			if ok {
				found(h, e.Position, said(e))
			}
			return err
		}
	}
	out.Complete, err = d.journeys(ctx, rows, o, match, func(list []*handed) {
		for _, h := range list {
			out.Handoffs++
			for _, r := range h.reasks {
				if q.reask && (q.field == "" || q.field == r.Field) && (q.class == r.Class || q.class == "" && r.Class != New) {
					found(h, r.Position, r.Field+", "+r.Class)
				}
			}
		}
	})
	out.Affected = len(affected)
	out.Share = ratio(out.Affected, out.Handoffs)
	return out, err
}

// said is an event in a few words.
func said(e *ledger.Recorded) string {
	family, verb := ledger.SplitType(e.Type)
	text := family + "." + verb
	for _, s := range []string{e.Facets.Reason, e.Facets.Field, e.Facets.Outcome} {
		if s != "" {
			text += ", " + s
		}
	}
	return text
}
