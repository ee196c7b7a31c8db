package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// run is one random operation list on an engine and the model.
type run struct {
	*rapid.T
	outer *testing.T
	suite *suite
	store ledger.Store
	model Model
	first map[uint64]ledger.Receipt // as first answered, by position
	fresh int
}

// testRandom compares every answer of the engine with the model's.
func testRandom(t *testing.T, s *suite) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &run{T: rt, outer: t, suite: s, store: s.open(t), first: map[uint64]ledger.Receipt{}}
		defer func() { _ = r.store.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"append":     func(t *rapid.T) { r.T = t; r.append() },
			"append all": func(t *rapid.T) { r.T = t; r.appendAll() },
			"read":       func(t *rapid.T) { r.T = t; r.read() },
			"streams":    func(t *rapid.T) { r.T = t; r.streams() },
			"reopen":     func(t *rapid.T) { r.T = t; r.reopen() },
		})
		r.T = rt
		r.compareReads(ledger.ReadOptions{}, "")
	})
}

// streamNames share prefixes, one being the beginning of another, so that index keys that run into each other show.
var streamNames = []string{"journey-1", "journey-10", "journey-1-2", "overlay-1", "journey-2", "x", "x\U0010FFFF", "journey-é"}

// batch draws a batch over few ids, so that retries, conflicts and partly present batches are as frequent as new events.
func (r *run) batch() ledger.Batch {
	stream := rapid.SampledFrom(streamNames).Draw(r.T, "stream")
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
	b := r.batch()
	want := ledger.Result{}
	want.Receipts, want.Err = r.model.Append(b)
	got := ledger.Result{}
	got.Receipts, got.Err = r.store.Append(context.Background(), b)
	r.compare(b, got, want)
}

func (r *run) appendAll() {
	batches, want := make([]ledger.Batch, rapid.IntRange(0, 5).Draw(r.T, "batches")), []ledger.Result{}
	for i := range batches {
		// Each is drawn knowing the ones before it, so that one call holds an event and its retry.
		batches[i] = r.batch()
		receipts, err := r.model.Append(batches[i])
		want = append(want, ledger.Result{Receipts: receipts, Err: err})
	}
	got := r.store.AppendAll(context.Background(), batches)
	if len(got) != len(batches) {
		r.Fatalf("%d results for %d batches", len(got), len(batches))
	}
	for i := range batches {
		r.compare(batches[i], got[i], want[i])
	}
}

