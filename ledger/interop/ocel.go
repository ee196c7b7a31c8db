package interop

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
)

// ocelReader flattens an OCEL 2.0 JSON log to one object type: an event becomes a row of every object of that type it is related to,
// and of none where it is related to none. The objects may stand behind the events, so the file is read twice.
type ocelReader struct {
	src      *source
	json     *json.Decoder
	caseType string
	names    map[string]bool   // object types that a role names
	types    map[string]bool   // all object types of the file
	of       map[string]string // type of each object whose type is named or the case's
	event    int64             // of the file, from 1
	related  int64             // events that had a row
}

// ocelEvent is what an event of the log has. Values stay as they are written.
type ocelEvent struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Time       string `json:"time"`
	Attributes []struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	} `json:"attributes"`
	Relationships json.RawMessage `json:"relationships"`
}

// newOCEL reads the objects of a log: which types there are, and which objects the preset's types select.
func newOCEL(src *source, p *Preset) (*ocelReader, error) {
	o := &ocelReader{names: map[string]bool{}, types: map[string]bool{}, of: map[string]string{}}
	for _, set := range append([][]string{p.Case, p.Party, p.Stage, p.Channel, p.Status}, p.Payload) {
		for _, name := range set {
			o.names[name] = true
		}
	}
	if err := o.scan(src, map[string]func(json.RawMessage) error{"objects": o.object, "objectTypes": o.objectType}); err != nil {
		return nil, err
	}
	have := slices.Sorted(maps.Keys(o.types))
	if len(p.Case) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "import", "say --map case=TYPE with one of "+quoteNames(have),
			"an object-centric log has no single case: which object type are the journeys?")
	}
	if o.caseType = p.Case[0]; !o.types[o.caseType] {
		return nil, ledger.Errorf(ledger.CodeInvalid, "import", "say --map case=TYPE with one of them",
			"the file has no object type %q%s; there are %s", o.caseType, meant(o.caseType, have), quoteNames(have))
	}
	return o, nil
}

// read reads the events of the log, opened again, into a sink.
func (o *ocelReader) read(src *source, to sink) error {
	return o.scan(src, map[string]func(json.RawMessage) error{"events": func(raw json.RawMessage) error { return o.take(raw, to) }})
}

// scan walks the log's top-level arrays and hands over the elements of those asked for, one at a time.
func (o *ocelReader) scan(src *source, want map[string]func(json.RawMessage) error) error {
	o.src, o.json = src, json.NewDecoder(src.text)
	if err := o.expect(json.Delim('{'), "an object with events and objects"); err != nil {
		return err
	}
	found := 0
	for o.json.More() {
		key, err := o.json.Token()
		if err != nil {
			return o.failure(err)
		}
		handle := want[key.(string)] // between '{' and '}' the decoder gives keys, which are strings
		if handle != nil {
			found++
		} else {
			handle = func(json.RawMessage) error { return nil }
		}
		if err := o.array(key.(string), handle); err != nil {
			return err
		}
	}
	if _, err := o.json.Token(); err != nil {
		return o.failure(err)
	}
	if found < len(want) {
		return ledger.Errorf(ledger.CodeInvalid, "import", "export the log as OCEL 2.0 JSON",
			"the file is no OCEL 2.0 log: of %s it has %d", quoteNames(slices.Sorted(maps.Keys(want))), found)
	}
	return nil
}

// array hands over the elements of an array, or any other value whole.
func (o *ocelReader) array(name string, handle func(json.RawMessage) error) error {
	t, err := o.json.Token()
	if err != nil {
		return o.failure(err)
	}
	if t != json.Delim('[') {
		return ledger.Errorf(ledger.CodeInvalid, "import", "export the log as OCEL 2.0 JSON", "%s is not an array", name)
	}
	for o.json.More() {
		o.src.token()
		var raw json.RawMessage
		if err := o.json.Decode(&raw); err != nil {
			return o.failure(err)
		}
		if err := handle(raw); err != nil {
			return err
		}
	}
	if _, err := o.json.Token(); err != nil {
		return o.failure(err)
	}
	return nil
}

func (o *ocelReader) expect(d json.Delim, what string) error {
	t, err := o.json.Token()
	if err != nil {
		return o.failure(err)
	}
	if t != d {
		return ledger.Errorf(ledger.CodeInvalid, "import", "export the log as OCEL 2.0 JSON", "the file is not %s", what)
	}
	return nil
}

