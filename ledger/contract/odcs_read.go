package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// taker reads an object member by member, and says in the end what nobody took.
type taker struct {
	m    map[string]any
	path string // "" or ending in a dot
	left *[]string
}

func (t *taker) take(name string) (any, bool) {
	v, there := t.m[name]
	delete(t.m, name)
	return v, there
}

func (t *taker) text(name string) string {
	v, there := t.m[name]
	s, ok := v.(string)
	if there && ok {
		delete(t.m, name)
	}
	return s
}

func (t *taker) object(name string) *taker {
	v, _ := t.m[name].(map[string]any)
	if v != nil {
		delete(t.m, name)
	}
	return &taker{v, t.path + name + ".", t.left}
}

func (t *taker) list(name string) []any {
	v, ok := t.m[name].([]any)
	if ok {
		delete(t.m, name)
	}
	return v
}

func (t *taker) sub(name string, v any) *taker {
	m, _ := v.(map[string]any)
	return &taker{m, t.path + name + ".", t.left}
}

// done notes what is left of the object.
func (t *taker) done() {
	for _, name := range keys(t.m) {
		t.note("%s", name)
	}
}

func (t *taker) note(format string, args ...any) {
	*t.left = append(*t.left, t.path+fmt.Sprintf(format, args...))
}

// custom takes the custom properties whose names begin with baton, by their names.
func (t *taker) custom() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	var rest []any
	for _, one := range t.list("customProperties") {
		m, _ := one.(map[string]any)
		name, _ := m["property"].(string)
		if !strings.HasPrefix(name, "baton") {
			rest = append(rest, one)
			continue
		}
		out[name] = json.RawMessage(canonicalText(m["value"]))
	}
	if rest != nil {
		t.m["customProperties"] = rest
	}
	return out
}

// into reads a custom property: its value, or a text of JSON where another kind of value belongs.
func into(custom map[string]json.RawMessage, name string, to any) error {
	raw, there := custom[name]
	if !there {
		return nil
	}
	err := json.Unmarshal(raw, to)
	var text string
	if err != nil && json.Unmarshal(raw, &text) == nil {
		err = json.Unmarshal([]byte(text), to)
	}
	if err != nil {
		return ledger.Errorf(ledger.CodeInvalid, opODCS, "see docs/contracts.md for its value", "customProperties, %s: %s", name, plainJSONError(err))
	}
	return nil
}

// ReadODCS reads a document of the Open Data Contract Standard, 3.0 or 3.1. One that [Contract.ODCS] wrote gives the same contract. Of others, what
// is required becomes mandatory, the rest optional; the major version counts. leftOut are the members that a contract has no place for.
// Errors are CodeInvalid.
func ReadODCS(document []byte) (c *Contract, leftOut []string, err error) {
	if len(document) > 4*MaxDocument {
		return nil, nil, ledger.Errorf(ledger.CodeTooLarge, opODCS, "split it", "the document has %d bytes, at most %d are allowed", len(document), 4*MaxDocument)
	}
	raw, err := asJSON(document)
	if err != nil {
		return nil, nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, nil, ledger.Errorf(ledger.CodeInvalid, opODCS, "check it with an ODCS validator", "%s", err)
	}
	m, _ := v.(map[string]any)
	t := &taker{m, "", &leftOut}
	if kind, api := t.text("kind"), t.text("apiVersion"); kind != "DataContract" || !strings.HasPrefix(api, "v3.") {
		return nil, nil, ledger.Errorf(ledger.CodeInvalid, opODCS, "give a document with kind: DataContract and apiVersion: v3.1.0", "kind %.40q, apiVersion %.40q: not a data contract of version 3", kind, api)
	}
	c = &Contract{}
	if err := c.odcsHead(t); err != nil {
		return nil, nil, err
	}
	elements, err := c.odcsFields(t)
	if err != nil {
		return nil, nil, err
	}
	c.odcsFreshness(t, elements)
	t.done()
	c.defaults()
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	return c, leftOut, nil
}

