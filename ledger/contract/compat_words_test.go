package contract

import (
	"strings"
	"testing"
)

// version makes a contract of fields, with more members in front.
func version(t testing.TB, n int, more, fields string) *Contract {
	t.Helper()
	return parse(t, "contract: x\nversion: "+string(rune('0'+n))+"\n"+more+"\nfields: ["+fields+"]\n")
}

// TestBreaks holds what is said of typical changes: which way they break, in which words, and the smallest envelope that shows it.
func TestBreaks(t *testing.T) {
	for _, c := range []struct{ name, old, new, more, direction, field, what, witness string }{
		{"optional field added", "", "{name: a, class: optional}", "", "forward", "a", "field added", `{"optional":{"a":0}}`},
		{"optional field added, tolerant", "", "{name: a, class: optional}", "reader: tolerant", "", "", "", ""},
		{"mandatory field added", "", "{name: a, class: mandatory}", "reader: tolerant", "backward", "a", "mandatory field added", `{}`},
		{"field removed", "{name: a, class: optional}", "", "", "backward", "a", "field removed", `{"optional":{"a":0}}`},
		{"mandatory field removed", "{name: a, class: mandatory}", "", "reader: tolerant", "forward", "a", "mandatory field removed", `{}`},
		{"optional becomes mandatory", "{name: a, class: optional}", "{name: a, class: mandatory}", "reader: tolerant", "backward", "a", "v2 wants it mandatory, for v1 it is optional", `{}`},
		{"minimum rises", "{name: a, class: mandatory, schema: {type: integer, minimum: 0}}", "{name: a, class: mandatory, schema: {type: integer, minimum: 10}}", "",
			"backward", "a", "v2 has minimum 10, v1 ends at 0", `{"mandatory":{"a":0}}`},
		{"enum grows", "{name: a, class: optional, schema: {enum: [x, y]}}", "{name: a, class: optional, schema: {enum: [x, y, z]}}", "", "forward", "a", `v2 allows "z", v1 does not`, `{"optional":{"a":"z"}}`},
		{"integer becomes number", "{name: a, class: optional, schema: {type: integer}}", "{name: a, class: optional, schema: {type: number}}", "", "forward", "a",
			"v2 allows number, v1 only integer", `{"optional":{"a":0.5}}`},
		{"a property is required", "{name: a, class: optional, schema: {type: object}}", "{name: a, class: optional, schema: {type: object, required: [sku]}}", "", "backward", "a",
			`v2 requires the property "sku", v1 does not`, `{"optional":{"a":{}}}`},
		{"items narrowed", "{name: a, class: optional, schema: {type: array, items: {type: string}}}", "{name: a, class: optional, schema: {type: array, items: {type: string, maxLength: 3}}}", "",
			"backward", "a", "at /*: v2 has maxLength 3, v1 none", `{"optional":{"a":["1111"]}}`},
		{"a pattern", "{name: a, class: optional, schema: {type: string}}", `{name: a, class: optional, schema: {type: string, pattern: "^order-[0-9]+$"}}`, "", "backward", "a",
			`v2 has the pattern "^order-[0-9]+$"`, `{"optional":{"a":""}}`},
		{"a reference", "{name: a, class: optional, schema: {$ref: '#/$defs/n', $defs: {n: {type: number}}}}", "{name: a, class: optional, schema: {type: number, minimum: 1}}", "", "backward", "a",
			"v2 has minimum 1, v1 none", `{"optional":{"a":0}}`},
		{"classified otherwise", "{name: a, class: optional, classification: internal}", "{name: a, class: optional}", "", "forward", "a", "v1 classifies it as internal",
			`{"fields":{"a":{"classification":"unclassified"}}}`},
		{"written otherwise", "{name: a, class: optional, schema: {type: integer, exclusiveMinimum: 0}}", "{name: a, class: optional, schema: {type: integer, minimum: 1}}", "", "", "", "", ""},
		{"alternatives", "{name: a, class: optional, schema: {type: [string, number]}}", "{name: a, class: optional, schema: {anyOf: [{type: string}, {type: number}]}}", "", "", "", "", ""},
		{"few values", "{name: a, class: optional, schema: {type: integer, minimum: 1, maximum: 3}}", "{name: a, class: optional, schema: {enum: [1, 2, 3]}}", "", "", "", "", ""},
	} {
		cmp := Compare(version(t, 1, c.more, c.old), version(t, 2, c.more, c.new))
		for _, way := range []struct {
			name   string
			breaks []Break
		}{{"backward", cmp.Backward}, {"forward", cmp.Forward}} {
			if way.name != c.direction {
				if len(way.breaks) > 0 {
					t.Errorf("%s: breaks %s: %+v", c.name, way.name, way.breaks)
				}
				continue
			}
			if len(way.breaks) != 1 {
				t.Errorf("%s: %+v", c.name, way.breaks)
				continue
			}
			if b := way.breaks[0]; b.Field != c.field || !strings.HasPrefix(b.What, c.field+": "+c.what) || !b.Certain || string(b.Witness) != c.witness || b.Fix == "" || b.Breaks == "" {
				t.Errorf("%s: %+v\n%s", c.name, b, b.Witness)
			}
		}
	}
}

