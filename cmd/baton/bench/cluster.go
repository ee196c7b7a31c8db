package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
)

// replicas of each stream, and servers of the cluster.
const replicas = 3

// relayed is how many events one round relays.
const relayed = 50_000

func natsClusterCases() []Case {
	return []Case{
		{Name: "cluster-relay", What: "a ledger is relayed to a stream of three replicas", Unit: "events/s", Sides: clusterRelay},
		{Name: "cluster-leader-stops", What: "the NATS server that leads the stream stops in order; until the next event is stored", Unit: "s", Less: true, Goal: 5,
			Sides: leaderEnds((*natstest.Node).Stop)},
		{Name: "cluster-leader-dies", What: "it is killed", Unit: "s", Less: true, Goal: 5, Sides: leaderEnds((*natstest.Node).Kill)},
		{Name: "cluster-relay-dies", What: "the node that holds the relay's lease dies; until another relays the next event", Unit: "s", Less: true, Goal: 5,
			Sides: relayDies},
	}
}

// natsCluster is three NATS servers in this process and a connection to them.
type natsCluster struct {
	*natstest.Cluster
	dir  string
	conn *nats.Conn
	js   jetstream.JetStream
}

func (e *Env) startCluster() (*natsCluster, error) {
	dir, err := e.scratch()
	if err != nil {
		return nil, err
	}
	c := &natsCluster{dir: dir}
	if c.Cluster, err = natstest.Start(replicas, natstest.Options{Dir: dir}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if c.conn, err = relay.Connect(c.URL(), relay.ConnectOptions{Name: "bench"}); err == nil {
		c.js, err = jetstream.New(c.conn, jetstream.WithPublishAsyncMaxPending(4096))
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *natsCluster) close() error {
	if c.conn != nil {
		c.conn.Close()
	}
	c.Cluster.Close()
	return os.RemoveAll(c.dir)
}

// peer makes an empty stream that nobody of ours writes.
func (c *natsCluster) peer(ctx context.Context) error {
	if err := c.js.DeleteStream(ctx, "PEER"); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	_, err := c.js.CreateStream(ctx, jetstream.StreamConfig{Name: "PEER", Subjects: []string{"peer.>"}, Storage: jetstream.FileStorage, Replicas: replicas})
	return err
}

// clusterRelay relays a ledger from its first event on, beside a publisher that has the same data in memory and waits for nothing.
func clusterRelay(ctx context.Context, e *Env) ([]Side, func() error, error) {
	n := min(relayed, e.Events)
	dir, err := e.ledger(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	store, _, err := reading(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.startCluster()
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	work := prepared(n, 1)
	return []Side{
		{Name: "baton", Run: func(ctx context.Context) (float64, error) { return c.relayAll(ctx, store, n) }},
		{Name: "JetStream publisher, 4096 under way", Target: 0.7, Run: func(ctx context.Context) (float64, error) {
			if err := c.peer(ctx); err != nil {
				return 0, err
			}
			begin := time.Now()
			var last jetstream.PubAckFuture
			for i := range work {
				var err error
				if last, err = c.js.PublishMsgAsync(message(&work[i][0]), jetstream.WithStallWait(patience)); err != nil {
					return 0, err
				}
			}
			<-c.js.PublishAsyncComplete()
			select {
			case err := <-last.Err():
				return 0, err
			default:
				return rate(n, begin), nil
			}
		}},
	}, func() error { return errors.Join(c.close(), store.Close()) }, nil
}

// relayAll publishes every event to a new stream, and counts what is in it.
func (c *natsCluster) relayAll(ctx context.Context, store *pebblestore.Store, n int) (float64, error) {
	if err := c.js.DeleteStream(ctx, relay.StreamName); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, err
	}
	r, err := relay.New(c.conn, relay.Options{LedgerID: "bench", Replicas: replicas})
	if err == nil {
		_, err = r.Cursor(ctx) // makes the stream
	}
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := r.CatchUp(ctx, store); err != nil {
		return 0, err
	}
	v := rate(n, begin)
	st, err := c.js.Stream(ctx, relay.StreamName)
	if err == nil && st.CachedInfo().State.Msgs != uint64(n) {
		err = fmt.Errorf("%d of %d events are in the stream", st.CachedInfo().State.Msgs, n)
	}
	return v, err
}

// running runs a relay over a ledger until stop, which gives its error.
func running(ctx context.Context, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// appendOne appends an event and gives its position.
func appendOne(ctx context.Context, t *traffic, appendAll ledger.Append) (uint64, error) {
	results := appendAll(ctx, t.batches(1))
	if err := accepted(results); err != nil {
		return 0, err
	}
	return results[0].Receipts[0].Position, nil
}
