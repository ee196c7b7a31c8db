package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// fill writes n events over a few streams and gives their ids in order of position.
func fill(t tb, store ledger.Store, from, n int) (ids []string) {
	t.Helper()
	for i := from; i < from+n; i++ {
		id := fmt.Sprint("e", i)
		must(t, store, batch(streamNames[i%len(streamNames)], ledger.Any, id))
		ids = append(ids, id)
	}
	return ids
}

// testSnapshot: a read without an end stops at the head of when it began, whatever is written meanwhile.
func testSnapshot(t *testing.T, s *suite) {
	store := s.open(t)
	ids := fill(t, store, 0, 10)
	n := 0
	for r, err := range store.Read(context.Background(), ledger.ReadOptions{}) {
		if err != nil || r.ID != ids[n] {
			t.Fatalf("event %d is %q, %v", n, r.ID, err)
		}
		fill(t, store, 100+n, 1)
		n++
	}
	if n != len(ids) {
		t.Errorf("read %d events, the ledger had %d when it began", n, len(ids))
	}
}

// testResume stops a read after every event and goes on from its place (the idea is perkeep's): nothing lost, nothing twice.
func testResume(t *testing.T, s *suite) {
	store, ctx := s.open(t), within10s(t)
	ids := fill(t, store, 0, 40)
	var byPosition []string
	for after := uint64(0); ; {
		r, ok := firstOf(t, store.Read(ctx, ledger.ReadOptions{From: after + 1}))
		if !ok {
			break
		}
		byPosition, after = append(byPosition, r.ID), r.Position
	}
	if !slices.Equal(byPosition, ids) {
		t.Fatalf("by position: %v, want %v", byPosition, ids)
	}
	total, last := 0, ""
	for {
		h, ok := firstOf(t, store.Streams(ctx, "", last))
		if !ok {
			break
		}
		if h.Stream <= last {
			t.Fatalf("stream %q follows %q", h.Stream, last)
		}
		last = h.Stream
		for after := uint64(0); ; total++ {
			r, ok := firstOf(t, store.ReadStream(ctx, h.Stream, ledger.ReadOptions{From: after + 1}))
			if !ok {
				break
			}
			if r.Revision != after+1 || r.Stream != h.Stream {
				t.Fatalf("%q: revision %d of %q follows %d", h.Stream, r.Revision, r.Stream, after)
			}
			after = r.Revision
		}
	}
	if total != len(ids) {
		t.Errorf("by stream: %d events of %d", total, len(ids))
	}
	var live []string
	for after := uint64(0); len(live) < len(ids); {
		r, _ := firstOf(t, ledger.Subscribe(ctx, store, after, ledger.ReadOptions{}))
		live, after = append(live, r.ID), r.Position
	}
	if !slices.Equal(live, ids) {
		t.Errorf("by subscription: %v, want %v", live, ids)
	}
}

func firstOf[T any](t tb, seq iter.Seq2[T, error]) (first T, ok bool) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		return v, true
	}
	return first, false
}

// testValuesStay: what an iterator yielded is the caller's to keep and to change, whatever is read and written after it.
func testValuesStay(t *testing.T, s *suite) {
	store, ctx := s.open(t), context.Background()
	const n = 300
	want := make([]ledger.Event, n)
	for i := range want {
		want[i] = event(fmt.Sprint("kept", i))
		want[i].Ext = []ledger.Attr{{Name: "n", Value: fmt.Sprint(i)}}
		want[i].Facets.Activity = fmt.Sprint("act", i)
		want[i].Data = fmt.Appendf(nil, `"%0*d"`, 50+i, i)
	}
	must(t, store, ledger.Batch{Stream: "journey-1", Expect: ledger.Any, Events: want})
	kept := all(t, store.ReadStream(ctx, "journey-1", ledger.ReadOptions{}))
	for r := range store.ReadStream(ctx, "journey-1", ledger.ReadOptions{}) { // its memory is ours
		clear(r.Record)
		clear(r.Data)
	}
	fill(t, store, 0, 50)
	again := all(t, store.ReadStream(ctx, "journey-1", ledger.ReadOptions{}))
	if s.reopen != nil {
		s.reopen(t, store)
	}
	for i := range want {
		sameEvent(t, &kept[i], "journey-1", &want[i], false)
		sameEvent(t, &again[i], "journey-1", &want[i], false)
	}
}

