package contract

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// names of fields: some are prefixes of others, need escapes in pointers and patterns, or are members that checks know.
var oracleNames = []string{"a", "ab", "order_id", "segment", "value", "x/y~z", "ü 漢", "classification", "$ref", "mandatory", `q"\`}

// values that schemas below tell apart, as they are written.
var oracleValues = []string{`null`, `true`, `false`, `0`, `-0`, `1`, `1.0`, `10e-1`, `0.1`, `1e1`, `2`, `2.5`, `-3`, `7`, `100`, `1E+2`, `0.30`, `99999999999999999999`,
	`100000000000000000000`, `1e20`, `1.00000000000000000001e20`, `1e400`, `-1e400`, `1e-400`, `12345678901234567890.5`, `""`, `"a"`, `"A1"`, `"abc"`, `"äöü"`, `"\u0061b"`, `"😀😀"`,
	`"\ud83d\ude00"`, `"\ud800"`, `"a\"b\\c\nd"`, `"1"`, `"2026-03-04"`, `"2026-02-29"`, `"2024-02-29"`, `"2026-02-30"`, `"2026-13-01"`, `"2026-03-04T08:52:00Z"`, `"2026-03-04t08:52:00.5+01:00"`,
	`"2026-03-04T23:59:60Z"`, `"2026-03-04T08:52:60Z"`, `"2026-03-04T24:00:00Z"`, `"2026-03-04T08:52:00"`, `"2026-03-04T08:52:00.Z"`, `"2026-03-04T08:52:00+1:00"`, `"a@b.org"`, `"a.b-c_d+e@b-c.org"`,
	`"a..b@c"`, `".a@c"`, `"a-@c"`, `"a@-c"`, `"\"a b\"@c"`, `"a@[127.0.0.1]"`, `"a@b@c"`, `"@"`, `"3f2b1c9e-7a54-4d0f-9b1e-5c2d8e7f6a10"`, `"3f2b1c9e-7a54-4d0f-9b1e-5c2d8e7f6a1g"`,
	`"3f2b1c9e7a54-4d0f-9b1e-5c2d8e7f6a10-"`, `"https://a.org/x?y=1"`, `"https://a b"`, `"a/b"`, `"mailto:a@b"`, `"http://-"`, `"https://"`, `"http://a:b"`, `"http://[::1]/"`, `"127.0.0.1"`, `"(a"`, `"P1D"`,
	`[]`, `[1]`, `[1,1.0]`, `["a",null]`, `{}`, `{"a":1}`, `{"a":"x","b":[{}]}`, `[[1],[1e0]]`}

// schemas of fields: rules, deep ones, and some with references.
var oracleSchemas = []string{``, `true`, `false`, `{}`, `{"type":"string"}`, `{"type":["string","null"]}`, `{"type":"null"}`, `{"type":"number"}`, `{"type":"integer"}`, `{"type":["integer","boolean"]}`,
	`{"type":["integer","number"],"maximum":2}`, `{"type":"boolean"}`, `{"type":"array"}`, `{"type":"object","minProperties":1}`, `{"minimum":1,"maximum":100}`, `{"exclusiveMinimum":1,"exclusiveMaximum":1e20}`,
	`{"minimum":1e20}`, `{"maximum":12345678901234567890.4}`, `{"minimum":-1e300,"maximum":1e300}`, `{"multipleOf":0.1}`, `{"multipleOf":2}`, `{"multipleOf":50}`, `{"multipleOf":1e19}`, `{"multipleOf":2.5,"type":"number"}`,
	`{"multipleOf":12345678901}`, `{"minLength":2}`, `{"maxLength":1}`, `{"type":"string","minLength":1,"maxLength":3}`, `{"pattern":"^a"}`, `{"pattern":"ü|\\d"}`, `{"type":"string","pattern":"^\\p{L}+$"}`, `{"format":"date"}`,
	`{"format":"date-time"}`, `{"type":"string","format":"email"}`, `{"format":"uuid"}`, `{"format":"uri"}`, `{"format":"ipv4"}`, `{"format":"regex"}`, `{"format":"duration"}`, `{"format":"unheard-of"}`, `{"enum":["a",1,null,false]}`,
	`{"enum":[100,0.3,"äöü"]}`, `{"enum":[[1],{"a":1},"a"]}`, `{"const":1}`, `{"const":"ab"}`, `{"const":null}`, `{"const":[1]}`, `{"type":"string","enum":["a","b"],"maxLength":1}`, `{"enum":[1,2,7],"maximum":3}`,
	`{"anyOf":[{"type":"string"},{"minimum":2}]}`, `{"not":{"type":"string"}}`, `{"oneOf":[{"type":"integer"},{"minimum":1}]}`, `{"items":{"type":"integer"},"uniqueItems":true}`, `{"properties":{"a":{"type":"integer"}},"required":["a"]}`,
	`{"type":"object","additionalProperties":false,"properties":{"a":true}}`, `{"if":{"type":"number"},"then":{"minimum":2},"else":{"type":"string"}}`, `{"$ref":"#/$defs/n","$defs":{"n":{"type":"number"}}}`,
	`{"$defs":{"t":{"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#/$defs/t"}}]}},"$ref":"#/$defs/t"}`, `{"$anchor":"here","type":["array","number"],"items":{"$ref":"#here"}}`, `{"contains":{"const":1}}`,
	`{"type":"string","title":"x","x-own":1,"deprecated":true}`, `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"string"}`, `{"prefixItems":[{"type":"string"}],"unevaluatedItems":false}`,
	`{"type":"string","contentEncoding":"base64"}`, `{"allOf":[{"minLength":1},{"maxLength":1}]}`, `{"dependentRequired":{"a":["b"]}}`, `{"propertyNames":{"pattern":"^a"}}`, `{"patternProperties":{"^a":{"type":"string"}}}`}

// drawContract makes a contract of any shape.
func drawContract(t *rapid.T) *Contract {
	c := &Contract{Name: "t/o>x@y", Version: rapid.IntRange(1, 3).Draw(t, "version"), Reader: rapid.SampledFrom([]Reader{Strict, Tolerant}).Draw(t, "reader")}
	switch rapid.IntRange(0, 3).Draw(t, "insight") {
	case 1:
		c.KeyInsight = &KeyInsight{Required: true}
	case 2:
		c.KeyInsight = &KeyInsight{Max: 3}
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(oracleNames), 0, 5, rapid.ID).Draw(t, "names") {
		f := Field{Name: name, Class: rapid.SampledFrom(Classes()).Draw(t, "class"), Title: rapid.SampledFrom([]string{"", "T"}).Draw(t, "title"),
			Classification: rapid.SampledFrom([]string{"", "public", "personal"}).Draw(t, "classification")}
		if s := rapid.SampledFrom(oracleSchemas).Draw(t, "schema"); s != "" {
			f.Schema = json.RawMessage(s)
		}
		c.Fields = append(c.Fields, f)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "variants") {
		v := Variant{Name: fmt.Sprintf("v %d", i), When: rapid.SampledFrom([]string{"true", "false", `channel == "chat"`, "fields.a == 1"}).Draw(t, "when")}
		for _, f := range c.Fields {
			switch rapid.IntRange(0, 5).Draw(t, "moves") {
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
	return c
}

// writer draws JSON with members twice, with names in escapes, and with white space.
type writer struct {
	t *rapid.T
	b strings.Builder
}

func (w *writer) odds(n int) bool { return rapid.IntRange(0, n).Draw(w.t, "odds") == n }

func (w *writer) name(name string) {
	if w.odds(9) {
		w.b.WriteString(" \n")
	}
	if name != "" && name[0] < 0x80 && name[0] != '"' && w.odds(9) {
		quoted, _ := json.Marshal(name[1:])
		fmt.Fprintf(&w.b, `"\u%04x%s`, name[0], quoted[1:])
	} else {
		quoted, _ := json.Marshal(name)
		w.b.Write(quoted)
	}
	w.b.WriteString(rapid.SampledFrom([]string{":", ":", ":", " : ", "\t:\r\n"}).Draw(w.t, "colon"))
}

