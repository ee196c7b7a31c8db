package webhook

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// dispatch starts attempts as they fall due, as many at a time as the endpoint allows.
func (f *Follower) dispatch(ctx context.Context, group *sync.WaitGroup) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		w, it, at, err := f.next(time.Now().UTC())
		if err != nil {
			return err
		}
		if w != nil {
			group.Go(func() {
				if err := f.attempt(ctx, w, it); err != nil {
					cancel(err)
				}
				signal(f.wake)
			})
			continue
		}
		var due <-chan time.Time
		if !at.IsZero() {
			timer.Reset(time.Until(at))
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-f.wake:
		case <-due:
		}
	}
}

// fullPause is how long a full disk is left alone. What came of an attempt could not be noted there, and it would be made again and again.
const fullPause = 5 * time.Second

// next takes the delivery to try now. Where there is none, at is when to look again, zero for when something happens.
func (f *Follower) next(now time.Time) (w *waiting, it *item, at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.account.Gone != "" || f.queue.busy >= f.e.Concurrency {
		return nil, nil, at, nil
	}
	if f.hooks.o.Writable() != nil {
		return nil, nil, now.Add(fullPause), nil
	}
	if f.gate.until.After(now) {
		at, err = f.expire(now)
		return nil, nil, at, err
	}
	switch w = f.queue.first(); {
	case w == nil:
		return nil, nil, at, nil
	case f.gate.round > 0: // down: one probe
		if f.queue.busy > 0 {
			return nil, nil, at, nil
		}
		w = f.queue.probe()
	case w.items[0].due.After(now):
		return nil, nil, w.items[0].due, nil
	}
	return w, f.queue.take(w), at, nil
}

// expire gives up what is past its time while the gate is shut, and says when the next of it is, or the gate opens.
func (f *Follower) expire(now time.Time) (next time.Time, err error) {
	next = f.gate.until
	var late []*waiting
	for _, w := range f.queue.heap {
		if at := w.items[0].giveUp; !at.After(now) {
			late = append(late, w)
		} else if at.Before(next) {
			next = at
		}
	}
	if len(late) > 0 {
		f.hooks.o.Logger.Warn("webhook deliveries are dead", "endpoint", f.e.Name, "journeys", len(late), "last", f.account.LastError)
	}
	for _, w := range late {
		for !w.busy && len(w.items) > 0 && !w.items[0].giveUp.After(now) {
			if err := f.abandon(w, now); err != nil {
				return next, err
			}
		}
	}
	return next, nil
}

// abandon gives up the first delivery of a line without another attempt.
func (f *Follower) abandon(w *waiting, now time.Time) error {
	it := f.queue.take(w)
	d, _, err := f.hooks.state.delivery(f.e.Name, it.position)
	if err != nil {
		f.queue.giveBack(w, false)
		return err
	}
	f.die(&d, now, fmt.Sprintf("the endpoint was down for the whole %s; last: %s", f.e.GiveUpAfter, f.account.LastError))
	return f.store(w, &d, false)
}

// store writes a delivery and the endpoint's account, and gives its line back.
func (f *Follower) store(w *waiting, d *Delivery, sync bool) error {
	f.account.Until, f.account.Round = f.gate.until, f.gate.round
	c := f.hooks.state.change()
	c.put(f.e.Name, d, Pending)
	f.prune(c)
	c.set(accountKey(f.e.Name), &f.account)
	err := c.commit(sync)
	f.queue.giveBack(w, err == nil && d.State != Pending)
	if window-f.queue.n >= window/2 {
		signal(f.room)
	}
	return err
}

// attempt tries one delivery and stores what came of it. When the run ends meanwhile nothing is stored: it is tried again.
func (f *Follower) attempt(ctx context.Context, w *waiting, it *item) error {
	r, err := f.read(ctx, it.position)
	var o outcome
	if err != nil {
		o.At, o.Error = time.Now().UTC(), "the event could not be read: "+clean(err.Error(), 300)
	} else {
		o = f.sender.send(ctx, f.webhookID(it.position), &r)
	}
	if ctx.Err() != nil && !o.success() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.queue.giveBack(w, false)
		return nil
	}
	unnoted := ""
	if o.success() && f.e.RecordDelivered && r.Type == ledger.Type("handoff", "offered") {
		unnoted = f.recordDelivered(ctx, &r, &o)
	}
	return f.settle(w, it, &o, unnoted)
}

func (f *Follower) webhookID(position uint64) string {
	return fmt.Sprintf("%s:%d", f.hooks.o.LedgerID, position)
}

// read reads one event whole.
func (f *Follower) read(ctx context.Context, position uint64) (ledger.Recorded, error) {
	return one(f.hooks.src.Read(ctx, ledger.ReadOptions{From: position, To: position}))
}

func one(events iter.Seq2[ledger.Recorded, error]) (ledger.Recorded, error) {
	for r, err := range events {
		return r, err
	}
	return ledger.Recorded{}, errors.New("it is not in the ledger")
}