func (o *ocelReader) object(raw json.RawMessage) error {
	var object struct{ ID, Type string }
	if err := json.Unmarshal(raw, &object); err != nil {
		return o.failure(err)
	}
	o.types[object.Type] = true
	if o.names[object.Type] {
		o.of[object.ID] = object.Type
	}
	return nil
}

func (o *ocelReader) objectType(raw json.RawMessage) error {
	var declared struct{ Name string }
	if err := json.Unmarshal(raw, &declared); err != nil {
		return o.failure(err)
	}
	o.types[declared.Name] = true
	return nil
}

// take makes the rows of one event.
func (o *ocelReader) take(raw json.RawMessage, to sink) error {
	o.event++
	at := row{number: o.event}
	if !utf8.Valid(raw) {
		return at.fail(ledger.CodeInvalid, "export the log as UTF-8", "the event is not valid UTF-8")
	}
	if len(raw) > ledger.MaxData {
		return at.fail(ledger.CodeTooLarge, "leave large content out of the log and keep a reference with its digest",
			"the event has %d bytes, at most %d are allowed", len(raw), ledger.MaxData)
	}
	var e ocelEvent
	var related []struct{ ObjectID string }
	if err := json.Unmarshal(raw, &e); err != nil {
		return at.fail(ledger.CodeInvalid, "export the log as OCEL 2.0 JSON", "event %.80q: %w", e.ID, err)
	}
	if len(e.Relationships) > 0 {
		if err := json.Unmarshal(e.Relationships, &related); err != nil {
			return at.fail(ledger.CodeInvalid, "export the log as OCEL 2.0 JSON", "event %.80q: relationships: %w", e.ID, err)
		}
	}
	attrs, cases := o.columns(&e), []string(nil)
	for _, r := range related {
		switch typ := o.of[r.ObjectID]; {
		case typ == o.caseType && !slices.Contains(cases, r.ObjectID):
			cases = append(cases, r.ObjectID)
		case typ != "" && typ != o.caseType && !slices.ContainsFunc(attrs, func(a attr) bool { return a.name == typ }):
			attrs = append(attrs, attr{name: typ, value: r.ObjectID})
		}
	}
	if len(cases) > 0 {
		o.related++
	}
	for _, id := range cases {
		if err := to.row(&row{caseID: id, number: o.event, attrs: attrs}); err != nil {
			return err
		}
	}
	return nil
}

// columns are the event's own attributes and what OCEL says of every event.
func (o *ocelReader) columns(e *ocelEvent) []attr {
	attrs := []attr{{name: "ocel:id", value: e.ID}, {name: "ocel:type", value: e.Type}, {name: "ocel:time", value: e.Time}}
	for _, a := range e.Attributes {
		if len(a.Value) > 0 {
			attrs = add(attrs, attr{name: a.Name, value: string(a.Value), verbatim: true})
		}
	}
	if len(e.Relationships) > 0 {
		attrs = append(attrs, attr{name: "ocel:relationships", value: string(e.Relationships), verbatim: true})
	}
	return attrs
}

func (o *ocelReader) failure(err error) error {
	if o.src.err != nil {
		return o.src.damaged(o.src.err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ledger.Errorf(ledger.CodeInvalid, "import", "export the log again: its end is missing", "the JSON ends early, at byte %d", o.json.InputOffset())
	}
	return ledger.Errorf(ledger.CodeInvalid, "import", "mend the file there, or export the log as OCEL 2.0 JSON",
		"malformed JSON near byte %d: %w", o.json.InputOffset(), err)
}

// spool copies a stream into a temporary file, for a format that is read twice. The file goes when remove is called.
func spool(r io.Reader) (path string, remove func(), err error) {
	f, err := os.CreateTemp("", "baton-import-*")
	if err != nil {
		return "", nil, ledger.Errorf(ledger.CodeUnavailable, "import", "name the file instead of piping it", "%w", err)
	}
	remove = func() { _ = os.Remove(f.Name()) } // a temporary file that stays is no reason to fail
	if _, err = io.Copy(f, r); err == nil {
		err = f.Close()
	}
	if err != nil {
		remove()
		return "", nil, ledger.Errorf(ledger.CodeUnavailable, "import", "see that there is room for temporary files", "%w", err)
	}
	return f.Name(), remove, nil
}