// odcsHead reads what stands around the fields.
func (c *Contract) odcsHead(t *taker) error {
	id, name, version := t.text("id"), t.text("name"), t.text("version")
	c.Name = asName(either(name, id))
	if c.Name != name && name != "" {
		t.note("name %q became %q", name, c.Name)
	}
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(major)
	if c.Version = max(n, 1); err != nil || n < 1 || rest != "0.0" && rest != "" {
		t.note("version %q became %d", version, c.Version)
	}
	t.text("status") // the registry's to say
	about := t.object("description")
	c.Description = about.text("purpose")
	about.done()
	team := t.object("team")
	c.Owner = team.text("name")
	team.done()
	custom := t.custom()
	for name, to := range map[string]any{"batonTitle": &c.Title, "batonConsumers": &c.Consumers, "batonPoints": &c.Points, "batonMode": &c.Mode, "batonReader": &c.Reader,
		"batonCompatibility": &c.Compatibility, "batonKeyInsight": &c.KeyInsight, "batonVariants": &c.Variants, "batonUpcast": &c.Upcast} {
		if err := into(custom, name, to); err != nil {
			return err
		}
	}
	return nil
}

// asName makes a name of a text: what names cannot have becomes a dash.
func asName(text string) string {
	if ValidName(text) {
		return text
	}
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && ValidName(string(r)+"a") || r == '/' {
			return r
		}
		return '-'
	}, text)
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	for i := range parts {
		parts[i] = strings.Trim(parts[i], "-.")
	}
	name = strings.Trim(strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "/"), "-")
	if name = name[:min(len(name), 200)]; !ValidName(name) {
		return "imported"
	}
	return name
}

// odcsFields reads the objects' properties, and gives the names by which service levels call them.
func (c *Contract) odcsFields(t *taker) (elements map[string]int, err error) {
	elements = map[string]int{}
	objects := t.list("schema")
	for i, one := range objects {
		object := t.sub(fmt.Sprintf("schema[%d]", i), one)
		object.text("logicalType")
		name := object.text("name")
		for j, p := range object.list("properties") {
			f, err := odcsField(object.sub(fmt.Sprintf("properties[%d]", j), p))
			if err != nil {
				return nil, err
			}
			elements[name+"."+f.Name], elements[f.Name] = len(c.Fields), len(c.Fields)
			if len(objects) > 1 {
				f.Name = name + "." + f.Name
			}
			c.Fields = append(c.Fields, f)
		}
		object.done()
	}
	return elements, nil
}

func odcsField(t *taker) (f Field, err error) {
	f = Field{Name: t.text("name"), Title: t.text("businessName"), Description: t.text("description"), Classification: t.text("classification"), Class: Optional}
	if required, _ := t.take("required"); required == true {
		f.Class = Mandatory
	}
	custom := t.custom()
	var fallback string
	for name, to := range map[string]any{"batonClass": &f.Class, "batonPurpose": &f.Purpose, "batonSubject": &f.Subject, "batonSource": &f.Source, "batonMethod": &f.Method,
		"batonWeight": &f.Weight, "batonDefault": &fallback} {
		if err := into(custom, name, to); err != nil {
			return f, err
		}
	}
	if fallback != "" {
		f.Default = json.RawMessage(fallback)
	}
	if said := physical(t); said != nil {
		f.Schema = json.RawMessage(canonicalText(said))
	}
	if raw, there := custom["batonSchema"]; there {
		f.Schema = raw
		var text string
		if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
			f.Schema = json.RawMessage(text)
		}
	}
	for _, raw := range []json.RawMessage{f.Schema, f.Default} {
		if len(raw) > 0 && !json.Valid(raw) {
			return f, ledger.Errorf(ledger.CodeInvalid, opODCS, "write JSON", "property %q: a schema or default is not JSON", f.Name)
		}
	}
	t.done()
	return f, nil
}

// odcsFreshness reads how old values may be from the service levels called freshness or latency.
func (c *Contract) odcsFreshness(t *taker, elements map[string]int) {
	for i, one := range t.list("slaProperties") {
		m, _ := one.(map[string]any)
		property, _ := m["property"].(string)
		unit, _ := m["unit"].(string)
		element, _ := m["element"].(string)
		at, known := elements[element]
		span := spanOf(fmt.Sprint(m["value"]), unit)
		if property != "freshness" && property != "latency" || !known || span <= 0 {
			t.note("slaProperties[%d] (%s)", i, property)
			continue
		}
		c.Fields[at].FreshFor = Duration(span)
	}
}

// spanOf reads a number of a unit; 0 where it is none, or longer than spans can be.
func spanOf(value, unit string) time.Duration {
	n, err := strconv.ParseFloat(value, 64)
	for _, u := range spanUnits {
		if u.name != unit || err != nil || n*float64(u.span) >= math.MaxInt64 {
			continue
		}
		if whole, err := strconv.ParseInt(value, 10, 64); err == nil {
			return time.Duration(whole) * u.span
		}
		return time.Duration(n * float64(u.span))
	}
	return 0
}
