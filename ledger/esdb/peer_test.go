package esdb_test

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// peer is a small server of the protocol that is not Baton's: it takes events that Baton's own server refuses, is on one node of a cluster, says
// what old and broken servers say, and its log can be changed behind its back.
type peer struct {
	streams.UnimplementedStreamsServer
	serverfeatures.UnimplementedServerFeaturesServer

	mu      sync.Mutex
	log     []kept
	last    uint64        // position given last
	changed chan struct{} // closed when the log is

	ends    atomic.Bool                     // reads of a stream begin and end with positions of its ends
	patient bool                            // a place past the end is waited for, not refused
	leader  string                          // "host:port": appends are refused with that
	members func() []*gossip.MemberInfo     // nil: no gossip
	before  func(ctx context.Context) error // of every call of Streams
	calls   map[string]int                  // of Streams
	headers func(md metadata.MD)            // sees those of appends
	created func(e *kept) string            // nil: as it should be
	sent    func(e *streams.ReadResp)       // sees what a subscription is sent, before it is
	lost    func() bool                     // the answer to an append that was made
}

// kept is an event of a peer's log.
type kept struct {
	stream     string
	number     uint64
	id         uuid.UUID
	typ        string
	json       bool
	meta, data []byte
	at         uint64
	created    time.Time
}

func newPeer() *peer { return &peer{changed: make(chan struct{}), calls: map[string]int{}} }

// serve serves a peer, at an address or, where that is "", at one of its own.
func (p *peer) serve(t testing.TB, addr string) (at string, stop func()) {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(17 << 20))
	streams.RegisterStreamsServer(s, p)
	serverfeatures.RegisterServerFeaturesServer(s, p)
	gossip.RegisterGossipServer(s, gossiper{peer: p})
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	stop = sync.OnceFunc(func() { s.Stop(); <-done })
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func (p *peer) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: "23.10.0"}, nil
}

// gossiper says who is in the peer's cluster.
type gossiper struct {
	gossip.UnimplementedGossipServer
	peer *peer
}

func (g gossiper) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	return &gossip.ClusterInfo{Members: g.peer.members()}, nil
}

// change changes the log under those who follow it.
func (p *peer) change(f func(log []kept) []kept) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = f(p.log)
	close(p.changed)
	p.changed = make(chan struct{})
}

// put adds an event to the log as it is, at the next number of its stream.
func (p *peer) put(e kept) {
	p.change(func(log []kept) []kept {
		if e.id == (uuid.UUID{}) {
			e.id = uuid.New()
		}
		e.number = p.count(e.stream)
		return p.placed(log, e)
	})
}

func (p *peer) placed(log []kept, e kept) []kept {
	p.last += 10
	e.at = p.last
	if e.created.IsZero() {
		e.created = time.Now()
	}
	return append(log, e)
}

func (p *peer) count(stream string) uint64 {
	for _, e := range slices.Backward(p.log) {
		if e.stream == stream {
			return e.number + 1
		}
	}
	return 0
}

func (p *peer) snapshot() ([]kept, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log), p.changed
}

func (p *peer) called(ctx context.Context, method string) error {
	p.mu.Lock()
	p.calls[method]++
	p.mu.Unlock()
	if p.before != nil {
		return p.before(ctx)
	}
	return nil
}

func (p *peer) Append(in streams.Streams_AppendServer) error {
	if err := p.called(in.Context(), "append"); err != nil {
		return err
	}
	if md, _ := metadata.FromIncomingContext(in.Context()); p.headers != nil {
		p.headers(md)
	}
	var o *streams.AppendReq_Options
	var events []kept
	for {
		m, err := in.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if m.GetOptions() != nil {
			o = m.GetOptions()
			continue
		}
		e := m.GetProposedMessage()
		s := e.GetId().GetStructured()
		var id uuid.UUID
		for i := range 8 {
			id[i], id[8+i] = byte(uint64(s.MostSignificantBits)>>(56-8*i)), byte(uint64(s.LeastSignificantBits)>>(56-8*i))
		}
		events = append(events, kept{stream: string(o.GetStreamIdentifier().GetStreamName()), id: id, typ: e.Metadata["type"],
			json: e.Metadata["content-type"] == "application/json", meta: e.CustomMetadata, data: e.Data})
	}
	if p.leader != "" {
		host, port, _ := net.SplitHostPort(p.leader)
		in.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
		return status.Error(codes.NotFound, "leader info available")
	}
	answer := p.append(o, events)
	if p.lost != nil && p.lost() {
		return status.Error(codes.Unavailable, "the answer is lost")
	}
	return in.SendAndClose(answer)
}

