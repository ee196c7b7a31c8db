package webhook

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// settle stores an attempt and decides what follows: delivered, another attempt, or dead.
func (f *Follower) settle(w *waiting, it *item, o *outcome, unnoted string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, _, err := f.hooks.state.delivery(f.e.Name, it.position)
	if err != nil {
		f.queue.giveBack(w, false)
		return err
	}
	now := o.At.Add(time.Duration(o.Duration))
	d.note(o.Attempt)
	d.Attempts++
	d.Unnoted = unnoted
	f.account.Attempts++
	if o.success() {
		f.succeeded(&d, now)
	} else {
		f.failed(&d, it, o, now)
	}
	it.tries, it.due = d.Attempts, d.Next
	return f.store(w, &d, false)
}

func (f *Follower) succeeded(d *Delivery, now time.Time) {
	d.State, d.Ended, d.Next, d.GiveUp = Delivered, now, time.Time{}, time.Time{}
	f.account.Delivered++
	f.account.Kept++
	f.account.LastSuccess, f.account.Failures = now, 0
	if f.gate.success() {
		f.hooks.o.Logger.Info("webhook endpoint is back", "endpoint", f.e.Name)
		f.queue.hurry(now)
	}
}

func (f *Follower) failed(d *Delivery, it *item, o *outcome, now time.Time) {
	wasDown := f.gate.round > 0
	f.account.LastFailure, f.account.LastError = now, o.problem()
	f.account.Failures++
	f.gate.failure(d.Position, now)
	if o.retryAfter > 0 {
		f.gate.pause(now.Add(o.retryAfter))
	}
	if f.gate.round > 0 && !wasDown {
		f.hooks.o.Logger.Warn("webhook endpoint is down", "endpoint", f.e.Name, "last", o.problem())
	}
	switch {
	case o.Status == http.StatusGone:
		f.account.Gone = "the receiver answered 410 Gone"
		f.hooks.o.Logger.Warn("webhook endpoint is gone and switched off", "endpoint", f.e.Name)
		d.Next = now
	case d.Attempts >= f.e.MaxAttempts:
		f.die(d, now, fmt.Sprintf("%s failed; last: %s", attempts(d.Attempts), o.problem()))
	case !now.Before(it.giveUp):
		f.die(d, now, fmt.Sprintf("not taken within %s; last: %s", f.e.GiveUpAfter, o.problem()))
	default:
		d.Next = earlier(now.Add(max(delay(d.Attempts, maxDelay), o.retryAfter)), it.giveUp)
	}
	if d.State == Dead {
		f.hooks.o.Logger.Warn("webhook delivery is dead", "endpoint", f.e.Name, "position", d.Position, "reason", d.Reason)
	}
}

func (f *Follower) die(d *Delivery, now time.Time, reason string) {
	d.State, d.Ended, d.Next, d.GiveUp, d.Reason = Dead, now, time.Time{}, time.Time{}, reason
	f.account.Dead++
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// How many ended deliveries are kept; a tenth is dropped at a time.
const (
	keepDelivered = 10_000
	keepDead      = 100_000
)

// prune drops the deliveries of the lowest positions when there are too many.
func (f *Follower) prune(c *change) {
	f.account.Kept -= f.dropOldest(c, Delivered, f.account.Kept, keepDelivered)
	f.account.Dead -= f.dropOldest(c, Dead, f.account.Dead, keepDead)
}

func (f *Follower) dropOldest(c *change, s State, have, keep int64) (dropped int64) {
	if have < keep+keep/10 {
		return 0
	}
	for position, err := range f.hooks.state.positions(indexPrefix(f.e.Name, s), 0, false) {
		if c.err = cmp.Or(c.err, err); c.err != nil || dropped == keep/10 {
			break
		}
		c.drop(f.e.Name, s, position)
		dropped++
	}
	return dropped
}
