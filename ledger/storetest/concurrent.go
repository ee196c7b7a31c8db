package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

const (
	writers = 8
	rounds  = 25
)

// parallel runs writers at once and waits for all.
func parallel(n int, work func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { work(i) })
	}
	wg.Wait()
}

// checkPlaces reads the whole ledger: positions and every stream's revisions are without gaps, and each event is there once.
func checkPlaces(t *testing.T, s *suite, store ledger.Store, streams []string, events int) {
	t.Helper()
	ctx, seen := context.Background(), map[[2]string]bool{}
	for _, stream := range streams {
		for i, r := range all(t, store.ReadStream(ctx, stream, ledger.ReadOptions{HeaderOnly: true})) {
			if r.Revision != uint64(i+1) {
				t.Fatalf("%q: revision %d follows %d", stream, r.Revision, i)
			}
			if key := [2]string{stream, r.ID}; seen[key] {
				t.Fatalf("%q: event %q is there twice", stream, r.ID)
			} else {
				seen[key] = true
			}
		}
	}
	if len(seen) != events {
		t.Fatalf("%d events are there, %d were acknowledged", len(seen), events)
	}
	if !s.caps.GaplessPositions {
		return
	}
	read := all(t, store.Read(ctx, ledger.ReadOptions{HeaderOnly: true}))
	for i, r := range read {
		if r.Position != uint64(i+1) {
			t.Fatalf("position %d follows %d", r.Position, i)
		}
		if i > 0 && r.RecordedTime.Before(read[i-1].RecordedTime) {
			t.Fatalf("position %d is recorded before the one in front of it", r.Position)
		}
	}
	if h := head(t, store); len(read) != events || h.Position != uint64(events) {
		t.Fatalf("%d events by position, head %d; %d were acknowledged", len(read), h.Position, events)
	}
}

// testManyStreams: writers in streams of their own never fail each other, and what each wrote is in its order.
func testManyStreams(t *testing.T, s *suite) {
	store := s.open(t)
	streams := make([]string, writers)
	parallel(writers, func(w int) {
		streams[w] = fmt.Sprint("journey-", w)
		for i := range rounds {
			r := must(fail{t}, store, batch(streams[w], ledger.Expect(2*i), fmt.Sprint(2*i), fmt.Sprint(2*i+1)))
			if len(r) == 2 && r[1].Revision != uint64(2*i+2) {
				t.Errorf("writer %d, round %d: revision %d", w, i, r[1].Revision)
			}
		}
	})
	checkPlaces(t, s, store, streams, writers*rounds*2)
	for _, stream := range streams {
		for i, r := range all(t, store.ReadStream(context.Background(), stream, ledger.ReadOptions{})) {
			if r.ID != fmt.Sprint(i) {
				t.Fatalf("%q: revision %d is event %q", stream, r.Revision, r.ID)
			}
		}
	}
}

// testOneStream: of writers that expect the same revision exactly one wins, and the others learn the current one.
func testOneStream(t *testing.T, s *suite) {
	store, ctx := s.open(t), context.Background()
	var stale atomic.Int64
	parallel(writers, func(w int) {
		current := uint64(0)
		for i := 0; i < rounds; {
			r, err := store.Append(ctx, batch("journey-1", ledger.Expect(current), fmt.Sprint(w, " ", i)))
			var cause *ledger.StaleRevision
			switch {
			case err == nil && r[0].Revision == current+1:
				current, i = current+1, i+1
			case errors.As(err, &cause) && errors.Is(err, ledger.CodeStaleRevision) && cause.Current > current:
				stale.Add(1)
				current = cause.Current
			default:
				t.Errorf("writer %d expecting %d: %+v, %v", w, current, r, err)
				return
			}
		}
	})
	checkPlaces(t, s, store, []string{"journey-1"}, writers*rounds)
	next := map[int]int{}
	for _, r := range all(t, store.ReadStream(ctx, "journey-1", ledger.ReadOptions{})) {
		var w, i int
		if _, err := fmt.Sscan(r.ID, &w, &i); err != nil || next[w] != i {
			t.Fatalf("event %q of writer %d, whose next is %d", r.ID, w, next[w])
		}
		next[w]++
	}
	t.Logf("%d stale writes were refused", stale.Load())
}

// testOneEvent: the same batch from many writers at once is written once, and all get the one receipt.
func testOneEvent(t *testing.T, s *suite) {
	store := s.open(t)
	for i := range rounds {
		var fresh atomic.Int64
		answers := make([][]ledger.Receipt, writers)
		parallel(writers, func(w int) {
			answers[w] = must(fail{t}, store, batch("journey-1", ledger.Expect(2*i), fmt.Sprint("a", i), fmt.Sprint("b", i)))
			if len(answers[w]) == 2 && !answers[w][0].Duplicate {
				fresh.Add(1)
			}
		})
		for w := range answers {
			if t.Failed() {
				return
			}
			if a, b := answers[0][1], answers[w][1]; a.Position != b.Position || a.LeafHash != b.LeafHash || !a.RecordedTime.Equal(b.RecordedTime) {
				t.Fatalf("round %d: receipts %+v and %+v of one event", i, a, b)
			}
		}
		if fresh.Load() != 1 {
			t.Fatalf("round %d: %d writers were told that theirs was the first", i, fresh.Load())
		}
	}
	checkPlaces(t, s, store, []string{"journey-1"}, 2*rounds)
}

// fail lets helpers of the test be used outside its goroutine, where Fatalf must not be called: it notes the failure and goes on.
type fail struct{ *testing.T }

func (f fail) Fatalf(format string, args ...any) { f.Errorf(format, args...) }

// testCancelledAppend: a context that has ended writes nothing; one that ends on the way may have written, and a retry finds out.
func testCancelledAppend(t *testing.T, s *suite) {
	store := s.open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := store.Append(ctx, batch("journey-0", ledger.Any, "a")); !errors.Is(err, context.Canceled) {
		t.Fatalf("append after the context ended: %v, %v", r, err)
	}
	if h := streamHead(t, store, "journey-0"); h.Revision != 0 {
		t.Fatalf("it wrote all the same: %+v", h)
	}
	streams := make([]string, writers)
	parallel(writers, func(w int) {
		streams[w] = fmt.Sprint("journey-", w+1)
		for i := range rounds {
			b := batch(streams[w], ledger.Expect(2*i), fmt.Sprint("a", i), fmt.Sprint("b", i))
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			_, err := store.Append(ctx, b)
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("append while the context ends: %v", err)
			}
			b = batch(streams[w], ledger.Expect(2*i), fmt.Sprint("a", i), fmt.Sprint("b", i))
			if r := must(fail{t}, store, b); len(r) == 2 && (r[1].Revision != uint64(2*i+2) || err == nil && !r[1].Duplicate) {
				t.Errorf("retry after %v: %+v", err, r)
			}
		}
	})
	checkPlaces(t, s, store, streams, writers*rounds*2)
}
