package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// View is one journey as it stood at a moment. It depends on nothing after the moment: a link to it means the same for ever.
type View struct {
	Journey ledger.Journey `json:"journey"`
	Context ledger.Context `json:"context"`
	Moment  Moment         `json:"moment"`  // as it was asked for
	Events  int            `json:"events"`  // that count at the moment
	NotYet  int            `json:"not_yet"` // known at the moment and left out, because they occurred after Moment.At

	Suggestions []Suggestion `json:"suggestions,omitempty"` // by machines, oldest first, without those that nobody is shown

	all   []Suggestion // those among them
	trace trace        // where each part was said last; only folds that compare keep one
}

// AsOf folds a journey's two streams up to a moment. A moment before the journey's first event gives the empty view, with the
// id alone. Errors are those of [Events].
func AsOf(ctx context.Context, r ledger.Reader, journey string, m Moment) (View, error) {
	return asOf(ctx, r, journey, m, false)
}

func asOf(ctx context.Context, r ledger.Reader, journey string, m Moment, traced bool) (View, error) {
	f, skipped := newFolder(journey, traced), 0
	for e, err := range events(ctx, r, journey, m, false, &skipped) {
		if err != nil {
			return View{}, err
		}
		f.apply(&e)
	}
	v := f.view()
	v.Moment, v.NotYet = m, skipped
	return v, nil
}

// Fold gives the view after events of one journey, in position order. The events are not changed and not kept, save that
// context values share the bytes of their data.
func Fold(journey string, events []ledger.Recorded) View {
	return fold(journey, events, false)
}

// Standing is [Fold] without the context, which it leaves empty: for those who read the data themselves.
func Standing(journey string, events []ledger.Recorded) View {
	f := newFolder(journey, false)
	f.context = nil
	for i := range events {
		f.apply(&events[i])
	}
	v := f.view()
	v.Context = ledger.Context{}
	return v
}

func fold(journey string, events []ledger.Recorded, traced bool) View {
	f := newFolder(journey, traced)
	for i := range events {
		f.apply(&events[i])
	}
	return f.view()
}

// folder applies events one by one.
type folder struct {
	journey ledger.Journey
	context ledger.Context
	trace   trace

	suggestions []Suggestion
}

func newFolder(journey string, traced bool) *folder {
	f := &folder{context: ledger.Context{}, journey: ledger.Journey{ID: journey}}
	if traced {
		f.trace = trace{}
	}
	return f
}

func (f *folder) apply(e *ledger.Recorded) ledger.Change {
	f.suggest(e)
	if f.trace == nil {
		if f.context != nil {
			f.context.Apply(e)
		}
		return f.journey.Apply(e)
	}
	return f.applyTraced(e)
}

// view is a copy of the state: it stays as it is when more events are applied.
func (f *folder) view() View {
	j := f.journey
	j.Custody = append([]ledger.Span{}, j.Custody...) // never nil, so that JSON has [] and not null
	j.Handoffs = append([]ledger.Handoff{}, j.Handoffs...)
	j.Anomalies = append([]ledger.Anomaly{}, j.Anomalies...)
	j.Links = slices.Clone(j.Links)
	return View{Journey: j, Context: maps.Clone(f.context), Events: j.Events, Suggestions: shown(f.suggestions), all: slices.Clone(f.suggestions), trace: maps.Clone(f.trace)}
}

// Place is where something was said: an event of the journey, by its place in the ledger and in its stream.
type Place struct {
	Position uint64 `json:"position"`
	Revision uint64 `json:"revision"`
	Overlay  bool   `json:"overlay,omitempty"` // the revision is of the overlay stream
}

func placeOf(e *ledger.Recorded) Place {
	return Place{Position: e.Position, Revision: e.Revision, Overlay: !isFact(e)}
}

// trace maps the path of a part of the state to the event that last changed it.
type trace map[string]Place

// applyTraced notes which parts the event changed. It compares the few scalar parts and the one handoff the event can have touched: the
// cost of one event does not grow with the journey.
func (f *folder) applyTraced(e *ledger.Recorded) ledger.Change {
	at, j := placeOf(e), &f.journey
	before, owner, touched := *j, j.Owner(), f.touched(e)
	handoff := f.handoff(touched)
	f.traceContext(e, at)
	change := j.Apply(e)
	for path, changed := range map[string]bool{
		"owner": owner != j.Owner(), "open": before.Events == 0 || before.IsOpen() != j.IsOpen(), "outcome": before.Outcome != j.Outcome,
		"status": before.Status != j.Status, "activity": before.Activity != j.Activity, "stage": before.Stage != j.Stage,
		"party": before.Party != j.Party, "channel": before.Channel != j.Channel, "times.started_at": !before.Started.Equal(j.Started),
		"times.last_at": !before.Last.Equal(j.Last), "times.closed_at": !before.Closed.Equal(j.Closed), "links": len(before.Links) != len(j.Links),
	} {
		if changed {
			f.trace[path] = at
		}
	}
	if spans := len(before.Custody); len(j.Custody) > spans {
		f.trace[custodyPath(spans)] = at
		if spans > 0 {
			f.trace[custodyPath(spans-1)+".until"] = at
		}
	}
	f.traceHandoff(touched, handoff, at)
	return change
}

// touched is the handoff an event is about; for an interaction the one that gave the owner custody.
func (f *folder) touched(e *ledger.Recorded) string {
	switch family, verb := ledger.SplitType(e.Type); {
	case family == "handoff" && verb == string(ledger.Offered):
		return e.ID
	case family == "handoff":
		return e.Facets.Handoff
	case family == "interaction" && len(f.journey.Custody) > 0:
		return f.journey.Custody[len(f.journey.Custody)-1].Handoff
	}
	return ""
}

// handoff gives the members of a handoff, nil where there is none.
func (f *folder) handoff(id string) map[string]json.RawMessage {
	i := f.journey.Find(id)
	if i < 0 {
		return nil
	}
	return members(toJSON(f.journey.Handoffs[i]))
}

func (f *folder) traceHandoff(id string, before map[string]json.RawMessage, at Place) {
	after := f.handoff(id)
	for name := range union(before, after) {
		if !bytes.Equal(before[name], after[name]) {
			f.trace[handoffPath(id)], f.trace[handoffPath(id)+"."+name] = at, at
		}
	}
}

// traceContext applies the data and notes removals; what is there says itself where it was said. Only data with a null can remove.
func (f *folder) traceContext(e *ledger.Recorded, at Place) {
	if !bytes.Contains(e.Data, []byte("null")) {
		f.context.Apply(e)
		return
	}
	before := maps.Clone(f.context)
	f.context.Apply(e)
	for name := range before {
		if _, there := f.context[name]; !there {
			f.trace[contextPath(name)] = at
		}
	}
}
