package relay_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

// TestMessagesAreTheLedger: every event arrives once, in the order of positions, whole.
func TestMessagesAreTheLedger(t *testing.T) {
	b := newBench(t)
	odd := ledger.Event{ID: "ü \"1\"%", Source: "/ä b", Type: "com.example.>.*", Subject: "J 1", ContentType: "application/octet-stream",
		Time: time.Date(2010, 4, 8, 12, 30, 0, 5, time.FixedZone("", 7200)), Actor: "bot-2", TraceParent: "00-1-2-03",
		Ext: []ledger.Attr{{Name: "tenant", Value: "nørth"}}, Data: []byte("\x00\xff\r\n")}
	b.must(b.append(b.ctx, []ledger.Batch{{Stream: "journey-J 1", Expect: ledger.Any, Events: []ledger.Event{odd}}})[0].Err)
	b.events = 1
	b.write(99)
	r := b.relay()
	b.must(r.CatchUp(b.ctx, b.store))
	messages, i := b.messages(100, ""), 0
	for want, err := range b.store.Read(b.ctx, ledger.ReadOptions{}) {
		b.must(err)
		got := messages[i]
		if i++; got.Sequence != uint64(i) || got.Position != uint64(i) || got.Revision != want.Revision || got.Stream != want.Stream ||
			!got.RecordedTime.Equal(want.RecordedTime) || !bytes.Equal(got.Data, want.Data) ||
			ledger.RetryDigest(got.Stream, &got.Event) != ledger.RetryDigest(want.Stream, &want.Event) {
			t.Fatalf("message %d: got %+v, want %+v", i, got, want)
		}
	}
	if report := b.check(); i != 100 || !report.Clean() || report.Published != 100 || report.Lag != 0 {
		t.Errorf("%d events, %+v", i, report)
	}
}

func TestMessageHeaders(t *testing.T) {
	b := newBench(t)
	b.write(1)
	b.must(b.relay().CatchUp(b.ctx, b.store))
	st, err := b.js.Stream(b.ctx, relay.StreamName)
	b.must(err)
	m, err := st.GetMsg(b.ctx, 1)
	b.must(err)
	for name, want := range map[string]string{"ce-specversion": "1.0", "ce-id": "e-0", "ce-source": "/test", "ce-subject": "J0",
		"ce-type": "dev.baton.interaction.recorded.v1", "ce-stream": "journey-J0", "ce-position": "1", "ce-revision": "1",
		"Nats-Msg-Id": "test%2Eexample%2Fledger:1", "Nats-Expected-Last-Sequence": "0"} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, m.Header.Get("ce-recordedtime")); err != nil {
		t.Error(err)
	}
	if string(m.Data) != `{"activity":"step 0"}` {
		t.Errorf("data %s", m.Data)
	}
}

// TestResumeFromTheStream: a new relay goes on after the stream's last message, whatever stands behind that.
func TestResumeFromTheStream(t *testing.T) {
	b := newBench(t)
	b.write(30)
	b.must(b.relay().CatchUp(b.ctx, b.store))
	if err := b.nc.Publish("baton.v1.7.other.noise._", []byte("not of this ledger")); err != nil {
		t.Fatal(err)
	}
	b.must(b.nc.Flush())
	r := b.relay()
	if cursor, err := r.Cursor(b.ctx); cursor != 30 || err != nil {
		t.Fatalf("cursor %d, %v; want 30", cursor, err)
	}
	b.write(30)
	b.must(r.CatchUp(b.ctx, b.store))
	if report := b.check(); !report.Clean() || report.Published != 60 || report.Foreign != 1 {
		t.Errorf("%+v", report)
	}
}

// TestStaleRelayIsRefused: of two relays, the one that was paused while the other went on writes nothing.
func TestStaleRelayIsRefused(t *testing.T) {
	b := newBench(t)
	b.write(40)
	events := b.read(1, 40)
	paused, other := b.relay(), b.relay()
	for _, r := range []*relay.Relay{paused, other} {
		if _, err := r.Cursor(b.ctx); err != nil {
			t.Fatal(err)
		}
	}
	b.must(paused.Handle(b.ctx, events[:10]))
	if err := other.Handle(b.ctx, events[10:30]); !errors.Is(err, ledger.CodeStaleRevision) {
		t.Fatalf("a relay that believes the stream empty: %v", err)
	}
	b.must(other.Handle(b.ctx, events[:30])) // asks where the stream is, and publishes the rest of them
	if err := paused.Handle(b.ctx, events[10:20]); !errors.Is(err, ledger.CodeStaleRevision) {
		t.Fatalf("the paused relay: %v", err)
	}
	b.must(other.Handle(b.ctx, events[30:40]))
	if report := b.check(); !report.Clean() || report.Published != 40 {
		t.Errorf("%+v", report)
	}
	if cursor, err := paused.Cursor(b.ctx); cursor != 40 || err != nil {
		t.Errorf("the paused relay goes on from %d, %v", cursor, err)
	}
}

func (b *bench) read(from, to uint64) (events []ledger.Recorded) {
	b.Helper()
	for e, err := range b.store.Read(b.ctx, ledger.ReadOptions{From: from, To: to}) {
		b.must(err)
		events = append(events, e)
	}
	return events
}

// TestInterferenceRewinds: messages of someone else break the chain in the middle of a batch; everything arrives once all the same.
func TestInterferenceRewinds(t *testing.T) {
	b := newBench(t)
	p := b.run(b.relay())
	b.until("the stream exists", func() bool { return b.info() != nil })
	for range 40 {
		b.must(b.nc.Publish("baton.v1.7.other.noise._", nil))
		b.write(25)
	}
	b.published(p)
	b.must(b.nc.Flush())
	if report := b.check(); !report.Clean() || report.Published != 1000 || report.Foreign != 40 {
		t.Errorf("%+v", report)
	}
}

