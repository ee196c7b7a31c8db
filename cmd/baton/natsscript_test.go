package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// startNATS is the script command "nats N [SEEDFILE]": it starts N servers, sets $NATS to all their URLs, and where a file is named lets in the user alone
// whose nkey seed it writes there.
func startNATS(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	configure := func(*natsserver.Options) {}
	if len(args) > 1 {
		user, err := nkeys.CreateUser()
		ts.Check(err)
		public, err := user.PublicKey()
		ts.Check(err)
		seed, err := user.Seed()
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), seed, 0o600))
		configure = func(o *natsserver.Options) { o.Nkeys = []*natsserver.NkeyUser{{Nkey: public}} }
	}
	c, err := natstest.Start(n, natstest.Options{Dir: ts.MkAbs("nats"), Configure: configure})
	ts.Check(err)
	ts.Defer(c.Close)
	ts.Setenv("NATS", c.URL())
}

// consume is the script command "consume NAME N": a durable consumer that acknowledges the first N messages.
func consume(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	nc, err := nats.Connect(ts.Getenv("NATS"))
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var c jetstream.Consumer
	for tick := time.Tick(50 * time.Millisecond); c == nil; <-tick { // not while the stream gets its replicas
		if made, err := js.CreateConsumer(ctx, relay.StreamName, jetstream.ConsumerConfig{Durable: args[0], AckPolicy: jetstream.AckExplicitPolicy}); err == nil {
			c = made
		}
		ts.Check(ctx.Err())
	}
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(10*time.Second))
	ts.Check(err)
	for m := range batch.Messages() {
		ts.Check(m.DoubleAck(ctx))
	}
}

// relayed is the script command "relayed DIR": it waits until the process that serves the directory has published everything.
func relayed(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	c := client.New(readHolder(filepath.Join(dir, "baton.lock")).API, client.Options{Key: server.LocalToken(dir)})
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		if r, err := c.CheckRelay(context.Background(), false); err == nil && r.Lag == 0 {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("%s is not relayed", args[0])
		}
	}
}
