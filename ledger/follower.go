package ledger

import (
	"context"
	"iter"
	"sync/atomic"
	"time"
)

// Follower tails the ledger: relay, notary, projections and predictions are followers. It keeps its own cursor, and moves it in
// the same atomic step as what it makes of the events, so that a restart neither loses nor repeats.
type Follower interface {
	// Name is short and stable, for logs and metrics.
	Name() string
	// Cursor is the last position handled, 0 at the beginning.
	Cursor(ctx context.Context) (uint64, error)
	// Handle takes the events after the cursor, in order, never none.
	Handle(ctx context.Context, events []Recorded) error
}

// Source is what a follower is run over.
type Source interface {
	Reader
	Tailer
}

// FollowOptions tune a run; the zero value is good.
type FollowOptions struct {
	BatchEvents int       // most events of one Handle, default 1000
	BatchBytes  int       // data bytes after which a batch is handed over, default 4 MiB
	HeaderOnly  bool      // the follower does not look at data
	Progress    *Progress // kept up to date where given
	Until       uint64    // stop, without an error, once this position was handled; 0 is never
}

// Progress says how far a follower is. It is safe for concurrent use.
type Progress struct{ position, head, at atomic.Int64 }

// Position is the last one handled; Lag how many durable events wait behind it; At when the last batch was handled.
func (p *Progress) Position() uint64 { return uint64(p.position.Load()) }

// Lag counts events that are durable and not handled yet.
func (p *Progress) Lag() uint64 { return uint64(max(0, p.head.Load()-p.position.Load())) }

// At is when the last batch was handled, the zero time before that.
func (p *Progress) At() time.Time {
	if ns := p.at.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

func (p *Progress) set(position, head uint64, handled bool) {
	if p == nil {
		return
	}
	p.head.Store(int64(head))
	p.position.Store(int64(position))
	if handled {
		p.at.Store(time.Now().UnixNano())
	}
}

// Follow runs a follower from its cursor on, catching up and then live, until the context ends or an error occurs (of the
// read, of Handle). There is no gap between the two: both are the same read, of what is durable and not yet handled.
func Follow(ctx context.Context, src Source, f Follower, o FollowOptions) error {
	if o.BatchEvents == 0 {
		o.BatchEvents = 1000
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 4 << 20
	}
	cursor, err := f.Cursor(ctx)
	if err != nil {
		return err
	}
	o.Progress.set(cursor, cursor, false) // a follower that is up to date says so before anything comes
	for o.Until == 0 || cursor < o.Until {
		head, err := src.Wait(ctx, cursor)
		if err != nil {
			return err
		}
		to := head.Position
		if o.Until > 0 {
			to = min(to, o.Until)
		}
		o.Progress.set(cursor, head.Position, false)
		for batch, err := range Batches(src.Read(ctx, ReadOptions{From: cursor + 1, To: to, HeaderOnly: o.HeaderOnly}), o.BatchEvents, o.BatchBytes) {
			if err != nil {
				return err
			}
			if err := f.Handle(ctx, batch); err != nil {
				return err
			}
			cursor = batch[len(batch)-1].Position
			o.Progress.set(cursor, head.Position, true)
		}
		if cursor < to {
			return unread(cursor, to)
		}
	}
	return nil
}

// Batches groups a read: at most n events and about size bytes each, never empty. The slice is reused, its events are not.
func Batches(events iter.Seq2[Recorded, error], n, size int) iter.Seq2[[]Recorded, error] {
	return func(yield func([]Recorded, error) bool) {
		batch, bytes := make([]Recorded, 0, n), 0
		for r, err := range events {
			if err != nil {
				if len(batch) > 0 && !yield(batch, nil) {
					return
				}
				yield(nil, err)
				return
			}
			batch, bytes = append(batch, r), bytes+len(r.Data)
			if len(batch) == n || bytes >= size {
				if !yield(batch, nil) {
					return
				}
				batch, bytes = batch[:0], 0
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// Subscribe yields every event after a position, first those that are there, then those to come, without a gap, until the context ends
// (which is the last error yielded).
func Subscribe(ctx context.Context, src Source, after uint64, o ReadOptions) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		for {
			head, err := src.Wait(ctx, after)
			if err != nil {
				yield(Recorded{}, err)
				return
			}
			o.From, o.To = after+1, head.Position
			for r, err := range src.Read(ctx, o) {
				if !yield(r, err) || err != nil {
					return
				}
				after = r.Position
			}
			if after < head.Position {
				yield(Recorded{}, unread(after, head.Position))
				return
			}
		}
	}
}

// unread is for a store whose read ends before its own head: to ask again would never end.
func unread(after, head uint64) error {
	return Errorf(CodeCorrupt, "read", "run `baton verify` to see how far the damage reaches",
		"the ledger's head is position %d, and reading ends at position %d", head, after)
}

// Pause waits for a time, or for the context to end, whose error it then gives.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