func (p *peer) append(o *streams.AppendReq_Options, events []kept) (out *streams.AppendResp) {
	stream := string(o.GetStreamIdentifier().GetStreamName())
	p.change(func(log []kept) []kept {
		count, want := p.count(stream), uint64(0)
		switch e := o.GetExpectedStreamRevision().(type) {
		case *streams.AppendReq_Options_Revision:
			want = e.Revision + 1
		case *streams.AppendReq_Options_NoStream:
		default:
			want = count
		}
		success := func(count uint64) *streams.AppendResp {
			return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
				CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: count - 1}}}}
		}
		if want == count {
			for _, e := range events {
				e.number = count
				log, count = p.placed(log, e), count+1
			}
			out = success(count)
			return log
		}
		same := 0
		for _, e := range log {
			if e.stream == stream && e.number >= want && same < len(events) && e.number == want+uint64(same) && e.id == events[same].id {
				same++
			}
		}
		if out = success(want + uint64(len(events))); same < len(events) {
			out = &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: &streams.AppendResp_WrongExpectedVersion{}}}
		}
		return log
	})
	return out
}

func (p *peer) Read(req *streams.ReadReq, out streams.Streams_ReadServer) error {
	if err := p.called(out.Context(), "read"); err != nil {
		return err
	}
	o := req.GetOptions()
	if _, ok := o.GetCountOption().(*streams.ReadReq_Options_Subscription); ok {
		return p.subscribe(o, out)
	}
	log, _ := p.snapshot()
	backwards := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	name := string(o.GetStream().GetStreamIdentifier().GetStreamName())
	log = slices.DeleteFunc(log, func(e kept) bool {
		if s := o.GetStream(); s != nil {
			from, is := s.GetRevisionOption().(*streams.ReadReq_Options_StreamOptions_Revision)
			return e.stream != name || is && (!backwards && e.number < from.Revision || backwards && e.number > from.Revision)
		}
		from, is := o.GetAll().GetAllOption().(*streams.ReadReq_Options_AllOptions_Position)
		return is && (!backwards && e.at < from.Position.CommitPosition || backwards && e.at >= from.Position.CommitPosition)
	})
	if p.mu.Lock(); name != "" && p.count(name) == 0 {
		p.mu.Unlock()
		return out.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(name)}}}})
	}
	p.mu.Unlock()
	if backwards {
		slices.Reverse(log)
	}
	if p.ends.Load() {
		if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_FirstStreamPosition{}}); err != nil {
			return err
		}
	}
	for i := range log[:min(uint64(len(log)), o.GetCount())] {
		if err := out.Send(p.message(&log[i])); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) subscribe(o *streams.ReadReq_Options, out streams.Streams_ReadServer) error {
	at := uint64(0)
	if from, ok := o.GetAll().GetAllOption().(*streams.ReadReq_Options_AllOptions_Position); ok {
		at = from.Position.CommitPosition
	}
	if log, _ := p.snapshot(); at > 0 && !p.patient && (len(log) == 0 || log[len(log)-1].at < at) {
		return status.Error(codes.InvalidArgument, "the position is past the end")
	}
	filter := regexp.MustCompile(o.GetFilter().GetStreamIdentifier().GetRegex())
	if err := out.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: "s"}}}); err != nil {
		return err
	}
	for {
		log, changed := p.snapshot()
		for i := range log {
			if e := &log[i]; e.at > at {
				at = e.at
				if !filter.MatchString(e.stream) {
					continue
				}
				m := p.message(e)
				if p.sent != nil {
					p.sent(m)
				}
				if err := out.Send(m); err != nil {
					return err
				}
			}
		}
		select {
		case <-changed:
		case <-out.Context().Done():
			return out.Context().Err()
		}
	}
}

func (p *peer) message(e *kept) *streams.ReadResp {
	contentType, created := "application/octet-stream", strconv.FormatInt(e.created.UnixNano()/100, 10)
	if e.json {
		contentType = "application/json"
	}
	if p.created != nil {
		created = p.created(e)
	}
	most, least := int64(0), int64(0)
	for i := range 8 {
		most, least = most<<8|int64(e.id[i]), least<<8|int64(e.id[8+i])
	}
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{Id: &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: most, LeastSignificantBits: least}}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(e.stream)}, StreamRevision: e.number, PreparePosition: e.at, CommitPosition: e.at,
			Metadata: map[string]string{"type": e.typ, "content-type": contentType, "created": created}, CustomMetadata: e.meta, Data: e.data},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: e.at}}}}
}

// nodes are gossip's view of a cluster: the first is the leader.
func nodes(addrs ...string) []*gossip.MemberInfo {
	var out []*gossip.MemberInfo
	for i, a := range addrs {
		host, port, _ := strings.Cut(a, ":")
		n, _ := strconv.Atoi(port)
		state := gossip.MemberInfo_Follower
		if i == 0 {
			state = gossip.MemberInfo_Leader
		}
		out = append(out, &gossip.MemberInfo{State: state, IsAlive: true, HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(n)}})
	}
	return out
}
