package esdb_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc/metadata"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
)

// thing is an event of Baton's.
func thing(id string) ledger.Event {
	return ledger.Event{ID: id, Source: "s", Type: "org.example.thing", Data: fmt.Appendf(nil, `{"id":%q}`, id)}
}

func batch(stream string, ids ...string) ledger.Batch {
	b := ledger.Batch{Stream: stream, Expect: ledger.Any}
	for _, id := range ids {
		b.Events = append(b.Events, thing(id))
	}
	return b
}

// within is a context that ends before the test's patience does.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// persist appends until it is acknowledged, as a caller does whom CodeUnavailable told to try again.
func persist(ctx context.Context, s *esdb.Store, b ledger.Batch) ([]ledger.Receipt, error) {
	for {
		receipts, err := s.Append(ctx, b)
		if !errors.Is(err, ledger.CodeUnavailable) || ctx.Err() != nil {
			return receipts, err
		}
		<-time.After(5 * time.Millisecond)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, ledger.HintOf(err))
	}
}

// events are all events of a store.
func events(t testing.TB, s ledger.Reader) (out []ledger.Recorded) {
	t.Helper()
	for r, err := range s.Read(context.Background(), ledger.ReadOptions{}) {
		must(t, err)
		out = append(out, r)
	}
	return out
}

// leaves are the leaf hashes of all events, once the store has n of them.
func leaves(t testing.TB, s *esdb.Store, n uint64) (out []ledger.Hash) {
	t.Helper()
	if n > 0 {
		_, err := s.Wait(within(t, 30*time.Second), n-1)
		must(t, err)
	}
	for h, err := range s.Leaves(context.Background(), 0, n) {
		must(t, err)
		out = append(out, h)
	}
	return out
}