// TestUncertainBreaks: what cannot be told is said to be so, and is no compatibility.
func TestUncertainBreaks(t *testing.T) {
	old := version(t, 1, "", `{name: a, class: optional, schema: {type: string, pattern: "^a+$"}}`)
	now := version(t, 2, "", `{name: a, class: optional, schema: {type: string, pattern: "^aa*$"}}`)
	c := Compare(old, now)
	if len(c.Backward) != 1 || c.Backward[0].Certain || c.Backward[0].Witness != nil || c.Compatible(Backward) || !c.Compatible(AnyChange) {
		t.Errorf("%+v", c.Backward)
	}
}

// TestVariantsAreCompared: by guards that are the same, and by all that may hold where they are not.
func TestVariantsAreCompared(t *testing.T) {
	const a = "{name: a, class: optional}"
	guard := func(when, rest string) string {
		return "variants: [{name: large, when: '" + when + "', " + rest + "}]"
	}
	plain := version(t, 1, "", a)
	large := version(t, 1, guard("value > 500.0", "optional: [a]"), a)
	for _, c := range []struct {
		name     string
		old, new *Contract
		certain  bool
		where    string
	}{
		{"same guard", large, version(t, 2, guard("value > 500.0", "mandatory: [a]"), a), true, "variant large"},
		{"a new guard", plain, version(t, 2, guard("value > 500.0", "mandatory: [a]"), a), false, "no variant, read as variant large"},
	} {
		b := Compare(c.old, c.new).Backward
		if len(b) != 1 || b[0].Certain != c.certain || b[0].Case != c.where || string(b[0].Witness) != "{}" {
			t.Errorf("%s: %+v", c.name, b)
		}
	}
	if b := Compare(large, version(t, 2, guard("value > 500.0", "omit: [a]"), a+", {name: b, class: optional}")).Backward; len(b) != 1 || b[0].What != "a: field removed" || b[0].Case != "variant large" {
		t.Errorf("%+v", b)
	}
}