// object writes members, each by its own function; one may be written a second time, with what the function then writes.
func (w *writer) object(members []string, value func(name string)) {
	w.b.WriteByte('{')
	for i, name := range members {
		if i > 0 {
			w.b.WriteByte(',')
		}
		w.name(name)
		value(name)
	}
	if len(members) > 0 && w.odds(14) {
		w.b.WriteByte(',')
		name := rapid.SampledFrom(members).Draw(w.t, "again")
		w.name(name)
		value(name)
	}
	w.b.WriteByte('}')
}

// value writes one that a field's schema takes, where it finds one: all that is wrong by chance would hide what is wrong by mistake.
func (w *writer) value(s *jsonschema.Schema) {
	raw := rapid.SampledFrom(oracleValues).Draw(w.t, "value")
	for range 20 {
		v, _ := jsonschema.UnmarshalJSON(strings.NewReader(raw))
		if s == nil || v != nil && s.Validate(v) == nil || w.odds(19) {
			break
		}
		raw = rapid.SampledFrom(oracleValues).Draw(w.t, "value")
	}
	w.b.WriteString(raw)
}

func (w *writer) envelope(c *Contract, schemas map[string]*jsonschema.Schema, classes map[string]Class) {
	in := func(class Class) (names []string) {
		for _, f := range c.Fields {
			if has := classes[f.Name] == class; has && !w.odds(9) && (class == Mandatory || !w.odds(2)) || !has && w.odds(29) {
				names = append(names, f.Name)
			}
		}
		if w.odds(24) {
			names = append(names, rapid.SampledFrom(oracleNames).Draw(w.t, "undeclared"))
		}
		return rapid.Permutation(names).Draw(w.t, "order")
	}
	parts := []string{"mandatory", "optional", "forward_looking"}
	if !w.odds(9) {
		parts = append(parts, "key_insight")
	}
	for _, more := range []string{"fields", "side_panel"} {
		if w.odds(1) {
			parts = append(parts, more)
		}
	}
	w.object(parts, func(part string) {
		odd := rapid.SampledFrom([]string{"null", "[]", "7", `"x"`})
		switch {
		case w.odds(39):
			w.b.WriteString(odd.Draw(w.t, "odd"))
		case part == "key_insight":
			w.b.WriteString(rapid.SampledFrom([]string{`"abc"`, `"ä"`, `"\u00e4\u00e4\u00e4"`, `"abcd"`, `""`, `"` + strings.Repeat("漢", 280) + `"`, `"` + strings.Repeat("x", 281) + `"`}).Draw(w.t, "insight"))
		case part == "fields":
			w.object(in(Optional), func(string) {
				w.b.WriteString(rapid.SampledFrom([]string{`{}`, `{"source":"x"}`, `{"classification":"personal"}`, `{"classification":"public","classification":null}`, `3`, `{"x":{"classification":"y"}}`, `{"classification":[]}`}).Draw(w.t, "meta"))
			})
		case part == "side_panel":
			w.b.WriteString("[]")
		default:
			w.object(in(Class(part)), func(name string) { w.value(schemas[name]) })
		}
	})
}

