package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Summary is what identifies a view in an answer about two of them.
type Summary struct {
	Moment   Moment       `json:"moment"`
	Position uint64       `json:"position"` // of the last event that counts
	Revision uint64       `json:"revision"`
	Events   int          `json:"events"`
	Last     time.Time    `json:"last_at,omitzero"`
	Owner    ledger.Party `json:"owner,omitzero"`
	Status   string       `json:"status,omitempty"`
	Open     bool         `json:"open"`
	Digest   ledger.Hash  `json:"digest"`
}

// Summarize gives the summary of a view.
func Summarize(v View) Summary {
	j := &v.Journey
	return Summary{Moment: v.Moment, Position: j.Position, Revision: j.Revision, Events: v.Events, Last: j.Last, Owner: j.Owner(),
		Status: j.Status, Open: j.IsOpen(), Digest: Digest(v)}
}

// Difference is what distinguishes two states of a journey.
type Difference struct {
	Journey string   `json:"journey"`
	From    Summary  `json:"from"`
	To      Summary  `json:"to"`
	Changes []Change `json:"changes"` // by part (owner, status, custody, handoffs, anomalies, links, context, times), then path
}

// Kind says how a part differs.
type Kind string

// The kinds of change. Moved is a change of a handoff's state.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
	Moved   Kind = "moved"
)

// Change is one part of the state that differs. Paths are owner, open, outcome, status, activity, stage, party, channel, custody[n]
// and custody[n].member, handoffs[id] and handoffs[id].member, anomalies[name@position], links, context.name and times.name.
type Change struct {
	Path     string          `json:"path"`
	Kind     Kind            `json:"kind"`
	Before   json.RawMessage `json:"before,omitempty"` // JSON; absent where added
	After    json.RawMessage `json:"after,omitempty"`  // JSON; absent where removed
	Revision uint64          `json:"revision"`         // of the event that made the difference: the later of the two below
	Position uint64          `json:"position"`

	BeforeSaid *Place `json:"before_said,omitempty"` // where Before was said, nil where nobody said it
	AfterSaid  *Place `json:"after_said,omitempty"`  // where After was said; for removed parts where that was taken back
}

// Diff compares a journey at two moments, in either order. The errors are those of [Events].
func Diff(ctx context.Context, r ledger.Reader, journey string, from, to Moment) (Difference, error) {
	a, err := asOf(ctx, r, journey, from, true)
	if err != nil {
		return Difference{}, err
	}
	b, err := asOf(ctx, r, journey, to, true)
	if err != nil {
		return Difference{}, err
	}
	return Compare(a, b), nil
}

// Compare gives the difference between two views. Bookkeeping (position, revision, number of events) is in the summaries and is no
// change. Values are equal when they are the same JSON value, whatever their white space and order of members; a value said
// again is no change.
func Compare(from, to View) Difference {
	d := Difference{Journey: cmp.Or(to.Journey.ID, from.Journey.ID), From: Summarize(from), To: Summarize(to), Changes: []Change{}}
	before, after := parts(&from), parts(&to)
	old := make(map[string]*part, len(before))
	for i := range before {
		old[before[i].path] = &before[i]
	}
	var found []sortable
	for i := range after {
		now := &after[i]
		found = append(found, compare(old[now.path], now, from.trace, to.trace)...)
		delete(old, now.path)
	}
	for _, was := range old {
		gone := to.trace.at(was.path)
		found = append(found, sortable{was, change(was.path, Removed, was.value, nil, was.said, gone)})
	}
	slices.SortFunc(found, func(a, b sortable) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.order, b.order), memberOrder(a.Path, b.Path))
	})
	for _, s := range found {
		d.Changes = append(d.Changes, s.Change)
	}
	return d
}

// sortable is a change and the part of the state it is about.
type sortable struct {
	*part
	Change
}

// memberOrder is by path, with a handoff's state before its other members.
func memberOrder(a, b string) int {
	state := func(p string) int {
		if strings.HasSuffix(p, "].state") {
			return 0
		}
		return 1
	}
	if pa, _, _ := strings.Cut(a, "]."); strings.HasPrefix(b, pa+"].") && state(a) != state(b) {
		return state(a) - state(b)
	}
	return cmp.Compare(a, b)
}

// compare gives the changes of one part; was is nil where it is new. Handoffs and spans of custody are compared by their members.
func compare(was, now *part, from, to trace) []sortable {
	switch {
	case was == nil:
		return []sortable{{now, change(now.path, Added, nil, now.value, nil, now.said)}}
	case bytes.Equal(was.value, now.value):
		return nil
	case now.kind != partHandoff && now.kind != partCustody:
		return []sortable{{now, change(now.path, Changed, was.value, now.value, was.said, now.said)}}
	}
	var out []sortable
	a, b := members(was.value), members(now.value)
	for name := range union(a, b) {
		path, kind := now.path+"."+name, Changed
		switch before, after := a[name], b[name]; {
		case bytes.Equal(before, after):
			continue
		case before == nil:
			kind = Added
		case after == nil:
			kind = Removed
		case name == "state":
			kind = Moved
		}
		said, since := from.at(path), to.at(path)
		if said == nil && a[name] != nil { // a member without a trace of its own came with the whole
			said = was.said
		}
		if since == nil && b[name] != nil {
			since = now.said
		}
		out = append(out, sortable{now, change(path, kind, a[name], b[name], said, since)})
	}
	return out
}

func change(path string, kind Kind, before, after json.RawMessage, said, now *Place) Change {
	c := Change{Path: path, Kind: kind, Before: before, After: after, BeforeSaid: said, AfterSaid: now}
	for _, at := range []*Place{said, now} {
		if at != nil && at.Position >= c.Position {
			c.Position, c.Revision = at.Position, at.Revision
		}
	}
	return c
}

// members are those of a handoff or span that mean something; its place in the record is bookkeeping.
func members(object json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(object, &m) != nil {
		return nil
	}
	for _, name := range []string{"id", "position", "revision"} {
		delete(m, name)
	}
	return m
}

func union(a, b map[string]json.RawMessage) map[string]bool {
	out := make(map[string]bool, len(a))
	for name := range a {
		out[name] = true
	}
	for name := range b {
		out[name] = true
	}
	return out
}
