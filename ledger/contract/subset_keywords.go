package contract

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// concerns says which type of value a keyword is about; keywords of all types are not listed.
var concerns = map[string]string{
	"minimum": "number", "exclusiveMinimum": "number", "maximum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
	"minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
	"minItems": "array", "maxItems": "array", "uniqueItems": "array", "items": "array", "prefixItems": "array", "contains": "array",
	"minContains": "array", "maxContains": "array", "unevaluatedItems": "array",
	"required": "object", "properties": "object", "additionalProperties": "object", "patternProperties": "object", "propertyNames": "object",
	"minProperties": "object", "maxProperties": "object", "dependentRequired": "object", "dependentSchemas": "object", "unevaluatedProperties": "object",
}

// groups are the keywords that mean something only together.
var groups = map[string][]string{
	"contains": {"contains", "minContains", "maxContains"}, "minContains": {"contains", "minContains", "maxContains"},
	"maxContains": {"contains", "minContains", "maxContains"},
	"if":          {"if", "then", "else"}, "then": {"if", "then", "else"}, "else": {"if", "then", "else"},
}

// keywords holds the set to each keyword of b on its own: a value is valid under a schema where it is valid under all of them.
func (a conjunction) keywords(b map[string]any, path string, e effort) (gaps []gap) {
	types := a.types()
	whole := !slices.Contains(types, "number")
	for _, k := range keys(b) {
		about, some := concerns[k]
		numeric := about == "number" && slices.Contains(types, "integer")
		if isAnnotation(k) && (k != "$schema" || b[k] == Draft) || some && !numeric && !slices.Contains(types, about) {
			continue
		}
		g := gap{path: path}
		switch k {
		case "type":
			g.what = a.typeGap(types, typesOf(b[k]))
		case "enum", "const":
			g.what = "<to> allows only " + clip(canonicalText(b[k])) + ", <from> other values too"
		case "minimum", "exclusiveMinimum":
			g.what = endGap(k, a.lower(whole), edge{ratOf(b[k]), k != "minimum"}, 1)
		case "maximum", "exclusiveMaximum":
			g.what = endGap(k, a.upper(whole), edge{ratOf(b[k]), k != "maximum"}, -1)
		case "multipleOf":
			g.what = a.stepGap(ratOf(b[k]), whole)
		case "minLength", "minItems":
			g.what = a.countGap(b, k, true)
		case "maxLength", "maxItems":
			g.what = a.countGap(b, k, false)
		case "minProperties", "maxProperties":
			g.what = a.sizeGap(b, k)
		case "pattern", "format":
			if !a.has(b, k) {
				g.what, g.unsure = fmt.Sprintf("<to> has the %s %s, <from> not the same one, and patterns and formats cannot be compared", k, clip(canonicalText(b[k]))), true
			}
		case "uniqueItems":
			if most, ok := a.count("maxItems", false); b[k] == true && !a.has(b, k) && !(ok && most < 2) {
				g.what = "<to> wants items that differ, <from> does not"
			}
		case "items":
			gaps = append(gaps, a.itemsWithin(b[k], path, e)...)
		case "required":
			g.what = a.requiredGap(b)
		case "properties", "additionalProperties":
			if k == "properties" || b["properties"] == nil {
				gaps = append(gaps, a.propertiesWithin(b, path, e)...)
			}
		case "allOf", "anyOf", "oneOf", "not":
			gaps = append(gaps, a.combined(b, k, path, e)...)
		default:
			group := groups[k]
			if group == nil {
				group = []string{k}
			}
			// unevaluated… mean what the schemas around them leave over, and references what stands elsewhere.
			if b[k] != true && (strings.HasPrefix(k, "unevaluated") || strings.HasPrefix(k, "$") || !a.has(b, group...)) {
				g.what, g.unsure = fmt.Sprintf("%s cannot be compared", k), true
			}
		}
		if g.what != "" {
			gaps = append(gaps, g)
		}
	}
	return gaps
}

