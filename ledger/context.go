package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Field is one value of a journey's context, as it was last said.
type Field struct {
	Value    json.RawMessage `json:"value"`    // as the producer wrote it, every digit kept
	Class    string          `json:"class"`    // attribute, mandatory, optional, forward_looking, key_insight
	Revision uint64          `json:"revision"` // of the stream of the event that said it
	Position uint64          `json:"position"`
	Said     time.Time       `json:"said_at"` // occurred time of that event
	Source   string          `json:"source"`  // of that event
}

// Context is what is known in a journey at a moment, by field name: the fold over the data of its events. Later values replace earlier ones;
// a JSON null removes.
type Context map[string]Field

// envelope is the part of an event's data that carries context. See docs/formats.md.
type envelope struct {
	Attributes map[string]json.RawMessage `json:"attributes"`
	Envelope   struct {
		Mandatory      map[string]json.RawMessage `json:"mandatory"`
		Optional       map[string]json.RawMessage `json:"optional"`
		ForwardLooking map[string]json.RawMessage `json:"forward_looking"`
		KeyInsight     json.RawMessage            `json:"key_insight"`
	} `json:"envelope"`
}

// Apply folds the context fields of one event that was read with its data. Data that is not JSON, or has other members, adds nothing.
func (c Context) Apply(r *Recorded) {
	if len(r.Data) == 0 || !IsJSON(r.ContentType) {
		return
	}
	var e envelope
	if json.Unmarshal(r.Data, &e) != nil {
		return
	}
	c.set(r, "attribute", e.Attributes)
	c.set(r, "mandatory", e.Envelope.Mandatory)
	c.set(r, "optional", e.Envelope.Optional)
	c.set(r, "forward_looking", e.Envelope.ForwardLooking)
	if len(e.Envelope.KeyInsight) > 0 {
		c.set(r, "key_insight", map[string]json.RawMessage{"key_insight": e.Envelope.KeyInsight})
	}
}

func (c Context) set(r *Recorded, class string, values map[string]json.RawMessage) {
	for name, v := range values {
		if string(v) == "null" {
			delete(c, name)
			continue
		}
		c[name] = Field{Value: v, Class: class, Revision: r.Revision, Position: r.Position, Said: r.Occurred(), Source: r.Source}
	}
}

// Names lists the fields, sorted.
func (c Context) Names() []string { return slices.Sorted(maps.Keys(c)) }
