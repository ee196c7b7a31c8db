package relay_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
)

// newClusterBench is a real ledger beside three NATS servers in a cluster; the stream has three replicas.
// They wait for elections most of their time, so they do it at once.
func newClusterBench(t *testing.T) (*bench, *natstest.Cluster) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	b := &bench{TB: t, ctx: ctx, dir: t.TempDir(), replicas: 3}
	var err error
	b.store, err = pebblestore.Open(ctx, filepath.Join(b.dir, "ledger"),
		pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), MinFreeMB: -1, CacheMB: 16, MemtableMB: 8})
	b.must(err)
	t.Cleanup(func() { b.store.Close() })
	b.append = ledger.Intake(b.store.AppendAll, ledger.Validate)
	c, err := natstest.Start(3, natstest.Options{Dir: filepath.Join(b.dir, "nats")})
	b.must(err)
	t.Cleanup(c.Close)
	b.url = c.URL()
	b.nc = b.connect()
	b.js, err = jetstream.New(b.nc)
	b.must(err)
	return b, c
}

// whole requires that the stream holds every position once, in order, with the ledger's own bytes, whoever of the replicas leads it.
func (b *bench) whole(c *natstest.Cluster) {
	b.Helper()
	want := b.read(1, uint64(b.events))
	led := map[string]bool{}
	for len(led) < len(c.Nodes) {
		b.must(c.Ready())
		b.until("every replica is current", func() bool { return b.current(len(c.Nodes)) })
		leader := c.Leader(relay.StreamName)
		if leader == nil {
			continue
		}
		if !led[leader.Name] {
			led[leader.Name] = true
			b.holds(leader.Name, want)
		}
		b.stepDown()
	}
}

func (b *bench) holds(node string, want []ledger.Recorded) {
	b.Helper()
	messages, ids := b.messages(len(want), ""), map[uint64]bool{}
	for i, m := range messages {
		if m.Position != want[i].Position || m.Stream != want[i].Stream || m.Revision != want[i].Revision || !bytes.Equal(m.Data, want[i].Data) || ids[m.Position] {
			b.Fatalf("led by %s, message %d of %d is position %d of %s, want %d of %s", node, i+1, len(want), m.Position, m.Stream, want[i].Position, want[i].Stream)
		}
		ids[m.Position] = true
	}
	if r := b.check(); !r.Clean() || r.Lag != 0 || r.Published != uint64(len(want)) || r.Foreign != 0 {
		b.Fatalf("led by %s: %+v", node, r)
	}
}

// current reports whether the stream has a leader and all its replicas are up to date.
func (b *bench) current(nodes int) bool {
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	st, err := b.js.Stream(ctx, relay.StreamName)
	if err != nil || st.CachedInfo().Cluster == nil {
		return false
	}
	cluster := st.CachedInfo().Cluster
	if cluster.Leader == "" || len(cluster.Replicas) != nodes-1 {
		return false
	}
	for _, r := range cluster.Replicas {
		if !r.Current || r.Offline || r.Lag > 0 {
			return false
		}
	}
	return true
}

// stepDown has the stream led by another replica.
func (b *bench) stepDown() {
	b.Helper()
	old := ""
	b.until("another replica leads", func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, time.Second)
		defer cancel()
		st, err := b.js.Stream(ctx, relay.StreamName)
		if err != nil || st.CachedInfo().Cluster == nil || st.CachedInfo().Cluster.Leader == "" {
			return false
		}
		now := st.CachedInfo().Cluster.Leader
		if old == "" {
			old = now
		}
		if now == old {
			_, _ = b.nc.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+relay.StreamName, nil) // looked at in the next round
		}
		return now != old
	})
}

func follower(c *natstest.Cluster) *natstest.Node {
	leader := c.Leader(relay.StreamName)
	for _, n := range c.Nodes {
		if n != leader {
			return n
		}
	}
	return nil
}

// TestFollowerFallsBehind: a replica that missed messages takes them from the others, and is as good as they are.
func TestFollowerFallsBehind(t *testing.T) {
	b, c := newClusterBench(t)
	p := b.run(b.relay())
	b.write(500)
	b.published(p)
	behind := follower(c)
	behind.Kill()
	b.write(3000)
	b.published(p)
	b.must(behind.Start())
	b.write(2000)
	b.published(p)
	b.whole(c)
}

// keepWriting appends until stop is called, which gives nothing back but waits: appends never fail, whatever NATS does.
func (b *bench) keepWriting() (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.Tick(20 * time.Millisecond); ; b.write(20) {
			select {
			case <-end:
				return
			case <-tick:
			}
		}
	}()
	return func() {
		close(end)
		<-done
	}
}

// TestLeaderKilledWhileRelaying: the server that leads the stream dies under load, twice; nothing is lost, doubled or out of order.
func TestLeaderKilledWhileRelaying(t *testing.T) {
	b, c := newClusterBench(t)
	p := b.run(b.relay())
	b.write(100)
	b.published(p)
	for range 2 {
		b.must(c.Ready(relay.StreamName))
		stop := b.keepWriting()
		leader := c.Leader(relay.StreamName)
		leader.Kill()
		at := p.Position()
		b.until("the relay gets on with another leader", func() bool { return c.Leader(relay.StreamName) != nil && p.Position() > at+200 })
		stop()
		b.must(leader.Start())
		b.published(p)
	}
	b.whole(c)
}

// TestNetworkCutAndHealed: the leader loses the other servers, though its clients still reach it; then it hangs altogether; each time the others go on
// without it, and afterwards all three have the same.
func TestNetworkCutAndHealed(t *testing.T) {
	b, c := newClusterBench(t)
	p := b.run(b.relay())
	b.write(100)
	b.published(p)
	for _, cut := range []func(*natstest.Node){(*natstest.Node).CutRoutes, (*natstest.Node).Stall} {
		b.must(c.Ready(relay.StreamName))
		stop := b.keepWriting()
		leader := c.Leader(relay.StreamName)
		cut(leader)
		at := p.Position()
		b.until("the relay gets on with the others", func() bool { return p.Position() > at+1000 })
		stop()
		leader.Heal()
		b.published(p)
	}
	b.whole(c)
}

// TestReplicasAreRaised: a stream made with one replica gets three, and does not lose them to a relay that wants one.
func TestReplicasAreRaised(t *testing.T) {
	b, c := newClusterBench(t)
	replicas := func() int {
		st, err := b.js.Stream(b.ctx, relay.StreamName)
		b.must(err)
		return st.CachedInfo().Config.Replicas
	}
	for _, step := range []struct{ wanted, has int }{{1, 1}, {3, 3}, {1, 3}} {
		b.replicas = step.wanted
		b.write(10)
		b.published(b.run(b.relay()))
		if got := replicas(); got != step.has {
			t.Errorf("%d wanted, it has %d", step.wanted, got)
		}
	}
	b.whole(c)
}
