package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// The oracle of comparisons: a contract as one whole JSON Schema, judged by a validator that knows nothing of how versions are compared.

// whole writes the schema of the envelopes of a case. Null counts as absent; undeclared fields are refused by a strict reader.
func whole(t rapid.TB, c *Contract, variant string, r Reader) *jsonschema.Schema {
	class := map[string]Class{}
	for _, f := range c.Fields {
		class[f.Name] = f.Class
	}
	for _, v := range c.Variants {
		if v.Name != variant {
			continue
		}
		for _, n := range v.Mandatory {
			class[n] = Mandatory
		}
		for _, n := range v.Optional {
			class[n] = Optional
		}
		for _, n := range v.Omit {
			delete(class, n)
		}
	}
	s := jsonschema.NewCompiler()
	s.DefaultDraft(jsonschema.Draft2020)
	s.AssertFormat()
	null := map[string]any{"type": "null"}
	parts, required := map[string]any{}, []any{}
	for _, k := range Classes() {
		props, need := map[string]any{}, []any{}
		for _, f := range c.Fields {
			if class[f.Name] != k {
				if r == Tolerant && k == Mandatory && f.Class == ForwardLooking {
					props[f.Name] = null // a prediction among what is mandatory is never overlooked
				}
				continue
			}
			if err := s.AddResource("field:"+f.Name, readSchema(f.Schema)); err != nil { // of its own: references are within the field
				t.Fatal(err)
			}
			value := map[string]any{"$ref": "field:" + f.Name}
			if k == Mandatory {
				props[f.Name] = map[string]any{"allOf": []any{value, map[string]any{"not": null}}}
				need = append(need, f.Name)
			} else {
				props[f.Name] = map[string]any{"anyOf": []any{null, value}}
			}
		}
		object := map[string]any{"type": "object", "properties": props, "required": need}
		if r == Strict {
			object["additionalProperties"] = null
		}
		if len(need) > 0 {
			required = append(required, string(k))
		}
		parts[string(k)] = object
	}
	insight := map[string]any{"type": "string", "maxLength": json.Number("280")}
	if c.KeyInsight != nil {
		if c.KeyInsight.Max > 0 {
			insight["maxLength"] = json.Number(fmt.Sprint(c.KeyInsight.Max))
		}
		if c.KeyInsight.Required {
			insight["minLength"] = json.Number("1")
			required = append(required, "key_insight")
		}
	}
	parts["key_insight"] = insight
	known := map[string]any{}
	for _, f := range c.Fields {
		if f.Classification != "" {
			known[f.Name] = map[string]any{"properties": map[string]any{"classification": map[string]any{"const": f.Classification}}}
		}
	}
	parts["fields"] = map[string]any{"type": "object", "properties": known}
	if err := s.AddResource("whole", map[string]any{"type": "object", "properties": parts, "required": required}); err != nil {
		t.Fatal(err)
	}
	out, err := s.Compile("whole")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var guardTexts = []string{`channel == "chat"`, `fields.amount > 500.0`, `segment == "gold"`}

// chosen is the variant that a contract takes where some guards hold.
func chosen(c *Contract, holds map[string]bool) string {
	for _, v := range c.Variants {
		if holds[v.When] {
			return v.Name
		}
	}
	return ""
}

// everyHolding lists what guards can say together.
func everyHolding() (out []map[string]bool) {
	for bits := range 1 << len(guardTexts) {
		holds := map[string]bool{}
		for i, g := range guardTexts {
			holds[g] = bits>>i&1 == 1
		}
		out = append(out, holds)
	}
	return out
}

// drawSchema draws a schema of the keywords that comparisons decide, and a few that they do not.
func drawSchema(t *rapid.T, depth int) any {
	number := func(name string) json.Number {
		return json.Number(rapid.SampledFrom([]string{"-3", "-1", "0", "0.5", "1", "1.0", "2", "3", "10", "2.5", "500"}).Draw(t, name))
	}
	count := func(name string) json.Number {
		return json.Number(fmt.Sprint(rapid.IntRange(0, 4).Draw(t, name)))
	}
	maybe := func(s map[string]any, k string, v func(string) json.Number) {
		if rapid.IntRange(0, 2).Draw(t, k+"?") == 0 {
			s[k] = v(k)
		}
	}
	kinds := []string{"string", "number", "integer", "boolean", "enum", "any", "types", "string", "number", "const", "false"}
	if depth < 2 {
		kinds = append(kinds, "array", "object", "anyOf", "oneOf", "allOf", "not", "object", "array", "if")
	}
	if depth == 0 {
		kinds = append(kinds, "ref")
	}
	s := map[string]any{}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "false":
		return rapid.IntRange(0, 3).Draw(t, "bool") > 0
	case "any":
		return s
	case "boolean":
		s["type"] = kind
	case "types":
		s["type"] = []any{"string", rapid.SampledFrom([]string{"number", "null", "integer", "array"}).Draw(t, "second")}
		maybe(s, "minLength", count)
		maybe(s, "minimum", number)
	case "string":
		s["type"] = kind
		maybe(s, "minLength", count)
		maybe(s, "maxLength", count)
		if rapid.IntRange(0, 4).Draw(t, "pattern?") == 0 {
			s["pattern"] = rapid.SampledFrom([]string{"^a", "^[a-z]+$", "1$", "^order-[0-9]{2}"}).Draw(t, "pattern")
		}
		if rapid.IntRange(0, 6).Draw(t, "format?") == 0 {
			s["format"] = rapid.SampledFrom([]string{"date", "email", "unknown"}).Draw(t, "format")
		}
	case "number", "integer":
		if rapid.IntRange(0, 5).Draw(t, "typed") > 0 {
			s["type"] = kind
		}
		for _, k := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
			maybe(s, k, number)
		}
		if rapid.IntRange(0, 3).Draw(t, "step?") == 0 {
			s["multipleOf"] = json.Number(rapid.SampledFrom([]string{"0.5", "1", "2", "3", "5"}).Draw(t, "step"))
		}
	case "enum":
		all := []any{"a", "b", "c", json.Number("1"), json.Number("2"), true, nil, []any{}, map[string]any{"x": json.Number("1")}}
		s["enum"] = rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, func(v any) string { return canonicalText(v) }).Draw(t, "enum")
	case "const":
		s["const"] = rapid.SampledFrom([]any{"a", json.Number("1"), json.Number("1.0"), false}).Draw(t, "const")
	case "array":
		s["type"] = kind
		maybe(s, "minItems", count)
		maybe(s, "maxItems", count)
		if rapid.Bool().Draw(t, "items?") {
			s["items"] = drawSchema(t, depth+1)
		}
		if rapid.IntRange(0, 3).Draw(t, "unique?") == 0 {
			s["uniqueItems"] = true
		}
		if rapid.IntRange(0, 5).Draw(t, "prefix?") == 0 {
			s["prefixItems"] = []any{drawSchema(t, depth+1)}
		}
		if rapid.IntRange(0, 5).Draw(t, "contains?") == 0 {
			s["contains"] = drawSchema(t, depth+1)
		}
	case "object":
		if rapid.IntRange(0, 5).Draw(t, "typed") > 0 {
			s["type"] = kind
		}
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3, rapid.ID).Draw(t, "properties")
		props := map[string]any{}
		for _, n := range names {
			props[n] = drawSchema(t, depth+1)
		}
		s["properties"] = props
		need := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 2, rapid.ID).Draw(t, "required")
		if len(need) > 0 {
			list := []any{}
			for _, n := range need {
				list = append(list, n)
			}
			s["required"] = list
		}
		switch rapid.IntRange(0, 4).Draw(t, "additional") {
		case 0:
			s["additionalProperties"] = false
		case 1:
			s["additionalProperties"] = drawSchema(t, depth+1)
		}
		if rapid.IntRange(0, 5).Draw(t, "pattern?") == 0 {
			s["patternProperties"] = map[string]any{"^x": drawSchema(t, depth+1)}
		}
		if rapid.IntRange(0, 4).Draw(t, "size?") == 0 {
			s[rapid.SampledFrom([]string{"minProperties", "maxProperties"}).Draw(t, "size")] = count("properties")
		}
		if rapid.IntRange(0, 6).Draw(t, "names?") == 0 {
			s["propertyNames"] = drawSchema(t, depth+1)
		}
		if rapid.IntRange(0, 6).Draw(t, "unevaluated?") == 0 {
			s["unevaluatedProperties"] = false
		}
	case "anyOf", "oneOf", "allOf":
		s[kind] = []any{drawSchema(t, depth+1), drawSchema(t, depth+1)}
		if rapid.IntRange(0, 2).Draw(t, "more") == 0 {
			maybe(s, "minimum", number)
			maybe(s, "minLength", count)
		}
	case "not":
		s["not"] = drawSchema(t, depth+1)
	case "if":
		s["if"], s["then"] = drawSchema(t, depth+1), drawSchema(t, depth+1)
	case "ref":
		s["$defs"] = map[string]any{"d": drawSchema(t, depth+1)}
		s["$ref"] = "#/$defs/d"
	}
	return s
}

