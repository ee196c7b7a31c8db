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
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
)

// bare is a connection without the manners of a client.
func (s *served) bare(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStaticStreamWindowSize(64<<10), grpc.WithStaticConnWindowSize(16<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func toStream(name string) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{
		StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(name)}, ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}}}}}
}

func proposed(data []byte, change ...func(*streams.AppendReq_ProposedMessage)) *streams.AppendReq {
	p := &streams.AppendReq_ProposedMessage{Id: &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
		Metadata: map[string]string{"type": "t", "content-type": "application/octet-stream"}, Data: data}
	for _, c := range change {
		c(p)
	}
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: p}}
}

// TestRefusedAppends: what is refused writes nothing and says what is wrong, and clients that look for trailers find them.
func TestRefusedAppends(t *testing.T) {
	s := serve(t)
	client := streams.NewStreamsClient(s.bare(t))
	mib := make([]byte, 1<<20)
	times := func(n int, m *streams.AppendReq) (list []*streams.AppendReq) {
		for range n {
			list = append(list, m)
		}
		return append([]*streams.AppendReq{toStream("s-1")}, list...)
	}
	meta := func(change func(p *streams.AppendReq_ProposedMessage)) []*streams.AppendReq {
		return []*streams.AppendReq{toStream("s-1"), proposed(nil, change)}
	}
	for name, c := range map[string]struct {
		send      []*streams.AppendReq
		code      codes.Code
		text      string
		exception string
	}{
		"nothing":         {nil, codes.InvalidArgument, "empty", ""},
		"no options":      {[]*streams.AppendReq{proposed(nil)}, codes.InvalidArgument, "options first", ""},
		"no expectation":  {[]*streams.AppendReq{{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{}}}}, codes.InvalidArgument, "expected revision", ""},
		"no stream":       {[]*streams.AppendReq{toStream(""), proposed(nil)}, codes.InvalidArgument, "stream is missing", ""},
		"stream in bytes": {[]*streams.AppendReq{toStream("a\xff"), proposed(nil)}, codes.InvalidArgument, "UTF-8", ""},
		"category alone":  {[]*streams.AppendReq{toStream("order-"), proposed(nil)}, codes.InvalidArgument, "after its category", ""},
		"system stream":   {[]*streams.AppendReq{toStream("$x"), proposed(nil)}, codes.PermissionDenied, "system stream", "access-denied"},
		"metadata stream": {[]*streams.AppendReq{toStream("$$s-1"), proposed(nil)}, codes.PermissionDenied, "maxAge", "access-denied"},
		"no id":           {meta(func(p *streams.AppendReq_ProposedMessage) { p.Id = nil }), codes.InvalidArgument, "id is missing", ""},
		"bad id":          {meta(func(p *streams.AppendReq_ProposedMessage) { p.Id.Value = &shared.UUID_String_{String_: "7"} }), codes.InvalidArgument, "no UUID", ""},
		"zero id":         {meta(func(p *streams.AppendReq_ProposedMessage) { p.Id.Value = &shared.UUID_Structured_{} }), codes.InvalidArgument, "id is missing", ""},
		"no type":         {meta(func(p *streams.AppendReq_ProposedMessage) { delete(p.Metadata, "type") }), codes.InvalidArgument, "lacks type", "missing-required-metadata-property"},
		"no content type": {meta(func(p *streams.AppendReq_ProposedMessage) { delete(p.Metadata, "content-type") }), codes.InvalidArgument, "content-type", "missing-required-metadata-property"},
		"unknown type":    {meta(func(p *streams.AppendReq_ProposedMessage) { p.Metadata["type"] = "dev.baton.no.such.v1" }), codes.InvalidArgument, "dev.baton.no.such.v1", ""},
		"no JSON": {meta(func(p *streams.AppendReq_ProposedMessage) {
			p.Metadata["content-type"], p.Data = "application/json", []byte("{")
		}), codes.InvalidArgument, "JSON", ""},
		"large metadata":    {meta(func(p *streams.AppendReq_ProposedMessage) { p.CustomMetadata = make([]byte, 15<<10) }), codes.InvalidArgument, "at most 16384", ""},
		"huge metadata":     {meta(func(p *streams.AppendReq_ProposedMessage) { p.CustomMetadata = make([]byte, 40<<10) }), codes.InvalidArgument, "event 1 has", ""},
		"large event":       {times(1, proposed(make([]byte, 1<<20+1))), codes.InvalidArgument, "at most 1048576", ""},
		"large event of 16": {times(1, proposed(make([]byte, 16<<20))), codes.InvalidArgument, "8388608", "maximum-append-size-exceeded"},
		"large append":      {times(9, proposed(mib)), codes.InvalidArgument, "8388608", "maximum-append-size-exceeded"},
		"many events":       {times(1001, proposed(nil)), codes.InvalidArgument, "1000 events", "maximum-append-size-exceeded"},
		"endless":           {times(200, proposed(mib)), codes.InvalidArgument, "8388608", "maximum-append-size-exceeded"},
		"large message":     {times(1, proposed(make([]byte, 17<<20))), codes.ResourceExhausted, "larger than max", ""},
	} {
		call, err := client.Append(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.send {
			if call.Send(m) != nil { // the status says why
				break
			}
		}
		_, err = call.CloseAndRecv()
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s answers %v, want %v with %q", name, err, c.code, c.text)
		}
		if got := strings.Join(call.Trailer().Get("exception"), ""); got != c.exception {
			t.Errorf("%s has the exception %q, want %q", name, got, c.exception)
		}
	}
	if h, err := s.store.Head(t.Context()); err != nil || h.Position != 0 {
		t.Errorf("something was written: %+v, %v", h, err)
	}
	for name, err := range map[string]error{
		"delete":    func() error { _, err := s.DeleteStream(within(t), "s-1", esdb.DeleteStreamOptions{}); return err }(),
		"tombstone": func() error { _, err := s.TombstoneStream(within(t), "s-1", esdb.TombstoneStreamOptions{}); return err }(),
	} {
		if codeOf(err) != esdb.ErrorCodeAccessDenied || !strings.Contains(err.Error(), "immutable") {
			t.Errorf("%s answers %v", name, err)
		}
	}
	_, err := persistent.NewPersistentSubscriptionsClient(s.bare(t)).List(within(t), &persistent.ListReq{})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "PersistentSubscriptions/List") {
		t.Errorf("persistent subscriptions answer %v", err)
	}
}

