package contract

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// rule is a schema that speaks of one value without looking into it: type, enum, const, bounds, lengths, pattern, format. Most schemas of
// fields are such, and are checked on the bytes as they came; all others are the library's, see [deep]. A rule passes exactly
// what the library does: TestChecksAgree holds them against each other.
type rule struct {
	kinds    kinds // that pass
	integer  bool  // of numbers, integers alone pass
	sets     []set // const and enum
	format   *jsonschema.Format
	quick    func([]byte) bool // says of most texts that they have the format; where it does not, the format is asked
	least    *bound            // minimum, exclusiveMinimum
	most     *bound            // maximum, exclusiveMaximum
	above    *bound
	below    *bound
	multiple *divisor
	step     string // the divisor, as it is written
	shortest int    // minLength, 0 where there is none
	longest  int    // maxLength, -1 where there is none
	pattern  *regexp.Regexp
}

// kinds is a set of kinds, a bit each.
type kinds uint8

const anyKind kinds = 1<<null | 1<<boolean | 1<<number | 1<<text | 1<<array | 1<<object

func (k kinds) has(one kind) bool { return k&(1<<one) != 0 }

// bound is a number that values are compared with.
type bound struct {
	decimal
	written string
}

// newRule makes a rule of a compiled schema; ok is false where the schema says more than a rule can.
func newRule(s *jsonschema.Schema) (r *rule, ok bool) {
	if !flat(s) {
		return nil, false
	}
	r = &rule{kinds: anyKind, longest: -1, format: s.Format}
	if s.Types != nil {
		r.kinds, r.integer = kindsOf(s.Types.ToStrings())
	}
	if s.Const != nil && !r.addSet([]any{*s.Const}) || s.Enum != nil && !r.addSet(s.Enum.Values) {
		return nil, false
	}
	if s.Pattern != nil {
		if r.pattern, ok = s.Pattern.(*regexp.Regexp); !ok {
			return nil, false
		}
	}
	if s.Format != nil {
		r.quick = quickFormats[s.Format.Name]
	}
	r.least, r.most, r.above, r.below = newBound(s.Minimum), newBound(s.Maximum), newBound(s.ExclusiveMinimum), newBound(s.ExclusiveMaximum)
	if s.MinLength != nil {
		r.shortest = *s.MinLength
	}
	if s.MaxLength != nil {
		r.longest = *s.MaxLength
	}
	if b := newBound(s.MultipleOf); b != nil {
		d, ok := newDivisor(b.decimal)
		if !ok {
			return nil, false
		}
		r.multiple, r.step = &d, b.written
	}
	return r, true
}

// flat reports whether a schema looks into no value, and refers to no other schema.
func flat(s *jsonschema.Schema) bool {
	switch {
	case s.Bool != nil, s.Ref != nil, s.RecursiveRef != nil, s.DynamicRef != nil, s.Not != nil, s.AllOf != nil, s.AnyOf != nil, s.OneOf != nil, s.If != nil,
		s.MaxProperties != nil, s.MinProperties != nil, s.Required != nil, s.PropertyNames != nil, s.Properties != nil, s.PatternProperties != nil,
		s.AdditionalProperties != nil, s.Dependencies != nil, s.DependentRequired != nil, s.DependentSchemas != nil, s.UnevaluatedProperties != nil,
		s.MinItems != nil, s.MaxItems != nil, s.UniqueItems, s.Contains != nil, s.Items != nil, s.AdditionalItems != nil, s.PrefixItems != nil,
		s.Items2020 != nil, s.UnevaluatedItems != nil, s.ContentEncoding != nil, s.ContentMediaType != nil, s.ContentSchema != nil, s.Extensions != nil:
		return false
	}
	return true
}

func kindsOf(types []string) (k kinds, integer bool) {
	for _, t := range types {
		switch t {
		case "null":
			k |= 1 << null
		case "boolean":
			k |= 1 << boolean
		case "number":
			k |= 1 << number
		case "integer":
			integer = true
		case "string":
			k |= 1 << text
		case "array":
			k |= 1 << array
		case "object":
			k |= 1 << object
		}
	}
	if integer && k.has(number) {
		integer = false
	} else if integer {
		k |= 1 << number
	}
	return k, integer
}

// newBound writes a number of a schema in full. Such numbers were decimal, so that this ends.
func newBound(r *big.Rat) *bound {
	if r == nil {
		return nil
	}
	places, _ := r.FloatPrec()
	written := r.FloatString(places)
	return &bound{decimal: readDecimal([]byte(written)), written: written}
}

// check says what is wrong with a value and how to mend it, "" where nothing is. It never repeats the value.
func (r *rule) check(s *scanner, v span) string {
	if !r.kinds.has(v.kind) {
		return "is " + v.kind.String() + "; send " + r.wanted()
	}
	switch v.kind {
	case text:
		return r.checkText(s.letters(v))
	case number:
		return r.checkNumber(readDecimal(s.data[v.from:v.to]))
	}
	for i := range r.sets {
		if !r.sets[i].hasOther(v.kind, v.kind == boolean && s.data[v.from] == 't') {
			return r.sets[i].outside()
		}
	}
	return ""
}

func (r *rule) checkText(letters []byte) string {
	for i := range r.sets {
		if !r.sets[i].hasText(letters) {
			return r.sets[i].outside()
		}
	}
	if r.format != nil && (r.quick == nil || !r.quick(letters)) && r.format.Validate(string(letters)) != nil {
		return "is not of the format " + r.format.Name + formatExample(r.format.Name)
	}
	if r.shortest > 0 || r.longest >= 0 && len(letters) > r.longest { // a letter has a byte at least
		n := utf8.RuneCount(letters)
		if n < r.shortest {
			return fmt.Sprintf("has %d letters; send at least %d", n, r.shortest)
		}
		if r.longest >= 0 && n > r.longest {
			return fmt.Sprintf("has %d letters; send at most %d", n, r.longest)
		}
	}
	if r.pattern != nil && !r.pattern.Match(letters) {
		return "does not match the pattern " + r.pattern.String() + "; send a text that does"
	}
	return ""
}

func (r *rule) checkNumber(d decimal) string {
	if r.integer && !d.whole() {
		return "is a number with a fraction; send " + r.wanted()
	}
	for i := range r.sets {
		if !r.sets[i].hasNumber(d) {
			return r.sets[i].outside()
		}
	}
	switch {
	case r.least != nil && d.compare(r.least.decimal) < 0:
		return "is too small; send at least " + r.least.written
	case r.most != nil && d.compare(r.most.decimal) > 0:
		return "is too large; send at most " + r.most.written
	case r.above != nil && d.compare(r.above.decimal) <= 0:
		return "is too small; send more than " + r.above.written
	case r.below != nil && d.compare(r.below.decimal) >= 0:
		return "is too large; send less than " + r.below.written
	case r.multiple != nil && !d.multiple(*r.multiple):
		return "is no multiple of " + r.step + "; send one"
	}
	return ""
}

// String names a kind with its article.
func (k kind) String() string {
	return [...]string{"absent", "null", "true or false", "a number", "a text", "an array", "an object"}[k]
}

// wanted lists the kinds that pass.
func (r *rule) wanted() string {
	var names []string
	for k := null; k <= object; k++ {
		switch {
		case !r.kinds.has(k):
		case k == number && r.integer:
			names = append(names, "a whole number")
		default:
			names = append(names, k.String())
		}
	}
	return strings.Join(names, " or ")
}