var fieldNames = []string{"order", "amount", "note"}

var anyClassification = rapid.SampledFrom([]string{"", "", "", "", "internal", "personal"})

// drawVersion draws a contract of up to three fields.
func drawVersion(t *rapid.T, version int) *Contract {
	c := &Contract{Name: "x", Version: version, Reader: rapid.SampledFrom([]Reader{Strict, Strict, Tolerant}).Draw(t, "reader")}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(fieldNames), 0, 3, rapid.ID).Draw(t, "names")
	for _, n := range names {
		c.Fields = append(c.Fields, Field{Name: n, Class: rapid.SampledFrom(Classes()).Draw(t, "class"), Schema: json.RawMessage(canonicalText(drawSchema(t, 0))),
			Classification: anyClassification.Draw(t, "classification")})
	}
	drawRest(t, c)
	return c
}

func drawRest(t *rapid.T, c *Contract) {
	c.KeyInsight = nil
	if rapid.IntRange(0, 3).Draw(t, "insight?") == 0 {
		c.KeyInsight = &KeyInsight{Required: rapid.Bool().Draw(t, "insight"), Max: rapid.SampledFrom([]int{0, 5, 300}).Draw(t, "max")}
	}
	c.Variants = nil
	for i := range max(0, rapid.IntRange(-2, 2).Draw(t, "variants")) {
		v := Variant{Name: string(rune('a' + i)), When: rapid.SampledFrom(guardTexts).Draw(t, "guard")}
		for _, f := range c.Fields {
			switch rapid.IntRange(0, 4).Draw(t, "variant of "+f.Name) {
			case 0:
				v.Omit = append(v.Omit, f.Name)
			case 1:
				if f.Class != ForwardLooking {
					v.Mandatory = append(v.Mandatory, f.Name)
				}
			case 2:
				if f.Class != ForwardLooking {
					v.Optional = append(v.Optional, f.Name)
				}
			}
		}
		c.Variants = append(c.Variants, v)
	}
}

