package brief

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
)

// Effective is a contract's fields as a variant has them, in the contract's order; those that it omits are left out. "" is the contract itself.
func Effective(c *contract.Contract, variant string) []contract.Field {
	i := slices.IndexFunc(c.Variants, func(v contract.Variant) bool { return v.Name == variant })
	if variant == "" || i < 0 {
		return c.Fields
	}
	v, out := &c.Variants[i], make([]contract.Field, 0, len(c.Fields))
	for _, f := range c.Fields {
		switch {
		case slices.Contains(v.Omit, f.Name):
			continue
		case slices.Contains(v.Mandatory, f.Name):
			f.Class = contract.Mandatory
		case slices.Contains(v.Optional, f.Name):
			f.Class = contract.Optional
		}
		out = append(out, f)
	}
	return out
}

// choose takes from what is known the fields of the brief.
func (a *assembly) choose() {
	if a.target == nil {
		a.all()
		return
	}
	fields := Effective(a.target, a.variant)
	for i := range fields {
		f := &fields[i]
		v, there := a.values[f.Name]
		switch {
		case !there && f.Class == contract.Mandatory && !a.o.Customer:
			a.b.Missing = append(a.b.Missing, Missing{f.Name, f.Title})
		case there:
			a.add(f.Name, v, f)
		}
	}
	for name := range a.values {
		switch listed := a.target.Field(name) != nil; {
		case !listed:
			a.b.LeftOut.Undeclared++
		case !slices.ContainsFunc(fields, func(f contract.Field) bool { return f.Name == name }):
			a.b.LeftOut.Variant++
		}
	}
}

// all takes everything, newest first.
func (a *assembly) all() {
	names := slices.SortedFunc(maps.Keys(a.values), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.values[y].position, a.values[x].position), cmp.Compare(x, y))
	})
	for _, name := range names {
		a.add(name, a.values[name], nil)
	}
}

// add puts one field in, unless policy or audience keep it out. declared is nil where no contract lists it.
func (a *assembly) add(name string, v value, declared *contract.Field) {
	f := Field{Name: name, Class: v.class, Value: v.raw, Source: cmp.Or(v.meta.Source, v.source), Method: v.meta.Method, Confidence: v.meta.Confidence,
		Classification: v.meta.Classification, Position: v.position, By: v.source, Enriched: v.enriched, AfterAccept: a.accept > 0 && v.position > a.accept}
	if declared != nil {
		f.Class, f.Title = string(declared.Class), declared.Title
		f.Method = cmp.Or(f.Method, declared.Method)
		f.Classification = cmp.Or(declared.Classification, f.Classification)
		f.FreshFor = int64(time.Duration(declared.FreshFor) / time.Second)
	}
	switch {
	case a.o.Customer && !(forCustomer(f.Classification) && (v.meta.Classification == "" || forCustomer(v.meta.Classification)) && f.Class != string(contract.ForwardLooking)):
		a.b.LeftOut.Customer++
		return
	case !passes(a.b.Style, f.Class):
		a.b.LeftOut.Style++
		return
	}
	if f.AssertedAt = v.meta.AssertedAt.UTC(); v.meta.AssertedAt.IsZero() {
		f.AssertedAt = v.said
	}
	age := max(0, a.b.AsOf.Sub(f.AssertedAt))
	f.Age = int64(age / time.Second)
	f.Stale = declared != nil && declared.FreshFor > 0 && age > time.Duration(declared.FreshFor)
	a.b.Fields = append(a.b.Fields, f)
	meta := v.meta
	meta.Source, meta.AssertedAt, meta.Classification, meta.FillMS = f.Source, f.AssertedAt, f.Classification, nil
	a.b.envelope.Put(classOfEnvelope(f.Class), name, v.raw)
	if a.b.envelope.Fields == nil {
		a.b.envelope.Fields = map[string]contract.Meta{}
	}
	a.b.envelope.Fields[name] = meta
}

// forCustomer reports whether what is classified so may be shown to the customer. What is not classified counts as internal.
func forCustomer(classification string) bool {
	return classification == "public" || classification == "personal"
}

// passes reports whether a style passes fields of a class.
func passes(style, class string) bool {
	switch style {
	case Stateless:
		return class == string(contract.Mandatory)
	case Stateful:
		return class != string(contract.ForwardLooking)
	}
	return true
}

// classOfEnvelope is the class in which an envelope holds a field: what is known and not declared is optional.
func classOfEnvelope(class string) contract.Class {
	if c := contract.Class(class); slices.Contains(contract.Classes(), c) {
		return c
	}
	return contract.Optional
}

// suggest takes the suggestions that wait for an answer at the moment.
func (a *assembly) suggest(list []replay.Suggestion) {
	if a.o.Customer || a.b.Style == Stateless || a.b.Style == Stateful {
		return
	}
	for _, s := range list {
		if s.IsOpen() && (s.Expires.IsZero() || s.Expires.After(a.b.AsOf)) {
			a.b.Suggestions = append(a.b.Suggestions, s)
		}
	}
}

// tier is what the brief holds, by depth.md's rule.
func (a *assembly) tier() string {
	identify := a.o.Identify
	if identify == nil {
		identify = IsIdentifier
	}
	switch b := a.b; {
	case len(b.Suggestions) > 0 || slices.ContainsFunc(b.Fields, func(f Field) bool { return f.Class == string(contract.ForwardLooking) }):
		return PredictiveTier
	case len(b.SidePanel) > 0 || slices.ContainsFunc(b.Fields, func(f Field) bool { return !identify(f.Name, a.target) }):
		return Contextual
	}
	return Minimal
}

// IsIdentifier reports whether a field only says who or what it is about, by the rule that lint and figures of depth go by ([contract.KindOf]).
func IsIdentifier(field string, of *contract.Contract) bool {
	class, weight := contract.Optional, 0.0
	if of != nil {
		if f := of.Field(field); f != nil {
			class, weight = f.Class, f.Weight
		}
	}
	return contract.KindOf(field, class, weight) == contract.Identifier
}

// finish makes what hangs on the whole.
func (a *assembly) finish() {
	if !a.o.Customer && a.b.Style != Stateless {
		a.b.SidePanel = a.panel
		a.b.envelope.SidePanel = a.panel
	}
	a.b.Tier = a.tier()
	a.keyInsight()
	if a.b.Insight != nil {
		a.b.envelope.KeyInsight = a.b.Insight.Text
	}
	text := canonicalEnvelope(a.b.envelope)
	a.b.Digest, a.b.Tokens = hash(text), (len(text)+3)/4
	if a.o.Customer { // who works on it, and with which systems, is not the customer's
		a.b.Sources, a.b.Problems, a.b.Custody = nil, nil, Custody{Open: a.b.Custody.Open}
	}
	slices.SortFunc(a.b.Sources, func(x, y Source) int { return strings.Compare(x.Name, y.Name) })
}

// EnvelopeDigest is the SHA-256 of an envelope as canonical JSON: members sorted by name, numbers as they were written, metadata included.
func EnvelopeDigest(e contract.Envelope) ledger.Hash { return hash(canonicalEnvelope(e)) }