func (a conjunction) typeGap(old, allowed []string) string {
	var gone []string
	for _, t := range old {
		if !covers(allowed, t) {
			gone = append(gone, t)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	if len(gone) > 3 {
		return "<from> allows values of any type, <to> only " + strings.Join(allowed, " or ")
	}
	return fmt.Sprintf("<from> allows %s, <to> only %s", strings.Join(old, " or "), strings.Join(allowed, " or "))
}

// endGap says what a new end of a range leaves out; inward is the direction of the range from there.
func endGap(keyword string, old, now edge, inward int) string {
	switch {
	case now.at == nil:
		return "<to> has a " + keyword + " that cannot be read"
	case old.at == nil:
		return fmt.Sprintf("<to> has %s %s, <from> none", keyword, plainNumber(now.at))
	case old.at.Cmp(now.at)*inward > 0, old.at.Cmp(now.at) == 0 && (old.open || !now.open):
		return ""
	}
	return fmt.Sprintf("<to> has %s %s, <from> ends at %s", keyword, plainNumber(now.at), plainNumber(old.at))
}

// plainNumber writes a number as people do.
func plainNumber(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(12), "0")
}

func (a conjunction) stepGap(now *big.Rat, whole bool) string {
	if now == nil || now.Sign() <= 0 {
		return "<to> has a multipleOf that cannot be read"
	}
	divides := func(n *big.Rat) bool { return n != nil && new(big.Rat).Quo(n, now).IsInt() }
	for _, s := range a {
		if divides(ratOf(s["multipleOf"])) {
			return ""
		}
	}
	if whole && divides(big.NewRat(1, 1)) {
		return ""
	}
	return "<to> wants multiples of " + plainNumber(now) + ", <from> does not"
}

func (a conjunction) countGap(b map[string]any, k string, minimum bool) string {
	now, ok := countOf(b[k])
	old, had := a.count(k, minimum)
	switch {
	case !ok:
		return "<to> has a " + k + " that cannot be read"
	case minimum && now == 0, had && minimum && old >= now, had && !minimum && old <= now:
		return ""
	case !had:
		return fmt.Sprintf("<to> has %s %d, <from> none", k, now)
	}
	return fmt.Sprintf("<to> has %s %d, <from> %d", k, now, old)
}

// sizeGap compares how many properties there are; the required ones are there, and where none but the listed are allowed there are no more.
func (a conjunction) sizeGap(b map[string]any, k string) string {
	n, ok := countOf(b[k])
	if k == "minProperties" && ok && len(a.required()) >= n {
		return ""
	}
	if k == "maxProperties" && ok {
		for _, s := range a {
			if props, _ := s["properties"].(map[string]any); s["additionalProperties"] == false && s["patternProperties"] == nil && len(props) <= n {
				return ""
			}
		}
	}
	return a.countGap(b, k, k == "minProperties")
}

// required lists the properties that are always there, sorted.
func (a conjunction) required() []string {
	names := map[string]bool{}
	for _, s := range a {
		list, _ := s["required"].([]any)
		for _, v := range list {
			if name, ok := v.(string); ok {
				names[name] = true
			}
		}
	}
	return keys(names)
}

func (a conjunction) requiredGap(b map[string]any) string {
	var more []string
	have := a.required()
	for _, name := range (conjunction{b}).required() {
		if !slices.Contains(have, name) {
			more = append(more, strconv.Quote(name))
		}
	}
	if len(more) == 0 {
		return ""
	}
	return "<to> requires the property " + strings.Join(more, ", ") + ", <from> does not"
}

// property gives what values of a property are; ok is false where it is never there.
func (a conjunction) property(name string) (out conjunction, ok bool) {
	ok = true
	for _, s := range a {
		props, _ := s["properties"].(map[string]any)
		schema, there := props[name]
		if !there {
			schema, there = s["additionalProperties"]
			there = there && s["patternProperties"] == nil
		}
		if there && ok {
			out, ok = out.conjoin(schema)
		}
	}
	return out, ok
}

// other gives what values of a property are that no schema names; ok is false where there is none.
func (a conjunction) other() (out conjunction, ok bool) {
	ok = true
	for _, s := range a {
		if schema, there := s["additionalProperties"]; there && ok && s["patternProperties"] == nil {
			out, ok = out.conjoin(schema)
		}
	}
	return out, ok
}
