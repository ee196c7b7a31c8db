package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server/client"
)

// fleet is nodes of the real binary on one EventStoreDB (the wire over an embedded ledger) and one NATS server.
type fleet struct {
	t       *testing.T
	store   string // connection string
	nats    string
	key     string // file of the signer key
	nc      *nats.Conn
	members map[string]*member

	mu    sync.Mutex
	acked map[string]ledger.Receipt
}

// member is one node.
type member struct {
	data string
	cmd  *exec.Cmd
	out  *bytes.Buffer
	api  *client.Client
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, acked: map[string]ledger.Receipt{}, members: map[string]*member{}}
	record, err := pebblestore.Open(context.Background(), "record", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), MinFreeMB: -1})
	f.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	w := wire.New(wire.Options{Source: record, Find: record, Append: ledger.Intake(record.AppendAll, ledger.Validate)})
	go func() { served <- w.Serve(ctx, l) }()
	f.store = "esdb://" + l.Addr().String() + "?tls=false"
	servers, err := natstest.Start(1, natstest.Options{Dir: t.TempDir()})
	f.must(err)
	f.nats = servers.Nodes[0].URL()
	f.nc, err = nats.Connect(f.nats)
	f.must(err)
	keys := t.TempDir()
	_, err = notary.LoadKeys(keys, "", "")
	f.must(err)
	f.key = filepath.Join(keys, "keys", "notary.key")
	t.Cleanup(func() {
		for _, m := range f.members {
			m.end()
		}
		f.nc.Close()
		servers.Close()
		stop()
		<-served
		_ = record.Close()
	})
	return f
}

func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// start starts a node, and waits until it serves.
func (f *fleet) start(name string, args ...string) *member {
	f.t.Helper()
	m := &member{data: filepath.Join(f.t.TempDir(), name)}
	f.members[name] = m
	f.startAgain(m, args...)
	return m
}

func (f *fleet) startAgain(m *member, args ...string) {
	f.t.Helper()
	m.cmd, m.out = baton(f.t, append([]string{"serve", "--data", m.data, "--listen", "127.0.0.1:0", "--store", f.store, "--nats-url", f.nats}, args...)...)
	m.api = client.New(waitAPI(f.t, m.data, m.cmd.Process.Pid), client.Options{})
}

func (m *member) signal(s os.Signal) { _ = m.cmd.Process.Signal(s) }

func (m *member) end() {
	m.signal(syscall.SIGCONT)
	m.signal(os.Interrupt)
	_ = m.cmd.Wait()
}

// holder is the member that holds a role.
func (f *fleet) holder(role string) (m *member) {
	f.t.Helper()
	leases, err := lease.New(f.nc, lease.Options{Node: "test"})
	f.must(err)
	f.until("somebody holds "+role, func() bool {
		h, ok, err := leases.Holder(context.Background(), role)
		if err != nil || !ok {
			return false
		}
		for _, m = range f.members {
			if strings.HasSuffix(h.Node, fmt.Sprintf("/%d", m.cmd.Process.Pid)) {
				return true
			}
		}
		return false
	})
	return m
}

func (f *fleet) until(what string, holds func() bool) {
	f.t.Helper()
	deadline := time.After(60 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); !holds(); {
		select {
		case <-tick:
		case <-deadline:
			for name, m := range f.members {
				f.t.Logf("%s:\n%s", name, m.out)
			}
			f.t.Fatalf("never: %s", what)
		}
	}
}

// load appends through the members that answer until stop is called, each event again until some node has acknowledged it.
func (f *fleet) load(label string, through ...*member) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				b := nodeBatch(fmt.Sprintf("%s-%d-%d", label, w, i))
				for try := w; ; try++ {
					attempt, done := context.WithTimeout(context.Background(), 10*time.Second)
					r := through[try%len(through)].api.AppendAll(attempt, []ledger.Batch{b})[0]
					done()
					if r.Err == nil {
						f.mu.Lock()
						f.acked[r.Receipts[0].ID] = r.Receipts[0]
						f.mu.Unlock()
						break
					}
				}
			}
		})
	}
	return func() {
		cancel()
		writers.Wait()
	}
}

func nodeBatch(id string) ledger.Batch {
	journey := "J" + id[:strings.LastIndex(id, "-")]
	return ledger.Batch{Stream: ledger.JourneyStream(journey), Expect: ledger.Any, Events: []ledger.Event{{ID: id, Source: "nodes", Subject: journey,
		Type: ledger.Type("interaction", "recorded"), Data: []byte(`{"activity":"a"}`)}}}
}

func (f *fleet) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.acked)
}

// relayed is where the NATS stream is.
func (f *fleet) relayed() uint64 {
	js, err := f.nc.JetStream()
	f.must(err)
	info, err := js.StreamInfo(relay.StreamName)
	if err != nil {
		return 0
	}
	return info.State.LastSeq
}

// check holds a node's ledger against what was acknowledged, and against the NATS stream, where every event must be once and in order.
func (f *fleet) check(m *member) {
	f.t.Helper()
	ctx, found := context.Background(), 0
	for r, err := range m.api.Read(ctx, ledger.ReadOptions{}) {
		f.must(err)
		if want, ok := f.acked[r.ID]; ok {
			if found++; want.Position != r.Position || want.Revision != r.Revision || want.Stream != r.Stream {
				f.t.Fatalf("event %s is at %d (%s %d), it was acknowledged at %d (%s %d)", r.ID, r.Position, r.Stream, r.Revision, want.Position, want.Stream, want.Revision)
			}
		}
	}
	if found != len(f.acked) {
		f.t.Fatalf("%d events of %d that were acknowledged are there", found, len(f.acked))
	}
	head, err := m.api.Head(ctx)
	f.must(err)
	f.until("everything is relayed", func() bool { return f.relayed() >= head.Position })
	report, err := m.api.CheckRelay(ctx, false)
	f.must(err)
	if !report.Clean() || report.Lag != 0 || report.Published != head.Position {
		f.t.Fatalf("relay check: %+v, head %d", report, head.Position)
	}
	verdict, err := m.api.Verify(ctx)
	f.must(err)
	if !verdict.OK || verdict.Events < head.Position {
		f.t.Fatalf("verify: %+v", verdict)
	}
}

