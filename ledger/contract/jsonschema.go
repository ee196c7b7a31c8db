package contract

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// JSONSchema writes what [Compiled.Check] asks of an envelope as one JSON Schema 2020-12 document; variant "" is the fields as they are. The
// instance is the member envelope of an offer's data, {} where there is none.
//
// Each class is an object under properties with properties and required of its own, and additionalProperties false where the reader is strict. What
// JSON Schema has no word for stands beside each field: x-baton-classification, x-baton-purpose, x-baton-subject, x-baton-fresh-for, x-baton-source,
// x-baton-method. A null is an absent value: an optional field's schema allows it, a mandatory one's does not. Formats are meant as
// assertions. A field's schema that refers within itself gets an $id, so that #/$defs/… stays what it was.
//
// It does not check the contract; a schema that is no JSON is written as true.
func (c *Contract) JSONSchema(variant string) json.RawMessage {
	v := c.Variant(variant)
	classes := c.classes(v)
	insight := c.insight()
	var doc members
	doc.add("$schema", Draft)
	doc.add("$id", c.schemaID(v))
	doc.text("title", c.Title)
	doc.text("description", c.Description)
	doc.add("x-baton-contract", c.Name)
	doc.add("x-baton-version", c.Version)
	if v != nil {
		doc.add("x-baton-variant", v.Name)
	}
	doc.add("type", "object")
	var required []string
	if slices.Contains(classes, mandatory) {
		required = append(required, classNames[mandatory])
	}
	if insight.Required {
		required = append(required, "key_insight")
	}
	doc.list("required", required)
	var parts members
	for class, name := range classNames {
		parts.raw(name, c.classSchema(v, class, classes))
	}
	parts.raw("key_insight", insight.schema())
	parts.raw("fields", c.metaSchema())
	doc.raw("properties", parts.object())
	var out bytes.Buffer
	if err := json.Compact(&out, doc.object()); err != nil {
		panic(err) // raw members are left out where they are no JSON
	}
	return out.Bytes()
}

// schemaID names the document: the dataschema of the offers that follow the version, below baton:///.
func (c *Contract) schemaID(v *Variant) string {
	parts := strings.Split(c.Name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	id := "baton:///" + Schema(strings.Join(parts, "/"), c.Version)
	if v != nil {
		id += "?variant=" + url.QueryEscape(v.Name)
	}
	return id
}

func (c *Contract) classSchema(v *Variant, class int, classes []int) json.RawMessage {
	var doc, fields members
	var required []string
	for i := range c.Fields {
		f := &c.Fields[i]
		switch {
		case classes[i] == class:
			fields.raw(f.Name, f.jsonSchema(class == mandatory, c.schemaID(v)))
			if class == mandatory {
				required = append(required, f.Name)
			}
		case class == mandatory && f.Class == ForwardLooking && c.Reader == Tolerant:
			fields.add(f.Name, false)
		}
	}
	if len(required) > 0 {
		doc.add("type", "object")
	} else {
		doc.add("type", []string{"object", "null"})
	}
	doc.list("required", required)
	doc.raw("properties", fields.object())
	if c.Reader != Tolerant {
		doc.add("additionalProperties", false)
	}
	return doc.object()
}

// schema of the key insight; an empty one is none.
func (k KeyInsight) schema() json.RawMessage {
	var doc members
	if k.Required {
		doc.add("type", "string")
		doc.add("minLength", 1)
	} else {
		doc.add("type", []string{"string", "null"})
	}
	doc.add("maxLength", k.Max)
	return doc.object()
}

// metaSchema asks of envelope.fields no more than that classifications are the contract's.
func (c *Contract) metaSchema() json.RawMessage {
	var doc, fields members
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Classification != "" {
			var one, inner members
			one.add("enum", []any{f.Classification, nil})
			inner.raw("classification", one.object())
			var meta members
			meta.raw("properties", inner.object())
			fields.raw(f.Name, meta.object())
		}
	}
	doc.add("type", []string{"object", "null"})
	if len(fields) > 0 {
		doc.raw("properties", fields.object())
	}
	return doc.object()
}

// jsonSchema is a field's schema with what the contract says beside it.
func (f *Field) jsonSchema(needed bool, base string) json.RawMessage {
	own, plain := f.ownSchema(base)
	var doc members
	switch {
	case len(own) == 0 && !needed: // any value, and none
	case len(own) == 0:
		doc.raw("not", json.RawMessage(`{"type":"null"}`))
	case plain:
		doc = own
		doc.nullable(!needed)
	case needed:
		doc.raw("allOf", list(own.object()))
		doc.raw("not", json.RawMessage(`{"type":"null"}`))
	default:
		doc.raw("anyOf", list(json.RawMessage(`{"type":"null"}`), own.object()))
	}
	doc.text("title", f.Title)
	doc.text("description", f.Description)
	doc.text("x-baton-classification", f.Classification)
	doc.list("x-baton-purpose", f.Purpose)
	doc.text("x-baton-subject", f.Subject)
	if f.FreshFor > 0 {
		doc.add("x-baton-fresh-for", f.FreshFor.String())
	}
	doc.text("x-baton-source", f.Source)
	doc.text("x-baton-method", f.Method)
	return doc.object()
}

// plainKeywords speak of no value but those of one type, or of none: a null may be let in beside them, or kept out, by the type alone.
var plainKeywords = []string{"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
	"format", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "title", "description", "default", "examples", "$comment"}

// ownSchema is the schema that the contract has; plain reports whether it is an object whose type says what it says of nulls.
func (f *Field) ownSchema(base string) (own members, plain bool) {
	var schema map[string]json.RawMessage
	if json.Unmarshal(f.Schema, &schema) != nil || schema == nil {
		if string(bytes.TrimSpace(f.Schema)) == "false" {
			own.raw("not", json.RawMessage("{}"))
		}
		return own, false
	}
	delete(schema, "$schema")
	plain = schema["type"] != nil
	names := make([]string, 0, len(schema))
	for name := range schema {
		names = append(names, name)
		plain = plain && slices.Contains(plainKeywords, name)
	}
	slices.Sort(names)
	if refersWithin(f.Schema) {
		own.add("$id", base+fieldQuery(base)+url.QueryEscape(f.Name))
	}
	for _, name := range names {
		own.raw(name, schema[name])
	}
	return own, plain
}

func fieldQuery(base string) string {
	if strings.Contains(base, "?") {
		return "&field="
	}
	return "?field="
}

// refersWithin reports whether a schema may have references or anchors; one too many does no harm.
func refersWithin(schema []byte) bool {
	return slices.ContainsFunc([]string{`"$ref"`, `"$dynamicRef"`, `"$anchor"`, `"$dynamicAnchor"`}, func(s string) bool {
		return bytes.Contains(schema, []byte(s))
	})
}
