package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// spoil replaces a part of a decoded document by something that does not belong there.
func spoil(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") > 0 {
			out := maps.Clone(v)
			k := rapid.SampledFrom(keys(v)).Draw(t, "member")
			out[k] = spoil(t, v[k])
			return out
		}
	case []any:
		if len(v) > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") > 0 {
			out := slices.Clone(v)
			i := rapid.IntRange(0, len(v)-1).Draw(t, "item")
			out[i] = spoil(t, v[i])
			return out
		}
	}
	return rapid.SampledFrom([]any{nil, true, "", "x", "#/a", json.Number("-1"), json.Number("1e999999"), json.Number("0.5"), []any{}, []any{nil, "x"}, map[string]any{},
		map[string]any{"$ref": "#"}, map[string]any{"anyOf": []any{nil, json.Number("1")}}}).Draw(t, "instead")
}

// TestSpoiledDocuments: whatever a document holds, readers answer with a contract or an error, and comparisons with breaks.
func TestSpoiledDocuments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawDocument(t)
		c.Variants = nil
		odcs, err := c.ODCS("draft")
		if err != nil {
			t.Fatal(err)
		}
		asText, err := asJSON(odcs)
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func([]byte) (*Contract, []string, error){"odcs": ReadODCS, "schema": ReadJSONSchema} {
			text := json.RawMessage(asText)
			if name == "schema" {
				text = c.JSONSchema("")
			}
			v, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(1, 3).Draw(t, "times") {
				v = spoil(t, v)
			}
			again, _, err := read([]byte(canonicalText(v)))
			if err == nil && again == nil || err != nil && again != nil && again.check() == nil && !strings.Contains(err.Error(), "contract") && err.Error() == "" {
				t.Fatalf("%s: %v, %v", name, again, err)
			}
			if err == nil {
				Lint(again, LintOptions{Previous: c})
				Diff(c, again)
			}
		}
	})
}

// TestComparisonsEnd: schemas that were made to cost much cost little, and what is not worked out counts as a break.
func TestComparisonsEnd(t *testing.T) {
	alternatives := func(depth, width int) string {
		s := `{"type":"string"}`
		for range depth {
			parts := make([]string, width)
			for i := range parts {
				parts[i] = strings.Replace(s, "{", fmt.Sprintf(`{"minLength":%d,"maxProperties":%d,`, i, i), 1)
			}
			s = `{"anyOf":[` + strings.Join(parts, ",") + `]}`
		}
		return s
	}
	all := make([]string, 30)
	for i := range all {
		all[i] = fmt.Sprintf(`{"anyOf":[{"minLength":%d},{"maxLength":%d},{"type":"number","minimum":%d}]}`, i, 100-i, i)
	}
	refs := `{"$defs":{"d0":{"type":"string"}`
	for i := range 40 {
		refs += fmt.Sprintf(`,"d%d":{"anyOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}],"properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}}`, i+1, i, i, i, i)
	}
	refs += `},"$ref":"#/$defs/d40"}`
	for name, schema := range map[string]string{
		"alternatives of alternatives": alternatives(4, 6),
		"all of alternatives":          `{"allOf":[` + strings.Join(all, ",") + `]}`,
		"references that multiply":     refs,
		"itself":                       `{"$ref":"#"}`,
		"a deep schema":                strings.Repeat(`{"items":`, 400) + `{}` + strings.Repeat("}", 400),
		"a long text":                  `{"type":"string","minLength":1000000000}`,
		"a deep pattern":               `{"type":"string","pattern":"((((a{1,9}){1,9}){1,9}){1,9})"}`,
		"many items":                   `{"type":"array","minItems":100000000,"items":{"type":"integer"}}`,
	} {
		old := &Contract{Name: "x", Version: 1, Fields: []Field{{Name: "a", Class: Mandatory, Schema: json.RawMessage(schema)}}}
		now := &Contract{Name: "x", Version: 2, Fields: []Field{{Name: "a", Class: Mandatory, Schema: json.RawMessage(strings.Replace(schema, "{", `{"title":"x","maxLength":7,`, 1))}}}
		begin := time.Now()
		c := Compare(old, now)
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: %s", name, took)
		} else {
			t.Logf("%s: %s, %d breaks", name, took, len(c.Backward)+len(c.Forward))
		}
		Lint(now, LintOptions{Previous: old})
	}
}

// BenchmarkCompare compares the example contracts that have two versions.
func BenchmarkCompare(b *testing.B) {
	old, now := parse(b, orderV1), parse(b, orderV2)
	for b.Loop() {
		Compare(old, now)
	}
}
