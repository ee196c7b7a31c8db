package brief

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Source is how an enrichment source answered for a handoff.
type Source struct {
	Name        string    `json:"name"`
	State       string    `json:"state"` // requested, completed, failed, late, skipped
	At          time.Time `json:"at"`    // of the last event about it
	Position    uint64    `json:"position"`
	TookMS      *int64    `json:"took_ms,omitempty"`
	Reason      string    `json:"reason,omitempty"` // why it failed or was skipped
	Fields      []string  `json:"fields,omitempty"` // that it said
	AfterAccept bool      `json:"after_accept,omitempty"`
}

// sourceData is what is read of an enrichment event, see docs/context.md.
type sourceData struct {
	Source     string                     `json:"source"`
	FromSystem string                     `json:"from_system"` // as the simulator calls it
	Skipped    bool                       `json:"skipped"`
	Reason     string                     `json:"reason"`
	TookMS     *int64                     `json:"took_ms"`
	Attributes map[string]json.RawMessage `json:"attributes"`
}

// source notes an enrichment event about the brief's handoff.
func (a *assembly) source(e *ledger.Recorded, verb string) {
	if e.Facets.Handoff != a.b.Handoff || a.b.Handoff == "" {
		return
	}
	var d sourceData
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	if d.Source == "" {
		d.Source = d.FromSystem
	}
	s := Source{Name: d.Source, State: verb, At: e.Occurred().UTC(), Position: e.Position, TookMS: d.TookMS, Reason: d.Reason,
		AfterAccept: a.accept > 0 && verb != "requested"}
	if d.Skipped {
		s.State = "skipped"
	}
	for name := range d.Attributes {
		s.Fields = append(s.Fields, name)
	}
	slices.Sort(s.Fields)
	if i := slices.IndexFunc(a.b.Sources, func(have Source) bool { return have.Name == s.Name }); i >= 0 {
		a.b.Sources[i] = s
		return
	}
	a.b.Sources = append(a.b.Sources, s)
}