// TestChecksAgree: an offer keeps a contract if and only if the library finds its envelope valid under the contract as one schema.
func TestChecksAgree(t *testing.T) {
	valid := 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawContract(t)
		k, err := Compile(c)
		if err != nil {
			t.Fatal(err)
		}
		schemas := map[string]*jsonschema.Schema{}
		for i := range c.Fields {
			if len(c.Fields[i].Schema) > 0 {
				schemas[c.Fields[i].Name], _ = compileSchema(c.Fields[i].Schema)
			}
		}
		whole := map[string]*jsonschema.Schema{}
		for _, v := range append([]Variant{{}}, c.Variants...) {
			if whole[v.Name], err = wholeSchema(c, v.Name); err != nil {
				t.Fatalf("%v\n%s", err, c.JSONSchema(v.Name))
			}
		}
		for range 4 {
			w := &writer{t: t}
			w.b.WriteString(rapid.SampledFrom([]string{`{"channel":"chat"`, `{"channel":"web"`}).Draw(t, "head"))
			if !w.odds(19) {
				name := ""
				if len(c.Variants) > 0 && w.odds(1) {
					name = c.Variants[0].Name
				}
				w.b.WriteString(`,"envelope":`)
				w.envelope(c, schemas, k.Effective(name))
			}
			w.b.WriteString("}")
			data := w.b.String()
			verdict := k.Check(&ledger.Event{Data: []byte(data)})
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			envelope := doc.(map[string]any)["envelope"]
			if envelope == nil {
				envelope = map[string]any{}
			}
			said := whole[verdict.Variant].Validate(envelope)
			if verdict.Valid() != (said == nil) {
				t.Fatalf("%s\n%s\nthe check says %q, the library %v", data, c.JSONSchema(verdict.Variant), listed(verdict), said)
			}
			if verdict.Valid() {
				valid++
			}
			if again := k.Check(&ledger.Event{Data: []byte(data)}); listed(again) != listed(verdict) {
				t.Fatalf("another answer to the same question: %s, %s", listed(verdict), listed(again))
			}
		}
	})
	if valid < 60 {
		t.Errorf("only %d offers were valid", valid)
	}
}
