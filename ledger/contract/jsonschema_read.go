package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

const opJSONSchema = "read JSON Schema"

// annotation is how names of members begin that say in JSON Schema what it has no word for.
const annotation = "x-baton-"

// ReadJSONSchema reads a JSON Schema as a contract: of an object whose properties are the fields (required ones mandatory, the others
// optional), or of an envelope, as [Contract.JSONSchema] writes it, whose properties mandatory, optional and forward_looking are objects of
// fields. Members x-baton-<member> say what JSON Schema has no word for, beside a field or the whole. References within the document are
// put into their places. leftOut are the members that a contract has no place for. Errors are CodeInvalid.
func ReadJSONSchema(document []byte) (c *Contract, leftOut []string, err error) {
	if len(document) > 4*MaxDocument {
		return nil, nil, ledger.Errorf(ledger.CodeTooLarge, opJSONSchema, "split it", "the document has %d bytes, at most %d are allowed", len(document), 4*MaxDocument)
	}
	raw, err := asJSON(document)
	if err != nil {
		return nil, nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, nil, ledger.Errorf(ledger.CodeInvalid, opJSONSchema, "check it with a JSON Schema validator", "%s", err)
	}
	r := &schemaReader{c: &Contract{}, in: &inliner{root: v, left: maxSteps}, left: &leftOut}
	root := r.follow(v)
	props, _ := root["properties"].(map[string]any)
	if props == nil {
		return nil, nil, ledger.Errorf(ledger.CodeInvalid, opJSONSchema, "give the schema of an object, with its properties", "the schema has no properties, so no fields")
	}
	if envelope := r.follow(props["envelope"]); r.isEnvelope(envelope) { // the data of an offer
		root = envelope
		props, _ = root["properties"].(map[string]any)
	}
	if err := r.head(root); err != nil {
		return nil, nil, err
	}
	if r.isEnvelope(root) {
		err = r.envelope(props, root)
	} else {
		err = r.fields(root, "")
	}
	if err != nil {
		return nil, nil, err
	}
	r.c.defaults()
	return r.c, leftOut, r.c.check()
}

// schemaReader makes a contract of a schema.
type schemaReader struct {
	c    *Contract
	in   *inliner
	left *[]string
}

// follow gives the object that a schema is, or refers to; what stands beside a reference counts as well.
func (r *schemaReader) follow(schema any) map[string]any {
	m, _ := schema.(map[string]any)
	for range maxDepth {
		ref, ok := m["$ref"].(string)
		target, found := resolve(r.in.root, ref)
		there, isMap := target.(map[string]any)
		if !ok || !found || !isMap {
			break
		}
		m = without(m, "$ref")
		for k, v := range there {
			if _, said := m[k]; !said {
				m[k] = v
			}
		}
	}
	return m
}

// isEnvelope reports whether an object's properties are classes of fields, and nothing else but what envelopes have.
func (r *schemaReader) isEnvelope(s map[string]any) bool {
	props, _ := s["properties"].(map[string]any)
	found := false
	for name, v := range props {
		m := r.follow(v)
		switch {
		case slices.Contains(Classes(), Class(name)):
			if m["properties"] == nil && !slices.Contains(typesOf(m["type"]), "object") {
				return false
			}
			found = true
		case name != "key_insight" && name != "fields" && name != "side_panel":
			return false
		}
	}
	return found
}

func (r *schemaReader) note(format string, args ...any) {
	*r.left = append(*r.left, fmt.Sprintf(format, args...))
}

// annotated takes the members x-baton-… out of a schema, named as documents of contracts do.
func annotated(s map[string]any) (said, rest map[string]any) {
	said, rest = map[string]any{}, map[string]any{}
	for k, v := range s {
		if name, ok := strings.CutPrefix(k, annotation); ok {
			said[strings.ReplaceAll(name, "-", "_")] = v
		} else {
			rest[k] = v
		}
	}
	return said, rest
}

// head reads what the schema says of the whole.
func (r *schemaReader) head(root map[string]any) error {
	said, rest := annotated(root)
	title, _ := rest["title"].(string)
	id, _ := rest["$id"].(string)
	if _, there := said["contract"]; !there {
		said["contract"] = asName(either(title, id[strings.LastIndexByte(id, '/')+1:]))
	}
	if _, there := said["version"]; !there {
		said["version"] = json.Number("1")
	}
	if variant, there := said["variant"]; there {
		r.note("x-baton-variant: the document is of one variant, %v; the contract has what holds there, and no variants", variant)
		delete(said, "variant")
	}
	if err := strictly(said, r.c); err != nil {
		return ledger.Errorf(ledger.CodeInvalid, opJSONSchema, "write them as in a contract's document", "a member x-baton-… of the whole: %s", plainJSONError(err))
	}
	r.c.Title = either(r.c.Title, title)
	if text, _ := rest["description"].(string); r.c.Description == "" {
		r.c.Description = text
	}
	for _, k := range keys(rest) {
		switch k {
		case "$schema", "$id", "title", "description", "type", "properties", "required", "additionalProperties", "$comment", "$defs", "definitions":
		default:
			r.note("%s", k)
		}
	}
	return nil
}

