package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// sight is what this node has seen of one role's key, and when by its own clock. A goroutine keeps it up to date; whoever waits is
// told through changed.
type sight struct {
	leases  *Leases
	role    string
	changed chan struct{} // holds one signal at most

	mu   sync.Mutex
	kv   jetstream.KeyValue // nil: the bucket was not reached yet
	seen seen
}

// seen is one revision of the key.
type seen struct {
	value
	known    bool   // false: nothing was heard yet
	written  bool   // the key has a value: false where it was never written, and where an operator deleted it
	vanished bool   // it had one before: whoever held the role may not know yet that the bucket was lost
	revision uint64 // what a write must expect; 0: the key was never written
	at       time.Time
}

func newSight(l *Leases, role string) *sight {
	return &sight{leases: l, role: role, changed: make(chan struct{}, 1)}
}

func (s *sight) look() (seen, jetstream.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, s.kv
}

// record notes a revision; an entry of nil is a key that was never written. Only another revision than before is news: it alone shows
// that somebody is alive. It need not be a higher one, since a bucket that was lost begins again.
func (s *sight) record(e jetstream.KeyValueEntry) {
	now := seen{known: true, at: time.Now()}
	if e != nil {
		now.value, now.revision = parse(e), e.Revision()
		now.written = e.Operation() == jetstream.KeyValuePut
	}
	s.mu.Lock()
	if s.seen.known && s.seen.revision == now.revision {
		s.mu.Unlock()
		return
	}
	now.vanished = !now.written && (s.seen.written || s.seen.vanished)
	s.seen = now
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// doubt is for a write at a revision that was refused: somebody wrote since, and has to be seen to fall silent anew.
func (s *sight) doubt(revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.revision == revision {
		s.seen.at = time.Now()
	}
}

// keep watches the key until the context ends, through everything that happens to NATS.
func (s *sight) keep(ctx context.Context) {
	for attempts := 0; ctx.Err() == nil; attempts++ {
		heard, err := s.watch(ctx)
		if heard {
			attempts = 0
		}
		if attempts == 0 && err != nil && ctx.Err() == nil {
			s.leases.Logger.Warn("the lease cannot be watched; trying again", "role", s.role, "error", err)
		}
		_ = ledger.Pause(ctx, min(20*time.Millisecond<<min(attempts, 10), s.leases.TTL/2))
	}
}

// watch watches the key until an error or until its watcher proves dead; heard says that NATS answered.
//
// A watcher's consumer lives in the memory of one server and dies with it, which its client notices after many seconds only. A live
// holder writes every TTL/4, so half a TTL of silence means that one of the two is gone: the key is then asked for, and
// where the answer is news the watcher missed it.
func (s *sight) watch(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	asking, done := context.WithTimeout(ctx, max(s.leases.TTL, time.Second))
	defer done()
	kv, err := s.leases.bucket(asking)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	s.kv = kv
	s.mu.Unlock()
	w, err := kv.Watch(ctx, s.role)
	if err != nil {
		return true, err
	}
	defer w.Stop()
	told := false
	quiet := time.NewTimer(s.leases.TTL / 2)
	defer quiet.Stop()
	for {
		select {
		case e, open := <-w.Updates():
			if !open {
				return true, ctx.Err()
			}
			if e != nil || !told { // a nil ends what is there; one without any entry before it says that there is none
				s.record(e)
			}
			told = true
		case <-quiet.C:
			if news, err := s.ask(ctx, kv); news || err != nil {
				return true, err
			}
		case <-ctx.Done():
			return true, ctx.Err()
		}
		quiet.Reset(s.leases.TTL / 2)
	}
}

// ask reads the key; news says that it is not what the watcher told last.
func (s *sight) ask(ctx context.Context, kv jetstream.KeyValue) (news bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.leases.TTL/4, 100*time.Millisecond))
	defer cancel()
	e, err := kv.Get(ctx, s.role)
	last, _ := s.look()
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return last.written, nil
	}
	return err == nil && e.Revision() != last.revision, err
}
