package pebblestore

import (
	"runtime"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// sync waits for each group's bytes to be on disk, in order, and answers its callers.
func (s *Store) sync(groups <-chan *group) {
	defer close(s.done)
	for g := range groups {
		err := g.err
		if err == nil {
			// Looked at for every group: what an unwritten one answers (a first receipt, a revision) rests on those before it.
			err = s.failure()
		}
		if err == nil && g.batch != nil {
			err = s.waitSync(g.batch)
		}
		if err == nil {
			s.publish(g.head)
		}
		for _, q := range g.requests {
			if err != nil {
				q.request.result = ledger.Result{Err: err}
			}
			if q.call.left--; q.call.left == 0 {
				close(q.call.done)
			}
		}
		s.queue.landed() // after the answers: those who got them are back sooner, and in the next group
	}
}

func (s *Store) waitSync(batch *pebble.Batch) error {
	if !s.opts.Mirror {
		if err := batch.SyncWait(); err != nil {
			return s.fail(err)
		}
	}
	return s.ioError("append", batch.Close())
}

// publish moves the durable head and wakes those who wait for it.
func (s *Store) publish(h ledger.Head) {
	if h.Position == s.durable.Load().Position {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable.Store(&h)
	close(s.changed)
	s.changed = make(chan struct{})
}

// apply hands a group to Pebble without waiting for the disk.
func (s *Store) apply(batch *pebble.Batch) error {
	if s.opts.Mirror {
		return s.guarded(func() error { return s.db.Apply(batch, pebble.NoSync) })
	}
	return s.guarded(func() error { return s.db.ApplyNoSyncWait(batch, pebble.Sync) })
}

// guarded runs a write of Pebble's. Its failures break the store; the worst of them are panics, of Pebble's own or of pebbleLog.Fatalf.
func (s *Store) guarded(write func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			cause, ok := p.(error)
			if _, defect := p.(runtime.Error); !ok || defect {
				panic(p)
			}
			s.wrecked.Store(true)
			err = s.fail(cause)
		}
	}()
	if err := write(); err != nil {
		return s.fail(err)
	}
	return nil
}
