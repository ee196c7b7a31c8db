package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
)

const ledgerID = "test.example/ledger"

// bench is a real ledger and a real NATS server.
type bench struct {
	testing.TB
	ctx    context.Context
	dir    string
	store  *pebblestore.Store
	append ledger.Append
	nats   *relay.Embedded
	nc     *nats.Conn
	js     jetstream.JetStream
	events int

	url      string // of a cluster; empty: the embedded server
	replicas int
}

func newBench(t testing.TB) *bench {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	b := &bench{TB: t, ctx: ctx, dir: t.TempDir()}
	var err error
	b.store, err = pebblestore.Open(ctx, filepath.Join(b.dir, "ledger"),
		pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), MinFreeMB: -1, CacheMB: 16, MemtableMB: 8})
	b.must(err)
	t.Cleanup(func() { b.store.Close() })
	b.append = ledger.Intake(b.store.AppendAll, ledger.Validate)
	b.start(-1)
	t.Cleanup(func() { b.nats.Close() })
	b.nc = b.connect()
	b.js, err = jetstream.New(b.nc)
	b.must(err)
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%v (try: %s)", err, ledger.HintOf(err))
	}
}

// start starts the NATS server on a port, -1 for a free one.
func (b *bench) start(port int) {
	b.Helper()
	var err error
	b.nats, err = relay.StartEmbedded(relay.EmbeddedOptions{Dir: b.natsDir(), CredentialFile: b.credential(), Port: port})
	b.must(err)
}

func (b *bench) natsDir() string    { return filepath.Join(b.dir, "nats") }
func (b *bench) credential() string { return filepath.Join(b.dir, "keys", "nats.json") }

// restart stops the server, runs something, and starts it on the same port.
func (b *bench) restart(between func()) {
	b.Helper()
	port := b.nats.Port()
	b.nats.Close()
	between()
	b.start(port)
}

func (b *bench) loseNATSFiles() { b.must(os.RemoveAll(b.natsDir())) }

func (b *bench) connect() *nats.Conn {
	b.Helper()
	var nc *nats.Conn
	var err error
	if b.url != "" {
		nc, err = relay.Connect(b.url, relay.ConnectOptions{Name: b.Name()})
	} else {
		nc, err = b.nats.Connect(b.Name())
	}
	b.must(err)
	b.Cleanup(nc.Close)
	return nc
}

func (b *bench) relay() *relay.Relay {
	b.Helper()
	r, err := relay.New(b.connect(), relay.Options{LedgerID: ledgerID, Watch: 50 * time.Millisecond, Replicas: b.replicas})
	b.must(err)
	return r
}

// write appends n events over ten journeys, in appends of 20.
func (b *bench) write(n int) {
	b.Helper()
	for n > 0 {
		var batches []ledger.Batch
		for range min(n, 20) {
			e := ledger.Event{ID: fmt.Sprintf("e-%d", b.events), Source: "/test", Type: ledger.Type("interaction", "recorded"),
				Subject: fmt.Sprintf("J%d", b.events%10), Data: fmt.Appendf(nil, `{"activity":"step %d"}`, b.events)}
			batches = append(batches, ledger.Batch{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}})
			b.events++
			n--
		}
		for _, r := range b.append(b.ctx, batches) {
			b.must(r.Err)
		}
	}
}

// run runs a relay until the test ends, and gives its progress.
func (b *bench) run(r *relay.Relay) *ledger.Progress {
	p := &ledger.Progress{}
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, b.store, p) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			b.Errorf("the relay ended with %v", err)
		}
	})
	return p
}

// until waits for a condition.
func (b *bench) until(what string, holds func() bool) {
	b.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.Fatalf("waited in vain until %s", what)
		}
	}
}

// published waits until a relay has published everything appended so far.
func (b *bench) published(p *ledger.Progress) {
	b.Helper()
	b.until("everything is published", func() bool { return p.Position() == uint64(b.events) })
}

func (b *bench) check() relay.CheckReport {
	b.Helper()
	report, err := relay.Check(b.ctx, b.nc, b.store, ledgerID)
	b.must(err)
	return report
}

// messages reads the whole stream, or what a filter lets through.
func (b *bench) messages(n int, filter string) []relay.Message {
	b.Helper()
	var out []relay.Message
	for m, err := range relay.Tail(b.ctx, b.nc, relay.TailOptions{From: 1, Filter: filter}) {
		b.must(err)
		if out = append(out, m); len(out) == n {
			break
		}
	}
	return out
}

// deleteMessages removes messages from the stream by sequence, as an operator could.
func (b *bench) deleteMessages(sequences ...uint64) {
	b.Helper()
	st, err := b.js.Stream(b.ctx, relay.StreamName)
	b.must(err)
	for _, seq := range sequences {
		b.must(st.DeleteMsg(b.ctx, seq))
	}
}
