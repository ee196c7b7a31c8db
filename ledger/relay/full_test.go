package relay_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/relay"
)

// TestFullStream: a stream that takes nothing more holds the relay back, which says why; appends go on, and all of it follows when there is room.
func TestFullStream(t *testing.T) {
	b := newBench(t)
	r := b.relay()
	p := b.run(r)
	b.write(50)
	b.published(p)
	st, err := b.js.Stream(b.ctx, relay.StreamName)
	b.must(err)
	config := st.CachedInfo().Config
	limit := config.MaxBytes
	config.MaxBytes = int64(st.CachedInfo().State.Bytes) + 20_000
	_, err = b.js.UpdateStream(b.ctx, config)
	b.must(err)
	b.write(500)
	b.until("the relay says what is wrong", func() bool {
		since, why := r.Held()
		return ledger.CodeOf(why) == ledger.CodeUnavailable && strings.Contains(ledger.HintOf(why), "max_bytes") && !since.IsZero()
	})
	b.write(500) // not held up
	if p.Lag() == 0 {
		t.Error("nothing waits")
	}
	config.MaxBytes = limit
	_, err = b.js.UpdateStream(b.ctx, config)
	b.must(err)
	b.published(p)
	b.until("the relay is at ease", func() bool { _, why := r.Held(); return why == nil })
	if report := b.check(); !report.Clean() || report.Published != 1050 {
		t.Errorf("%+v", report)
	}
}

// TestPausedLeaderWakesUp: a relay whose messages hang between it and the server, while another relay goes on, has them refused when they arrive;
// nothing is doubled. It is what happens when the holder of the relay's lease is paused.
func TestPausedLeaderWakesUp(t *testing.T) {
	b := newBench(t)
	b.write(40)
	link, err := natstest.NewLink(b.nats.Addr())
	b.must(err)
	defer link.Close()
	c, err := relay.ReadCredential(b.credential())
	b.must(err)
	nc, err := relay.Connect(fmt.Sprintf("nats://%s:%s@%s", c.User, c.Password, link.Addr()), relay.ConnectOptions{Name: "paused"})
	b.must(err)
	defer nc.Close()
	paused, err := relay.New(nc, relay.Options{LedgerID: ledgerID})
	b.must(err)
	events := b.read(1, 40)
	b.must(paused.Handle(b.ctx, events[:10]))

	link.Stall()
	refused := make(chan error, 1)
	before := nc.Stats().OutMsgs
	go func() { refused <- paused.Handle(b.ctx, events[10:30]) }()
	b.until("its messages are on their way", func() bool { return nc.Stats().OutMsgs == before+20 })
	other := b.relay()
	b.must(other.CatchUp(b.ctx, b.store))
	link.Heal()
	if err := <-refused; !errors.Is(err, ledger.CodeStaleRevision) {
		t.Errorf("the paused relay: %v", err)
	}
	if report := b.check(); !report.Clean() || report.Published != 40 {
		t.Errorf("%+v", report)
	}
	b.write(10) // it finds its way all the same
	b.must(paused.CatchUp(b.ctx, b.store))
	if report := b.check(); !report.Clean() || report.Published != 50 {
		t.Errorf("%+v", report)
	}
}

// TestHungServer: NATS hangs in the middle of a chain, and nothing but the relay waits for it.
func TestHungServer(t *testing.T) {
	b := newBench(t)
	c, err := natstest.Start(1, natstest.Options{Dir: t.TempDir()})
	b.must(err)
	defer c.Close()
	b.nc, err = relay.Connect(c.URL(), relay.ConnectOptions{Name: "bench"})
	b.must(err)
	defer b.nc.Close()
	nc, err := relay.Connect(c.URL(), relay.ConnectOptions{Name: "relay"})
	b.must(err)
	defer nc.Close()
	r, err := relay.New(nc, relay.Options{LedgerID: ledgerID})
	b.must(err)
	p := b.run(r)
	b.write(100)
	b.published(p)
	c.Nodes[0].Stall()
	b.write(3000)
	b.until("the connection is given up", func() bool { return nc.Status() == nats.RECONNECTING })
	b.until("the relay says so", func() bool { _, why := r.Held(); return why != nil })
	c.Nodes[0].Heal()
	b.published(p)
	b.until("the server answers", b.nc.IsConnected)
	if report := b.check(); !report.Clean() || report.Published != 3100 {
		t.Errorf("%+v", report)
	}
}
