package natstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger/natstest"
)

// TestCutsAreReal: a node whose links are cut or stalled takes no part: the stream goes on without it, and it catches up when healed.
func TestCutsAreReal(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := natstest.Start(3, natstest.Options{Dir: t.TempDir()})
	must(err)
	defer c.Close()
	nc, err := nats.Connect(c.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.PingInterval(200*time.Millisecond))
	must(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(err)
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3})
	must(err)
	publish := func() {
		for {
			try, cancel := context.WithTimeout(ctx, time.Second)
			_, err := js.Publish(try, "s", nil)
			cancel()
			must(ctx.Err())
			if err == nil {
				return
			}
		}
	}
	for _, cut := range []func(*natstest.Node){(*natstest.Node).Stall, (*natstest.Node).Kill} {
		leader := c.Leader("S")
		cut(leader)
		publish()
		if got := c.Leader("S"); leader.Server == nil && got == nil {
			t.Errorf("nobody leads the stream")
		}
		if leader.Server == nil {
			must(leader.Start())
		} else {
			leader.Heal()
		}
		must(c.Ready())
	}
}
