package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

func testEmpty(t *testing.T, s *suite) {
	store, ctx := s.open(t), context.Background()
	if h := head(t, store); h != (ledger.Head{}) {
		t.Errorf("head of an empty ledger is %+v", h)
	}
	if h := streamHead(t, store, "nobody"); h != (ledger.StreamHead{Stream: "nobody"}) {
		t.Errorf("head of a stream that does not exist is %+v", h)
	}
	n := len(all(t, store.Read(ctx, ledger.ReadOptions{}))) + len(all(t, store.ReadStream(ctx, "nobody", ledger.ReadOptions{}))) +
		len(all(t, store.Streams(ctx, "", "")))
	if n != 0 {
		t.Errorf("an empty ledger yields %d things", n)
	}
	if r := store.AppendAll(ctx, nil); len(r) != 0 {
		t.Errorf("%d results for no batches", len(r))
	}
}

// hardEvents are what the record must carry through an engine unchanged.
func hardEvents() []ledger.Event {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	large := bytes.Repeat(every, ledger.MaxData/len(every))
	full := ledger.Event{ID: "full", Source: "https://example.org/ü?a=b#c", Type: "dev.baton.interaction.recorded.v1", Subject: "1-2",
		Time: time.Date(1999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", -3600*3-1800)), ContentType: "application/json", Schema: "c/1",
		Actor: "a", DataSubject: "d", CorrelationID: "co", CausationID: "ca", TraceParent: "tp", Data: []byte(" {\"activity\" : \"call\"}\n"),
		Ext: []ledger.Attr{{Name: "a1", Value: ""}, {Name: "b", Value: "\u2028 \U0001F600"}}, Facets: ledger.Facets{Activity: "call", Field: "f"}}
	return []ledger.Event{full,
		{ID: "empty", Source: "s", Type: "t"},
		{ID: "bytes", Source: "s", Type: "t", ContentType: "application/octet-stream", Data: every},
		{ID: "nul", Source: "s", Type: "t", ContentType: "text/plain", Data: []byte{0}},
		{ID: "not utf-8", Source: "s", Type: "t", ContentType: "text/plain; charset=iso-8859-1", Data: []byte("M\xfcller")},
		{ID: "largest", Source: "s", Type: "t", ContentType: "application/octet-stream", Data: large},
		{ID: "numbers", Source: "s", Type: "t", Data: []byte(`{"n":9007199254740993,"m":1.10,"e":1e999}`)},
	}
}

func testVerbatim(t *testing.T, s *suite) {
	store, ctx, stream := s.open(t), context.Background(), "journey-1-2"
	events := hardEvents()
	sent := slices.Clone(events)
	for i := range sent {
		sent[i].Data = bytes.Clone(sent[i].Data)
	}
	must(t, store, ledger.Batch{Stream: stream, Expect: ledger.NoStream, Events: sent})
	for i := range sent { // the caller's memory is the caller's again
		clear(sent[i].Data)
		sent[i] = ledger.Event{}
	}
	check := func(store ledger.Store) {
		t.Helper()
		for _, headers := range []bool{false, true} {
			got := all(t, store.ReadStream(ctx, stream, ledger.ReadOptions{HeaderOnly: headers}))
			if len(got) != len(events) {
				t.Fatalf("%d events of %d", len(got), len(events))
			}
			for i := range got {
				sameEvent(t, &got[i], stream, &events[i], headers)
			}
		}
	}
	check(store)
	if s.reopen != nil {
		check(s.reopen(t, store))
	}
}

func testExpect(t *testing.T, s *suite) {
	store := s.open(t)
	stale := func(b ledger.Batch, current uint64) {
		t.Helper()
		var cause *ledger.StaleRevision
		err := refused(t, store, b, ledger.CodeStaleRevision)
		if !errors.As(err, &cause) || *cause != (ledger.StaleRevision{Stream: b.Stream, Expected: b.Expect, Current: current}) {
			t.Errorf("%v: cause %+v, want revision %d", err, cause, current)
		}
		if ledger.HintOf(err) == "" {
			t.Errorf("%v: no hint", err)
		}
	}
	stale(batch("journey-1", ledger.StreamExists, "a"), 0)
	stale(batch("journey-1", 1, "a"), 0)
	must(t, store, batch("journey-1", ledger.NoStream, "a"))
	stale(batch("journey-1", ledger.NoStream, "b"), 1)
	stale(batch("journey-1", 2, "b"), 1)
	must(t, store, batch("journey-1", 1, "b", "c"))
	stale(batch("journey-1", 1, "d"), 3)
	stale(batch("journey-1", 2, "d"), 3)
	must(t, store, batch("journey-1", ledger.StreamExists, "d"))
	must(t, store, batch("journey-1", ledger.Any, "e"))
	must(t, store, batch("journey-2", ledger.Any, "e"))
	if h := streamHead(t, store, "journey-1"); h.Revision != 5 {
		t.Errorf("revision %d after five events and five refusals", h.Revision)
	}
	if got := all(t, store.ReadStream(context.Background(), "journey-1", ledger.ReadOptions{})); len(got) != 5 || got[4].ID != "e" || got[1].ID != "b" {
		t.Errorf("read %+v", got)
	}
}

func testRetry(t *testing.T, s *suite) {
	store, ctx := s.open(t), context.Background()
	first := must(t, store, batch("journey-1", ledger.NoStream, "a", "b", "c"))
	for i := range 200 { // time passes: a cache of recent ids would have forgotten
		must(t, store, batch("journey-1", ledger.Expect(3+i), fmt.Sprint("later", i)))
	}
	other := event("a")
	other.Source = "another"
	must(t, store, ledger.Batch{Stream: "journey-1", Expect: ledger.Any, Events: []ledger.Event{other}})
	must(t, store, batch("journey-2", ledger.NoStream, "a"))
	before := head(t, store)
	for _, expect := range []ledger.Expect{ledger.NoStream, ledger.Any, ledger.StreamExists, 1, 204, 1 << 40} {
		got := must(t, store, batch("journey-1", expect, "a", "b", "c"))
		for i := range got {
			if want := first[i]; !got[i].Duplicate || got[i].Position != want.Position || got[i].Revision != want.Revision ||
				!got[i].RecordedTime.Equal(want.RecordedTime) || got[i].LeafHash != want.LeafHash {
				t.Errorf("retry expecting %v: %+v, first answered %+v", expect, got[i], want)
			}
		}
	}
	must(t, store, batch("journey-1", 1<<40, "c", "a")) // a part of the first batch, in another order, is all there
	refused(t, store, batch("journey-1", ledger.Any, "a", "new"), ledger.CodePartialBatch)
	refused(t, store, batch("journey-1", 1<<40, "new", "a"), ledger.CodePartialBatch)
	changed := batch("journey-1", ledger.Any, "b")
	changed.Events[0].Data = []byte(`{"id":"other"}`)
	err := refused(t, store, changed, ledger.CodeIDConflict)
	original := event("b")
	want := ledger.IDConflict{Stream: "journey-1", Source: "storetest", ID: "b", Position: first[1].Position,
		Stored: ledger.RetryDigest("journey-1", &original), Offered: ledger.RetryDigest("journey-1", &changed.Events[0])}
	if cause := (*ledger.IDConflict)(nil); !errors.As(err, &cause) || *cause != want || ledger.HintOf(err) == "" {
		t.Errorf("conflict: %+v, hint %q; want %+v", cause, ledger.HintOf(err), want)
	}
	less := batch("journey-1", ledger.Any, "full")
	less.Events[0].TraceParent, less.Events[0].Ext = "00-1", []ledger.Attr{{Name: "tenant", Value: "eu"}}
	must(t, store, less)
	before.Position++
	refused(t, store, batch("journey-1", ledger.Any, "full"), ledger.CodeIDConflict) // the same, without its last attributes
	if h := head(t, store); h.Position != before.Position && s.caps.GaplessPositions {
		t.Errorf("retries and refusals wrote: head %d, before %d", h.Position, before.Position)
	}
	if n := len(all(t, store.ReadStream(ctx, "journey-1", ledger.ReadOptions{}))); n != 205 {
		t.Errorf("%d events in the stream, 205 were new", n)
	}
}

func testIDTwice(t *testing.T, s *suite) {
	store := s.open(t)
	refused(t, store, batch("journey-1", ledger.Any, "a", "b", "a"), ledger.CodeInvalid)
	if h := streamHead(t, store, "journey-1"); h.Revision != 0 {
		t.Errorf("a refused batch wrote: %+v", h)
	}
	two := batch("journey-1", ledger.Any, "a", "a")
	two.Events[1].Source = "another"
	must(t, store, two)
}

// testAppendAll: each batch stands on its own and sees those before it in the same call.
func testAppendAll(t *testing.T, s *suite) {
	store := s.open(t)
	got := store.AppendAll(context.Background(), []ledger.Batch{
		batch("journey-1", ledger.NoStream, "a", "b"),
		batch("journey-1", ledger.NoStream, "c"), // stale by the batch before
		batch("journey-1", 2, "c"),
		batch("journey-2", ledger.NoStream, "a"),
		batch("journey-1", ledger.NoStream, "a", "b"), // a retry within the call
		batch("journey-1", ledger.Any, "c", "d"),      // partly present
		batch("journey-2", 1, "b"),
	})
	codes := []ledger.Code{"", ledger.CodeStaleRevision, "", "", "", ledger.CodePartialBatch, ""}
	if len(got) != len(codes) {
		t.Fatalf("%d results for %d batches", len(got), len(codes))
	}
	for i, r := range got {
		if ledger.CodeOf(r.Err) != codes[i] {
			t.Errorf("batch %d: %v, want code %q", i, r.Err, codes[i])
		}
	}
	if t.Failed() {
		return
	}
	a, b := got[0].Receipts, got[4].Receipts
	if a[0].Duplicate || !b[0].Duplicate || !b[1].Duplicate || a[1].Revision != b[1].Revision || a[1].LeafHash != b[1].LeafHash {
		t.Errorf("retry within the call: %+v, first %+v", b, a)
	}
	if h := streamHead(t, store, "journey-1"); h.Revision != 3 {
		t.Errorf("revision %d, want 3", h.Revision)
	}
	if h := streamHead(t, store, "journey-2"); h.Revision != 2 {
		t.Errorf("revision %d, want 2", h.Revision)
	}
}
