package contract

import (
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// validatorOf makes a validator of a decoded schema, by the rules for the schemas of fields.
func validatorOf(schema any) (*jsonschema.Schema, error) {
	return compileSchema(json.RawMessage(canonicalText(schema)))
}

// maxUnfolded is how many parts a schema may have once references are put into their places: checking a value may look at each of them.
const maxUnfolded = 20_000

// unfolded counts the parts of a schema with references in their places, up to a little more than maxUnfolded. A reference that comes
// back to itself counts once: what that costs is up to the value.
func unfolded(root any) int {
	counts := map[string]int{}
	var count func(v any) int
	follow := func(ref string) int {
		n, known := counts[ref]
		if !known {
			counts[ref] = 1
			if target, ok := resolve(root, ref); ok {
				n = count(target)
			}
			counts[ref] = n
		}
		return n
	}
	count = func(v any) int {
		n := 1
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				n = min(n+count(one), maxUnfolded+1)
			}
		case map[string]any:
			for _, k := range keys(v) {
				switch ref, isText := v[k].(string); {
				case k == "$defs" || k == "definitions": // counted where they are referred to
				case k == "$ref" && isText:
					n = min(n+follow(ref), maxUnfolded+1)
				default:
					n = min(n+count(v[k]), maxUnfolded+1)
				}
			}
		}
		return n
	}
	return count(root)
}

// annotations are the keywords that say nothing about which values are valid.
var annotations = []string{"$comment", "$anchor", "$defs", "$schema", "$id", "title", "description", "default", "examples", "deprecated", "readOnly",
	"writeOnly", "contentEncoding", "contentMediaType", "contentSchema", "definitions"}

func isAnnotation(keyword string) bool {
	return strings.HasPrefix(keyword, "x-") || slices.Contains(annotations, keyword)
}

// refers reports whether a schema, or a part of it, means something that stands elsewhere.
func refers(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			if strings.HasPrefix(k, "$") && strings.HasSuffix(strings.ToLower(k), "ref") || k == "$schema" && member != Draft || refers(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, refers)
	}
	return false
}

// inline puts what references within a schema refer to into their places, so that parts can be compared on their own. References that
// come back to themselves stay, and so do those that lead nowhere.
func inline(schema any) any {
	if named(schema, "$id") { // references would be relative to that
		return schema
	}
	in := &inliner{root: schema, left: maxSteps}
	return in.schema(schema, nil)
}

// named reports whether a document has a member of a name anywhere.
func named(v any, name string) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return named(one, name) })
	case map[string]any:
		for k, member := range v {
			if k == name || named(member, name) {
				return true
			}
		}
	}
	return false
}

type inliner struct {
	root any
	left int // schemas that may still be copied: references to references multiply
}

// schema copies a schema; open are the references that it is in.
func (in *inliner) schema(v any, open []string) any {
	m, ok := v.(map[string]any)
	if in.left--; in.left < 0 || !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for k, member := range m {
		switch {
		case k == "$ref", k == "$defs", k == "definitions":
		case k == "properties" || k == "patternProperties" || k == "dependentSchemas":
			parts, _ := member.(map[string]any)
			copied := make(map[string]any, len(parts))
			for name, part := range parts {
				copied[name] = in.schema(part, open)
			}
			out[k] = copied
		case k == "allOf" || k == "anyOf" || k == "oneOf" || k == "prefixItems":
			list, _ := member.([]any)
			copied := make([]any, len(list))
			for i, part := range list {
				copied[i] = in.schema(part, open)
			}
			out[k] = copied
		case k == "const" || k == "enum" || k == "default" || k == "examples" || k == "dependentRequired" || k == "dependencies":
			out[k] = member
		default:
			out[k] = in.schema(member, open)
		}
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return out
	}
	target, found := resolve(in.root, ref)
	if !found || slices.Contains(open, ref) || in.left < 0 {
		out["$ref"] = ref
		return out
	}
	all, _ := out["allOf"].([]any)
	out["allOf"] = append(slices.Clone(all), in.schema(target, append(slices.Clone(open), ref)))
	return out
}

// resolve follows a JSON Pointer (RFC 6901) in a fragment through a document.
func resolve(root any, ref string) (target any, ok bool) {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok || path != "" && path[0] != '/' || strings.Contains(path, "%") {
		return nil, false
	}
	target = root
	for _, name := range strings.Split(path, "/")[1:] {
		m, isMap := target.(map[string]any)
		if target, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; !isMap || !ok {
			return nil, false
		}
	}
	return target, true
}

// conjunction is a set of values: those that are valid under all of its schemas.
type conjunction []map[string]any

// conjoin adds a schema; ok is false where nothing is valid under it. What allOf lists holds as well.
func (a conjunction) conjoin(schema any) (out conjunction, ok bool) {
	switch s := schema.(type) {
	case bool:
		return a, s
	case map[string]any:
		out, ok = append(slices.Clone(a), s), true
		list, _ := s["allOf"].([]any)
		for _, part := range list {
			if ok {
				out, ok = out.conjoin(part)
			}
		}
		return out, ok
	}
	return a, true // unreadable: any value, which is more than it may mean
}