// openAt opens a node that the test closes.
func openAt(t testing.TB, url string, fs vfs.FS) *esdb.Store {
	t.Helper()
	s, err := openNode(url, fs)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// TestServerAwayLongerThanAClientLives: the official client gives up for ever after ten attempts in a second. Appends, reads of EventStoreDB and the
// subscription work again all the same, and what was called meanwhile has an answer.
func TestServerAwayLongerThanAClientLives(t *testing.T) {
	site := newSite(t)
	s := site.node(t, vfs.NewMem())
	ctx := context.Background()
	_, err := s.Append(ctx, batch("journey-1", "a"))
	must(t, err)
	site.stop()
	var calls sync.WaitGroup
	for i := range 20 { // at once, so that some wait for a client that another one finds dead
		calls.Go(func() {
			for range 3 {
				if _, err := s.Append(within(t, 10*time.Second), batch("journey-2", fmt.Sprint(i))); !errors.Is(err, ledger.CodeUnavailable) {
					t.Errorf("away: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { calls.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("appends hang on a dead client")
	}
	if err := s.Ask(ctx); !errors.Is(err, ledger.CodeUnavailable) || ledger.HintOf(err) == "" {
		t.Errorf("Ask while away: %v", err)
	}
	site.start()
	other := site.node(t, vfs.NewMem()) // somebody else's event comes by the subscription
	_, err = other.Append(ctx, batch("journey-3", "c"))
	must(t, err)
	_, err = s.Wait(within(t, 20*time.Second), 1)
	must(t, err)
	if _, err := persist(within(t, 20*time.Second), s, batch("journey-1", "b")); err != nil {
		t.Errorf("append after: %v", err)
	}
	must(t, s.Ask(ctx))
	if n := len(events(t, s)); n != 3 {
		t.Errorf("%d events, want 3: what was refused as unavailable was never sent", n)
	}
}

// TestNotLeader: the client never tells the server that it wants the leader. A node that says it is not, and who is, is left for the leader.
func TestNotLeader(t *testing.T) {
	leader, follower := newPeer(), newPeer()
	leaderAt, _ := leader.serve(t, "")
	follower.leader = leaderAt
	followerAt, _ := follower.serve(t, "")
	follower.headers = func(md metadata.MD) {
		if md.Get("requires-leader") != nil {
			t.Error("the client has learnt to ask for the leader: the defence may go")
		}
	}
	client, err := esdb.Dial("esdb://"+followerAt+"?tls=false", nil)
	must(t, err)
	defer client.Close()
	f, err := client.Found(within(t, 10*time.Second), esdb.Founding{PublicKey: "k", TagKey: tagKey})
	must(t, err)
	if log, _ := leader.snapshot(); len(log) != 1 || f.PublicKey != "k" {
		t.Errorf("the leader has %d events", len(log))
	}
	if follower.calls["append"] != 1 {
		t.Errorf("the follower was asked %d times", follower.calls["append"])
	}
}

// TestPanicsOfTheClient: messages that the client's read panics on are an error.
func TestPanicsOfTheClient(t *testing.T) {
	p := newPeer()
	addr, _ := p.serve(t, "")
	p.put(kept{stream: esdb.CheckpointStream, typ: "baton-founded", data: []byte("{}")})
	client, err := esdb.Dial("esdb://"+addr+"?tls=false", nil)
	must(t, err)
	defer client.Close()
	p.ends.Store(true)
	if _, err := client.Founding(within(t, 10*time.Second)); !errors.Is(err, ledger.CodeUnavailable) || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("a message that the client does not know: %v", err)
	}
	p.ends.Store(false)
	if _, err := client.Founding(within(t, 10*time.Second)); !errors.Is(err, ledger.CodeCorrupt) { // it answers again
		t.Errorf("after it: %v", err)
	}
}

// TestHangingServer: a server that takes calls and never answers is left by each call's deadline and by Close.
func TestHangingServer(t *testing.T) {
	p := newPeer()
	addr, _ := p.serve(t, "")
	s := openAt(t, "esdb://"+addr+"?tls=false", vfs.NewMem())
	p.before = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	began := time.Now()
	if _, err := s.Append(within(t, 300*time.Millisecond), batch("a", "1")); !errors.Is(err, ledger.CodeUnavailable) {
		t.Errorf("no answer: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := s.Append(ctx, batch("a", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	left := make(chan error, 1)
	go func() {
		_, err := s.Append(context.Background(), batch("a", "1"))
		left <- err
	}()
	for p.appends() < 3 {
		<-time.After(time.Millisecond)
	}
	must(t, s.Close())
	if err := <-left; !errors.Is(err, ledger.CodeClosed) {
		t.Errorf("closed meanwhile: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("all that took %v", took)
	}
}

func (p *peer) appends() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls["append"]
}

// TestResubscription: the server stops and starts again and again while four writers append. Every acknowledged event is there exactly once, and
// the mirror that lived through it equals one that is made afterwards.
func TestResubscription(t *testing.T) {
	site := newSite(t)
	s := site.node(t, vfs.NewMem())
	const writers, each = 4, 60
	ctx := within(t, 60*time.Second)
	acked := make([][]ledger.Receipt, writers)
	var writing sync.WaitGroup
	var count atomic.Int32
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				receipts, err := persist(ctx, s, batch(fmt.Sprint("journey-", (w+i)%6), fmt.Sprintf("%d/%d", w, i)))
				if err != nil {
					t.Error(err)
					return
				}
				acked[w] = append(acked[w], receipts...)
				count.Add(1)
			}
		})
	}
	for i := range int32(6) {
		for ctx.Err() == nil && count.Load() < (i+1)*writers*each/8 {
			<-time.After(time.Millisecond)
		}
		site.stop()
		site.start()
	}
	writing.Wait()
	all := events(t, s)
	if len(all) != writers*each {
		t.Fatalf("%d events, want %d", len(all), writers*each)
	}
	seen := map[string]bool{}
	for i, r := range all {
		if r.Position != uint64(i)+1 || seen[r.ID] {
			t.Fatalf("event %d is at position %d, seen before: %v", i, r.Position, seen[r.ID])
		}
		seen[r.ID] = true
	}
	for _, receipts := range acked {
		for _, r := range receipts {
			if have := all[r.Position-1]; have.ID != r.ID || have.Revision != r.Revision {
				t.Errorf("acknowledged as %+v, there is %s", r.ID, have.ID)
			}
		}
	}
	fresh := site.node(t, vfs.NewMem())
	if a, b := leaves(t, s, writers*each), leaves(t, fresh, writers*each); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("a fresh node has other leaves")
	}
}

// TestConnectionStrings: what is wrong with one is said, and no password with it.
func TestConnectionStrings(t *testing.T) {
	for text, want := range map[string]string{
		"esdb://admin:se%cret@a:1,b:2":                   "percent-encoded",
		"esdb://admin:secr/et@host:2113":                 "percent-encoded",
		"esdb://admin:secret@host:2113:9?tls=true":       "percent-encoded",
		"http://host:2113":                               "esdb://",
		"esdb://host:port":                               "esdb://",
		"esdb://admin:secret@host:2113?tls=false":        "TLS",
		"esdb://host:2113?tlsCaFile=/no/such/file.pem":   "no such file",
		"esdb://host:2113?nodePreference=sometimes":      "NodePreference",
		"esdb://a:1,b:2,c:x?tls=true":                    "port",
		"kurrentdb://admin:secret@host:2113?tls=notbool": "percent-encoded",
	} {
		_, err := esdb.Dial(text, nil)
		if !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error()+ledger.HintOf(err), want) {
			t.Errorf("%s: %v (hint %s), want %q", text, err, ledger.HintOf(err), want)
		}
		if err != nil && (strings.Contains(err.Error(), "secr") || strings.Contains(ledger.HintOf(err), "secr")) {
			t.Errorf("the password is in %v", err)
		}
	}
	for _, text := range []string{"esdb://a:1,b:2,c:3?tls=false", "esdb+discover://cluster.example.org?tls=false", "kurrentdb://h?tls=false",
		"kurrentdb+discover://cluster.example.org", "esdb://admin:pa%2Css%40@a,b:2?tls=true&nodePreference=follower"} {
		c, err := esdb.Dial(text, nil)
		must(t, err)
		must(t, c.Close())
	}
}

// TestCluster: of several seeds the ones that answer lead to the leader, and to the next one when it is gone.
func TestCluster(t *testing.T) {
	site := newSite(t) // answers gossip with itself
	dead, _ := net.Listen("tcp", "127.0.0.1:0")
	deadAt := dead.Addr().String()
	dead.Close()
	s := openAt(t, "esdb://"+deadAt+","+site.addr+"?tls=false&gossipTimeout=1", vfs.NewMem())
	_, err := s.Append(context.Background(), batch("journey-1", "a"))
	must(t, err)

	first, second := newPeer(), newPeer()
	firstAt, stopFirst := first.serve(t, "")
	secondAt, _ := second.serve(t, "")
	var leads atomic.Int32
	members := func() []*gossip.MemberInfo {
		if leads.Load() == 0 {
			return nodes(firstAt, secondAt)
		}
		return nodes(secondAt)
	}
	first.members, second.members = members, members
	n := openAt(t, "esdb://"+firstAt+","+secondAt+"?tls=false&gossipTimeout=1", vfs.NewMem())
	_, err = n.Append(context.Background(), batch("journey-1", "a"))
	must(t, err)
	log, _ := first.snapshot()
	second.change(func([]kept) []kept { second.last = first.last; return log }) // what replication does
	leads.Store(1)
	stopFirst()
	if _, err := persist(within(t, 30*time.Second), n, batch("journey-1", "b")); err != nil {
		t.Fatal(err)
	}
	if log, _ := second.snapshot(); len(log) != 2 {
		t.Errorf("the new leader has %d events", len(log))
	}
}

// secured is a site behind TLS that knows one password.
func secured(t *testing.T) (url func(user string) string, ca string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	site := newSite(t)
	server := wire.New(wire.Options{Source: site.record, Find: site.record, Append: ledger.Intake(site.record.AppendAll, ledger.Validate),
		Admit: func(ctx context.Context, secret string) (context.Context, wire.Caller, error) {
			switch secret {
			case "right":
				return ctx, wire.Caller{Reads: true, Writes: true}, nil
			case "reads":
				return ctx, wire.Caller{Name: "a reader", Reads: true}, nil
			}
			return ctx, wire.Caller{}, ledger.Errorf(ledger.CodeNotKnown, "", "", "the key is not known")
		}})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); must(t, <-done) })
	return func(user string) string {
		return "esdb://" + user + plain.Addr().String() + "?tls=true&maxDiscoverAttempts=1"
	}, ca
}

