package contract

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// drawDocument draws a contract with all that documents can say.
func drawDocument(t *rapid.T) *Contract {
	printable := rapid.Map(rapid.String(), func(s string) string { // YAML has no control characters
		return strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				return -1
			}
			return r
		}, s)
	})
	text := rapid.OneOf(rapid.Just(""), printable, rapid.SampledFrom([]string{"yes", "1", "2026-01-05", "a: b # c", "null", "- x", "é\u0085\ufeff", "{}", "1e3"}))
	line := func(name string) string {
		return strings.NewReplacer("\x00", "", "\n", "", "\r", "", "\t", "").Replace(text.Draw(t, name))
	}
	list := rapid.SliceOfN(text, 0, 2)
	c := drawVersion(t, rapid.IntRange(2, 40).Draw(t, "version"))
	c.Name = rapid.SampledFrom([]string{"x", "support/refund", "a>b@chat", "1.0"}).Draw(t, "name")
	c.Title, c.Description, c.Owner = text.Draw(t, "title"), text.Draw(t, "description"), text.Draw(t, "owner")
	c.Consumers, c.Points = list.Draw(t, "consumers"), list.Draw(t, "points")
	c.Mode, c.Compatibility = rapid.SampledFrom(Modes()).Draw(t, "mode"), rapid.SampledFrom(Compatibilities()).Draw(t, "compatibility")
	for i := range c.Fields {
		f := &c.Fields[i]
		f.Title, f.Description, f.Classification = line("title"), text.Draw(t, "description"), text.Draw(t, "classification")
		f.Purpose, f.Subject, f.Source, f.Method = list.Draw(t, "purpose"), text.Draw(t, "subject"), text.Draw(t, "source"), text.Draw(t, "method")
		f.Weight = rapid.SampledFrom([]float64{0, 1, 2.5, 1e21, 0.1}).Draw(t, "weight")
		f.FreshFor = Duration(rapid.SampledFrom([]int64{0, 0, 1, 1e9, 90e9, 3600e9, 86400e9 * 7, 1e18 + 1, 99_999 * 86400e9}).Draw(t, "fresh"))
		if rapid.Bool().Draw(t, "default?") {
			f.Default = json.RawMessage(canonicalText(drawValue(t, map[string]any{}, 0)))
		}
		if rapid.IntRange(0, 4).Draw(t, "schema?") == 0 {
			f.Schema = nil
		}
	}
	if rapid.Bool().Draw(t, "upcast") {
		c.Upcast = &Upcast{From: 1, Steps: []Step{{Set: &Set{Field: "a", Class: Optional, Value: json.RawMessage(`{"n":1.50,"big":123456789012345678901234567890}`)}},
			{Derive: &Derive{Field: "b", Class: Mandatory, From: text.Draw(t, "expression")}}, {Drop: "c"}}}
	}
	if len(c.Fields) > 1 {
		n := rapid.SampledFrom([]string{"a.b", "a,b", "envelope.x", "ü x", "no: 1", "~"}).Draw(t, "rename")
		old := c.Fields[0].Name
		c.Fields[0].Name = n
		for i := range c.Variants {
			v := &c.Variants[i]
			for _, names := range []*[]string{&v.Mandatory, &v.Optional, &v.Omit} {
				for j := range *names {
					if (*names)[j] == old {
						(*names)[j] = n
					}
				}
			}
		}
	}
	out, err := Parse(c.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestODCSKeepsTheDigest(t *testing.T) {
	essentials := odcsEssentials(t)
	rapid.Check(t, func(t *rapid.T) {
		c := drawDocument(t)
		out, err := c.ODCS("active")
		if err != nil {
			t.Fatal(err)
		}
		again, left, err := ReadODCS(out)
		if err != nil || again.Digest() != c.Digest() || len(left) > 0 {
			t.Fatalf("%v, left out %q\n%s\n%s\n%s", err, left, out, c.Canonical(), again.Canonical())
		}
		raw, err := asJSON(out)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := decode(raw)
		if err := essentials.Validate(v); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}

// odcsEssentials is what the official JSON Schema of ODCS v3.1.0 says of the members that are written here, in our own words: names,
// types, what is required, and that no other members are allowed.
func odcsEssentials(t *testing.T) *jsonschema.Schema {
	const text = `{
	"type": "object", "additionalProperties": false, "required": ["version", "apiVersion", "kind", "id", "status"],
	"properties": {
		"apiVersion": {"const": "v3.1.0"}, "kind": {"const": "DataContract"}, "id": {"type": "string"}, "name": {"type": "string"}, "version": {"type": "string"},
		"status": {"type": "string"}, "description": {"type": "object", "properties": {"purpose": {"type": "string"}}},
		"schema": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["name"], "properties": {
			"name": {"type": "string"}, "logicalType": {"const": "object"}, "properties": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/property"}, {"required": ["name"]}]}}}}},
		"team": {"type": "object", "additionalProperties": false, "properties": {"name": {"type": "string"}}},
		"slaProperties": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["property", "value"], "properties": {
			"property": {"type": "string"}, "value": {"type": ["string", "number", "boolean", "null"]}, "unit": {"type": "string"}, "element": {"type": "string"}}}},
		"customProperties": {"$ref": "#/$defs/custom"}},
	"$defs": {
		"custom": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["property", "value"], "properties": {"property": {"type": "string"}, "value": {}}}},
		"count": {"type": "integer", "minimum": 0},
		"property": {"type": "object", "additionalProperties": false, "properties": {
				"name": {"type": "string"}, "businessName": {"type": "string"}, "description": {"type": "string"}, "classification": {"type": "string"}, "required": {"type": "boolean"},
				"logicalType": {"enum": ["string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"]}, "logicalTypeOptions": {"type": "object"},
				"examples": {"type": "array"}, "customProperties": {"$ref": "#/$defs/custom"}, "items": {"$ref": "#/$defs/property"},
				"properties": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/property"}, {"required": ["name"]}]}}},
			"allOf": [
				{"if": {"properties": {"logicalType": {"const": "string"}}, "required": ["logicalType"]}, "then": {"properties": {"logicalTypeOptions": {"additionalProperties": false,
					"properties": {"minLength": {"$ref": "#/$defs/count"}, "maxLength": {"$ref": "#/$defs/count"}, "pattern": {"type": "string"}, "format": {"type": "string"}}}}}},
				{"if": {"properties": {"logicalType": {"enum": ["number", "integer"]}}, "required": ["logicalType"]}, "then": {"properties": {"logicalTypeOptions": {"additionalProperties": false,
					"properties": {"minimum": {"type": "number"}, "maximum": {"type": "number"}, "exclusiveMinimum": {"type": "number"}, "exclusiveMaximum": {"type": "number"},
						"multipleOf": {"type": "number", "exclusiveMinimum": 0}}}}}},
				{"if": {"properties": {"logicalType": {"const": "array"}}, "required": ["logicalType"]}, "then": {"properties": {"logicalTypeOptions": {"additionalProperties": false,
					"properties": {"minItems": {"$ref": "#/$defs/count"}, "maxItems": {"$ref": "#/$defs/count"}, "uniqueItems": {"type": "boolean"}}}}}},
				{"if": {"properties": {"logicalType": {"const": "object"}}, "required": ["logicalType"]}, "then": {"properties": {"logicalTypeOptions": {"additionalProperties": false,
					"properties": {"minProperties": {"$ref": "#/$defs/count"}, "maxProperties": {"$ref": "#/$defs/count"}, "required": {"type": "array", "minItems": 1, "uniqueItems": true}}}}}},
				{"if": {"properties": {"logicalType": {"enum": ["date", "timestamp", "time", "boolean"]}}, "required": ["logicalType"]}, "then": {"properties": {"logicalTypeOptions": false}}},
				{"if": {"required": ["properties"]}, "then": {"properties": {"logicalType": {"const": "object"}}, "required": ["logicalType"]}},
				{"if": {"required": ["items"]}, "then": {"properties": {"logicalType": {"const": "array"}}, "required": ["logicalType"]}}]}}}`
	v, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := validatorOf(v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReadForeignODCS reads a document of a data team that has never heard of handoffs.
func TestReadForeignODCS(t *testing.T) {
	const foreign = `
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: Seller payments (v1)
version: 1.2.3
status: active
domain: seller
description: {purpose: Payments to sellers., limitations: None.}
servers: [{server: prod, type: postgres}]
schema:
  - name: tbl
    logicalType: object
    physicalType: table
    properties:
      - {name: txn_ref_dt, logicalType: date, required: true, physicalType: date, classification: public, examples: [2022-10-03]}
      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0, format: f64}, classification: confidential, quality: [{type: text}]}
      - name: address
        logicalType: object
        properties:
          - {name: zip, logicalType: string, required: true, logicalTypeOptions: {maxLength: 9}}
          - {name: lines, logicalType: array, items: {logicalType: string}}
      - {name: raw, physicalType: blob}
team: {name: payments, members: [{username: x}]}
slaProperties:
  - {property: latency, value: 4, unit: d, element: tbl.txn_ref_dt}
  - {property: retention, value: 3, unit: y, element: tbl.txn_ref_dt}
customProperties: [{property: refRulesetName, value: gcsc.ruleset}]
`
	c, left, err := ReadODCS([]byte(foreign))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Seller-payments--v1" || c.Version != 1 || c.Owner != "payments" || c.Description != "Payments to sellers." {
		t.Errorf("%s", c.Canonical())
	}
	if !slices.Equal(c.In(Mandatory), []string{"txn_ref_dt"}) || !slices.Equal(c.In(Optional), []string{"amount", "address", "raw"}) {
		t.Error(c.In(Mandatory), c.In(Optional))
	}
	for name, want := range map[string]string{
		"txn_ref_dt": `{"examples":["2022-10-03T00:00:00Z"],"format":"date","type":"string"}`,
		"amount":     `{"minimum":0,"type":"number"}`,
		"address":    `{"properties":{"lines":{"items":{"type":"string"},"type":"array"},"zip":{"maxLength":9,"type":"string"}},"required":["zip"],"type":"object"}`,
		"raw":        "",
	} {
		if got := string(c.Field(name).Schema); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if c.Field("txn_ref_dt").FreshFor.String() != "4d" || c.Field("amount").Classification != "confidential" {
		t.Errorf("%s", c.Canonical())
	}
	for _, want := range []string{"servers", "domain", "description.limitations", `version "1.2.3" became 1`, "schema[0].physicalType", "schema[0].properties[0].physicalType",
		"schema[0].properties[1].quality", "schema[0].properties[1].logicalTypeOptions.format", "team.members", "slaProperties[1] (retention)", "customProperties",
		`name "Seller payments (v1)" became "Seller-payments--v1"`} {
		if !slices.Contains(left, want) {
			t.Errorf("%q is not said to be left out: %q", want, left)
		}
	}
	for _, bad := range []string{"kind: Other", "apiVersion: v2.2.2\nkind: DataContract", "- x",
		"{kind: DataContract, apiVersion: v3.1.0, name: x, version: 1.0.0, customProperties: [{property: batonMode, value: [1]}]}"} {
		if _, _, err := ReadODCS([]byte(bad)); ledger.CodeOf(err) != ledger.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
