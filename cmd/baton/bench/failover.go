package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/relay"
)

// patience bounds one failover.
const patience = time.Minute

// leaderEnds measures how long events wait when the server that leads the stream ends: the relay's, and a bare publisher's that tries again every 50 ms.
// The peer is the limit: while a stream has no leader nobody can publish.
func leaderEnds(end func(*natstest.Node)) func(context.Context, *Env) ([]Side, func() error, error) {
	return func(ctx context.Context, e *Env) ([]Side, func() error, error) {
		o, err := e.empty(ctx)
		if err != nil {
			return nil, nil, err
		}
		c, err := e.startCluster()
		if err != nil {
			return nil, nil, errors.Join(err, o.close())
		}
		progress := &ledger.Progress{}
		r, err := relay.New(c.conn, relay.Options{LedgerID: "bench", Replicas: replicas})
		if err == nil {
			err = c.peer(ctx)
		}
		if err != nil {
			return nil, nil, errors.Join(err, c.close(), o.close())
		}
		stop := running(ctx, func(ctx context.Context) error { return r.Run(ctx, o.store, progress) })
		t := newTraffic(3)
		ours := func(ctx context.Context) error { return relayOne(ctx, o, t, progress) }
		return []Side{
				{Name: "baton", Run: func(ctx context.Context) (float64, error) { return c.failover(ctx, relay.StreamName, end, ours) }},
				{Name: "a publisher that tries again", Run: func(ctx context.Context) (float64, error) { return c.failover(ctx, "PEER", end, c.publishOne) }},
			}, func() error {
				return errors.Join(stop(), c.close(), o.close(), os.RemoveAll(o.dir))
			}, nil
	}
}

// failover ends the leader of a stream, and gives how long one event then takes; the server is started again.
func (c *natsCluster) failover(ctx context.Context, stream string, end func(*natstest.Node), one func(context.Context) error) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := one(ctx); err != nil { // the stream is there, and gets on
		return 0, err
	}
	if err := c.Ready(relay.StreamName, "PEER"); err != nil {
		return 0, err
	}
	leader := c.Leader(stream)
	begin := time.Now()
	end(leader)
	err := one(ctx)
	took := time.Since(begin).Seconds()
	return took, errors.Join(err, leader.Start(), c.Ready())
}

// relayOne appends one event and waits until it is relayed.
func relayOne(ctx context.Context, o *opened, t *traffic, progress *ledger.Progress) error {
	position, err := appendOne(ctx, t, o.intake())
	if err != nil {
		return err
	}
	return until(ctx, "the event is relayed", func() bool { return progress.Position() >= position })
}

func (c *natsCluster) publishOne(ctx context.Context) error {
	return until(ctx, "the message is stored", func() bool {
		try, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := c.js.PublishMsg(try, nats.NewMsg("peer.x"))
		return err == nil
	})
}

// until asks every few milliseconds.
func until(ctx context.Context, what string, holds func() bool) error {
	for tick := time.Tick(2 * time.Millisecond); !holds(); {
		select {
		case <-tick:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s", what)
		}
	}
	return nil
}

// relayDies measures two nodes that follow one ledger under a lease: the one that relays dies, and the other takes over.
func relayDies(ctx context.Context, e *Env) ([]Side, func() error, error) {
	o, err := e.empty(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.startCluster()
	if err != nil {
		return nil, nil, errors.Join(err, o.close())
	}
	t := newTraffic(4)
	return []Side{{Name: "baton", Run: func(ctx context.Context) (float64, error) { return c.relayTakenOver(ctx, o, t) }}},
		func() error { return errors.Join(c.close(), o.close(), os.RemoveAll(o.dir)) }, nil
}

// relayTakenOver starts a node, then a second, has the first die and gives the time until the second has relayed an event.
func (c *natsCluster) relayTakenOver(ctx context.Context, o *opened, t *traffic) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, err := c.node(ctx, "first", o)
	if err != nil {
		return 0, err
	}
	defer first.stop()
	if err := relayOne(ctx, o, t, &first.progress); err != nil {
		return 0, err
	}
	second, err := c.node(ctx, "second", o)
	if err != nil {
		return 0, err
	}
	defer second.stop()
	begin := time.Now()
	first.conn.Close() // as a process that is killed: nothing is given back
	err = relayOne(ctx, o, t, &second.progress)
	return time.Since(begin).Seconds(), err
}

// node relays while it holds the lease.
type node struct {
	conn     *nats.Conn
	progress ledger.Progress
	end      func() error
}

func (c *natsCluster) node(ctx context.Context, name string, o *opened) (*node, error) {
	n := &node{}
	var err error
	if n.conn, err = relay.Connect(c.URL(), relay.ConnectOptions{Name: name}); err != nil {
		return nil, err
	}
	leases, err := lease.New(n.conn, lease.Options{Node: name, Replicas: replicas})
	if err != nil {
		return nil, err
	}
	n.end = running(ctx, func(ctx context.Context) error {
		return leases.Hold(ctx, "relay", func(ctx context.Context) error {
			r, err := relay.New(n.conn, relay.Options{LedgerID: "bench", Replicas: replicas})
			if err != nil {
				return err
			}
			return r.Run(ctx, o.store, &n.progress)
		})
	})
	return n, nil
}

func (n *node) stop() {
	_ = n.end()
	n.conn.Close()
}
