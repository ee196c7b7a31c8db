package projections

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/ledger"
)

// fill reads the ledger once and folds it with several workers.
func fill(ctx context.Context, g *generation, src ledger.Reader, position uint64, workers int, o *Options) error {
	group, ctx := errgroup.WithContext(ctx)
	feeds := make([]chan []ledger.Recorded, workers)
	free := make(chan []ledger.Recorded, 8*workers)
	for i := range feeds {
		feeds[i] = make(chan []ledger.Recorded, 4)
		group.Go(func() error { return work(ctx, g, o.journeyBytes/workers, feeds[i], free) })
	}
	group.Go(func() error {
		err := scan(ctx, src, position, o.portion, feeds, free)
		for _, feed := range feeds {
			close(feed)
		}
		return err
	})
	return group.Wait()
}

// scan deals the events out by journey.
func scan(ctx context.Context, src ledger.Reader, position uint64, portion int, feeds []chan []ledger.Recorded, free chan []ledger.Recorded) error {
	if position == 0 {
		return nil
	}
	open := make([][]ledger.Recorded, len(feeds))
	send := func(i int) error {
		select {
		case feeds[i] <- open[i]:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case open[i] = <-free:
		default:
			open[i] = make([]ledger.Recorded, 0, portion)
		}
		return nil
	}
	last := uint64(0)
	for r, err := range src.Read(ctx, ledger.ReadOptions{To: position, HeaderOnly: true}) {
		if err != nil {
			return err
		}
		i := workerOf(r.Stream, len(feeds))
		last, open[i] = r.Position, append(open[i], r)
		if len(open[i]) >= portion {
			if err := send(i); err != nil {
				return err
			}
		}
	}
	if last != position {
		return ledger.Errorf(ledger.CodeCorrupt, "rebuild", "run `baton verify`", "the ledger was read up to position %d and not to %d", last, position)
	}
	for i := range open {
		if err := send(i); err != nil {
			return err
		}
	}
	return nil
}

// workerOf keeps both streams of a journey with one worker.
func workerOf(stream string, workers int) int {
	h := hash(ledger.JourneyOf(stream))
	return int((h ^ h>>32) % uint64(workers))
}

// hash is FNV-1a 64.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// work folds one worker's journeys, and writes them out whenever they take the memory it has.
func work(ctx context.Context, g *generation, memory int, feed <-chan []ledger.Recorded, free chan<- []ledger.Recorded) error {
	f, out := newFolder(g.db, memory), new(table)
	f.written = newWritten()
	writeOut := func() error { return errors.Join(f.flush(out), out.ingest(ctx, g)) }
	for events := range feed {
		for i := range events {
			if err := f.event(&events[i]); err != nil {
				return err
			}
		}
		clear(events)
		select {
		case free <- events[:0]:
		default:
		}
		if f.pending > memory {
			if err := writeOut(); err != nil {
				return err
			}
		}
	}
	return writeOut()
}
