package bench

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// group is how many events an append carries at once where it carries many, and grouped how many such appends a round makes.
const (
	group   = 256
	grouped = 400
	callers = 4
	writers = 64
	singles = 20_000
	alone   = 2_000
)

func appendCases() []Case {
	return []Case{
		{Name: "append-256", What: "durable append of 512-byte events, batches of 256 from 4 callers", Unit: "events/s", Sides: appendGroups},
		{Name: "append-64", What: "durable append of single events by 64 concurrent writers", Unit: "events/s", Sides: appendSingles},
		{Name: "append-1", What: "durable append of one event by one writer that waits, p50", Unit: "ms", Less: true, Sides: appendAlone},
	}
}

// ours measures the whole way of an event: intake with its checks, engine, receipts. f gets a ledger that is new each time.
func (e *Env) ours(name string, f func(ctx context.Context, appendAll ledger.Append) (float64, error)) Side {
	return Side{Name: name, Run: func(ctx context.Context) (v float64, err error) {
		o, err := e.empty(ctx)
		if err != nil {
			return 0, err
		}
		v, err = f(ctx, o.intake())
		return v, errors.Join(err, o.close(), os.RemoveAll(o.dir))
	}}
}

func appendGroups(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return []Side{
		e.ours("baton", func(ctx context.Context, appendAll ledger.Append) (float64, error) {
			work := prepared(grouped, group)
			begin := time.Now()
			err := parallel(callers, grouped, func(i int) error { return accepted(appendAll(ctx, work[i])) })
			return rate(grouped*group, begin), err
		}),
		e.barePebble("bare Pebble, same keys and look-ups", 0.7, ownLookups, grouped, group),
		e.barePebble("bare Pebble, a random id look-up each", 0, randomLookup, grouped, group),
		e.jetStreamBatches("JetStream, sync always, atomic batches"),
		e.file("write+fdatasync of each batch", grouped, group),
	}, nil, nil
}

func appendSingles(ctx context.Context, e *Env) ([]Side, func() error, error) {
	jetStream := e.jetStreamSingles("JetStream, sync always", singles/5)
	jetStream.Target = 6
	return []Side{
		e.ours("baton", func(ctx context.Context, appendAll ledger.Append) (float64, error) {
			work := prepared(singles, 1)
			begin := time.Now()
			err := parallel(writers, singles, func(i int) error { return accepted(appendAll(ctx, work[i])) })
			return rate(singles, begin), err
		}),
		jetStream,
		e.barePebbleSingles("bare Pebble, same keys and look-ups", 0.7),
		e.groupCommit("bare one-file group commit"),
		e.file("write+fdatasync one by one", alone, 1),
	}, nil, nil
}

func appendAlone(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return []Side{
		e.ours("baton", func(ctx context.Context, appendAll ledger.Append) (float64, error) {
			work := prepared(alone, 1)
			took := make([]time.Duration, alone)
			for i := range took {
				begin := time.Now()
				if err := accepted(appendAll(ctx, work[i])); err != nil {
					return 0, err
				}
				took[i] = time.Since(begin)
			}
			return quantile(took, 0.5), nil
		}),
		{Name: "write+fdatasync of 512 bytes to a growing file", Target: 2, Run: func(ctx context.Context) (float64, error) {
			took, err := e.fileTimes(alone, 1)
			return quantile(took, 0.5), err
		}},
	}, nil, nil
}

// prepared makes n appends of that many events, so that making them is not measured.
func prepared(n, each int) [][]ledger.Batch {
	t, work := newTraffic(2), make([][]ledger.Batch, n)
	for i := range work {
		work[i] = t.batches(each)
	}
	return work
}

// parallel has workers do 0 to n-1, and gives the first error.
func parallel(workers, n int, do func(i int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	var mu sync.Mutex
	var first error
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					mu.Lock()
					first = errors.Join(first, err)
					mu.Unlock()
					next.Store(int64(n))
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}