// TestTLS: user and password over TLS, and what is said of wrong ones, of a certificate that nobody vouches for, and of a server without TLS.
func TestTLS(t *testing.T) {
	url, ca := secured(t)
	s := openAt(t, url("node:right@")+"&tlsCaFile="+ca, vfs.NewMem())
	_, err := s.Append(context.Background(), batch("journey-1", "a"))
	must(t, err)
	plain := newSite(t)
	for name, c := range map[string]struct {
		url  string
		code ledger.Code
		want string
	}{
		"unknown CA":     {url("node:right@"), ledger.CodeUnavailable, "tlsCaFile"},
		"wrong password": {url("node:wrong@") + "&tlsCaFile=" + ca, ledger.CodeNotKnown, "user and password"},
		"no password":    {url("") + "&tlsCaFile=" + ca, ledger.CodeNotKnown, "user and password"},
		"no TLS there":   {"esdb://" + plain.addr + "?maxDiscoverAttempts=1", ledger.CodeUnavailable, "tls=false"},
		"TLS there":      {strings.Replace(url(""), "tls=true", "tls=false", 1), ledger.CodeUnavailable, "tls=false"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := openNode(c.url, vfs.NewMem())
			if err == nil {
				n.Close()
			}
			if !errors.Is(err, c.code) || !strings.Contains(ledger.HintOf(err), c.want) {
				t.Errorf("error %v, hint %q, want %s and %q", err, ledger.HintOf(err), c.code, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "right") || strings.Contains(err.Error(), "wrong@")) {
				t.Error("the password is in the error")
			}
		})
	}
	reader := openAt(t, url("node:reads@")+"&tlsCaFile="+ca, vfs.NewMem())
	if _, err := reader.Append(context.Background(), batch("journey-1", "b")); !errors.Is(err, ledger.CodeForbidden) || ledger.HintOf(err) == "" {
		t.Errorf("a reader appends: %v", err)
	}
	if n := len(events(t, reader)); n != 1 {
		t.Errorf("a reader reads %d events", n)
	}
}

// TestCreatedAlwaysParses: the official client ends its process over a `created` that is no number of 64 bits. What our own server sends of any
// event is one, whatever the event's times are.
func TestCreatedAlwaysParses(t *testing.T) {
	site := newSite(t)
	s := site.node(t, vfs.NewMem())
	for i, at := range []time.Time{{}, time.Unix(0, 1), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 12*3600))} {
		e := thing(fmt.Sprint(i))
		e.Time = at
		_, err := s.Append(context.Background(), ledger.Batch{Stream: "journey-1", Expect: ledger.Any, Events: []ledger.Event{e}})
		must(t, err)
	}
	if n := len(leaves(t, site.node(t, vfs.NewMem()), 4)); n != 4 {
		t.Errorf("%d events", n)
	}
}