// compare holds one answer against the model's.
func (r *run) compare(b ledger.Batch, got, want ledger.Result) {
	if ledger.CodeOf(got.Err) != ledger.CodeOf(want.Err) {
		r.Fatalf("append of %d to %q, expecting %v: error %v, want %v", len(b.Events), b.Stream, b.Expect, got.Err, want.Err)
	}
	var gotStale, wantStale *ledger.StaleRevision
	if errors.As(want.Err, &wantStale) && (!errors.As(got.Err, &gotStale) || *gotStale != *wantStale) {
		r.Fatalf("stale revision: %+v, want %+v", gotStale, wantStale)
	}
	var gotConflict, wantConflict *ledger.IDConflict
	if errors.As(want.Err, &wantConflict) && (!errors.As(got.Err, &gotConflict) || *gotConflict != *wantConflict) {
		r.Fatalf("conflict: %+v, want %+v", gotConflict, wantConflict)
	}
	if want.Err != nil && ledger.HintOf(got.Err) == "" && ledger.CodeOf(want.Err) != ledger.CodeInvalid {
		r.Fatalf("error without a hint: %v", got.Err)
	}
	if len(got.Receipts) != len(want.Receipts) {
		r.Fatalf("%d receipts, want %d", len(got.Receipts), len(want.Receipts))
	}
	for i, g := range got.Receipts {
		w := want.Receipts[i]
		if first, ok := r.first[g.Position]; ok {
			w.RecordedTime, w.LeafHash = first.RecordedTime, first.LeafHash
		} else {
			w.RecordedTime, w.LeafHash, r.first[g.Position] = g.RecordedTime, g.LeafHash, g
		}
		if g != w {
			r.Fatalf("receipt %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
}

func (r *run) read() {
	o := ledger.ReadOptions{HeaderOnly: rapid.Bool().Draw(r.T, "headers")}
	end := uint64(len(r.model.Events) + 2)
	o.From = rapid.Uint64Range(0, end).Draw(r.T, "from")
	o.To = rapid.OneOf(rapid.Uint64Range(0, end), rapid.Just(^uint64(0))).Draw(r.T, "to")
	r.compareReads(o, rapid.SampledFrom(append([]string{""}, streamNames...)).Draw(r.T, "of"))
}

// compareReads reads by position, or a stream where one is named.
func (r *run) compareReads(o ledger.ReadOptions, stream string) {
	ctx := context.Background()
	seq, want := r.store.Read(ctx, o), r.model.Read(o)
	if stream != "" {
		seq, want = r.store.ReadStream(ctx, stream, o), r.model.ReadStream(stream, o)
	}
	got := all(r.T, seq)
	if len(got) != len(want) {
		r.Fatalf("read %q %+v: %d events, want %d", stream, o, len(got), len(want))
	}
	for i := range got {
		g, w := &got[i], &want[i]
		if g.Position != w.Position || g.Revision != w.Revision || !g.RecordedTime.Equal(r.first[g.Position].RecordedTime) {
			r.Fatalf("read %q %+v: event %d is at position %d, revision %d, %v; want %d, %d, %v", stream, o, i, g.Position, g.Revision,
				g.RecordedTime, w.Position, w.Revision, r.first[g.Position].RecordedTime)
		}
		sameEvent(r.T, g, w.Stream, &w.Event, o.HeaderOnly)
	}
}

func (r *run) streams() {
	ctx := context.Background()
	prefix := rapid.SampledFrom([]string{"", "journey-", "journey-1", "overlay-", "x", "y"}).Draw(r.T, "prefix")
	after := rapid.SampledFrom(append([]string{"", "journey", "z"}, streamNames...)).Draw(r.T, "after")
	got, want := all(r.T, r.store.Streams(ctx, prefix, after)), r.model.Streams(prefix, after)
	if len(got) != len(want) {
		r.Fatalf("streams %q after %q: %d, want %d", prefix, after, len(got), len(want))
	}
	for i := range got {
		r.sameHead(got[i], want[i])
	}
	name := rapid.SampledFrom(append([]string{"nobody"}, streamNames...)).Draw(r.T, "name")
	r.sameHead(streamHead(r.T, r.store, name), r.model.StreamHead(name))
	if h := head(r.T, r.store); h.Position != uint64(len(r.model.Events)) || !h.RecordedTime.Equal(r.first[h.Position].RecordedTime) {
		r.Fatalf("head is %+v, want position %d of %v", h, len(r.model.Events), r.first[h.Position].RecordedTime)
	}
}

func (r *run) sameHead(got, want ledger.StreamHead) {
	if want.Revision > 0 {
		want.RecordedTime, want.Head = r.first[want.Last].RecordedTime, got.Head
	}
	if !got.RecordedTime.Equal(want.RecordedTime) {
		r.Fatalf("head of %q is of %v, want %v", got.Stream, got.RecordedTime, want.RecordedTime)
	}
	if got.RecordedTime, want.RecordedTime = (time.Time{}), (time.Time{}); got != want {
		r.Fatalf("head of %q:\n got %+v\nwant %+v", got.Stream, got, want)
	}
}

func (r *run) reopen() {
	if r.suite.reopen == nil || rapid.IntRange(0, 3).Draw(r.T, "really") > 0 {
		return
	}
	r.store = r.suite.reopen(r.outer, r.store)
}
