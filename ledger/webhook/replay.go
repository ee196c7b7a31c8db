package webhook

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// maxReplayed bounds what waits at one endpoint when replays are asked for.
const maxReplayed = 10 * window

// Replay says what to deliver again: one delivery, all dead ones, or every event of a range of positions that the endpoint wants,
// delivered before or not. Exactly one of ID, Dead and a range is given; To 0 is up to the cursor.
type Replay struct {
	ID       string
	Dead     bool
	From, To uint64
}

// Replayed says what a replay has queued.
type Replayed struct {
	Queued  int    `json:"queued"`
	Waiting int    `json:"waiting" doc:"were queued already"`
	Next    uint64 `json:"next,omitempty" doc:"where the window was full: go on from this position later"`
}

func (q *Replay) check() error {
	given := 0
	for _, is := range []bool{q.ID != "", q.Dead, q.From > 0 || q.To > 0} {
		if is {
			given++
		}
	}
	const hint = "name one delivery, or all dead ones, or a range of positions"
	if given != 1 {
		return ledger.Errorf(ledger.CodeInvalid, "replay", hint, "a replay is of one thing, not of %d", given)
	}
	if q.To > 0 && q.To < q.From {
		return ledger.Errorf(ledger.CodeInvalid, "replay", hint, "to (%d) is before from (%d)", q.To, q.From)
	}
	return nil
}

// Replay queues deliveries again, with the same webhook-id and a new time to give up. The answer means that it survives a crash.
func (h *Hooks) Replay(ctx context.Context, name string, q Replay) (Replayed, error) {
	f, err := h.named(name)
	if err != nil {
		return Replayed{}, err
	}
	if err := cmp.Or(q.check(), h.o.Writable()); err != nil {
		return Replayed{}, err
	}
	switch {
	case q.ID != "":
		d, err := h.Delivery(ctx, name, q.ID)
		if err != nil {
			return Replayed{}, err
		}
		var out Replayed
		return out, f.requeue([]*Delivery{&d}, &out)
	case q.Dead:
		return f.replayDead(ctx)
	}
	return f.replayRange(ctx, q.From, q.To)
}

// replayPortion is how many deliveries one step of a replay writes, so that delivering goes on meanwhile.
const replayPortion = 500

func (f *Follower) replayDead(ctx context.Context) (out Replayed, err error) {
	var portion []*Delivery
	for position, err := range f.hooks.state.positions(indexPrefix(f.e.Name, Dead), 0, false) {
		d, found, err2 := f.hooks.state.delivery(f.e.Name, position)
		if err := cmp.Or(err, err2, ctx.Err()); err != nil {
			return out, err
		}
		if !found {
			continue
		}
		if portion = append(portion, &d); len(portion) == replayPortion {
			if err := f.requeue(portion, &out); err != nil || out.Next > 0 {
				return out, err
			}
			portion = nil
		}
	}
	return out, f.requeue(portion, &out)
}

func (f *Follower) replayRange(ctx context.Context, from, to uint64) (out Replayed, err error) {
	cursor, _ := f.Cursor(ctx)
	if to == 0 || to > cursor {
		to = cursor // what is after it comes by itself
	}
	if from > to {
		return out, nil
	}
	var portion []*Delivery
	for r, err := range f.hooks.src.Read(ctx, ledger.ReadOptions{From: from, To: to, HeaderOnly: true}) {
		if err != nil {
			return out, err
		}
		if !f.e.wants(&r) {
			continue
		}
		d, found, err := f.hooks.state.delivery(f.e.Name, r.Position)
		if err != nil {
			return out, err
		}
		if !found {
			d = *f.newDelivery(&r, time.Now().UTC())
			d.State = ""
		}
		if portion = append(portion, &d); len(portion) == replayPortion {
			if err := f.requeue(portion, &out); err != nil || out.Next > 0 {
				return out, err
			}
			portion = nil
		}
	}
	return out, f.requeue(portion, &out)
}

// requeue makes deliveries pending again in one durable step. Where the endpoint has too many waiting, Next says what is left.
func (f *Follower) requeue(list []*Delivery, out *Replayed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, account := time.Now().UTC(), f.account
	c := f.hooks.state.change()
	var queued []*Delivery
	for _, d := range list {
		if f.queue.n+len(queued) >= maxReplayed {
			out.Next = d.Position
			break
		}
		if stored, found, err := f.hooks.state.delivery(f.e.Name, d.Position); err != nil {
			return cmp.Or(err, c.batch.Close())
		} else if found {
			*d = stored // it may have moved since it was listed
		}
		if d.State == Pending {
			out.Waiting++
			continue
		}
		was := d.State
		switch was {
		case Dead:
			account.Dead--
		case Delivered:
			account.Kept--
		}
		d.State, d.Reason, d.Ended, d.Attempts, d.Next, d.GiveUp = Pending, "", time.Time{}, 0, now, now.Add(f.e.GiveUpAfter)
		d.Replays++
		c.put(f.e.Name, d, was)
		queued = append(queued, d)
	}
	c.set(accountKey(f.e.Name), &account)
	if err := c.commit(true); err != nil {
		return err
	}
	f.account = account
	for _, d := range queued {
		f.enqueue(d)
	}
	out.Queued += len(queued)
	return nil
}

// Enable switches an endpoint on again whose receiver answered 410, and lets one that is down or paused try at once. What waits gets its whole
// time again.
func (h *Hooks) Enable(_ context.Context, name string) error {
	f, err := h.named(name)
	if err = cmp.Or(err, h.o.Writable()); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now().UTC()
	account := f.account
	account.Gone, account.Until, account.Round = "", time.Time{}, 0
	c := f.hooks.state.change()
	for _, w := range f.queue.lines {
		for _, it := range w.items {
			d, _, err := h.state.delivery(name, it.position)
			if err != nil {
				return cmp.Or(err, c.batch.Close())
			}
			it.giveUp = now.Add(f.e.GiveUpAfter)
			d.GiveUp, d.Next = it.giveUp, now
			c.put(name, &d, Pending)
		}
	}
	c.set(accountKey(name), &account)
	if err := c.commit(true); err != nil {
		return err
	}
	f.account, f.gate = account, gate{}
	f.queue.hurry(now)
	signal(f.wake)
	signal(f.room)
	return nil
}

// Test sends an event that is in no ledger, signed like any other, and answers what came of it. Nothing is stored.
func (h *Hooks) Test(ctx context.Context, name string) (Attempt, error) {
	f, err := h.named(name)
	if err != nil {
		return Attempt{}, err
	}
	now := time.Now().UTC()
	id := fmt.Sprintf("%s:test-%d", h.o.LedgerID, now.UnixNano())
	r := ledger.Recorded{Event: ledger.Event{ID: id, Source: "baton/webhooks", Type: TestType, Time: now, ContentType: "application/json",
		Data: fmt.Appendf(nil, `{"endpoint":%q,"note":"a test of the connection: no handoff"}`, f.e.Name)}}
	o := f.sender.send(ctx, id, &r)
	return o.Attempt, nil
}

// TestType is the type of the event that Test sends.
const TestType = "dev.baton.webhook.test.v1"
