package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Content types of CloudEvents JSON: one event, and an array of them.
const (
	ContentTypeCloudEvent      = "application/cloudevents+json"
	ContentTypeCloudEventBatch = "application/cloudevents-batch+json"
)

// ParseCloudEvent reads one event in CloudEvents 1.0 JSON ("structured mode"). A JSON data member is kept byte for byte, numbers
// of any size included; data_base64 is decoded; data that is a JSON string under a content type that is not JSON is the text of that
// string. Attributes without a field of their own go to Ext, numbers and booleans as they are spelled. null is an absent attribute.
// The place that an export of Baton carries (see [AppendCloudEvent]) is dropped, so that an export can be imported.
//
// Errors are *Error with CodeInvalid and name the attribute. Limits and the catalogue are checked at the intake, not here.
func ParseCloudEvent(doc []byte) (Event, error) {
	r, err := ParseRecordedCloudEvent(doc)
	return r.Event, err
}

// ParseRecordedCloudEvent is ParseCloudEvent keeping the place, where the document has all of it; else Position is 0.
func ParseRecordedCloudEvent(doc []byte) (Recorded, error) {
	if err := checkDocument(doc); err != nil {
		return Recorded{}, err
	}
	p := splitter{doc: doc}
	return p.event()
}

// ParseCloudEventBatch reads a JSON array of events. The error of a bad one says which it is, from 1.
func ParseCloudEventBatch(doc []byte) ([]Event, error) {
	if err := checkDocument(doc); err != nil {
		return nil, err
	}
	if doc = bytes.TrimSpace(doc); doc[0] != '[' {
		return nil, badAttribute("send an array, or one event as "+ContentTypeCloudEvent, "the batch is not a JSON array")
	}
	var events []Event
	for p := (splitter{doc: doc, at: 1}); p.more(']'); {
		r, err := p.event()
		if err != nil {
			return nil, &Error{Code: CodeInvalid, Op: fmt.Sprintf("event %d of the batch", len(events)+1), Err: err, Hint: HintOf(err)}
		}
		events = append(events, r.Event)
	}
	return events, nil
}

func badAttribute(hint, format string, args ...any) *Error {
	return Errorf(CodeInvalid, "parse CloudEvent", hint, format, args...)
}

func checkDocument(doc []byte) error {
	if checkJSON(doc) == nil { // several times as fast as json.Valid, which knows the depths and the words for what is wrong
		return nil
	}
	if !utf8.Valid(doc) {
		return badAttribute("send JSON as UTF-8", "the document is not valid UTF-8")
	}
	if json.Valid(doc) {
		return nil
	}
	var v json.RawMessage
	err := json.Unmarshal(doc, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return badAttribute("send what `jq .` accepts", "not valid JSON: %v at byte %d", syntax, syntax.Offset)
	}
	return badAttribute("send what `jq .` accepts", "not valid JSON: %v", err)
}

// event reads one event. After an error it stands somewhere in the event.
func (p *splitter) event() (Recorded, error) {
	if p.space(); p.doc[p.at] != '{' {
		return Recorded{}, badAttribute("send one JSON object for each event", "a CloudEvent is a JSON object, not %.40q", p.value())
	}
	var few [16]attribute
	a := attributes{list: few[:0]}
	for p.at++; p.more('}'); {
		name := p.value()
		p.at++ // the colon
		if name = name[1 : len(name)-1]; bytes.IndexByte(name, '\\') >= 0 {
			name = unquote(name)
		}
		if a.find(string(name)) >= 0 {
			return Recorded{}, badAttribute("send it once", "attribute %.80q stands twice", name)
		}
		if len(a.list) == maxAttributes {
			return Recorded{}, badAttribute("put them into data", "an event has more than %d attributes", maxAttributes)
		}
		a.list = append(a.list, attribute{name, p.value()})
	}
	p.at++
	p.space()
	return a.recorded()
}

// maxAttributes keeps looking for a name among them short, whatever is sent.
const maxAttributes = 256

// attributes are the members of an event that were not looked at yet, as raw JSON.
type attributes struct {
	list []attribute
	err  error // the first
}

type attribute struct{ name, value []byte }

func (a *attributes) find(name string) int {
	for i := range a.list {
		if string(a.list[i].name) == name {
			return i
		}
	}
	return -1
}

func (a *attributes) recorded() (Recorded, error) {
	if v := a.text("specversion"); a.err == nil && v != "1.0" {
		a.err = badAttribute(`set "specversion": "1.0"`, "specversion is %q, only 1.0 is understood", v)
	}
	r := a.place()
	r.ID, r.Source, r.Type = a.required("id"), a.required("source"), a.required("type")
	r.Subject, r.Time = a.text("subject"), a.time("time")
	r.ContentType, r.Schema = a.text("datacontenttype"), a.text("dataschema")
	for _, name := range extensionNames {
		*r.extension(name) = a.text(name)
	}
	r.Data = a.data(r.ContentType)
	for len(a.list) > 0 {
		name := string(a.list[0].name)
		if value := a.scalar(name); value != "" {
			r.Ext = append(r.Ext, Attr{ExtensionName(name), value})
		}
	}
	r.SortExt()
	if a.err != nil {
		return Recorded{}, a.err
	}
	return r, nil
}

