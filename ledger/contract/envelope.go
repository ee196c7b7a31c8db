package contract

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Envelope is the context of one handoff: values by class, and what is known of them. It is the member envelope of an offer's data.
type Envelope struct {
	Mandatory      map[string]json.RawMessage `json:"mandatory,omitempty"`
	Optional       map[string]json.RawMessage `json:"optional,omitempty"`
	ForwardLooking map[string]json.RawMessage `json:"forward_looking,omitempty"`
	KeyInsight     string                     `json:"key_insight,omitempty"`
	Fields         map[string]Meta            `json:"fields,omitempty"`
	SidePanel      []Reference                `json:"side_panel,omitempty"` // detail that is loaded on demand
}

// Meta is what is known of one value.
type Meta struct {
	Source         string    `json:"source,omitempty"`
	AssertedAt     time.Time `json:"asserted_at,omitzero"`
	Method         string    `json:"method,omitempty"` // user, system, model, default, inherited
	Confidence     *float64  `json:"confidence,omitempty"`
	Classification string    `json:"classification,omitempty"`
	FillMS         *int64    `json:"fill_ms,omitempty"` // milliseconds that filling it in took
}

// Reference is something that the receiver may open: a transcript, an order, an article.
type Reference struct {
	Title  string `json:"title"`
	Ref    string `json:"ref"` // URL, or a name in the sender's system
	Digest string `json:"digest,omitempty"`
}

// In gives the values of a class; the map may be nil.
func (e *Envelope) In(class Class) map[string]json.RawMessage {
	switch class {
	case Mandatory:
		return e.Mandatory
	case Optional:
		return e.Optional
	}
	return e.ForwardLooking
}

// Put sets a value in a class.
func (e *Envelope) Put(class Class, field string, value json.RawMessage) {
	into := &e.ForwardLooking
	switch class {
	case Mandatory:
		into = &e.Mandatory
	case Optional:
		into = &e.Optional
	}
	if *into == nil {
		*into = map[string]json.RawMessage{}
	}
	(*into)[field] = value
}

// Find gives a field's value and class; ok is false where it is absent or null.
func (e *Envelope) Find(field string) (value json.RawMessage, class Class, ok bool) {
	for _, class := range Classes() {
		if v, there := e.In(class)[field]; there && string(v) != "null" {
			return v, class, true
		}
	}
	return nil, "", false
}

// Names lists the fields that have a value, sorted.
func (e *Envelope) Names() []string {
	names := map[string]bool{}
	for _, class := range Classes() {
		for name, v := range e.In(class) {
			if string(v) != "null" {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// ReadEnvelope reads the envelope of an offer. Parts of another shape than theirs are left out, each on its own: what producers
// send is evidence and never refused by a reader. ok is false where there is no envelope.
func ReadEnvelope(e *ledger.Event) (out Envelope, ok bool) {
	if len(e.Data) == 0 || !ledger.IsJSON(e.ContentType) {
		return out, false
	}
	var data struct {
		Envelope map[string]json.RawMessage `json:"envelope"`
	}
	if json.Unmarshal(e.Data, &data) != nil || data.Envelope == nil {
		return out, false
	}
	read := func(name string, into any) { _ = json.Unmarshal(data.Envelope[name], into) }
	read("mandatory", &out.Mandatory)
	read("optional", &out.Optional)
	read("forward_looking", &out.ForwardLooking)
	read("key_insight", &out.KeyInsight)
	read("side_panel", &out.SidePanel)
	var fields map[string]json.RawMessage
	read("fields", &fields)
	for name, raw := range fields {
		var m Meta
		if json.Unmarshal(raw, &m) == nil {
			if out.Fields == nil {
				out.Fields = make(map[string]Meta, len(fields))
			}
			out.Fields[name] = m
		}
	}
	return out, true
}
