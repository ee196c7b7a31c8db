package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// window is how many deliveries of one endpoint wait at most, besides replayed ones.
const window = 1000

// Follower is one endpoint at work: it turns events into deliveries, and delivers them. mu guards what is below it; the database is
// written with mu held, so that it never says less than memory.
type Follower struct {
	hooks    *Hooks
	e        Endpoint
	sender   *sender
	progress ledger.Progress
	wake     chan struct{} // holds one token: there may be something to do

	mu      sync.Mutex
	account account
	queue   *queue
	gate    gate
	room    chan struct{} // holds one token: the window may have room again
}

func newFollower(h *Hooks, e Endpoint) *Follower {
	f := &Follower{hooks: h, e: e, queue: newQueue(), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	f.sender = newSender(&f.e, h.o.Transport)
	return f
}

// Name is "webhook." and the endpoint's name.
func (f *Follower) Name() string { return "webhook." + f.e.Name }

// Progress says how far the endpoint's cursor is; deliveries that wait are before it.
func (f *Follower) Progress() *ledger.Progress { return &f.progress }

// Cursor is the last position that deliveries were made of.
func (f *Follower) Cursor(context.Context) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.account.Cursor, nil
}

// load reads what is stored. A cursor past the head belongs to a longer ledger than this one, as after a restore: what is there no more cannot be
// delivered, what comes instead must be.
func (f *Follower) load(head uint64) error {
	s, name, now := f.hooks.state, f.e.Name, time.Now().UTC()
	known, err := get(s.db, accountKey(name), &f.account)
	if err != nil {
		return err
	}
	was := f.account.Cursor
	switch {
	case !known && f.e.From > 0:
		f.account.Cursor = min(f.e.From-1, head)
	case !known || was > head:
		f.account.Cursor = head
	}
	f.gate.until, f.gate.round = f.account.Until, f.account.Round
	c := s.change()
	for position, err := range s.positions(indexPrefix(name, Pending), 0, false) {
		d, _, err2 := s.delivery(name, position)
		if err := errors.Join(err, err2); err != nil {
			return errors.Join(err, c.batch.Close())
		}
		if position > head {
			c.drop(name, Pending, position)
			continue
		}
		// Time in which nobody could deliver does not count as the receiver's.
		if soonest := now.Add(min(f.e.GiveUpAfter, time.Hour)); d.GiveUp.Before(soonest) {
			d.GiveUp = soonest
		}
		f.queue.add(lane(d.Stream), &item{position: position, tries: d.Attempts, due: d.Next, giveUp: d.GiveUp})
	}
	if known && was <= head || f.hooks.o.ReadOnly {
		return c.batch.Close()
	}
	if known {
		f.hooks.o.Logger.Warn("the ledger ends before what this endpoint was told of", "endpoint", name, "position", was, "head", head)
	}
	c.set(accountKey(name), &f.account)
	return c.commit(true)
}

// Run follows the ledger and delivers, until the context ends or the state cannot be written. Attempts under way when it ends are
// cut off, and made again by the next Run.
func (f *Follower) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	group.Go(func() { cancel(f.follow(ctx)) })
	group.Go(func() { cancel(f.dispatch(ctx, &group)) })
	group.Wait()
	f.sender.client.CloseIdleConnections()
	return context.Cause(ctx)
}

// follow fills the window: as many events as it has room for are read, however few of them are wanted, so that Handle never waits
// with a read held open.
func (f *Follower) follow(ctx context.Context) error {
	if cursor, _ := f.free(); cursor > 0 { // says where it is, should there be no room for long
		if err := ledger.Follow(ctx, f.hooks.src, f, ledger.FollowOptions{Progress: &f.progress, Until: cursor}); err != nil {
			return err
		}
	}
	for {
		cursor, room := f.free()
		var full <-chan time.Time
		if f.hooks.o.Writable() != nil {
			full, room = time.After(fullPause), 0
		}
		if room < window/2 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-f.room:
			case <-full:
			}
			continue
		}
		o := ledger.FollowOptions{HeaderOnly: true, Progress: &f.progress, Until: cursor + uint64(room)}
		if err := ledger.Follow(ctx, f.hooks.src, f, o); err != nil {
			return err
		}
	}
}

// free is the cursor and how many deliveries may be added; none while the endpoint is switched off.
func (f *Follower) free() (cursor uint64, room int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.account.Gone != "" {
		return f.account.Cursor, 0
	}
	return f.account.Cursor, window - f.queue.n
}

// Handle makes deliveries of the events that the endpoint wants, and moves the cursor in the same step.
func (f *Follower) Handle(_ context.Context, events []ledger.Recorded) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, next := time.Now().UTC(), f.account
	c := f.hooks.state.change()
	var made []*Delivery
	for i := range events {
		r := &events[i]
		if r.Position <= next.Cursor {
			continue
		}
		if next.Cursor = r.Position; f.e.wants(r) && (f.e.MaxAge == 0 || now.Sub(r.Occurred()) <= f.e.MaxAge) {
			d := f.newDelivery(r, now)
			c.put(f.e.Name, d, "")
			made = append(made, d)
		}
	}
	c.set(accountKey(f.e.Name), &next)
	if err := c.commit(false); err != nil {
		return err
	}
	f.account = next
	for _, d := range made {
		f.enqueue(d)
	}
	return nil
}

func (f *Follower) newDelivery(r *ledger.Recorded, now time.Time) *Delivery {
	d := &Delivery{ID: idOf(r.Position), Position: r.Position, WebhookID: fmt.Sprintf("%s:%d", f.hooks.o.LedgerID, r.Position), Stream: r.Stream,
		Journey: ledger.JourneyOf(r.Stream), EventID: r.ID, Type: r.Type, State: Pending, Queued: now, Next: now, GiveUp: now.Add(f.e.GiveUpAfter)}
	if r.Facets.Sender != "" || r.Facets.Receiver != "" {
		d.Point = ledger.Point(r.Facets.Sender, r.Facets.Receiver, r.Facets.Channel)
	}
	return d
}

func (f *Follower) enqueue(d *Delivery) {
	f.queue.add(lane(d.Stream), &item{position: d.Position, tries: d.Attempts, due: d.Next, giveUp: d.GiveUp})
	signal(f.wake)
}

// signal leaves a token where there is none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