// has reports whether one of the schemas says the same with a group of keywords.
func (a conjunction) has(b map[string]any, group ...string) bool {
	for _, k := range group {
		if refers(b[k]) {
			return false
		}
	}
	return slices.ContainsFunc(a, func(s map[string]any) bool {
		return !slices.ContainsFunc(group, func(k string) bool {
			mine, here := s[k]
			theirs, there := b[k]
			return here != there || !reflect.DeepEqual(mine, theirs)
		})
	})
}

// typesOf reads the keyword type.
func typesOf(v any) (types []string) {
	switch v := v.(type) {
	case string:
		types = []string{v}
	case []any:
		for _, t := range v {
			if s, ok := t.(string); ok {
				types = append(types, s)
			}
		}
	}
	return types
}

// covers reports whether values of a type are among those of a list of types.
func covers(types []string, t string) bool {
	return slices.Contains(types, t) || t == "integer" && slices.Contains(types, "number")
}

// types lists the types that values can have; integer is listed beside number only where number is not.
func (a conjunction) types() []string {
	out := []string{"object", "array", "string", "number", "boolean", "null"}
	for _, s := range a {
		v, ok := s["type"]
		if !ok {
			continue
		}
		var both []string
		for _, t := range typesOf(v) {
			switch {
			case covers(out, t):
				both = append(both, t)
			case t == "number" && slices.Contains(out, "integer"):
				both = append(both, "integer")
			}
		}
		out = both
	}
	if i := slices.Index(out, "number"); i >= 0 {
		if slices.Contains(out, "integer") {
			out = slices.DeleteFunc(out, func(t string) bool { return t == "integer" })
		} else if a.step() != nil && a.step().IsInt() {
			out[i] = "integer"
		}
	}
	return out
}

// step is a number that all numbers are multiples of; nil where there is none.
func (a conjunction) step() *big.Rat {
	for _, s := range a {
		if m := ratOf(s["multipleOf"]); m != nil && m.Sign() > 0 {
			return m
		}
	}
	return nil
}

// ratOf reads a number exactly. Nil for anything else, and for numbers of exponents that nobody means.
func ratOf(v any) *big.Rat {
	n, ok := v.(json.Number)
	if !ok || len(n) > 400 {
		return nil
	}
	if i := strings.IndexAny(string(n), "eE"); i >= 0 && len(n)-i > 4 {
		return nil
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil
	}
	return r
}

// countOf reads a whole number that is not negative, as lengths are; ok is false for anything else.
func countOf(v any) (n int, ok bool) {
	r := ratOf(v)
	if r == nil || !r.IsInt() || r.Sign() < 0 || !r.Num().IsInt64() || r.Num().Int64() > 1<<40 {
		return 0, false
	}
	return int(r.Num().Int64()), true
}

// edge is one end of a range of numbers.
type edge struct {
	at   *big.Rat // nil: open
	open bool     // the number itself is outside
}

// lower and upper are the narrowest ends that the schemas state; for whole numbers they are numbers that are inside.
func (a conjunction) lower(whole bool) edge { return a.end("minimum", "exclusiveMinimum", 1, whole) }
func (a conjunction) upper(whole bool) edge { return a.end("maximum", "exclusiveMaximum", -1, whole) }

// end finds the narrowest of a keyword and its exclusive twin; inward is the direction of the range from there.
func (a conjunction) end(keyword, exclusive string, inward int, whole bool) (b edge) {
	for _, s := range a {
		for _, c := range []edge{{ratOf(s[keyword]), false}, {ratOf(s[exclusive]), true}} {
			if c.at == nil {
				continue
			}
			if b.at == nil || c.at.Cmp(b.at)*inward > 0 || c.at.Cmp(b.at) == 0 && c.open {
				b = c
			}
		}
	}
	if whole && b.at != nil {
		b = edge{at: inside(b, inward)}
	}
	return b
}

// inside is the first whole number inside an edge.
func inside(b edge, inward int) *big.Rat {
	n := new(big.Int).Div(b.at.Num(), b.at.Denom()) // rounds towards minus infinity: the denominator is positive
	if !b.at.IsInt() && inward > 0 || b.at.IsInt() && b.open {
		n.Add(n, big.NewInt(1))
		if b.at.IsInt() && inward < 0 {
			n.Sub(n, big.NewInt(2))
		}
	}
	return new(big.Rat).SetInt(n)
}

// count is the narrowest of a keyword that counts: the largest of minima, the smallest of maxima. ok is false where nobody says it.
func (a conjunction) count(keyword string, minimum bool) (n int, ok bool) {
	for _, s := range a {
		if c, there := countOf(s[keyword]); there && (!ok || minimum == (c > n)) {
			n, ok = c, true
		}
	}
	return n, ok
}