// testCancelledRead: the context's error is the last thing yielded, and comes soon.
func testCancelledRead(t *testing.T, s *suite) {
	store := s.open(t)
	fill(t, store, 0, 3*len(streamNames))
	for name, read := range map[string]func(ctx context.Context) iter.Seq2[ledger.Recorded, error]{
		"Read": func(ctx context.Context) iter.Seq2[ledger.Recorded, error] {
			return store.Read(ctx, ledger.ReadOptions{})
		},
		"ReadStream": func(ctx context.Context) iter.Seq2[ledger.Recorded, error] {
			return store.ReadStream(ctx, streamNames[0], ledger.ReadOptions{})
		},
		"Subscribe": func(ctx context.Context) iter.Seq2[ledger.Recorded, error] {
			return ledger.Subscribe(ctx, store, 0, ledger.ReadOptions{})
		},
	} {
		if name != "ReadStream" && !s.caps.GaplessPositions {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		n, ended := 0, false
		for _, err := range read(ctx) {
			if ended {
				t.Fatalf("%s: yields after an error", name)
			}
			if n++; n == 1 {
				cancel()
			}
			if ended = err != nil; ended && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want the context's error", name, err)
			}
		}
		if !ended {
			t.Errorf("%s: no error after its context ended", name)
		}
		cancel()
	}
}

// testClosed: used after Close, everything answers CodeClosed; closing again is harmless.
func testClosed(t *testing.T, s *suite) {
	store, ctx := s.open(t), within10s(t)
	must(t, store, batch("journey-1", ledger.Any, "a"))
	waiting := make(chan error, 1)
	go func() {
		_, err := store.Wait(ctx, 1<<40)
		waiting <- err
	}()
	if err := store.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := <-waiting; !errors.Is(err, ledger.CodeClosed) {
		t.Errorf("Wait when the store is closed: %v", err)
	}
	_, headErr := store.Head(ctx)
	_, streamErr := store.StreamHead(ctx, "journey-1")
	_, waitErr := store.Wait(ctx, 1)
	_, appendErr := store.Append(ctx, batch("journey-1", ledger.Any, "b"))
	for name, err := range map[string]error{
		"Append": appendErr, "AppendAll": store.AppendAll(ctx, []ledger.Batch{batch("journey-1", ledger.Any, "b")})[0].Err,
		"Head": headErr, "StreamHead": streamErr, "Wait": waitErr,
		"Read": lastError(store.Read(ctx, ledger.ReadOptions{})), "ReadStream": lastError(store.ReadStream(ctx, "journey-1", ledger.ReadOptions{})),
		"Streams": lastError(store.Streams(ctx, "", "")),
	} {
		if !errors.Is(err, ledger.CodeClosed) {
			t.Errorf("%s after Close: %v, want %s", name, err, ledger.CodeClosed)
		}
	}
	if err := store.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func lastError[T any](seq iter.Seq2[T, error]) (err error) {
	for _, err = range seq {
	}
	return err
}

// testWait: it answers at once where the head is past, and else as soon as it is.
func testWait(t *testing.T, s *suite) {
	store, ctx := s.open(t), within10s(t)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := store.Wait(ended, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait on an empty ledger with a context that ended: %v", err)
	}
	soon, stop := context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	if _, err := store.Wait(soon, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait on an empty ledger: %v", err)
	}
	parallel(writers+1, func(w int) {
		if w == writers {
			fill(fail{t}, store, 0, rounds)
			return
		}
		for after := uint64(0); after < rounds; {
			h, err := store.Wait(ctx, after)
			if err != nil || h.Position <= after || h.RecordedTime.IsZero() {
				t.Errorf("Wait past %d: %+v, %v", after, h, err)
				return
			}
			if got := len(all(fail{t}, store.Read(ctx, ledger.ReadOptions{From: after + 1, To: h.Position, HeaderOnly: true}))); got != int(h.Position-after) {
				t.Errorf("head %d after %d, %d events to read", h.Position, after, got)
			}
			after++
		}
	})
	if h, err := store.Wait(ctx, 0); err != nil || h != head(t, store) {
		t.Errorf("Wait for what is there: %+v, %v", h, err)
	}
}
