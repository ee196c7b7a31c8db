package lease

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// ErrLost is the cause of a work's context that ended because the lease did: it was taken over, or could not be renewed in time.
var ErrLost = errors.New("the lease is lost")

var errTaken = errors.New("another node has taken it over")

type epochKey struct{}

// Epoch is the number of the holding that a work's context belongs to, 0 for other contexts.
func Epoch(ctx context.Context) uint64 {
	n, _ := ctx.Value(epochKey{}).(uint64)
	return n
}

// Hold waits until this node holds the role and runs work, again and again. The context given to work ends when ctx does, and with the cause
// ErrLost when the lease is lost or can no longer be proven to be held. Work must then return soon: nobody waits for it.
//
// The role is given back as soon as work has returned. When work returns an error although its context goes on, Hold returns that error; when it
// returns nil, another node has the first chance to take the role. Otherwise Hold ends with ctx and returns its error. Other errors: CodeInvalid.
func (l *Leases) Hold(ctx context.Context, role string, work func(ctx context.Context) error) error {
	if err := checkRole(role); err != nil {
		return err
	}
	c := &candidate{leases: l, role: role, session: rand.Text(), sight: newSight(l, role)}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx)) // a holder that ends in order is still watched for
	var watch sync.WaitGroup
	watch.Go(func() { c.sight.keep(watching) })
	defer watch.Wait()
	defer stop()
	for {
		h, err := c.win(ctx)
		if err != nil {
			return err
		}
		if err := c.hold(ctx, h, work); err != nil {
			return err
		}
		if ctx.Err() == nil {
			_ = ledger.Pause(ctx, l.TTL/4)
		}
	}
}

// candidate wants one role.
type candidate struct {
	leases  *Leases
	role    string
	session string
	sight   *sight
}

// holding is a lease while it is held.
type holding struct {
	value
	kv       jetstream.KeyValue
	revision uint64
	sent     time.Time // when the last write that was answered set out
}

// until is when the holder stops to believe, renewing when it writes again.
func (c *candidate) until(h *holding) time.Time    { return h.sent.Add(c.leases.TTL * 3 / 4) }
func (c *candidate) renewing(h *holding) time.Time { return h.sent.Add(c.leases.TTL / 4) }

// win waits until the role is this node's. It fails with the context alone.
func (c *candidate) win(ctx context.Context) (*holding, error) {
	for attempts := 0; ; {
		s, kv := c.sight.look()
		wait := c.leases.TTL
		if s.known {
			// A value of our own session is a write whose answer was lost, or a holding that ended without being given back.
			free := s.Node == "" && !s.vanished || s.Session == c.session
			if wait = time.Until(s.at.Add(c.leases.TTL)); free || wait <= 0 {
				if h := c.take(ctx, kv, s); h != nil {
					return h, nil
				}
				wait = min(10*time.Millisecond<<min(attempts, 10), c.leases.TTL/4)
				attempts++
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-c.sight.changed:
			attempts = 0
		case <-t.C:
		}
		t.Stop()
	}
}

// take tries once to write the key over what was seen; nil where that failed.
func (c *candidate) take(ctx context.Context, kv jetstream.KeyValue, s seen) *holding {
	h := &holding{kv: kv, revision: s.revision, value: value{Node: c.leases.Node, Session: c.session, Epoch: s.Epoch + 1, Since: time.Now().UTC()}}
	err := c.write(ctx, h, h.value)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		c.sight.doubt(s.revision)
	}
	if err != nil {
		return nil
	}
	c.leases.Logger.Info("holds the lease", "role", c.role, "node", c.leases.Node, "epoch", h.Epoch, "before", s.Node)
	return h
}

// write stores a value where the key is at the holding's revision. One write may take TTL/4, so that there is time for a second.
func (c *candidate) write(ctx context.Context, h *holding, v value) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.leases.TTL/4)
	defer cancel()
	sent := time.Now()
	revision, err := h.kv.Update(ctx, c.role, b, h.revision)
	if err == nil {
		h.revision, h.sent = revision, sent
	}
	return err
}

// hold runs work and renews the lease until work has returned. It returns work's own error.
func (c *candidate) hold(ctx context.Context, h *holding, work func(context.Context) error) error {
	working, end := context.WithCancelCause(context.WithValue(ctx, epochKey{}, h.Epoch))
	defer end(nil)
	done := make(chan error, 1)
	go func() { done <- work(working) }()
	err, returned := c.renew(context.WithoutCancel(ctx), h, done)
	if !returned {
		end(ErrLost)
		c.leases.Logger.Warn("lost the lease", "role", c.role, "node", c.leases.Node, "epoch", h.Epoch, "error", err)
		<-done
		return nil
	}
	ended := working.Err() != nil
	// Without an answer the lease simply runs out.
	_ = c.write(context.WithoutCancel(ctx), h, value{Epoch: h.Epoch})
	if ended {
		return nil
	}
	return err
}

// renew keeps the lease until work has returned, and gives what it returned; or until the lease is lost, and gives why.
func (c *candidate) renew(ctx context.Context, h *holding, done <-chan error) (err error, returned bool) {
	failed := error(nil)
	next := c.renewing(h)
	for {
		t := time.NewTimer(time.Until(next))
		select {
		case err := <-done:
			t.Stop()
			return err, true
		case <-c.sight.changed:
			if s, _ := c.sight.look(); s.revision > h.revision && s.Session != c.session {
				t.Stop()
				return errTaken, false
			}
		case <-t.C:
			if !time.Now().Before(c.until(h)) {
				return errors.Join(errors.New("it could not be renewed in time"), failed), false
			}
			switch failed = c.renewOnce(ctx, h); {
			case failed == nil:
				next = c.renewing(h)
			case errors.Is(failed, errTaken):
				return failed, false
			default:
				next = earlier(time.Now().Add(c.leases.TTL/16), c.until(h))
			}
		}
		t.Stop()
	}
}

// renewOnce writes the key again. After a refusal it asks whether the last write was stored although its answer was lost.
func (c *candidate) renewOnce(ctx context.Context, h *holding) error {
	ctx, cancel := context.WithDeadline(ctx, c.until(h))
	defer cancel()
	err := c.write(ctx, h, h.value)
	if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return err
	}
	e, errGet := h.kv.Get(ctx, c.role)
	if errGet != nil || e.Revision() <= h.revision { // a replica that lags
		return err
	}
	if v := parse(e); v.Session != h.Session || v.Epoch != h.Epoch {
		return errTaken
	}
	h.revision = e.Revision()
	return c.write(ctx, h, h.value)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
