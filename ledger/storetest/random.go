package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// run is one list of random operations, on a model and on engines. Each operation is drawn knowing the model and nothing of the engines, done
// by the model and by every engine in turn, and each engine's answer held against the model's.
type run struct {
	*rapid.T
	model Model
	sides []*side
	fresh int
}

// testRandom compares every answer of the engine with the model's.
func testRandom(t *testing.T, s *suite) { together(t, []*suite{s}) }

// together runs random lists until one of the engines differs from the model, and then looks for a short list that shows it.
func together(t *testing.T, suites []*suite) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &run{T: rt}
		for _, s := range suites {
			side := &side{suite: s, outer: t, store: s.open(t), heads: map[string]ledger.Hash{}}
			r.sides = append(r.sides, side)
			defer func() { _ = side.store.Close() }()
		}
		r.Repeat(map[string]func(*rapid.T){
			"append":     func(t *rapid.T) { r.T = t; r.append() },
			"append all": func(t *rapid.T) { r.T = t; r.appendAll() },
			"read":       func(t *rapid.T) { r.T = t; r.read() },
			"streams":    func(t *rapid.T) { r.T = t; r.streams() },
			"reopen":     func(t *rapid.T) { r.T = t; r.reopen() },
		})
		r.T = rt
		for _, side := range r.sides {
			side.compareAll(r.T, &r.model)
			if side.reopen() {
				side.compareAll(r.T, &r.model)
			}
		}
	})
}

// streamNames share prefixes, one being the beginning of another, so that index keys that run into each other show.
var streamNames = []string{"journey-1", "journey-10", "journey-1-2", "overlay-1", "journey-2", "x", "x\U0010FFFF", "journey-é"}

// batch draws a batch over few ids, so that retries, conflicts and partly present batches are as frequent as new events.
func (r *run) batch(streams []string) ledger.Batch {
	stream := rapid.SampledFrom(streams).Draw(r.T, "stream")
	b := ledger.Batch{Stream: stream, Expect: r.expect(stream)}
	old := r.model.ReadStream(stream, ledger.ReadOptions{})
	if len(old) > 0 && rapid.IntRange(0, 2).Draw(r.T, "retry") == 0 {
		i := rapid.IntRange(0, len(old)-1).Draw(r.T, "from")
		for _, e := range old[i:min(len(old), i+rapid.IntRange(1, 4).Draw(r.T, "count"))] {
			b.Events = append(b.Events, r.maybeChanged(e.Event))
		}
		if rapid.IntRange(0, 3).Draw(r.T, "and more") > 0 {
			return b
		}
	}
	for range rapid.IntRange(1, 4).Draw(r.T, "new") {
		e := event(fmt.Sprint("few", rapid.IntRange(0, 5).Draw(r.T, "id")))
		if rapid.Bool().Draw(r.T, "fresh") {
			r.fresh++
			e = event(fmt.Sprint("new", r.fresh))
		}
		e.Source = rapid.SampledFrom([]string{"a", "b"}).Draw(r.T, "source")
		e.Subject = rapid.SampledFrom([]string{"", "1"}).Draw(r.T, "subject")
		b.Events = append(b.Events, e)
	}
	return once(b)
}

// once drops events whose id is in the batch already: that is a mistake of the writer, and has a test of its own.
func once(b ledger.Batch) ledger.Batch {
	var events []ledger.Event
	for _, e := range b.Events {
		if !slices.ContainsFunc(events, func(o ledger.Event) bool { return o.ID == e.ID && o.Source == e.Source }) {
			events = append(events, e)
		}
	}
	b.Events = events
	return b
}

func (r *run) maybeChanged(e ledger.Event) ledger.Event {
	switch rapid.IntRange(0, 12).Draw(r.T, "change") {
	case 0:
		e.Data = append([]byte(" "), e.Data...)
	case 1:
		e.TraceParent = "changed"
	case 2:
		e.Ext = []ledger.Attr{{Name: "changed", Value: "1"}}
	case 3:
		e.Facets.Activity = "derived otherwise by a later version" // no change of content
	}
	return e
}

