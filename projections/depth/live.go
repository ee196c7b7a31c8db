package depth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Live is a fold that follows a ledger, in memory: it begins at the first event whenever the process starts. Reports are safe for concurrent use, with
// each other and with the follower; they answer at any time, and say in Head.Behind how many durable events they do not know yet.
type Live struct {
	src      ledger.Source
	progress ledger.Progress
	observe  func(events []ledger.Recorded, start, end time.Time)

	mu     sync.RWMutex
	fold   *Fold
	drift  map[DriftOptions]DriftReport // of the present position
	offers uint64                       // counted since the fold began
	moved  chan struct{}                // closed when events were counted
	begun  uint64                       // head when the fold began: what contracts and points said by then is in its options
	// running is set when Run has begun.
	running bool
}

var offeredType = ledger.Type("handoff", "offered")

// errAgain ends a run of the follower whose fold has to begin anew.
var errAgain = errors.New("contracts or points changed")

// NewLive makes a follower of a ledger. observe is told of the events that were handled, and when that began and ended; nil: nobody is.
func NewLive(src ledger.Source, o Options, observe func(events []ledger.Recorded, start, end time.Time)) *Live {
	return &Live{src: src, observe: observe, fold: NewFold(o), moved: make(chan struct{})}
}

// Name is the follower's name.
func (l *Live) Name() string { return "depth" }

// Cursor is the last position that was counted.
func (l *Live) Cursor(context.Context) (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fold.Position(), nil
}

// Handle counts events.
func (l *Live) Handle(_ context.Context, events []ledger.Recorded) error {
	start := time.Now()
	l.mu.Lock()
	again := false
	for i := range events {
		l.fold.Add(&events[i])
		if events[i].Type == offeredType {
			l.offers++
		}
		again = again || l.renews(&events[i])
	}
	l.drift = nil
	close(l.moved)
	l.moved = make(chan struct{})
	l.mu.Unlock()
	if again {
		return errAgain
	}
	if l.observe != nil {
		l.observe(events, start, time.Now())
	}
	return nil
}

// renews reports whether an event changes what the fold counts by.
func (l *Live) renews(r *ledger.Recorded) bool {
	if l.fold.o.Renew == nil || r.Position <= l.begun {
		return false
	}
	category, _ := ledger.SplitStream(r.Stream)
	return category == "contract" || category == "point"
}

// Run follows the ledger until the context ends or an error occurs. When contracts or points change it counts anew from the first event, so that all of
// the past is seen by what is agreed now.
func (l *Live) Run(ctx context.Context) error {
	for {
		if err := l.begin(ctx); err != nil {
			return err
		}
		if err := ledger.Follow(ctx, l.src, l, ledger.FollowOptions{Progress: &l.progress}); !errors.Is(err, errAgain) {
			return err
		}
	}
}

// begin makes the fold anew, where there is a way to.
func (l *Live) begin(ctx context.Context) error {
	head, err := l.src.Head(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun, l.running = head.Position, true
	if renew := l.fold.o.Renew; renew != nil && l.fold.Position() > 0 {
		l.fold, l.offers, l.drift = NewFold(renew()), 0, nil
	}
	close(l.moved)
	l.moved = make(chan struct{})
	return nil
}

// wait blocks until a condition on the follower holds, which is asked after each batch of events, with what it reads locked.
func (l *Live) wait(ctx context.Context, holds func() bool) error {
	for {
		l.mu.RLock()
		ok, moved := holds(), l.moved
		l.mu.RUnlock()
		if ok {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CaughtUp waits until the follower that Run runs knows what was there when it began.
func (l *Live) CaughtUp(ctx context.Context) error { return l.wait(ctx, l.caughtUp) }

// caughtUp reports whether the follower knows what was there when it began.
func (l *Live) caughtUp() bool { return l.running && l.fold.Position() >= l.begun }

// CatchUp follows the ledger as far as it is durable now.
func (l *Live) CatchUp(ctx context.Context) error {
	head, err := l.src.Head(ctx)
	if err != nil || head.Position == 0 {
		return err
	}
	l.mu.Lock()
	l.begun = head.Position
	l.mu.Unlock()
	return ledger.Follow(ctx, l.src, l, ledger.FollowOptions{Progress: &l.progress, Until: head.Position})
}

// Progress says how far the follower is behind the ledger.
func (l *Live) Progress() *ledger.Progress { return &l.progress }

// Tiers reports tiers as of the position that was reached.
func (l *Live) Tiers(ctx context.Context, o TierOptions) (TierReport, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	r := l.fold.Tiers(o)
	return r, l.behind(ctx, &r.Head)
}

// Fields reports fields as of the position that was reached.
func (l *Live) Fields(ctx context.Context, q Query) (FieldReport, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	r := l.fold.Fields(q)
	return r, l.behind(ctx, &r.Head)
}

// Drift reports drift as of the position that was reached.
func (l *Live) Drift(ctx context.Context, o DriftOptions) (DriftReport, error) {
	l.mu.RLock()
	r, known := l.drift[o]
	if !known {
		r = l.fold.Drift(o)
	}
	l.mu.RUnlock()
	if !known {
		l.keep(o, r)
	}
	return r, l.behind(ctx, &r.Head)
}

// keep keeps a drift report as long as the position stays: its thresholds take time to draw.
func (l *Live) keep(o DriftOptions, r DriftReport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Position != l.fold.Position() {
		return
	}
	if l.drift == nil || len(l.drift) >= 16 {
		l.drift = map[DriftOptions]DriftReport{}
	}
	l.drift[o] = r
}

// behind says how much a report does not know yet.
func (l *Live) behind(ctx context.Context, h *Head) error {
	head, err := l.src.Head(ctx)
	if err == nil && head.Position > h.Position {
		h.Behind = head.Position - h.Position
	}
	return err
}
