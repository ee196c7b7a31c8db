package brief

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// value is one field as it was last said.
type value struct {
	raw      json.RawMessage
	class    string
	meta     contract.Meta
	position uint64
	said     time.Time
	source   string // of the event
	enriched bool
}

// assembly makes one brief.
type assembly struct {
	b       *Brief
	o       *Options
	target  *contract.Contract // that the fields are read by; nil: none
	variant string
	values  map[string]value
	accept  uint64 // position at which the handoff was accepted, 0 where it was not
	insight *Insight
	own     bool // the insight is of the brief's own handoff
	panel   []contract.Reference
}

// newAssembly decides which contract the fields are read by: the newest version of the one that the offer follows, if its envelope can be
// made one of that version; else the version that it follows; without an offer that of the point.
func newAssembly(b *Brief, o *Options, events []ledger.Recorded) *assembly {
	a := &assembly{b: b, o: o, values: map[string]value{}}
	if o.Contracts == nil {
		return a
	}
	a.target = o.Contracts("", b.Point)
	i := slices.IndexFunc(events, func(e ledger.Recorded) bool { return e.Type == typeOffered && e.ID == b.Handoff })
	if i < 0 {
		a.name()
		return a
	}
	offer := &events[i]
	followed := o.Contracts(offer.Schema, b.Point)
	switch {
	case followed == nil && offer.Schema != "":
		b.Problems = append(b.Problems, "the offer names "+offer.Schema+", which is no contract of this ledger")
	case followed == nil:
	case a.target == nil || a.target.Name != followed.Name || a.target.Version <= followed.Version:
		a.target = followed
	default:
		a.upgrade(offer, followed)
	}
	if o.Variant != nil && a.target != nil {
		a.variant = o.Variant(a.target, &offer.Event)
	}
	a.name()
	return a
}

// upgrade keeps the newest version only where the offer's envelope can be read by it.
func (a *assembly) upgrade(offer *ledger.Recorded, followed *contract.Contract) {
	newest := a.target
	a.b.Followed = reference(followed, "")
	a.target = followed
	if a.o.Upcast == nil {
		a.b.Followed = nil
		return
	}
	envelope, _ := contract.ReadEnvelope(&offer.Event)
	_, applied, err := a.o.Upcast(envelope, followed)
	switch n := len(applied); {
	case err != nil:
		a.b.Followed = nil
		a.b.Problems = append(a.b.Problems, "version "+itoa(followed.Version)+" of "+followed.Name+" cannot be read as version "+itoa(newest.Version)+": "+err.Error())
	case n > 0 && applied[n-1].To == newest.Version:
		a.target, a.b.Applied = newest, applied
	default:
		a.b.Followed = nil
	}
}

func (a *assembly) name() {
	if a.target != nil {
		a.b.Contract = reference(a.target, a.variant)
	}
}

func reference(c *contract.Contract, variant string) *Reference {
	return &Reference{Name: c.Name, Version: c.Version, Variant: variant, Digest: c.Digest()}
}

var (
	typeOffered  = ledger.Type("handoff", "offered")
	typeAccepted = ledger.Type("handoff", "accepted")
)

// fold takes in what the events say, in their order.
func (a *assembly) fold(events []ledger.Recorded) {
	for i := range events {
		e := &events[i]
		if e.Type == typeAccepted && e.Facets.Handoff == a.b.Handoff && a.accept == 0 {
			a.accept = e.Position
		}
		family, verb := ledger.SplitType(e.Type)
		if family == enrichmentFamily {
			a.source(e, verb)
		}
		if !speaks(e) {
			continue
		}
		var data struct {
			Attributes map[string]json.RawMessage `json:"attributes"`
			Envelope   json.RawMessage            `json:"envelope"`
		}
		if json.Unmarshal(e.Data, &data) != nil || data.Attributes == nil && data.Envelope == nil {
			continue
		}
		var envelope contract.Envelope
		if data.Envelope != nil {
			envelope, _ = contract.ReadEnvelope(&e.Event)
		}
		if e.Type == typeOffered {
			envelope = a.upcast(e, envelope)
			a.panel = panel(a.panel, envelope.SidePanel, e.ID == a.b.Handoff)
		}
		a.set(e, classAttribute, data.Attributes, &envelope)
		for _, class := range contract.Classes() {
			a.set(e, string(class), envelope.In(class), &envelope)
		}
		if envelope.KeyInsight != "" && (!a.own || e.ID == a.b.Handoff) {
			a.insight, a.own = &Insight{Text: envelope.KeyInsight, Position: e.Position}, e.ID == a.b.Handoff
		}
	}
}

// speaks reports whether an event may say fields. Most have neither member, and need not be parsed; a name may be spelled with escapes.
func speaks(e *ledger.Recorded) bool {
	return len(e.Data) > 0 && ledger.IsJSON(e.ContentType) &&
		(bytes.Contains(e.Data, []byte(`"attributes"`)) || bytes.Contains(e.Data, []byte(`"envelope"`)) || bytes.Contains(e.Data, []byte(`\u`)))
}

// panel keeps the references of the brief's own handoff, else those of the newest offer.
func panel(have, said []contract.Reference, own bool) []contract.Reference {
	if own || len(said) > 0 {
		return said
	}
	return have
}

// upcast reads an offer that follows an earlier version of the contract by the newest.
func (a *assembly) upcast(e *ledger.Recorded, envelope contract.Envelope) contract.Envelope {
	if a.target == nil || a.o.Upcast == nil || e.Schema == "" {
		return envelope
	}
	followed := a.o.Contracts(e.Schema, "")
	if followed == nil || followed.Name != a.target.Name || followed.Version >= a.target.Version {
		return envelope
	}
	if out, _, err := a.o.Upcast(envelope, followed); err == nil {
		return out
	}
	return envelope
}

func (a *assembly) set(e *ledger.Recorded, class string, values map[string]json.RawMessage, envelope *contract.Envelope) {
	family, _ := ledger.SplitType(e.Type)
	for name, raw := range values {
		if string(raw) == "null" {
			delete(a.values, name)
			continue
		}
		a.values[name] = value{raw: raw, class: class, meta: envelope.Fields[name], position: e.Position, said: e.Occurred().UTC(), source: e.Source,
			enriched: family == enrichmentFamily}
	}
}
