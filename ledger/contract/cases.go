package contract

import (
	"slices"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// kase is a contract as it is for some handoffs: one of its variants, or none. It is what envelopes are compared by.
type kase struct {
	contract *Contract
	variant  string           // "" for no variant
	when     string           // its guard
	class    map[string]Class // of every field that is passed
	schemas  map[string]*jsonschema.Schema
}

// cases lists the cases of a contract: no variant first, then the variants in their order.
func (c *Contract) cases() []*kase {
	out := []*kase{c.kase(&Variant{})}
	for i := range c.Variants {
		out = append(out, c.kase(&c.Variants[i]))
	}
	return out
}

func (c *Contract) kase(v *Variant) *kase {
	k := &kase{contract: c, variant: v.Name, when: v.When, class: make(map[string]Class, len(c.Fields))}
	for i := range c.Fields {
		k.class[c.Fields[i].Name] = c.Fields[i].Class
	}
	for _, name := range v.Mandatory {
		k.class[name] = Mandatory
	}
	for _, name := range v.Optional {
		k.class[name] = Optional
	}
	for _, name := range v.Omit {
		delete(k.class, name)
	}
	return k
}

// place is how findings name the case: nothing, or variant/<name>.
func (k *kase) place() string {
	if k.variant == "" {
		return ""
	}
	return "variant/" + k.variant
}

// in lists the fields of a class, in the document's order.
func (k *kase) in(class Class) (names []string) {
	for i := range k.contract.Fields {
		if name := k.contract.Fields[i].Name; k.class[name] == class && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (k *kase) schema(field string) any {
	if f := k.contract.Field(field); f != nil {
		return readSchema(f.Schema)
	}
	return true
}

// compiled gives the validator of a field's schema; nil where it does not compile.
func (k *kase) compiled(field string) *jsonschema.Schema {
	if s, ok := k.schemas[field]; ok {
		return s
	}
	if k.schemas == nil {
		k.schemas = map[string]*jsonschema.Schema{}
	}
	s, err := validatorOf(k.schema(field))
	if err != nil {
		s = nil
	}
	k.schemas[field] = s
	return s
}

// insightAsked gives what the contract asks of the key insight: whether it must be there, and its longest length in letters.
func (c *Contract) insightAsked() (required bool, most int) {
	k := c.insight()
	return k.Required, k.Max
}

// accepts reports whether an envelope is valid in this case, read by a strict or a tolerant reader; known is false where that
// cannot be said because a schema does not compile.
func (k *kase) accepts(e *Envelope, r Reader) (valid, known bool) {
	required, most := k.contract.insightAsked()
	if n := utf8.RuneCountInString(e.KeyInsight); n > most || required && n == 0 {
		return false, true
	}
	for _, name := range k.in(Mandatory) {
		if v, there := e.Mandatory[name]; !there || string(v) == "null" {
			return false, true
		}
	}
	for name, m := range e.Fields {
		if f := k.contract.Field(name); f != nil && f.Classification != "" && m.Classification != "" && m.Classification != f.Classification {
			return false, true
		}
	}
	for _, class := range Classes() {
		for name, raw := range e.In(class) {
			if string(raw) == "null" {
				continue
			}
			if k.class[name] != class {
				f := k.contract.Field(name)
				if r == Tolerant && !(class == Mandatory && f != nil && f.Class == ForwardLooking) {
					continue
				}
				return false, true
			}
			s := k.compiled(name)
			v, err := decode(raw)
			if s == nil || err != nil {
				return false, false
			}
			if s.Validate(v) != nil {
				return false, true
			}
		}
	}
	return true, true
}