func TestSatisfies(t *testing.T) {
	v1 := version(t, 1, "", "{name: a, class: optional}")
	v2 := version(t, 2, "", "{name: a, class: optional}, {name: b, class: optional}")
	v3 := version(t, 3, "", "{name: b, class: optional}, {name: c, class: optional}")
	v4 := version(t, 4, "", "{name: b, class: optional}, {name: c, class: optional}")
	for _, c := range []struct {
		how     Compatibility
		history []*Contract
		new     *Contract
		reader  Reader
		want    string
	}{
		{AnyChange, []*Contract{v1, v2}, v3, "", ""},
		{Backward, []*Contract{v1, v2}, v3, "", "backward 2 a"},
		{Forward, []*Contract{v1, v2}, v3, "", "forward 2 c"},
		{BackwardTransitive, []*Contract{v1, v2}, v3, "", "backward 1 a, backward 2 a"},
		{Full, []*Contract{v1, v2, v3}, v4, "", ""},
		{FullTransitive, []*Contract{v2, v3}, v4, "", "backward 2 a, forward 2 c"},
		{ForwardTransitive, []*Contract{v1, v2, v3}, v4, Tolerant, ""},
		{Backward, nil, v1, "", ""},
	} {
		var said []string
		for _, b := range Satisfies(c.history, c.new, c.how, c.reader) {
			said = append(said, strings.TrimSpace(string(b.Direction)+" "+string(rune('0'+b.Against))+" "+b.Field))
		}
		if got := strings.Join(said, ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.how, got, c.want)
		}
	}
}

// TestUpcastMends: a break that the upcast takes away for the envelope that shows it is said to be so.
func TestUpcastMends(t *testing.T) {
	breaks := Satisfies([]*Contract{parse(t, orderV1)}, parse(t, orderV2), Backward, "")
	if len(breaks) == 0 {
		t.Fatal("nothing breaks")
	}
	for _, b := range breaks {
		if !b.Mended || !strings.Contains(b.Upcast, "breaks without its upcast") || !strings.Contains(b.Upcast, "order_no becomes order") {
			t.Errorf("%+v", b)
		}
	}
	worse := parse(t, strings.Replace(orderV2, "    - set: {field: currency, class: mandatory, value: EUR}\n", "", 1))
	for _, b := range Satisfies([]*Contract{parse(t, orderV1)}, worse, Backward, "") {
		if b.Mended || b.Certain && b.Upcast != "its upcast does not mend it" {
			t.Errorf("%+v", b)
		}
	}
}

func TestDiff(t *testing.T) {
	old := version(t, 1, `
owner: sales
consumers: [support]
points: ["a>b@chat"]
variants: [{name: large, when: value > 500.0, mandatory: [a]}]`,
		"{name: a, class: optional, schema: {type: integer}, classification: internal, fresh_for: 7d}, {name: b, class: optional}, {name: c, class: mandatory, classification: internal, schema: {enum: [x, y]}}, {name: d, class: optional, purpose: [p]}")
	now := version(t, 2, `
owner: support
consumers: [support, billing]
mode: warn
key_insight: {required: true}
variants: [{name: large, when: value > 100.0, mandatory: [a]}]
upcast: {from: 1, steps: [{rename: {from: b, to: e}}]}`,
		"{name: a, class: optional, schema: {type: number}, classification: internal, fresh_for: 1d}, {name: e, class: optional}, {name: c, class: mandatory, classification: personal, schema: {enum: [x]}}, {name: f, class: optional}")
	var got []string
	for _, c := range Diff(old, now) {
		got = append(got, c.Level+" "+c.Kind+" "+c.What)
	}
	want := []string{
		"breaking field-renamed e: was called b",
		`breaking schema-narrowed c: fewer values are allowed: v1 allows "y", v2 does not`,
		"breaking classification c: classification was internal and is personal",
		"breaking field-removed d: removed, was optional",
		"breaking key-insight key_insight: a key insight is required",
		"breaking variant-guard variant/large: holds where value > 100.0, before where value > 500.0",
		"compatible schema-widened a: more values are allowed: v2 allows number, v1 only integer",
		"compatible field-added f: added, optional",
		"note freshness a: freshness was 7d and is 1d",
		"note mode mode was observe and is warn",
		"note owner owner was sales and is support",
		"note consumer-added consumer billing",
		"note point-removed point a>b@chat is gone",
		"note upcast envelopes of version 1 are read as version 2: b becomes e",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\n\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if same := Diff(old, old); len(same) > 0 {
		t.Errorf("%+v", same)
	}
}
