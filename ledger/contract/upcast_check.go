package contract

import (
	"encoding/json"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// UpcastProblem is an envelope that is valid under the old version and comes out of the upcast as none of the new.
type UpcastProblem struct {
	Envelope   json.RawMessage    `json:"envelope"`          // as a producer of the old version may send it
	Becomes    json.RawMessage    `json:"becomes,omitempty"` // "" where the upcast fails
	Case       string             `json:"case,omitempty"`    // variant of the old version
	Error      string             `json:"error,omitempty"`   // of the upcast
	Violations []ledger.Violation `json:"violations,omitempty"`
}

// maxTried bounds the envelopes that are tried for one case.
const maxTried = 400

// UpcastProblems tries the upcast from old to new on envelopes that are valid under old: the smallest, all fields, each field absent, and
// each with the values at the edges of its schema. check is how the new version judges an envelope. The same contracts give the same
// problems, the smallest envelope first; one of each kind is kept. Errors are those of an upcast that is not there or does not compile.
func UpcastProblems(old, new *Contract, check func(Envelope) []ledger.Violation) (out []UpcastProblem, err error) {
	u, err := new.Upcaster()
	if err != nil {
		return nil, err
	}
	if u == nil || u.From != old.Version {
		return nil, ledger.Errorf(ledger.CodeNotFound, opUpcast, "add upcast: {from: …} to the new version", "version %d has no upcast from version %d", new.Version, old.Version)
	}
	seen := map[string]bool{}
	for _, k := range old.cases() {
		for _, e := range k.envelopes(new) {
			p := UpcastProblem{Case: k.variant}
			made, err := u.Apply(*e)
			if err != nil {
				p.Error = err.Error()
			} else if p.Violations = check(made); len(p.Violations) == 0 {
				continue
			}
			kind := p.Case + p.Error
			for _, v := range p.Violations {
				kind += "\x00" + v.Type + "\x00" + v.Field
			}
			if seen[kind] {
				continue
			}
			seen[kind] = true
			p.Envelope, _ = json.Marshal(e)
			if err == nil {
				p.Becomes, _ = json.Marshal(made)
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// envelopes lists valid envelopes of a case, the smallest first; other is a version whose schemas' edges are of interest too.
func (k *kase) envelopes(other *Contract) (out []*Envelope) {
	values := map[string][]json.RawMessage{}
	smallest, all := &Envelope{}, &Envelope{}
	if required, _ := k.contract.insightAsked(); required {
		smallest.KeyInsight, all.KeyInsight = "a", "a"
	}
	names := slices.Concat(k.in(Mandatory), k.in(Optional), k.in(ForwardLooking))
	for _, name := range names {
		list := k.valid(name, other)
		values[name] = list
		if len(list) == 0 {
			continue
		}
		all.Put(k.class[name], name, list[0])
		if k.class[name] == Mandatory {
			smallest.Put(Mandatory, name, list[0])
		}
	}
	out = []*Envelope{smallest, all}
	for _, name := range names {
		if k.class[name] != Mandatory {
			out = append(out, all.with(k.class[name], name, nil))
		}
		for _, v := range values[name] {
			out = append(out, smallest.with(k.class[name], name, v), all.with(k.class[name], name, v))
		}
	}
	out = slices.DeleteFunc(out[:min(len(out), maxTried)], func(e *Envelope) bool {
		valid, known := k.accepts(e, Strict)
		return !valid || !known
	})
	return out
}

// valid lists sample values of a field.
func (k *kase) valid(name string, other *Contract) (out []json.RawMessage) {
	s := k.compiled(name)
	if s == nil {
		return nil
	}
	var edges []any
	if f := other.Field(name); f != nil {
		edges = append(edges, readSchema(f.Schema))
	}
	for _, v := range samples(k.schema(name), edges...) {
		if v != nil && s.Validate(v) == nil && len(out) < maxSamples {
			out = append(out, json.RawMessage(canonicalText(v)))
		}
	}
	return out
}

// with copies an envelope with one value changed, or without it where value is nil.
func (e *Envelope) with(class Class, field string, value json.RawMessage) *Envelope {
	out := &Envelope{KeyInsight: e.KeyInsight}
	for _, c := range Classes() {
		for name, v := range e.In(c) {
			if name != field {
				out.Put(c, name, v)
			}
		}
	}
	if value != nil {
		out.Put(class, field, value)
	}
	return out
}

// CheckEnvelope holds an envelope alone against the contract, as the one of an offer without stages, channel, segment and value.
func (k *Compiled) CheckEnvelope(e Envelope) []ledger.Violation {
	data, err := json.Marshal(map[string]any{"envelope": e})
	if err != nil {
		return []ledger.Violation{{Type: ledger.UnknownViolation, Message: "the envelope cannot be written as JSON"}}
	}
	return k.Check(&ledger.Event{Type: offered, ContentType: "application/json", Data: data}).Violations
}