// drawNext draws a version that differs a little, as versions do.
func drawNext(t *rapid.T, old *Contract) *Contract {
	c := *old
	c.Version++
	c.Fields = slices.Clone(old.Fields)
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		if len(c.Fields) == 0 {
			break
		}
		i := rapid.IntRange(0, len(c.Fields)-1).Draw(t, "field")
		switch rapid.SampledFrom([]string{"schema", "tweak", "tweak", "tweak", "class", "remove", "classification"}).Draw(t, "change") {
		case "schema":
			c.Fields[i].Schema = json.RawMessage(canonicalText(drawSchema(t, 0)))
		case "tweak":
			c.Fields[i].Schema = json.RawMessage(canonicalText(tweak(t, readSchema(c.Fields[i].Schema))))
		case "class":
			c.Fields[i].Class = rapid.SampledFrom(Classes()).Draw(t, "class")
		case "classification":
			c.Fields[i].Classification = anyClassification.Draw(t, "classification")
		case "remove":
			c.Fields = slices.Delete(c.Fields, i, i+1)
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "add") == 0 {
		for _, n := range fieldNames {
			if c.Field(n) == nil {
				c.Fields = append(c.Fields, Field{Name: n, Class: rapid.SampledFrom(Classes()).Draw(t, "class"), Schema: json.RawMessage(canonicalText(drawSchema(t, 0)))})
				break
			}
		}
	}
	switch {
	case rapid.IntRange(0, 3).Draw(t, "rest") == 0:
		drawRest(t, &c)
	default:
		c.Variants = nil
		for _, v := range old.Variants {
			gone := func(n string) bool { f := c.Field(n); return f == nil || f.Class == ForwardLooking }
			v.Mandatory, v.Optional = slices.DeleteFunc(slices.Clone(v.Mandatory), gone), slices.DeleteFunc(slices.Clone(v.Optional), gone)
			v.Omit = slices.DeleteFunc(slices.Clone(v.Omit), func(n string) bool { return c.Field(n) == nil })
			c.Variants = append(c.Variants, v)
		}
	}
	return &c
}

// tweak changes one keyword of a schema, or of a part of it.
func tweak(t *rapid.T, s any) any {
	m, ok := s.(map[string]any)
	if !ok || len(m) == 0 {
		return drawSchema(t, 1)
	}
	out := maps.Clone(m)
	k := rapid.SampledFrom(keys(m)).Draw(t, "keyword")
	switch v := m[k].(type) {
	case map[string]any:
		if k == "properties" && len(v) > 0 {
			props := maps.Clone(v)
			name := rapid.SampledFrom(keys(v)).Draw(t, "property")
			props[name] = tweak(t, v[name])
			out[k] = props
		} else if k != "$defs" && k != "patternProperties" && k != "properties" {
			out[k] = tweak(t, v)
		}
	case json.Number:
		out[k] = json.Number(rapid.SampledFrom([]string{"0", "1", "2", "3", "4", "10"}).Draw(t, "number"))
		if k == "multipleOf" {
			out[k] = json.Number(rapid.SampledFrom([]string{"0.5", "1", "2", "4", "6"}).Draw(t, "step"))
		}
	case []any:
		if len(v) > 1 {
			out[k] = v[1:]
		} else if k == "enum" {
			out[k] = append(slices.Clone(v), "z")
		}
	case string:
		if v == "integer" && rapid.Bool().Draw(t, "widen") {
			out[k] = "number"
		} else if v == "number" {
			out[k] = "integer"
		} else {
			delete(out, k)
		}
	default:
		delete(out, k)
	}
	if strings.HasPrefix(k, "$") {
		return s
	}
	return out
}

