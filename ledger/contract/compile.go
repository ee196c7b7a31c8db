package contract

import (
	"slices"

	"cel.dev/cel-go/cel"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-ledger/baton/ledger"
)

const opCompile = "compile contract"

// Omitted is what [Compiled.Effective] says of a field that a variant does not pass.
const Omitted Class = "omitted"

// Compiled is a version of a contract that is ready to check. It is safe for concurrent use, and never changes.
type Compiled struct {
	contract *Contract
	fields   []field
	places   map[string]int // of fields, by name
	base     []int          // class of each field, as a place in Classes()
	variants []variant
	strict   bool
	insight  KeyInsight
}

// field is one field's check: a rule, or the library's schema where that says more, or neither where any value will do.
type field struct {
	*Field
	rule *rule
	deep *jsonschema.Schema
}

// variant is one variant's classes and guard.
type variant struct {
	name    string
	guard   cel.Program
	reads   []string // fields that the guard asks for
	whole   bool     // it asks for all of them
	classes []int
}

// Compile makes a contract that [Parse] gave ready to check: every field's schema, every variant's guard. Errors are CodeInvalid and name the field or
// the variant. The contract must not be changed after it.
//
// Schemas are JSON Schema 2020-12. Formats are asserted, as jsonschema/v6 does; patterns are RE2 and not ECMA-262: they take linear time, and have
// no look-around and no back-references. What a schema refers to must be within it.
func Compile(c *Contract) (*Compiled, error) {
	k := &Compiled{contract: c, fields: make([]field, len(c.Fields)), places: make(map[string]int, len(c.Fields)), base: make([]int, len(c.Fields)),
		strict: c.Reader != Tolerant, insight: c.insight()}
	for i := range c.Fields {
		f := &c.Fields[i]
		if _, twice := k.places[f.Name]; twice {
			return nil, ledger.Errorf(ledger.CodeInvalid, opCompile, "list it once", "field %q stands there twice", f.Name)
		}
		k.places[f.Name], k.base[i] = i, f.Class.place()
		if err := k.fields[i].compile(f); err != nil {
			return nil, ledger.Errorf(ledger.CodeInvalid, opCompile, "see JSON Schema 2020-12, https://json-schema.org", "field %q, schema: %w", f.Name, err)
		}
	}
	for i := range c.Variants {
		v, err := k.variant(&c.Variants[i])
		if err != nil {
			return nil, err
		}
		k.variants = append(k.variants, v)
	}
	return k, nil
}

func (f *field) compile(of *Field) error {
	f.Field = of
	if len(of.Schema) == 0 {
		return nil
	}
	s, err := compileSchema(of.Schema)
	if err != nil || s.Bool != nil && *s.Bool {
		return err
	}
	var ok bool
	if f.rule, ok = newRule(s); !ok {
		f.deep = s
	}
	return nil
}

// place is where a class stands in Classes().
func (c Class) place() int {
	for i, one := range Classes() {
		if c == one {
			return i
		}
	}
	return omitted
}

func (k *Compiled) variant(v *Variant) (variant, error) {
	for _, other := range k.variants {
		if other.name == v.Name {
			return variant{}, ledger.Errorf(ledger.CodeInvalid, opCompile, "give each variant a name of its own", "variant %q stands there twice", v.Name)
		}
	}
	known := make(map[string]bool, len(k.places))
	for name := range k.places {
		known[name] = true
	}
	if err := k.contract.checkVariant(v, known); err != nil {
		return variant{}, err
	}
	guard, err := guards.Compile(v.When)
	if err != nil {
		return variant{}, ledger.Errorf(ledger.CodeInvalid, opCompile, ledger.HintOf(err), "variant %q: %w", v.Name, err)
	}
	out := variant{name: v.Name, guard: guard, classes: k.contract.classes(v)}
	out.reads, out.whole = guards.Reads(v.When, "fields")
	for _, name := range out.reads {
		if _, known := k.places[name]; !known {
			out.whole = true
		}
	}
	return out, nil
}

// classes gives the class of each field in a variant, in the document's order; a nil variant is the fields as they are.
func (c *Contract) classes(v *Variant) []int {
	out := make([]int, len(c.Fields))
	for i := range c.Fields {
		out[i] = c.Fields[i].Class.place()
		if v != nil {
			name := c.Fields[i].Name
			switch {
			case slices.Contains(v.Omit, name):
				out[i] = omitted
			case slices.Contains(v.Mandatory, name):
				out[i] = mandatory
			case slices.Contains(v.Optional, name):
				out[i] = optional
			}
		}
	}
	return out
}

// insight is what the contract asks of the key insight, Max filled in.
func (c *Contract) insight() KeyInsight {
	var k KeyInsight
	if c.KeyInsight != nil {
		k = *c.KeyInsight
	}
	if k.Max <= 0 {
		k.Max = DefaultInsight
	}
	return k
}

// Variant gives a variant by its name, nil where there is none.
func (c *Contract) Variant(name string) *Variant {
	for i := range c.Variants {
		if c.Variants[i].Name == name {
			return &c.Variants[i]
		}
	}
	return nil
}

// Contract is what was compiled.
func (k *Compiled) Contract() *Contract { return k.contract }

// Effective gives every field's class in a variant, [Omitted] where the variant does not pass it; "" are the fields as they are. It is nil
// where the contract has no such variant.
func (k *Compiled) Effective(variant string) map[string]Class {
	var v *Variant
	if variant != "" {
		if v = k.contract.Variant(variant); v == nil {
			return nil
		}
	}
	names := append(Classes(), Omitted)
	out := make(map[string]Class, len(k.fields))
	for i, class := range k.contract.classes(v) {
		out[k.fields[i].Name] = names[class]
	}
	return out
}
