package contract

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// maxGuardCost is of one guard with loops at one event, in CEL's measure.
const maxGuardCost = 10_000

// guardVariables are what a guard may speak of.
var guardVariables = []struct {
	name string
	typ  *cel.Type
	read func(*guardScope) any
}{
	{"channel", cel.StringType, func(s *guardScope) any { return s.r.string(s.r.channel) }},
	{"sender", cel.StringType, func(s *guardScope) any { return s.r.string(s.r.from.stage) }},
	{"receiver", cel.StringType, func(s *guardScope) any { return s.r.string(s.r.to.stage) }},
	{"sender_kind", cel.StringType, func(s *guardScope) any { return s.r.string(s.r.from.kind) }},
	{"receiver_kind", cel.StringType, func(s *guardScope) any { return s.r.string(s.r.to.kind) }},
	{"point", cel.StringType, func(s *guardScope) any {
		return ledger.Point(s.r.string(s.r.from.stage), s.r.string(s.r.to.stage), s.r.string(s.r.channel))
	}},
	{"segment", cel.StringType, func(s *guardScope) any { return s.segment() }},
	{"value", cel.DoubleType, func(s *guardScope) any { return s.value() }},
	{"fields", cel.MapType(cel.StringType, cel.DynType), func(s *guardScope) any { return s.values() }},
}

// guards is the language of [Variant.When].
var guards = func() expr.Language {
	l := expr.Language{Noun: "guard", Example: `channel == "chat" && fields.amount > 500`, Names: GuardNames(), Cost: maxGuardCost, Lean: true}
	for _, v := range guardVariables {
		l.Options = append(l.Options, cel.Variable(v.name, v.typ))
	}
	return l
}()

// GuardNames lists the variables of a guard: channel, sender and receiver (stages) with sender_kind and receiver_kind, point; segment (data.segment,
// else data.attributes.segment, else the field segment, else ""); value (a number: data.value, else the field value, else 0); fields (a
// map of all the envelope's values by name).
func GuardNames() []string {
	var names []string
	for _, v := range guardVariables {
		names = append(names, v.name)
	}
	return names
}

// choose gives the first variant whose guard holds, nil where none does. A guard that asks for what is not there does not hold; one that fails
// otherwise does not either, and that is a violation.
func (k *Compiled) choose(e *ledger.Event, r *reading, out *findings) *variant {
	if len(k.variants) == 0 {
		return nil
	}
	scope := &guardScope{k: k, r: r, event: e}
	for i := range k.variants {
		v := &k.variants[i]
		scope.variant = v
		value, _, err := v.guard.Eval(scope)
		if err == nil {
			if holds, ok := value.Value().(bool); ok && holds {
				return v
			} else if ok {
				continue
			}
		}
		if err == nil || !expr.Undefined(err) {
			out.add(ledger.UnknownViolation, "", "", "the guard of variant %s cannot be evaluated: %s", strconv.Quote(v.name), whyNot(err))
		}
	}
	return nil
}

// whyNot says why a guard has no value. CEL's own words may repeat values.
func whyNot(err error) string {
	switch {
	case err == nil:
		return "it gives neither true nor false; compare what it gives with something"
	case expr.Mistyped(err):
		return "it compares or combines values of different types; send them as the contract says, or put a type test into the guard"
	case expr.TooCostly(err):
		return "it takes more than " + strconv.Itoa(maxGuardCost) + " steps; make it simpler"
	}
	return "it fails with these values; see what it computes"
}

// guardScope implements CEL's activation: only what a guard names is made.
type guardScope struct {
	k       *Compiled
	r       *reading
	event   *ledger.Event
	variant *variant
	all     map[string]any // every value, once a guard wants it
}

// ResolveName gives the value of a variable.
func (s *guardScope) ResolveName(name string) (any, bool) {
	for i := range guardVariables {
		if guardVariables[i].name == name {
			return guardVariables[i].read(s), true
		}
	}
	return nil, false
}

// Parent is nil: there is no outer scope.
func (s *guardScope) Parent() cel.Activation { return nil }

// field gives the place of a field's value, as [Envelope.Find] does.
func (s *guardScope) field(name string) span {
	if i, known := s.k.places[name]; known {
		for _, v := range s.r.slots[i].in {
			if v.there() {
				return v
			}
		}
	}
	return span{}
}

func (s *guardScope) segment() string {
	for _, v := range []span{s.r.segment, s.r.told, s.field("segment")} {
		if v.kind == text {
			return string(s.r.letters(v))
		}
	}
	return ""
}

func (s *guardScope) value() float64 {
	for _, v := range []span{s.r.value, s.field("value")} {
		if v.kind == number {
			f, _ := strconv.ParseFloat(string(s.r.raw(v)), 64)
			return f
		}
	}
	return 0
}

// values are those of the fields that the guard names, or of all where it looks at more.
func (s *guardScope) values() map[string]any {
	if s.variant.whole {
		if s.all == nil {
			s.all = map[string]any{}
			if e, ok := ReadEnvelope(s.event); ok {
				for _, name := range e.Names() {
					v, _, _ := e.Find(name)
					s.all[name] = expr.Decode(v)
				}
			}
		}
		return s.all
	}
	out := make(map[string]any, len(s.variant.reads))
	for _, name := range s.variant.reads {
		if v := s.field(name); v.there() {
			out[name] = s.decoded(v)
		}
	}
	return out
}

// decoded gives a value as [expr.Decode] does; texts and truths without a decoder.
func (s *guardScope) decoded(v span) any {
	switch {
	case v.kind == text:
		return s.r.string(v)
	case v.kind == boolean:
		return s.r.data[v.from] == 't'
	case v.kind == number:
		return expr.Number(string(s.r.raw(v)))
	}
	return expr.Decode(slices.Clone(s.r.raw(v)))
}
