package pebblestore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// TestSlowReader reads with long rests while writers go on: it sees, in order and once, what was durable when it began, and tables that the
// writers make obsolete do not disturb it.
func TestSlowReader(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, "ledger", smallOptions(vfs.NewMem()))
	defer mustClose(t, s)
	samples := newSampler(1, 300, 20)
	mustAppend(t, s, samples.batches(500))
	next := uint64(0)
	for r, err := range s.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if next++; r.Position != next {
			t.Fatalf("position %d after %d", r.Position, next-1)
		}
		if next%10 == 0 { // the reader rests for as long as this takes
			mustAppend(t, s, samples.batches(100))
		}
	}
	if next != 500 {
		t.Errorf("%d events read, want the 500 that were durable at the beginning", next)
	}
	whole(t, s)
}

// TestReadersNeverAhead has readers look at heads, streams and the log while writers append: whatever they see is durable, and fits.
func TestReadersNeverAhead(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, "ledger", smallOptions(vfs.NewMem()))
	defer mustClose(t, s)
	samples := newSampler(1, 50, 3)
	work := make([][]ledger.Batch, 150)
	for i := range work {
		work[i] = samples.batches(10)
	}
	stream := work[0][0].Stream
	var writing atomic.Bool
	writing.Store(true)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for writing.Load() {
				h, err := s.StreamHead(ctx, stream)
				now, err2 := s.Head(ctx)
				if err := errors.Join(err, err2); err != nil || h.Last > now.Position {
					t.Errorf("stream head at %d, durable head at %d (%v)", h.Last, now.Position, err)
					return
				}
				revision, last := uint64(0), ledger.Recorded{}
				for r, err := range s.ReadStream(ctx, stream, ledger.ReadOptions{To: h.Revision}) {
					if revision++; err != nil || r.Revision != revision {
						t.Errorf("revision %d after %d: %v", r.Revision, revision-1, err)
						return
					}
					last = r
				}
				if h.Revision > 0 && (revision != h.Revision || last.Position != h.Last) {
					t.Errorf("the stream ends at revision %d, position %d; its head says %d, %d", revision, last.Position, h.Revision, h.Last)
				}
			}
		})
	}
	parallel(4, len(work), func(i int) { mustAppend(t, s, work[i]) })
	writing.Store(false)
	readers.Wait()
	whole(t, s)
}

// TestCloseWhileBusy closes under appends, reads and waits. Each of them ends, with what it had or with CodeClosed; what was answered
// is there afterwards.
func TestCloseWhileBusy(t *testing.T) {
	ctx, disk := context.Background(), vfs.NewMem()
	for round := range uint64(10) {
		s := mustOpen(t, "ledger", smallOptions(disk))
		before := s.durable.Load().Position
		samples := newSampler(100+round, 100, 10)
		work := samples.batches(4000)
		var acked atomic.Uint64
		closed := func(err error) bool {
			if err != nil && ledger.CodeOf(err) != ledger.CodeClosed {
				t.Errorf("while closing: %v", err)
			}
			return err != nil
		}
		var busy sync.WaitGroup
		for w := range 4 {
			busy.Go(func() {
				for i := w; i < len(work); i += 4 {
					if _, err := s.Append(ctx, work[i]); closed(err) {
						return
					}
					acked.Add(1)
				}
			})
		}
		busy.Go(func() {
			for after := before; ; {
				h, err := s.Wait(ctx, after)
				if closed(err) {
					return
				}
				after = h.Position
			}
		})
		for _, reader := range []func() error{func() error { return firstError(s.Read(ctx, ledger.ReadOptions{})) },
			func() error { return firstError(s.Streams(ctx, "", "")) }, func() error { return firstError(s.Leaves(ctx, 0, 1<<40)) }} {
			busy.Go(func() {
				for !closed(reader()) {
				}
			})
		}
		if _, err := s.Wait(ctx, before+200); err != nil {
			t.Fatal(err)
		}
		within(t, "Close", func() { mustClose(t, s); busy.Wait() })
		again := mustOpen(t, "ledger", smallOptions(disk))
		if h, _ := again.Head(ctx); h.Position < before+acked.Load() {
			t.Errorf("%d events were answered, the ledger grew from %d to %d", acked.Load(), before, h.Position)
		}
		whole(t, again)
		mustClose(t, again)
	}
}

func firstError[T any](seq func(func(T, error) bool)) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}
