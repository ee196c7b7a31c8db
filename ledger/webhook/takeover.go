package webhook

import "fmt"

// Settled is the last position before which nothing waits: whoever takes this endpoint over begins after it. What was given up counts as
// settled, and so does what an operator replays now.
func (f *Follower) Settled() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	settled := f.account.Cursor
	for _, line := range f.queue.lines {
		if first := line.items[0].position; first <= settled {
			settled = first - 1
		}
	}
	return settled
}

// TakeOver goes on from what another node has settled, whatever was known here: deliveries are made again of all events after it, with
// the same ids, and what waits from before that is left to those it was left by. It must not be called while the follower runs.
func (f *Follower) TakeOver(settled uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue.busy > 0 {
		return fmt.Errorf("webhook %s: it runs", f.e.Name)
	}
	next, c := f.account, f.hooks.state.change()
	next.Cursor = settled
	for _, line := range f.queue.lines {
		for _, it := range line.items {
			c.drop(f.e.Name, Pending, it.position)
		}
	}
	c.set(accountKey(f.e.Name), &next)
	if err := c.commit(true); err != nil {
		return err
	}
	f.account, f.queue = next, newQueue()
	return nil
}
