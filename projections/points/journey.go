package points

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections"
)

// Classes of a question that a receiver asks after it has accepted, by what had been said before: definition 3 of the depth practices.
const (
	Lost      = "lost"      // it was said before the acceptance, and not delivered
	Ignored   = "ignored"   // it was delivered
	Defaulted = "defaulted" // what was delivered is a default that nobody had chosen
	New       = "new"       // nobody had said it
)

// Classes lists them.
func Classes() []string { return []string{Lost, Ignored, Defaulted, New} }

// Reask is one question of a handoff's receiver.
type Reask struct {
	Field    string `json:"field"`
	Class    string `json:"class"`
	Position uint64 `json:"position"`
}

// handed is one handoff of the point, with what its journey's data says.
type handed struct {
	row       projections.HandoffRow
	schema    string // dataschema of the offer
	offered   map[string]bool
	delivered map[string]bool // by name; nil: no event says so, and what was offered counts
	defaults  map[string]bool
	known     map[string]bool // before it was accepted
	reasks    []Reask
}

// reader listens to one journey's events in order.
type reader struct {
	handoffs map[string]*handed
	aliases  map[string]string
	holder   string // handoff that was accepted last
	context  ledger.Context
	said     map[string]bool // fields somebody said: defaults are not
	match    func(h *handed, e *ledger.Recorded) error
}

// readJourney has a journey's two streams read, in the order of the ledger.
func readJourney(ctx context.Context, r ledger.Reader, id string) ([]ledger.Recorded, error) {
	var events []ledger.Recorded
	for _, stream := range []string{ledger.JourneyStream(id), ledger.OverlayStream(id)} {
		for e, err := range r.ReadStream(ctx, stream, ledger.ReadOptions{}) {
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b ledger.Recorded) int {
		if a.Position < b.Position {
			return -1
		}
		return 1
	})
	return events, nil
}

// take folds one event.
func (r *reader) take(e *ledger.Recorded) error {
	family, verb := ledger.SplitType(e.Type)
	id := e.Facets.Handoff
	if family == "handoff" && verb == "offered" {
		id = e.ID
	}
	h := r.handoffs[id]
	defaults := map[string]bool(nil)
	switch {
	case family == "handoff" && verb == "offered":
		envelope, _ := contract.ReadEnvelope(&e.Event)
		defaults = defaultsOf(&envelope)
		if h != nil {
			h.schema, h.defaults, h.offered = e.Schema, defaults, setOf(envelope.Names())
		}
	case family == "handoff" && verb == "delivered" && h != nil:
		if names, ok := fieldsOf(e); ok {
			h.delivered = setOf(names)
		}
	case family == "handoff" && verb == "accepted":
		if r.holder = id; h != nil && h.known == nil {
			h.known = copyOf(r.said)
		}
	case family == "question" && verb == "asked":
		if id == "" {
			h = r.handoffs[r.holder]
		}
		r.asked(h, e)
	}
	r.learn(e, defaults)
	if h != nil && r.match != nil {
		return r.match(h, e)
	}
	return nil
}

// asked classifies a question to which field it is about is known, after the acceptance of a handoff of the point.
func (r *reader) asked(h *handed, e *ledger.Recorded) {
	field := e.Facets.Field
	if h == nil || field == "" || h.known == nil {
		return
	}
	delivered := h.delivered
	if delivered == nil {
		delivered = h.offered
	}
	class := New
	switch {
	case delivered[field] && h.defaults[field]:
		class = Defaulted
	case delivered[field]:
		class = Ignored
	case r.knew(h, field):
		class = Lost
	}
	h.reasks = append(h.reasks, Reask{Field: field, Class: class, Position: e.Position})
}

// knew reports whether a field was said before a handoff was accepted, under the name it has or one it had before.
func (r *reader) knew(h *handed, field string) bool {
	for range len(r.aliases) + 1 {
		if h.known[field] {
			return true
		}
		former, ok := r.aliases[field]
		if !ok {
			return false
		}
		field = former
	}
	return false
}

// learn notes which fields the event says. A default says nothing, and a null takes back.
func (r *reader) learn(e *ledger.Recorded, defaults map[string]bool) {
	before := len(r.context)
	r.context.Apply(e)
	for name, f := range r.context {
		if f.Position == e.Position && !defaults[name] {
			r.said[name] = true
		}
	}
	if len(r.context) < before || len(r.said) > len(r.context) {
		for name := range r.said {
			if _, there := r.context[name]; !there {
				delete(r.said, name)
			}
		}
	}
}

// defaultsOf are the fields of an envelope that a form filled in.
func defaultsOf(e *contract.Envelope) map[string]bool {
	out := map[string]bool{}
	for name, m := range e.Fields {
		if m.Method == "default" {
			out[name] = true
		}
	}
	return out
}

// fieldsOf are the names that handoff.delivered says it delivered.
func fieldsOf(e *ledger.Recorded) ([]string, bool) {
	var d struct {
		Fields []string `json:"fields"`
	}
	if !ledger.IsJSON(e.ContentType) || json.Unmarshal(e.Data, &d) != nil || d.Fields == nil {
		return nil, false
	}
	return d.Fields, true
}

func setOf(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

func copyOf(set map[string]bool) map[string]bool {
	out := make(map[string]bool, len(set))
	for n := range set {
		out[n] = true
	}
	return out
}

// journeys reads the newest journeys of handoffs that are given newest first, at most o.Journeys of them, and yields each journey's handoffs.
// complete is false where there were more. match, where given, gets each event about one of the handoffs.
func (d *Desk) journeys(ctx context.Context, rows []projections.HandoffRow, o Options, match func(*handed, *ledger.Recorded) error, each func([]*handed)) (complete bool, err error) {
	var order []string
	of := map[string][]*handed{}
	complete = true
	for _, row := range rows {
		if _, seen := of[row.Journey]; !seen {
			if len(order) == o.Journeys {
				complete = false
				break
			}
			order = append(order, row.Journey)
		}
		of[row.Journey] = append(of[row.Journey], &handed{row: row})
	}
	for i, id := range order {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if o.Progress != nil {
			o.Progress(i, len(order))
		}
		r := &reader{handoffs: map[string]*handed{}, aliases: o.Aliases, context: ledger.Context{}, said: map[string]bool{}, match: match}
		for _, h := range of[id] {
			r.handoffs[h.row.ID] = h
		}
		events, err := readJourney(ctx, d.Reader, id)
		if err != nil {
			return false, err
		}
		for k := range events {
			if err := r.take(&events[k]); err != nil {
				return false, err
			}
		}
		each(of[id])
	}
	if o.Progress != nil {
		o.Progress(len(order), len(order))
	}
	return complete, nil
}
