package contract

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// notNull leaves null out: in an envelope it counts as absent.
var notNull = map[string]any{"type": []any{"object", "array", "string", "number", "boolean"}}

// compare lists what keeps the envelopes of the one case from being valid in the other.
func (p *pair) compare() (out []Break) {
	names := make([]string, 0, len(p.from.contract.Fields))
	for _, c := range []*Contract{p.from.contract, p.to.contract} {
		for i := range c.Fields {
			if name := c.Fields[i].Name; c == p.from.contract || p.from.contract.Field(name) == nil {
				names = append(names, name)
			}
		}
	}
	for _, name := range p.from.in(Mandatory) {
		if a, ok := (conjunction{notNull}).conjoin(p.from.schema(name)); !ok || len(a.types()) == 0 {
			return nil // no envelope is valid in the one case, so none breaks in the other
		}
	}
	out = p.insight()
	for _, name := range names {
		if b, broken := p.field(name); broken {
			out = append(out, b)
		}
		if b, broken := p.classification(name); broken {
			out = append(out, b)
		}
	}
	return out
}

// classification compares what envelopes may say of a field's own classification: what the contract says, or anything where it says nothing.
func (p *pair) classification(name string) (b Break, broken bool) {
	from, to := p.from.contract.Field(name), p.to.contract.Field(name)
	if from == nil || to == nil || to.Classification == "" || from.Classification == to.Classification {
		return b, false
	}
	said := either(from.Classification, "unclassified")
	e := &Envelope{Fields: map[string]Meta{name: {Classification: said}}}
	b = Break{Field: name, about: aboutClassification, What: p.words(fmt.Sprintf("<to> classifies it as %s, <from> as %s, and envelopes may say so under fields", to.Classification, either(from.Classification, "nothing"))),
		Fix: "have producers leave the classification out of envelopes: it is the contract's to say"}
	return p.finish(b, e), true
}

// insight compares what is asked of the key insight.
func (p *pair) insight() (out []Break) {
	fromRequired, fromMost := p.from.contract.insightAsked()
	toRequired, toMost := p.to.contract.insightAsked()
	if toRequired && !fromRequired {
		out = append(out, p.finish(Break{Field: "key_insight", What: p.words("<to> requires a key insight, <from> does not"),
			Fix: "leave it optional until all producers write one"}, &Envelope{}))
	}
	if toMost < fromMost {
		out = append(out, p.finish(Break{Field: "key_insight", What: p.words(fmt.Sprintf("<to> allows %d letters, <from> %d", toMost, fromMost)),
			Fix: fmt.Sprintf("keep max at %d", max(toMost, fromMost))}, &Envelope{KeyInsight: strings.Repeat("a", toMost+1)}))
	}
	return out
}

// field compares one field.
func (p *pair) field(name string) (b Break, broken bool) {
	has, had := p.from.class[name]
	wants, known := p.to.class[name]
	b = Break{Field: name}
	with := func() *Envelope { return p.carrying(name, has, p.sample(name)) }
	backward := p.direction == Backward
	switch {
	case !had && !known, !had && wants != Mandatory:
		return b, false
	case wants == Mandatory && !had:
		b.What, b.Fix = "mandatory field added", "make it optional, or let the upcast set or derive it"
		if from := p.calledBefore(name); from != "" {
			b.What += ", which the upcast makes of " + from
		}
		if !backward {
			b.What, b.Fix = "mandatory field removed", "make it optional, and remove it when nobody reads by the old version"
		}
		return p.finish(b, p.carrying(name, "", nil)), true
	case wants == Mandatory && has != Mandatory:
		b.What = p.words(fmt.Sprintf("<to> wants it mandatory, for <from> it is %s", spoken(has)))
		b.Fix = "leave it as it is until all producers send it, or let the upcast set or derive it"
		return p.finish(b, p.carrying(name, "", nil)), true
	case p.reader == Tolerant && (!known || wants != has) && !p.presumed(name, has):
		return b, false // whatever stands there, nobody looks
	case !known:
		b.What, b.Fix = "field removed", "keep it optional until no producer sends it, drop it in the upcast, or set reader: tolerant"
		if p.upcast != nil && renames(p.upcast, p.against)[name] != "" {
			b.What += ", which the upcast calls " + renames(p.upcast, p.against)[name]
		}
		if !backward {
			b.What, b.Fix = "field added", "move readers first (backward is enough then), or set reader: tolerant in the old version"
		}
		return p.finish(b, with()), true
	case wants != has:
		b.What = p.words(fmt.Sprintf("<to> wants it %s, for <from> it is %s", spoken(wants), spoken(has)))
		b.Fix = "leave it in its class, move it in the upcast, or set reader: tolerant"
		return p.finish(b, with()), true
	}
	return p.values(b, name, has)
}

// calledBefore gives the name that a field had before the upcast; "" where that says nothing of it.
func (p *pair) calledBefore(name string) string {
	if p.upcast == nil {
		return ""
	}
	for was, now := range renames(p.upcast, p.against) {
		if now == name {
			return was
		}
	}
	return ""
}

// presumed reports whether a value is a prediction to the reader that stands among what is mandatory: nobody overlooks that.
func (p *pair) presumed(name string, has Class) bool {
	f := p.to.contract.Field(name)
	return has == Mandatory && f != nil && f.Class == ForwardLooking
}

func spoken(c Class) string { return strings.ReplaceAll(string(c), "_", "-") }

