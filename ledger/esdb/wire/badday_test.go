package wire_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
)

// TestBrokenAppend: an append that its client gives up before the end writes nothing.
func TestBrokenAppend(t *testing.T) {
	s := serve(t, func(o *wire.Options) { o.Writes = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	call, err := streams.NewStreamsClient(s.bare(t)).Append(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*streams.AppendReq{toStream("s-1"), proposed([]byte("x"))} {
		if err := call.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	for { // until its place is free
		if _, err := s.add(t, "s-2", esdb.Any{}, event("t")); err == nil {
			break
		}
		runtime.Gosched()
	}
	if h, _ := s.store.StreamHead(t.Context(), "s-1"); h.Revision != 0 {
		t.Errorf("half an append was written: %+v", h)
	}
}

// TestReadersThatTakeNothing: they cost a window and two messages each, whatever is in the ledger (here 32 MiB), keep the store from closing no
// more than the server from ending.
func TestReadersThatTakeNothing(t *testing.T) {
	s := serve(t)
	data := make([]byte, 512<<10)
	for i := range 64 {
		e := event("t")
		e.ContentType, e.Data = esdb.ContentTypeBinary, data
		s.mustAdd(t, fmt.Sprint("s-", i%4), esdb.Any{}, e)
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	client := streams.NewStreamsClient(s.bare(t))
	const readers = 40
	for range readers {
		call, err := client.Read(t.Context(), allReq(func(*streams.ReadReq_Options) {}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.Recv(); err != nil { // the confirmation
			t.Fatal(err)
		}
	}
	s.mustAdd(t, "s-1", esdb.Any{}, event("t"))
	if more := heap() - before; more > readers*(5<<20) {
		t.Errorf("%d readers hold %d MiB", readers, more>>20)
	}
	began := time.Now()
	s.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the server took %v to stop", took)
	}
	if err := s.store.Close(); err != nil {
		t.Error(err)
	}
}

// TestPlaces: there are as many subscriptions as are allowed, and one that ends makes room.
func TestPlaces(t *testing.T) {
	s := serve(t, func(o *wire.Options) { o.Reads = 1 })
	client := streams.NewStreamsClient(s.bare(t))
	open := func(ctx context.Context) error {
		call, err := client.Read(ctx, allReq(func(*streams.ReadReq_Options) {}))
		if err == nil {
			_, err = call.Recv()
		}
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := open(ctx); err != nil {
		t.Fatal(err)
	}
	if err := open(within(t)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one too many answers %v", err)
	}
	cancel()
	for open(within(t)) != nil {
		runtime.Gosched()
	}
}

// TestKeys: Basic and Bearer carry the key; who may only read does not write; a key that is revoked ends subscriptions.
func TestKeys(t *testing.T) {
	wire.SetHoldTime(t, time.Millisecond)
	revoked := make(chan struct{})
	s := serve(t, func(o *wire.Options) {
		o.Admit = func(ctx context.Context, secret string) (context.Context, wire.Caller, error) {
			switch secret {
			case "r:1":
				return ctx, wire.Caller{Name: "watch", Reads: true, Holds: func() bool {
					select {
					case <-revoked:
						return false
					default:
						return true
					}
				}}, nil
			case "w":
				return ctx, wire.Caller{Name: "crm", Reads: true, Writes: true}, nil
			}
			return nil, wire.Caller{}, ledger.Errorf(ledger.CodeNotKnown, "", "send a key", "no key")
		}
	})
	client := streams.NewStreamsClient(s.bare(t))
	as := func(authorization string) context.Context {
		return metadata.AppendToOutgoingContext(within(t), "authorization", authorization)
	}
	add := func(ctx context.Context) error {
		call, err := client.Append(ctx)
		if err != nil {
			return err
		}
		if err := errors.Join(call.Send(toStream("s-1")), call.Send(proposed(nil))); err != nil && status.Code(err) != codes.Unknown {
			return err
		}
		_, err = call.CloseAndRecv()
		return err
	}
	const reader = "Basic d2F0Y2g6cjox"
	for authorization, want := range map[string]codes.Code{"": codes.Unauthenticated, "Basic !": codes.Unauthenticated, "Basic YTpi": codes.Unauthenticated, "Bearer ": codes.Unauthenticated,
		reader: codes.PermissionDenied, "Bearer w": codes.OK, "Basic eDp3": codes.OK} {
		if err := add(as(authorization)); status.Code(err) != want {
			t.Errorf("%q appends: %v, want %v", authorization, err, want)
		}
	}
	for r, err := range s.store.Read(t.Context(), ledger.ReadOptions{}) {
		if err != nil || r.Actor != "crm" {
			t.Errorf("recorded by %q, %v", r.Actor, err)
		}
	}
	if _, err := gossip.NewGossipClient(s.bare(t)).Read(within(t), &shared.Empty{}); err != nil {
		t.Errorf("gossip answers %v", err)
	}
	call, err := client.Read(as(reader), allReq(func(*streams.ReadReq_Options) {}))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 4; n++ { // confirmation, three events
		if _, err := call.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	close(revoked)
	for err == nil {
		_, err = call.Recv()
	}
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("a revoked key's subscription ends with %v", err)
	}
}

// TestDiscovery: a client that looks for a cluster finds one node, under the name it asked.
func TestDiscovery(t *testing.T) {
	s := serve(t)
	_, port, _ := strings.Cut(s.addr, ":")
	c := dial(t, "esdb://localhost:"+port+",127.0.0.1:"+port+"?tls=false&nodePreference=leader")
	if _, err := c.AppendToStream(within(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, event("t")); err != nil {
		t.Error(err)
	}
	info, err := gossip.NewGossipClient(s.bare(t)).Read(within(t), &shared.Empty{})
	if err != nil || len(info.Members) != 1 || info.Members[0].HttpEndPoint.Address != "127.0.0.1" || fmt.Sprint(info.Members[0].HttpEndPoint.Port) != port {
		t.Errorf("gossip says %v, %v", info, err)
	}
}