// envelope reads the classes, and what is asked of the key insight.
func (r *schemaReader) envelope(props, root map[string]any) error {
	open := false
	for _, class := range Classes() {
		object := r.follow(props[string(class)])
		if object == nil {
			continue
		}
		if object["additionalProperties"] != false {
			open = true
		}
		if err := r.fields(object, class); err != nil {
			return err
		}
	}
	if open && r.c.Reader == "" {
		r.c.Reader = Tolerant
	}
	insight := r.follow(props["key_insight"])
	required := slices.Contains((conjunction{root}).required(), "key_insight")
	most, limited := countOf(insight["maxLength"])
	if r.c.KeyInsight == nil && (required || limited && most != DefaultInsight) {
		r.c.KeyInsight = &KeyInsight{Required: required}
		if most != DefaultInsight {
			r.c.KeyInsight.Max = most
		}
	}
	return nil
}

// fields reads the properties of an object as fields of a class; "" for what is required, or not.
func (r *schemaReader) fields(object map[string]any, class Class) error {
	props, _ := object["properties"].(map[string]any)
	required := (conjunction{object}).required()
	order := keys(props)
	slices.SortStableFunc(order, func(a, b string) int { // the required ones in their order, then the others
		return place(object["required"], a) - place(object["required"], b)
	})
	for _, name := range order {
		if class == Mandatory && props[name] == false {
			continue // what is never mandatory
		}
		f := Field{Name: name, Class: class}
		if class == "" {
			f.Class = Optional
			if slices.Contains(required, name) {
				f.Class = Mandatory
			}
		}
		if err := r.field(&f, props[name]); err != nil {
			return err
		}
		r.c.Fields = append(r.c.Fields, f)
	}
	return nil
}

func place(list any, name string) int {
	names, _ := list.([]any)
	if i := slices.Index(names, any(name)); i >= 0 {
		return i
	}
	return len(names)
}

// field reads one property.
func (r *schemaReader) field(f *Field, schema any) error {
	m, ok := schema.(map[string]any)
	if !ok {
		if schema != true {
			f.Schema = json.RawMessage(canonicalText(schema))
		}
		return nil
	}
	said, rest := annotated(m)
	for _, fixed := range []string{"name", "class", "schema"} {
		delete(said, fixed)
	}
	if err := strictly(said, f); err != nil {
		return ledger.Errorf(ledger.CodeInvalid, opJSONSchema, "write them as in a contract's document", "property %q, a member x-baton-…: %s", f.Name, plainJSONError(err))
	}
	for k, to := range map[string]*string{"title": &f.Title, "description": &f.Description} {
		if text, ok := rest[k].(string); ok && *to == "" {
			*to = text
			delete(rest, k)
		}
	}
	own := r.standing(f.Name, withoutNull(rest))
	if m, ok := own.(map[string]any); own != true && (!ok || len(m) > 0) {
		f.Schema = json.RawMessage(canonicalText(own))
	}
	return nil
}

// strictly reads members into a document's type, and knows no others.
func strictly(said map[string]any, into any) error {
	d := json.NewDecoder(strings.NewReader(canonicalText(said)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// withoutNull takes out of a schema what it says of null, which in an envelope is no value.
func withoutNull(s map[string]any) any {
	null := canonicalText(map[string]any{"type": "null"})
	if canonicalText(s["not"]) == null {
		s = without(s, "not")
	}
	if types := typesOf(s["type"]); len(types) > 1 && slices.Contains(types, "null") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "null" })
		s = without(s, "type")
		s["type"] = types
		if len(types) == 1 {
			s["type"] = types[0]
		}
	}
	for _, k := range []string{"allOf", "anyOf"} {
		list, _ := s[k].([]any)
		if len(s) != 1 || len(list) == 0 {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(list), func(v any) bool { return k == "anyOf" && canonicalText(v) == null })
		if len(rest) == 1 {
			return rest[0]
		}
	}
	return s
}

// standing gives a field's schema as one that stands for itself: what it refers to in the document is put into it.
func (r *schemaReader) standing(field string, schema any) any {
	m, ok := schema.(map[string]any)
	if !ok || !refers(m) {
		return schema
	}
	if m["$id"] != nil { // it stands for itself
		return without(m, "$id")
	}
	out := r.in.schema(m, nil)
	if !refers(out) {
		return out
	}
	root, _ := r.in.root.(map[string]any)
	if defs, there := root["$defs"]; there { // references that come back to themselves
		m = without(m, "")
		m["$defs"] = defs
		if _, err := validatorOf(m); err == nil {
			return m
		}
	}
	r.note("properties.%s: its schema refers to what is not in the document; any value is allowed", field)
	return true
}
