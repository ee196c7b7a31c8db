package relay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

// TestTailFromAPosition: it begins at the position wherever its sequence is, goes on live, and passes over strangers' messages.
func TestTailFromAPosition(t *testing.T) {
	b := newBench(t)
	b.write(50)
	r := b.relay()
	b.must(r.CatchUp(b.ctx, b.store))
	for range 30 {
		b.must(b.nc.Publish("baton.v1.7.other.noise._", nil))
	}
	b.must(b.nc.Flush())
	b.deleteMessages(10, 30, 31)
	b.write(50)
	b.must(r.CatchUp(b.ctx, b.store))
	for _, from := range []uint64{1, 10, 29, 30, 51, 100, 101} {
		next, stop := iter.Pull2(relay.Tail(b.ctx, b.nc, relay.TailOptions{From: from}))
		last, done := uint64(100), make(chan error, 1)
		if from > last { // it waits for what is to come
			last = from
			b.write(1)
			go func() { done <- r.CatchUp(b.ctx, b.store) }()
		} else {
			done <- nil
		}
		for want := from; want <= last; want++ {
			if want == 10 || want == 30 || want == 31 {
				continue
			}
			m, err, ok := next()
			if !ok || err != nil || m.Position != want {
				t.Fatalf("from %d: got %d, %v; want %d", from, m.Position, err, want)
			}
		}
		stop()
		b.must(<-done)
	}
}

// TestTailFilter: family, verb and point choose messages on the server.
func TestTailFilter(t *testing.T) {
	b := newBench(t)
	b.write(20)
	for i := range 4 {
		e := ledger.Event{ID: fmt.Sprint(i), Source: "/h", Type: ledger.Type("handoff", "offered"), Subject: "J1", Data: fmt.Appendf(nil,
			`{"from":{"stage":"bot"},"to":{"stage":"desk %d"},"channel":"chat"}`, i%2)}
		b.must(b.append(b.ctx, []ledger.Batch{{Stream: "journey-J1", Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err)
	}
	b.must(b.relay().CatchUp(b.ctx, b.store))
	for filter, want := range map[string][]uint64{
		relay.FilterSubject("handoff", "", ""):                                           {21, 22, 23, 24},
		relay.FilterSubject("handoff", "offered", ledger.Point("bot", "desk 1", "chat")): {22, 24},
	} {
		for i, m := range b.messages(len(want), filter) {
			if m.Position != want[i] {
				t.Errorf("%s: message %d is position %d, want %d", filter, i, m.Position, want[i])
			}
		}
	}
}

func TestTailErrors(t *testing.T) {
	b := newBench(t)
	for _, err := range relay.Tail(b.ctx, b.nc, relay.TailOptions{}) {
		if !errors.Is(err, ledger.CodeNotFound) {
			t.Errorf("no stream: %v", err)
		}
	}
	if _, err := b.relay().Cursor(b.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	next, stop := iter.Pull2(relay.Tail(ctx, b.nc, relay.TailOptions{}))
	defer stop()
	cancel()
	if _, err, ok := next(); !ok || !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}
