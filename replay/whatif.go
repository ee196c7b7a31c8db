package replay

import (
	"context"
	"fmt"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// Hypothesis is what a journey would be if some of its events had been otherwise.
type Hypothesis struct {
	Journey    string     `json:"journey"`
	Edits      []string   `json:"edits"` // as ParseEdit reads them
	State      View       `json:"state"` // the state that would be
	Difference Difference `json:"difference"`
}

// WhatIf folds a journey's events at a moment twice, as they are and with edits applied in order, and compares. Nothing is written:
// the edits are made to copies in memory, which pass the same validation as an append and get facets of their own.
//
// A dropped event never was. A delayed event occurs later and the journey learns of it later: it moves behind the events that
// occurred until then (or behind the one named), so an accept can come before its offer. A changed event keeps its place. Edits name events
// by the revisions of the record, whatever earlier edits did. An event that stays, or moves, keeps its position and
// revision, so that the difference can say which event is meant.
//
// Errors are those of [Events]; CodeNotFound for a revision that does not count at the moment; CodeInvalid for an edit that would
// not be an acceptable event.
func WhatIf(ctx context.Context, r ledger.Reader, journey string, m Moment, edits []Edit) (Hypothesis, error) {
	var real []ledger.Recorded
	for e, err := range Events(ctx, r, journey, m) {
		if err != nil {
			return Hypothesis{}, err
		}
		real = append(real, e)
	}
	return Suppose(journey, m, real, edits)
}

// Suppose is the fold of [WhatIf] over the events that count at a moment. It does not change them.
func Suppose(journey string, m Moment, real []ledger.Recorded, edits []Edit) (Hypothesis, error) {
	if len(edits) == 0 {
		return Hypothesis{}, ledger.Errorf(ledger.CodeInvalid, "whatif", editHint, "no edit is given")
	}
	supposed := slices.Clone(real)
	out := Hypothesis{Journey: journey}
	for _, edit := range edits {
		var err error
		if supposed, err = edit.apply(supposed, real); err != nil {
			return Hypothesis{}, err
		}
		out.Edits = append(out.Edits, edit.String())
	}
	was, is := fold(journey, real, true), fold(journey, supposed, true)
	was.Moment, is.Moment = m, m
	// The state that would be is one as of the same place of the record: a moved event must not make it look like an earlier one.
	j, k := &is.Journey, &was.Journey
	j.Position, j.Revision, j.Overlay, j.Recorded = k.Position, k.Revision, k.Overlay, k.Recorded
	out.State, out.Difference = is, Compare(was, is)
	return out, nil
}

// apply gives the events with the edit made; it may use the slice, never what its elements point to.
func (e Edit) apply(events, real []ledger.Recorded) ([]ledger.Recorded, error) {
	i := findRevision(events, e.Revision, e.Overlay)
	if i < 0 {
		return nil, e.noSuch(real, e.Revision, e.Overlay)
	}
	switch e.Op {
	case Drop:
		return slices.Delete(events, i, i+1), nil
	case Delay:
		return e.delay(events, real, i)
	}
	changed, err := e.change(&events[i])
	if err != nil {
		return nil, err
	}
	events[i] = changed
	return events, nil
}

func findRevision(events []ledger.Recorded, revision uint64, overlay bool) int {
	return slices.IndexFunc(events, func(r ledger.Recorded) bool { return r.Revision == revision && isOverlay(r.Stream) == overlay })
}

func (e Edit) noSuch(real []ledger.Recorded, revision uint64, overlay bool) error {
	op := "whatif " + quote(e.String())
	if findRevision(real, revision, overlay) >= 0 {
		return ledger.Errorf(ledger.CodeInvalid, op, "leave one of the two edits out", "an earlier edit has dropped revision %d", revision)
	}
	stream, last := "journey", uint64(0)
	if overlay {
		stream = "overlay"
	}
	for i := range real {
		if isOverlay(real[i].Stream) == overlay {
			last = max(last, real[i].Revision)
		}
	}
	if last == 0 {
		return ledger.Errorf(ledger.CodeNotFound, op, "look at `baton replay timeline` for what there is", "the %s has no events at this moment", stream)
	}
	return ledger.Errorf(ledger.CodeNotFound, op, fmt.Sprintf("name a revision from 1 to %d", last),
		"revision %d of the %s does not count at this moment", revision, stream)
}

func (e Edit) delay(events, real []ledger.Recorded, i int) ([]ledger.Recorded, error) {
	moved := events[i]
	to, at := i+1, moved.Occurred().Add(e.By)
	if e.After > 0 {
		k := findRevision(events, e.After, false)
		switch {
		case k < 0:
			return nil, e.noSuch(real, e.After, false)
		case k <= i:
			return nil, ledger.Errorf(ledger.CodeInvalid, "whatif "+quote(e.String()), "name a later revision", "revision %d does not come after the event", e.After)
		}
		to = k + 1
		if at = moved.Occurred(); at.Before(events[k].Occurred()) {
			at = events[k].Occurred()
		}
	} else if e.By <= 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "whatif "+quote(e.String()), editHint, "the delay is not positive")
	} else {
		for to < len(events) && !events[to].Occurred().After(at) {
			to++
		}
	}
	if y := at.Year(); y > 9999 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "whatif "+quote(e.String()), "delay it less", "the event would occur in year %d", y)
	}
	moved.RecordedTime = moved.RecordedTime.Add(at.Sub(moved.Occurred()))
	if !moved.Time.IsZero() {
		moved.Time = at
	}
	out := slices.Insert(slices.Clone(events), to, moved)
	return slices.Delete(out, i, i+1), nil
}

// change gives a copy of an event with an attribute set or its data patched.
func (e Edit) change(r *ledger.Recorded) (ledger.Recorded, error) {
	op, out := "whatif "+quote(e.String()), *r
	out.Record = nil
	if e.Attr != "" {
		set := attributes[e.Attr]
		if set == nil {
			return out, ledger.Errorf(ledger.CodeInvalid, op, editHint, "%s is not an attribute that can be changed", quote(e.Attr))
		}
		if err := set(&out.Event, e.Value); err != nil {
			return out, ledger.Errorf(ledger.CodeInvalid, op, editHint, "attribute %s: %w", e.Attr, err)
		}
	} else {
		if _, ok := object(e.Patch); !ok {
			return out, ledger.Errorf(ledger.CodeInvalid, op, editHint, "the patch is not a JSON object")
		}
		if _, err := ledger.DeriveFacets(r.Data); len(r.Data) > 0 && (err != nil || !ledger.IsJSON(r.ContentType)) {
			return out, ledger.Errorf(ledger.CodeInvalid, op, "drop or delay the event instead", "the event's data is not JSON and cannot be patched")
		}
		out.Data = mergePatch(r.Data, e.Patch)
	}
	checked, err := validate(r.Stream, out.Event)
	if err != nil {
		return out, &ledger.Error{Code: ledger.CodeOf(err), Op: op, Hint: ledger.HintOf(err), Err: fmt.Errorf("the changed event would be refused: %w", err)}
	}
	out.Event = checked
	return out, nil
}

// validate runs one event through the stage that every intake ends with, in front of an append that keeps what it is given. This is
// where facets are derived; a second way to derive them could differ from the first.
func validate(stream string, e ledger.Event) (ledger.Event, error) {
	var kept ledger.Event
	keep := func(_ context.Context, batches []ledger.Batch) []ledger.Result {
		kept = batches[0].Events[0]
		return make([]ledger.Result, len(batches))
	}
	results := ledger.Intake(keep, ledger.Validate)(context.Background(), []ledger.Batch{{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}})
	return kept, results[0].Err
}
