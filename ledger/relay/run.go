package relay

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
)

// leaderElected is where the servers of a cluster tell that the stream has a new leader.
const leaderElected = "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED." + StreamName

// Run follows the ledger until the context ends, from where the stream is, again after every failure of NATS, after every reconnection, and
// when the stream was changed by someone else. It returns the context's error, an error of the ledger itself, or CodeCorrupt where
// the stream is ahead of the ledger: then the ledger lost events. progress may be nil.
func (r *Relay) Run(ctx context.Context, src ledger.Source, progress *ledger.Progress) error {
	if progress == nil {
		progress = new(ledger.Progress)
	}
	elected := make(chan *nats.Msg, 1)
	if sub, err := r.nc.ChanSubscribe(leaderElected, elected); err == nil { // a user who may not is left with the tick
		defer sub.Unsubscribe()
	}
	for attempts := 0; ; attempts++ {
		before := progress.Position()
		moved, err := r.follow(ctx, src, progress, elected)
		switch code := ledger.CodeOf(err); {
		case ctx.Err() != nil:
			return ctx.Err()
		case moved:
			attempts = -1
			continue
		case code != ledger.CodeUnavailable && code != ledger.CodeStaleRevision:
			return err
		}
		if progress.Position() != before {
			attempts = 0
		}
		r.held.hold(r.log, err)
		r.elsewhere(err)
		if err := ledger.Pause(ctx, backoff(attempts, 2*time.Second)); err != nil {
			return err
		}
	}
}

// follow runs until an error; moved says that it was stopped because the stream may not be where the relay left it.
func (r *Relay) follow(ctx context.Context, src ledger.Source, progress *ledger.Progress, elected <-chan *nats.Msg) (moved bool, err error) {
	if err := r.checkAhead(ctx, src); err != nil {
		return false, err
	}
	inner, cancel := context.WithCancel(ctx)
	watched := make(chan bool, 1)
	go func() {
		watched <- r.watch(inner, elected)
		cancel()
	}()
	err = ledger.Follow(inner, src, r, ledger.FollowOptions{Progress: progress})
	cancel()
	return <-watched, err
}

// elsewhere leaves a server that did not answer in time for another one. A server that lost the others, but not its clients, would else be asked for
// ever.
func (r *Relay) elsewhere(err error) {
	if !errors.Is(err, context.DeadlineExceeded) || !r.nc.IsConnected() || len(r.nc.Servers()) < 2 {
		return
	}
	r.log.Warn("NATS does not answer; another server is tried", "server", r.nc.ConnectedServerName())
	if err := r.nc.ForceReconnect(); err != nil {
		r.log.Warn("NATS cannot be connected anew", "error", err)
	}
}

// watch returns true when the connection was lost or made again, the stream has another leader or another end than the relay knows; false when
// the context ends. Without it, a relay that waits for the next event would not notice that the stream was lost, and one that waits for an
// answer would wait for what a dead leader never got.
func (r *Relay) watch(ctx context.Context, elected <-chan *nats.Msg) bool {
	turned := r.nc.StatusChanged(nats.CONNECTED, nats.RECONNECTING)
	defer r.nc.RemoveStatusListener(turned)
	tick := time.NewTicker(r.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-turned:
			return true
		case <-elected:
			return true
		case <-tick.C:
			if r.moved(ctx) {
				return true
			}
		}
	}
}

// moved reports whether the stream ends elsewhere than where this relay left it. It does not hold up Handle while it asks.
func (r *Relay) moved(ctx context.Context) bool {
	r.mu.Lock()
	at, known := r.at, r.known
	r.mu.Unlock()
	if !known {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	info, err := r.info(ctx)
	if err != nil || info != nil && info.State.LastSeq == at.sequence {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known && r.at == at
}

func (r *Relay) checkAhead(ctx context.Context, src ledger.Source) error {
	cursor, err := r.Cursor(ctx)
	if err != nil {
		return err
	}
	head, err := src.Head(ctx)
	if err != nil {
		return err
	}
	if cursor <= head.Position {
		err := r.checkSame(ctx, src)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil && r.unchecked == nil && r.known && cursor == head.Position {
			r.held.release(r.log) // there is nothing to hold back
		}
		return err
	}
	return ledger.Errorf(ledger.CodeCorrupt, "relay", restoredHint,
		"the NATS stream has position %d of this ledger, which ends at %d", cursor, head.Position)
}

// checkSame is same, put off while NATS is away: the follower shows its lag then, and publishes nothing.
func (r *Relay) checkSame(ctx context.Context, src ledger.Source) error {
	err := r.same(ctx, src)
	away := ledger.CodeOf(err) == ledger.CodeUnavailable
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unchecked = nil; away {
		r.unchecked, err = err, nil
	}
	return err
}