// SetAttribute sets a CloudEvents attribute by its name, as header-based bindings carry it: known ones go to their field, others to Ext.
// specversion must be 1.0. Call [Event.SortExt] after the last one.
func (e *Event) SetAttribute(name, value string) error {
	switch name {
	case "specversion":
		if value != "1.0" {
			return badAttribute("set specversion to 1.0", "specversion is %q, only 1.0 is understood", value)
		}
	case "id":
		e.ID = value
	case "source":
		e.Source = value
	case "type":
		e.Type = value
	case "subject":
		e.Subject = value
	case "datacontenttype":
		e.ContentType = value
	case "dataschema":
		e.Schema = value
	case "time":
		t, err := ParseTime(value)
		if err != nil {
			return badAttribute("send it as 2010-04-08T12:30:00+02:00", "time: %v", err)
		}
		e.Time = t
	default:
		if field := e.extension(name); field != nil {
			*field = value
		} else if value != "" {
			e.Ext = append(e.Ext, Attr{ExtensionName(name), value})
		}
	}
	return nil
}

// SortExt puts the extension attributes into the order every Event has them in.
func (e *Event) SortExt() {
	slices.SortFunc(e.Ext, func(x, y Attr) int { return strings.Compare(x.Name, y.Name) })
}

// extensionNames are the extension attributes that have a field.
var extensionNames = []string{"actor", "datasubject", "correlationid", "causationid", "traceparent"}

// extension is the field of an extension attribute, nil where it has none.
func (e *Event) extension(name string) *string {
	switch name {
	case "actor":
		return &e.Actor
	case "datasubject":
		return &e.DataSubject
	case "correlationid":
		return &e.CorrelationID
	case "causationid":
		return &e.CausationID
	case "traceparent":
		return &e.TraceParent
	}
	return nil
}

// placeNames are the extension attributes that Baton writes.
var placeNames = []string{"recordedtime", "stream", "position", "revision"}

// ExtensionName is the name under which an extension attribute is kept: its own, except that those Baton writes itself are put aside
// as "sent" and the name, so that what a producer said is neither lost nor mistaken for the ledger's word.
func ExtensionName(name string) string {
	if slices.Contains(placeNames, name) {
		return "sent" + name
	}
	return name
}

// place takes the four attributes of the place where all are there, and leaves them where not.
func (a *attributes) place() (r Recorded) {
	for _, name := range placeNames {
		if a.find(name) < 0 {
			return r
		}
	}
	r.RecordedTime, r.Stream = a.time("recordedtime"), a.text("stream")
	r.Position, r.Revision = a.number("position"), a.number("revision")
	return r
}

// take removes an attribute and gives its JSON, nil where it is absent or null.
func (a *attributes) take(name string) []byte {
	i := a.find(name)
	if i < 0 {
		return nil
	}
	raw := a.list[i].value
	a.list = slices.Delete(a.list, i, i+1)
	if string(raw) == "null" {
		return nil
	}
	return raw
}

func (a *attributes) fail(hint, format string, args ...any) {
	if a.err == nil {
		a.err = badAttribute(hint, format, args...)
	}
}

func (a *attributes) text(name string) string {
	raw := a.take(name)
	if raw == nil {
		return ""
	}
	if raw[0] != '"' {
		a.fail("send "+name+" as a JSON string", "%s is not a string: %.60q", name, raw)
		return ""
	}
	return jsonText(raw)
}

func (a *attributes) required(name string) string {
	s := a.text(name)
	if s == "" {
		a.fail("set "+name, "%s is missing", name)
	}
	return s
}

func (a *attributes) time(name string) time.Time {
	s := a.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := ParseTime(s)
	if err != nil {
		a.fail("send it as 2010-04-08T12:30:00+02:00", "%s: %v", name, err)
	}
	return t
}

func (a *attributes) number(name string) uint64 {
	s := a.scalar(name)
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		a.fail("send "+name+" as a whole number", "%s is not a number from 0 on: %.60q", name, s)
	}
	return n
}

// scalar is an attribute's value as text; numbers keep every digit.
func (a *attributes) scalar(name string) string {
	raw := a.take(name)
	switch {
	case raw == nil:
		return ""
	case raw[0] == '{' || raw[0] == '[':
		a.fail("put structured values into data", "attribute %.80q is not a string, a number or a boolean", name)
		return ""
	}
	return jsonText(raw)
}

func (a *attributes) data(contentType string) []byte {
	data, isData := []byte(nil), false
	if i := a.find("data"); i >= 0 {
		data, isData = a.list[i].value, true
		a.list = slices.Delete(a.list, i, i+1)
	}
	encoded := a.text("data_base64")
	switch {
	case isData && encoded != "":
		a.fail("send one of them", "data and data_base64 are both there")
		return nil
	case encoded != "":
		b, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			a.fail("encode the bytes with standard base64", "data_base64: %v", err)
		}
		return b
	case isData && !IsJSON(contentType) && data[0] == '"':
		return []byte(jsonText(data))
	}
	return bytes.Clone(data)
}

// ParseTime reads an RFC 3339 time and keeps its offset, whatever the machine's zone is.
func ParseTime(s string) (time.Time, error) {
	t, err := time.ParseInLocation(time.RFC3339Nano, strings.ToUpper(s), time.UTC)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.60q is not an RFC 3339 time", s)
	}
	return t, nil
}

// jsonText is the text of a JSON string, and any other scalar as it is spelled.
func jsonText(raw []byte) string {
	if raw[0] != '"' {
		return string(raw)
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	return string(unquote(inner))
}
