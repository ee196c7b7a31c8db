package contract

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// TestJSONSchemaThereAndBack: what a version writes as JSON Schema is read as a contract that takes the same envelopes.
func TestJSONSchemaThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawVersion(t, 3)
		c.Variants = nil
		back, left, err := ReadJSONSchema(c.JSONSchema(""))
		if err != nil || len(left) > 0 {
			t.Fatalf("%v, left out %q\n%s", err, left, c.JSONSchema(""))
		}
		if back.Name != c.Name || back.Version != 3 || back.Reader != c.Reader {
			t.Fatalf("%s", back.Canonical())
		}
		for i := range c.Fields {
			f := back.Field(c.Fields[i].Name)
			if f == nil || f.Class != c.Fields[i].Class || f.Classification != c.Fields[i].Classification {
				t.Fatalf("%+v\n%s", f, c.Canonical())
			}
		}
		mine, theirs := c.cases()[0], back.cases()[0]
		for range 5 {
			e, ok := ReadEnvelope(offer("chat", canonicalText(drawEnvelope(t, c, c, ""))))
			one, _ := mine.accepts(&e, c.Reader)
			two, known := theirs.accepts(&e, back.Reader)
			if !ok || !known || one != two {
				t.Fatalf("%+v: %v and %v\n%s\n%s", e, one, two, c.Canonical(), back.Canonical())
			}
		}
	})
}

func TestReadJSONSchema(t *testing.T) {
	const foreign = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/schemas/refund.json", "title": "Refund request", "description": "What billing needs.",
	"type": "object", "required": ["order", "amount"], "minProperties": 1,
	"properties": {
		"note": {"type": ["string", "null"], "title": "Note", "x-baton-classification": "personal", "x-baton-purpose": ["answer"], "x-baton-fresh-for": "7d"},
		"amount": {"$ref": "#/$defs/money"},
		"order": {"type": "string", "pattern": "^o"},
		"tree": {"$ref": "#/$defs/tree"},
		"any": true},
	"$defs": {"money": {"type": "number", "minimum": 0}, "tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}}}`
	c, left, err := ReadJSONSchema([]byte(foreign))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Refund-request" || c.Version != 1 || c.Title != "Refund request" || c.Description != "What billing needs." || !slices.Equal(left, []string{"minProperties"}) {
		t.Errorf("%q %s", left, c.Canonical())
	}
	if !slices.Equal(c.In(Mandatory), []string{"order", "amount"}) || !slices.Equal(c.In(Optional), []string{"any", "note", "tree"}) {
		t.Error(c.In(Mandatory), c.In(Optional))
	}
	note := c.Field("note")
	if note.Classification != "personal" || !slices.Equal(note.Purpose, []string{"answer"}) || note.FreshFor.String() != "7d" || note.Title != "Note" || string(note.Schema) != `{"type":"string"}` {
		t.Errorf("%+v", note)
	}
	if got := string(c.Field("amount").Schema); got != `{"allOf":[{"minimum":0,"type":"number"}]}` {
		t.Error(got)
	}
	if s, err := compileSchema(c.Field("tree").Schema); err != nil || s.Validate(map[string]any{"next": 1.0}) == nil || s.Validate(map[string]any{"next": map[string]any{}}) != nil {
		t.Errorf("%s: %v", c.Field("tree").Schema, err)
	}
	data := `{"type":"object","properties":{"from":{},"envelope":{"$ref":"#/$defs/e"}},"$defs":{"e":{"type":"object","required":["mandatory","key_insight"],"properties":{
		"mandatory":{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}},"forward_looking":{"type":"object","properties":{"churn":{"type":"number"}}},
		"key_insight":{"type":"string","maxLength":90}}}}}`
	c, _, err = ReadJSONSchema([]byte(data))
	if err != nil || !slices.Equal(c.In(ForwardLooking), []string{"churn"}) || !slices.Equal(c.In(Mandatory), []string{"a"}) || c.Reader != Tolerant || !c.KeyInsight.Required || c.KeyInsight.Max != 90 {
		t.Errorf("%v %s", err, c.Canonical())
	}
	for _, bad := range []string{"[]", `{"type":"string"}`, `{"properties":{"a":{"x-baton-purpose":1}}}`, `{"properties":{"a":{"x-baton-no-such":1}}}`, `{"x-baton-mode":"block","properties":{}}`,
		`{"properties":{"a":1},"x-baton-version":"two"}`} {
		if _, _, err := ReadJSONSchema([]byte(bad)); ledger.CodeOf(err) != ledger.CodeInvalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	huge := `{"properties":{"a":` + strings.Repeat(`{"items":`, 5000) + `{}` + strings.Repeat("}", 5000) + `}}`
	if _, _, err := ReadJSONSchema([]byte(huge)); err != nil && ledger.CodeOf(err) == ledger.CodeInternal {
		t.Error(err)
	}
}