// drawValue draws a value that has a good chance to be valid under a schema.
func drawValue(t *rapid.T, s any, depth int) any {
	m, _ := s.(map[string]any)
	pick := func(list []any) any { return rapid.SampledFrom(list).Draw(t, "value") }
	if v, ok := m["const"]; ok {
		return v
	}
	if list, ok := m["enum"].([]any); ok && len(list) > 0 {
		return pick(list)
	}
	for _, k := range []string{"anyOf", "oneOf", "allOf"} {
		if list, ok := m[k].([]any); ok && len(list) > 0 {
			return drawValue(t, pick(list), depth)
		}
	}
	if defs, ok := m["$defs"].(map[string]any); ok {
		return drawValue(t, defs["d"], depth)
	}
	types := typesOf(m["type"])
	if len(types) == 0 {
		types = []string{"string", "number", "boolean", "null", "array", "object"}
		for k := range m {
			if about := concerns[k]; about != "" && rapid.Bool().Draw(t, "about "+k) {
				types = []string{about}
			}
		}
		slices.Sort(types)
	}
	switch rapid.SampledFrom(types).Draw(t, "type") {
	case "string":
		return pick([]any{"", "a", "b", "ab", "abc", "abcd", "abcde", "1", "a1", "order-12", "2026-01-05", "a@example.org", "A", "c", "z"})
	case "number":
		return json.Number(rapid.SampledFrom([]string{"-4", "-1", "0", "0.5", "1", "1.0", "1.5", "2", "2.5", "3", "4", "6", "10", "11", "500", "501", "1e3"}).Draw(t, "number"))
	case "integer":
		return json.Number(rapid.SampledFrom([]string{"-3", "-1", "0", "1", "2", "3", "4", "5", "6", "10", "11", "500", "2.0"}).Draw(t, "integer"))
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	case "array":
		list := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			if depth < 3 {
				list = append(list, drawValue(t, m["items"], depth+1))
			}
		}
		return list
	case "object":
		object := map[string]any{}
		props, _ := m["properties"].(map[string]any)
		need := (conjunction{m}).required()
		for _, n := range []string{"x", "y", "z", "w"} {
			sub, there := props[n]
			if !there {
				sub = m["additionalProperties"]
			}
			if depth < 3 && (slices.Contains(need, n) || rapid.IntRange(0, 2).Draw(t, "has "+n) == 0 && sub != false) {
				object[n] = drawValue(t, sub, depth+1)
			}
		}
		return object
	}
	return nil
}

// drawEnvelope draws an envelope of a case; it may be invalid. Now and then a value is one that would suit another version.
func drawEnvelope(t *rapid.T, c, other *Contract, variant string) map[string]any {
	k := c.kase(&Variant{})
	for i := range c.Variants {
		if c.Variants[i].Name == variant {
			k = c.kase(&c.Variants[i])
		}
	}
	e := map[string]any{}
	for _, class := range Classes() {
		object := map[string]any{}
		for _, name := range k.in(class) {
			if class != Mandatory && rapid.IntRange(0, 2).Draw(t, "leave out "+name) == 0 {
				continue
			}
			s := k.schema(name)
			if f := other.Field(name); f != nil && rapid.IntRange(0, 3).Draw(t, "of the other") == 0 {
				s = readSchema(f.Schema)
			}
			if rapid.IntRange(0, 2).Draw(t, "sample?") == 0 {
				if list := samples(k.schema(name)); len(list) > 0 {
					object[name] = rapid.SampledFrom(list).Draw(t, "sample")
					continue
				}
			}
			object[name] = drawValue(t, s, 0)
		}
		if len(object) > 0 || rapid.Bool().Draw(t, "empty object") {
			e[string(class)] = object
		}
	}
	meta := map[string]any{}
	for _, f := range c.Fields {
		if rapid.IntRange(0, 3).Draw(t, "meta of "+f.Name) == 0 {
			meta[f.Name] = map[string]any{"classification": rapid.SampledFrom([]string{"internal", "personal", f.Classification}).Draw(t, "said")}
		}
	}
	if len(meta) > 0 {
		e["fields"] = meta
	}
	if required, most := c.insightAsked(); required || rapid.IntRange(0, 3).Draw(t, "insight") == 0 {
		e["key_insight"] = strings.Repeat("ü", rapid.SampledFrom([]int{0, 1, 5, 6, min(most, 300)}).Draw(t, "letters"))
	}
	return e
}
