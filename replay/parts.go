package replay

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// The kinds of parts, in the order in which a difference lists them: who holds it comes first.
const (
	partOwner = iota
	partState
	partCustody
	partHandoff
	partAnomaly
	partLinks
	partContext
	partTimes
)

// part is one comparable piece of a state.
type part struct {
	kind  int
	order int // within the kind
	path  string
	value json.RawMessage // canonical
	said  *Place
}

func custodyPath(i int) string       { return "custody[" + strconv.Itoa(i) + "]" }
func handoffPath(id string) string   { return "handoffs[" + id + "]" }
func contextPath(name string) string { return "context." + name }
func anomalyPath(a *ledger.Anomaly) string {
	return fmt.Sprintf("anomalies[%s@%d]", a.Name, a.Position)
}

// at is where a path was said last, nil where the view has no trace of it.
func (t trace) at(path string) *Place {
	if p, ok := t[path]; ok {
		return &p
	}
	return nil
}

// parts takes a view apart. A part with nothing to say is left out, so that its coming and going are additions and removals.
func parts(v *View) []part {
	j := &v.Journey
	var out []part
	add := func(kind, order int, path string, value any, said *Place) {
		if said == nil {
			said = v.trace.at(path)
		}
		out = append(out, part{kind, order, path, toJSON(value), said})
	}
	text := func(order int, path, value string) {
		if value != "" {
			add(partState, order, path, value, nil)
		}
	}
	moment := func(order int, path string, at time.Time) {
		if !at.IsZero() {
			add(partTimes, order, path, at, nil)
		}
	}
	if owner := j.Owner(); !owner.IsZero() {
		add(partOwner, 0, "owner", owner, nil)
	}
	if v.Events > 0 {
		add(partState, 0, "open", j.IsOpen(), nil)
	}
	text(1, "outcome", j.Outcome)
	text(2, "status", j.Status)
	text(3, "activity", j.Activity)
	text(4, "stage", j.Stage)
	text(5, "party", j.Party)
	text(6, "channel", j.Channel)
	for i := range j.Custody {
		add(partCustody, i, custodyPath(i), j.Custody[i], nil)
	}
	for i := range j.Handoffs {
		add(partHandoff, i, handoffPath(j.Handoffs[i].ID), j.Handoffs[i], nil)
	}
	for i := range j.Anomalies {
		a := &j.Anomalies[i]
		add(partAnomaly, i, anomalyPath(a), a, &Place{Position: a.Position, Revision: a.Revision})
	}
	if len(j.Links) > 0 {
		add(partLinks, 0, "links", j.Links, nil)
	}
	for i, name := range v.Context.Names() {
		f := v.Context[name]
		add(partContext, i, contextPath(name), f.Value, &Place{Position: f.Position, Revision: f.Revision})
	}
	moment(0, "times.started_at", j.Started)
	moment(1, "times.last_at", j.Last)
	moment(2, "times.closed_at", j.Closed)
	return out
}