func (b *bench) info() *uint64 {
	if st, err := b.js.Stream(b.ctx, relay.StreamName); err == nil {
		return &st.CachedInfo().State.LastSeq
	}
	return nil
}

// TestLostTailIsPublishedAgain: messages removed from the end are missed by the next relay, although the server still knows their ids.
func TestLostTailIsPublishedAgain(t *testing.T) {
	b := newBench(t)
	b.write(20)
	b.must(b.relay().CatchUp(b.ctx, b.store))
	b.deleteMessages(18, 19, 20)
	b.write(20)
	p := b.run(b.relay())
	b.published(p)
	if report := b.check(); !report.Clean() || report.Published != 40 {
		t.Errorf("%+v", report)
	}
}

// TestServerAway: appends go on while NATS is away, the lag shows, and everything is there after it came back with or without its files.
func TestServerAway(t *testing.T) {
	b := newBench(t)
	p := b.run(b.relay())
	b.write(200)
	b.published(p)
	b.restart(func() { b.write(200) })
	b.write(100)
	b.published(p)
	if report := b.check(); !report.Clean() || report.Published != 500 {
		t.Fatalf("after a restart: %+v", report)
	}
	b.restart(func() {
		b.write(100)
		b.until("the lag shows", func() bool { return p.Lag() == 100 })
		b.loseNATSFiles()
	})
	b.published(p)
	b.until("all is there", func() bool { n := b.info(); return n != nil && *n == 600 })
	if report := b.check(); !report.Clean() || report.Published != 600 {
		t.Fatalf("after the loss: %+v", report)
	}
	b.restart(b.loseNATSFiles) // and no event comes that would make the relay notice
	b.until("all is there again", func() bool { n := b.info(); return n != nil && *n == 600 })
	if report := b.check(); !report.Clean() || report.Published != 600 {
		t.Fatalf("after the second loss: %+v", report)
	}
}

// TestStreamRemovedUnderLoad: the stream is removed through the API again and again while events come in.
func TestStreamRemovedUnderLoad(t *testing.T) {
	b := newBench(t)
	p := b.run(b.relay())
	for range 5 {
		b.write(100)
		b.until("the stream exists", func() bool { return b.info() != nil })
		b.must(b.js.DeleteStream(b.ctx, relay.StreamName))
	}
	b.published(p)
	b.until("all is there", func() bool { n := b.info(); return n != nil && *n == 500 })
	if report := b.check(); !report.Clean() || report.Published != 500 {
		t.Errorf("%+v", report)
	}
}

// TestStreamAheadOfTheLedger: a ledger that lost events is not hidden by the relay.
func TestStreamAheadOfTheLedger(t *testing.T) {
	b := newBench(t)
	b.write(3)
	r := b.relay()
	b.must(r.CatchUp(b.ctx, b.store))
	forged := nats.NewMsg("baton.v1.0.other.x._")
	forged.Header = nats.Header{"Nats-Msg-Id": {"test%2Eexample%2Fledger:9"}, "ce-position": {"9"}}
	_, err := b.js.PublishMsg(b.ctx, forged) // answered when it is in the stream
	b.must(err)
	if err := r.Run(b.ctx, b.store, nil); !errors.Is(err, ledger.CodeCorrupt) {
		t.Errorf("the relay ended with %v", err)
	}
	if report := b.check(); report.Clean() || report.Ahead != 1 || report.Published != 3 {
		t.Errorf("%+v", report)
	}
}

// TestLargeEvent: the largest event there is fits the embedded server.
func TestLargeEvent(t *testing.T) {
	b := newBench(t)
	e := ledger.Event{ID: "large", Source: "/test", Type: "com.example.large", Subject: "J1", ContentType: "text/plain",
		Data: bytes.Repeat([]byte("x"), ledger.MaxData)}
	b.must(b.append(b.ctx, []ledger.Batch{{Stream: "journey-J1", Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err)
	b.must(b.relay().CatchUp(b.ctx, b.store))
	if m := b.messages(1, "")[0]; m.Omitted != 0 || !bytes.Equal(m.Data, e.Data) {
		t.Errorf("%d bytes arrived, %d omitted", len(m.Data), m.Omitted)
	}
}

// TestSmallServer: a configured server that takes less than the largest event gets its place without its data, and the relay goes on.
func TestSmallServer(t *testing.T) {
	b := newBench(t)
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true,
		StoreDir: t.TempDir(), MaxPayload: 64 << 10})
	b.must(err)
	go srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	e := ledger.Event{ID: "large", Source: "/test", Type: "com.example.large", Subject: "J1", ContentType: "text/plain",
		Data: bytes.Repeat([]byte("x"), 64<<10)}
	b.must(b.append(b.ctx, []ledger.Batch{{Stream: "journey-J1", Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err)
	b.events = 1
	b.write(5)
	b.nc, err = relay.Connect(srv.ClientURL(), relay.ConnectOptions{})
	b.must(err)
	defer b.nc.Close()
	r, err := relay.New(b.nc, relay.Options{LedgerID: ledgerID})
	b.must(err)
	b.must(r.CatchUp(b.ctx, b.store))
	if m := b.messages(6, "")[0]; m.ID != "large" || m.Omitted != 64<<10 || len(m.Data) != 0 {
		t.Errorf("%d bytes arrived, %d omitted", len(m.Data), m.Omitted)
	}
	if report := b.check(); !report.Clean() || report.Published != 6 || report.Omitted != 1 {
		t.Errorf("%+v", report)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if err := b.relay().Run(ctx, b.store, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