func allReq(change func(*streams.ReadReq_Options)) *streams.ReadReq {
	o := &streams.ReadReq_Options{StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}},
		CountOption: &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}}
	change(o)
	return &streams.ReadReq{Options: o}
}

func filterBy(f *streams.ReadReq_Options_FilterOptions_Expression) func(*streams.ReadReq_Options) {
	return func(o *streams.ReadReq_Options) {
		o.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_EventType{EventType: f}}}
	}
}

func TestRefusedReads(t *testing.T) {
	s := serve(t)
	client := streams.NewStreamsClient(s.bare(t))
	for name, c := range map[string]struct {
		req  *streams.ReadReq
		code codes.Code
		text string
	}{
		"nothing": {&streams.ReadReq{}, codes.InvalidArgument, "what is to be read"},
		"empty stream": {allReq(func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{}}
		}), codes.InvalidArgument, "what is to be read"},
		"empty filter": {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{})), codes.InvalidArgument, "empty"},
		"look-ahead":   {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: `^(?!\$)`})), codes.InvalidArgument, "RE2"},
		"long":         {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: strings.Repeat("a", 5000)})), codes.InvalidArgument, "longer"},
		"costly":       {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: strings.Repeat("(", 500) + "a" + strings.Repeat("{1000})", 500)})), codes.InvalidArgument, "longer"},
		"repeats":      {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: "((a{100}){100}){100}"})), codes.InvalidArgument, "repeat"},
		"backwards":    {allReq(func(o *streams.ReadReq_Options) { o.ReadDirection = streams.ReadReq_Options_Backwards }), codes.InvalidArgument, "forwards"},
		"a system projection's": {allReq(func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("$ce-order")}}}
		}), codes.Unimplemented, "by stream prefix"},
		"past the end": {allReq(func(o *streams.ReadReq_Options) {
			o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_Position{Position: &streams.ReadReq_Options_Position{CommitPosition: 7, PreparePosition: 7}}
		}), codes.InvalidArgument, "past the ledger's end"},
	} {
		call, err := client.Read(within(t), c.req)
		if err == nil {
			_, err = call.Recv()
		}
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s answers %v, want %v with %q", name, err, c.code, c.text)
		}
	}
}

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