// values compares a field that both have in the same class by its schemas.
func (p *pair) values(b Break, name string, class Class) (Break, bool) {
	mine, theirs := p.from.schema(name), p.to.schema(name)
	b.about = aboutValues
	if b.What = lost(mine, theirs, p.from.contract.Version, p.to.contract.Version); b.What == "" {
		return b, false
	}
	b.Fix = "allow what the old version allows, or give the field with the new meaning a new name and map the old one in the upcast"
	if p.direction == Forward {
		b.Fix = "allow no more than the old version does, or move readers to the new version before producers (backward is enough then)"
	}
	return p.finish(b, p.carrying(name, class, p.counterexample(name))), true
}

// counterexample finds a value that is valid under the one schema and not under the other; nil where none is found.
func (p *pair) counterexample(name string) json.RawMessage {
	mine, theirs := p.from.compiled(name), p.to.compiled(name)
	if mine == nil || theirs == nil {
		return nil
	}
	for _, v := range samples(p.from.schema(name), p.to.schema(name)) {
		if v != nil && mine.Validate(v) == nil && theirs.Validate(v) != nil {
			return json.RawMessage(canonicalText(v))
		}
	}
	return nil
}

// sample finds a short valid value of a field, one that is valid on the other side as well where there is one; nil where none is found.
func (p *pair) sample(name string) json.RawMessage {
	v, known := p.found[name]
	if !known {
		v = p.sampled(name)
		p.found[name] = v
	}
	return v
}

func (p *pair) sampled(name string) json.RawMessage {
	mine := p.from.compiled(name)
	if mine == nil {
		return nil
	}
	list := samples(p.from.schema(name), p.to.schema(name))
	if theirs := p.to.compiled(name); theirs != nil && p.to.class[name] == p.from.class[name] {
		for _, v := range list {
			if v != nil && mine.Validate(v) == nil && theirs.Validate(v) == nil {
				return json.RawMessage(canonicalText(v))
			}
		}
	}
	v, ok := firstValid(list, mine)
	if !ok {
		return nil
	}
	return json.RawMessage(canonicalText(v))
}

// carrying is the smallest envelope of the one case where a field has a value, or, where class is "", is not there. Nil where there is none.
func (p *pair) carrying(name string, class Class, value json.RawMessage) *Envelope {
	e := &Envelope{}
	if class != "" {
		if value == nil {
			return nil
		}
		e.Put(class, name, value)
	}
	return e
}

// finish fills in what the envelope lacks to be valid in the one case, and what a break says of all that.
func (p *pair) finish(b Break, e *Envelope) Break {
	b.Direction, b.Against, b.Case, b.What = p.direction, p.against, p.caseName(), b.Field+": "+b.What
	from, to := p.from.contract.Version, p.to.contract.Version
	b.Breaks = fmt.Sprintf("producers of version %d: readers of version %d refuse what they send", from, to)
	if p.direction == Forward {
		b.Breaks = fmt.Sprintf("readers of version %d: they refuse what producers of version %d send", to, from)
	}
	if p.complete(e) {
		p.judge(&b, e)
	}
	return b
}

// complete adds the mandatory fields and the key insight.
func (p *pair) complete(e *Envelope) bool {
	if e == nil {
		return false
	}
	for _, name := range p.from.in(Mandatory) {
		if e.Mandatory[name] != nil {
			continue
		}
		v := p.sample(name)
		if v == nil {
			return false
		}
		e.Put(Mandatory, name, v)
	}
	if required, _ := p.from.contract.insightAsked(); required && e.KeyInsight == "" {
		e.KeyInsight = "a"
	}
	return true
}

// judge holds the witness to both sides: what a break shows is tried and not inferred.
func (p *pair) judge(b *Break, e *Envelope) {
	refused := func(k *kase) bool { valid, known := k.accepts(e, p.reader); return known && !valid }
	if valid, known := p.from.accepts(e, Strict); !valid || !known || !refused(p.to) {
		return
	}
	b.Witness, _ = json.Marshal(e)
	b.Certain = true
	for _, k := range p.rivals {
		b.Certain = b.Certain && refused(k)
	}
	if p.upcast != nil {
		b.Upcast, b.Mended = p.upcasts(e)
	}
}

// upcasts says what the upcast makes of a witness.
func (p *pair) upcasts(e *Envelope) (said string, mended bool) {
	made, err := p.upcast.Apply(*e)
	if err != nil {
		return "its upcast fails: " + err.Error(), false
	}
	for _, k := range p.rivals {
		if valid, known := k.accepts(&made, p.reader); !valid || !known {
			return "its upcast does not mend it", false
		}
	}
	return fmt.Sprintf("breaks without its upcast; with it such an envelope of version %d is read as version %d: %s", p.from.contract.Version, p.to.contract.Version,
		p.upcast.words()), true
}

// lost says which values of one schema are not under another, "" where all are: a proof. Null is no value.
func lost(a, b any, from, to int) string {
	if canonicalText(a) == canonicalText(b) {
		return ""
	}
	set, possible := conjunction(nil).conjoin(inline(a))
	if !possible {
		return ""
	}
	gaps := append(set, notNull).within(inline(b), "", newEffort())
	said := make([]string, 0, len(gaps))
	for _, g := range gaps[:min(len(gaps), 4)] {
		if g.path != "" {
			g.what = "at " + g.path + ": " + g.what
		}
		said = append(said, versions(g.what, from, to))
	}
	return strings.Join(said, "; ")
}

// words puts the versions in.
func (p *pair) words(what string) string {
	return versions(what, p.from.contract.Version, p.to.contract.Version)
}

func versions(what string, from, to int) string {
	return strings.NewReplacer("<from>", "v"+strconv.Itoa(from), "<to>", "v"+strconv.Itoa(to)).Replace(what)
}
