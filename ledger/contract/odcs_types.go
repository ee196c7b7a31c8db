package contract

import (
	"encoding/json"
	"slices"
	"strconv"
)

// optionsOf lists the keywords that logicalTypeOptions have for a type: those of JSON Schema, for numbers and texts.
var optionsOf = map[string][]string{
	"string":  {"minLength", "maxLength", "pattern", "format"},
	"number":  {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
	"integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
	"array":   {"minItems", "maxItems", "uniqueItems"},
	"object":  {"minProperties", "maxProperties", "required"},
}

// timeTypes are the logical types that JSON Schema has as formats of texts.
var timeTypes = map[string]string{"date": "date", "timestamp": "date-time", "time": "time"}

// logical says a schema in the words of the standard, as far as it has words.
func logical(schema any) (p odcsProperty) {
	m, _ := schema.(map[string]any)
	types := slices.DeleteFunc(typesOf(m["type"]), func(t string) bool { return t == "null" })
	if len(types) != 1 {
		return p
	}
	p.LogicalType = types[0]
	if format, _ := m["format"].(string); p.LogicalType == "string" {
		for name, f := range timeTypes {
			if f == format {
				p.LogicalType = name
			}
		}
	}
	for _, k := range optionsOf[p.LogicalType] {
		if v, there := m[k]; there {
			if p.Options == nil {
				p.Options = map[string]any{}
			}
			p.Options[k] = plain(v)
		}
	}
	p.Examples, _ = plain(m["examples"]).([]any)
	if items, there := m["items"]; there && p.LogicalType == "array" {
		item := logical(items)
		p.Items = &item
	}
	if props, _ := m["properties"].(map[string]any); p.LogicalType == "object" {
		for _, name := range keys(props) {
			one := logical(props[name])
			one.Name = name
			p.Properties = append(p.Properties, one)
		}
	}
	return p
}

// plain gives a decoded value as YAML writes it: its numbers as numbers.
func plain(v any) any {
	var out any
	if json.Unmarshal([]byte(canonicalText(v)), &out) != nil {
		return nil
	}
	return out
}

// physical reads the schema that a property of an ODCS document says; nil where it says none. It takes the members that it understands.
func physical(p *taker) any {
	kind := p.text("logicalType")
	if kind == "" {
		return nil
	}
	s := map[string]any{"type": kind}
	options := p.object("logicalTypeOptions")
	for _, k := range optionsOf[kind] {
		if v, there := options.take(k); there {
			s[k] = v
		}
	}
	if format := timeTypes[kind]; format != "" {
		s["type"], s["format"] = "string", format
	}
	options.done()
	if list, there := p.take("examples"); there {
		s["examples"] = list
	}
	if kind == "array" {
		if items := p.object("items"); items.m != nil {
			s["items"] = orAny(physical(items))
			items.done()
		}
	}
	if kind == "object" {
		physicalObject(p, s)
	}
	return s
}

func orAny(schema any) any {
	if schema == nil {
		return map[string]any{}
	}
	return schema
}

// physicalObject reads the properties of an object. Those that are required are listed, as JSON Schema does.
func physicalObject(p *taker, s map[string]any) {
	props := map[string]any{}
	required, _ := s["required"].([]any)
	for i, one := range p.list("properties") {
		sub := p.sub("properties["+strconv.Itoa(i)+"]", one)
		name := sub.text("name")
		if name == "" {
			continue
		}
		if v, _ := sub.take("required"); v == true && !slices.Contains(required, any(name)) {
			required = append(required, name)
		}
		schema := orAny(physical(sub))
		if m, ok := schema.(map[string]any); ok {
			if text := sub.text("description"); text != "" {
				m["description"] = text
			}
		}
		props[name] = schema
		sub.done()
	}
	if len(props) > 0 {
		s["properties"] = props
	}
	if len(required) > 0 {
		s["required"] = required
	}
}