func (r *run) expect(stream string) ledger.Expect {
	current := int64(r.model.StreamHead(stream).Revision)
	return ledger.Expect(rapid.SampledFrom([]int64{int64(ledger.Any), int64(ledger.Any), current, current, int64(ledger.NoStream),
		int64(ledger.StreamExists), max(0, current-1), current + 1}).Draw(r.T, "expect"))
}

func (r *run) append() {
	b := r.batch(streamNames)
	receipts, err := r.model.Append(b)
	for _, side := range r.sides {
		got, gotErr := side.store.Append(context.Background(), b)
		side.compare(r.T, b, ledger.Result{Receipts: got, Err: gotErr}, ledger.Result{Receipts: receipts, Err: err})
	}
}

func (r *run) appendAll() {
	batches, want, streams := make([]ledger.Batch, rapid.IntRange(0, 5).Draw(r.T, "batches")), []ledger.Result{}, r.ordered()
	for i := range batches {
		// Each is drawn knowing the ones before it, so that one call holds an event and its retry.
		batches[i] = r.batch(streams)
		receipts, err := r.model.Append(batches[i])
		want = append(want, ledger.Result{Receipts: receipts, Err: err})
	}
	for _, side := range r.sides {
		got := side.store.AppendAll(context.Background(), batches)
		if len(got) != len(batches) {
			r.Fatalf("%s: %d results for %d batches", side.suite.name, len(got), len(batches))
		}
		for i := range batches {
			side.compare(r.T, batches[i], got[i], want[i])
		}
	}
}

// ordered are streams that every engine keeps in order within one AppendAll.
func (r *run) ordered() []string {
	if !slices.ContainsFunc(r.sides, func(s *side) bool { return s.suite.caps.Lanes }) {
		return streamNames
	}
	lane := func(stream string) string {
		for _, s := range r.sides {
			if name, _ := place(s.store, stream, 0); s.suite.caps.Lanes && ledger.JourneyOf(name) == "" { // the prefix of a view hides journeys
				return stream
			}
		}
		return cmp.Or(ledger.JourneyOf(stream), stream)
	}
	chosen := lane(rapid.SampledFrom(streamNames).Draw(r.T, "lane"))
	return slices.DeleteFunc(slices.Clone(streamNames), func(stream string) bool { return lane(stream) != chosen })
}

func (r *run) read() {
	o := ledger.ReadOptions{HeaderOnly: rapid.Bool().Draw(r.T, "headers")}
	end := uint64(len(r.model.Events) + 2)
	o.From = rapid.Uint64Range(0, end).Draw(r.T, "from")
	o.To = rapid.OneOf(rapid.Uint64Range(0, end), rapid.Just(^uint64(0))).Draw(r.T, "to")
	stream := rapid.SampledFrom(append([]string{""}, streamNames...)).Draw(r.T, "of")
	for _, side := range r.sides {
		side.compareRead(r.T, &r.model, o, stream)
	}
}

func (r *run) streams() {
	prefix := rapid.SampledFrom([]string{"", "journey-", "journey-1", "overlay-", "x", "y"}).Draw(r.T, "prefix")
	after := rapid.SampledFrom(append([]string{"", "journey", "z"}, streamNames...)).Draw(r.T, "after")
	name := rapid.SampledFrom(append([]string{"nobody"}, streamNames...)).Draw(r.T, "name")
	for _, side := range r.sides {
		side.compareStreams(r.T, &r.model, prefix, after)
		side.compareHeads(r.T, &r.model, name)
	}
}

// reopen has one engine close and open its ledger, now and then, while the others go on as they are.
func (r *run) reopen() {
	side := r.sides[rapid.IntRange(0, len(r.sides)-1).Draw(r.T, "side")]
	if rapid.IntRange(0, 3).Draw(r.T, "really") == 0 {
		side.reopen()
	}
}