// TestNodes: several nodes on one EventStoreDB and one NATS. The one that relays is killed under load and replaced within seconds; the next
// one is paused, replaced, and wakes up to find its writes refused; a node that knows nothing but the connection strings joins. Nothing
// is lost or doubled, and all nodes show one history.
func TestNodes(t *testing.T) {
	f := newFleet(t)
	a := f.start("a", "--notary-key-file", f.key)
	b := f.start("b", "--notary-key-file", f.key)
	stop := f.load("both", a, b)
	f.until("300 are acknowledged", func() bool { return f.count() >= 300 })

	// Killed.
	first := f.holder("relay")
	other := map[*member]*member{a: b, b: a}[first]
	killed := time.Now()
	f.must(first.cmd.Process.Kill())
	_ = first.cmd.Wait()
	at := f.relayed()
	f.until("the other one relays", func() bool { return f.relayed() > at })
	t.Logf("the next event was relayed %v after the one that relays was killed", time.Since(killed).Round(time.Millisecond))
	stop()
	f.check(other)

	// Back, and paused while it works.
	f.startAgain(first, "--notary-key-file", f.key)
	c := f.start("c") // nothing but the connection strings: it can do everything but sign
	paused := f.holder("relay")
	going := map[*member]*member{a: b, b: a, c: a}[paused]
	stop = f.load("pause", going)
	before := f.count()
	f.until("50 more are acknowledged", func() bool { return f.count() >= before+50 })
	paused.signal(syscall.SIGSTOP)
	at = f.relayed()
	f.until("another one relays", func() bool { return f.relayed() > at+20 })
	paused.signal(syscall.SIGCONT)
	before = f.count()
	f.until("200 more are acknowledged", func() bool { return f.count() >= before+200 })
	stop()
	var roots [3]ledger.Hash
	var sizes [3]uint64
	for i, m := range []*member{a, b, c} {
		f.check(m)
		report, err := m.api.Verify(context.Background())
		f.must(err)
		roots[i], sizes[i] = report.Root, report.Events
	}
	if roots[0] != roots[1] || roots[1] != roots[2] {
		t.Errorf("the nodes have roots %v at sizes %v", roots, sizes)
	}
	var found doctorReport
	answer(t, &found, "doctor", "--data", c.data, "--store", f.store, "--nats-url", f.nats, "--listen", "127.0.0.1:0")
	i := slices.IndexFunc(found.Checks, func(c client.CheckResult) bool { return c.Name == "leases" })
	if i < 0 || found.Checks[i].Verdict != isOK || !strings.Contains(found.Checks[i].Found, fmt.Sprintf("/%d", f.holder("relay").cmd.Process.Pid)) {
		t.Errorf("doctor does not say who relays: %+v", found.Checks)
	}
}

// TestNodesHandWebhooksOn: the node that delivers to an endpoint is killed with deliveries waiting. One that starts only then, on a folder of its
// own, delivers what was left, and not all from the beginning.
func TestNodesHandWebhooksOn(t *testing.T) {
	f := newFleet(t)
	var mu sync.Mutex
	got, refuse := map[string]int{}, true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, _ := ledger.ParseRecordedCloudEvent(body)
		mu.Lock()
		defer mu.Unlock()
		if refuse && e.Position > 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got[e.ID]++
	}))
	defer receiver.Close()
	settings := filepath.Join(t.TempDir(), "baton.json")
	f.must(os.WriteFile(settings, fmt.Appendf(nil, `{"webhooks":{"crm":{"url":%q,"types":["dev.baton.interaction.*"],"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"]}}}`, receiver.URL), 0o600))
	first := f.start("first", "--notary-key-file", f.key, "--config", settings)
	f.holder(role("webhook.crm"))
	deliver := func(m *member, names ...string) {
		for i, name := range names {
			f.must(m.api.AppendAll(t.Context(), []ledger.Batch{nodeBatch(fmt.Sprintf("%s-%d", name, i))})[0].Err)
		}
	}
	count := func(id string) int { mu.Lock(); defer mu.Unlock(); return got[id] }
	deliver(first, "a", "b", "c", "d", "e")
	f.until("the first three are delivered", func() bool { return count("a-0")+count("b-1")+count("c-2") == 3 })
	js, err := f.nc.JetStream()
	f.must(err)
	f.until("the node has said so", func() bool {
		kv, err := js.KeyValue(hookBucket)
		if err != nil {
			return false
		}
		e, err := kv.Get("webhook.crm")
		return err == nil && binary.BigEndian.Uint64(e.Value()) == 3
	})
	f.must(first.cmd.Process.Kill())
	_ = first.cmd.Wait()
	delete(f.members, "first")
	mu.Lock()
	refuse = false
	mu.Unlock()
	second := f.start("second", "--notary-key-file", f.key, "--config", settings)
	f.until("what was left is delivered", func() bool { return count("d-3") > 0 && count("e-4") > 0 })
	deliver(second, "f")
	f.until("and what comes", func() bool { return count("f-0") > 0 })
	if a, b, c := count("a-0"), count("b-1"), count("c-2"); a+b+c != 3 {
		t.Errorf("delivered again from the beginning: %d, %d, %d times", a, b, c)
	}
}
