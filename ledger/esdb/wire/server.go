// Package wire answers EventStoreDB's gRPC protocol from a ledger, so that clients and tools made for EventStoreDB or KurrentDB read and
// append to it.
//
// What it speaks is version 1 of the protocol: Streams (append, read, subscribe), ServerFeatures and, for clients that look a cluster up,
// Gossip. Streams are never deleted, system streams never written: the ledger is immutable. Persistent subscriptions, projections,
// users and batch appends are not there, and not advertised.
//
// Commit and prepare position are the ledger's position; event numbers are revisions less one. What an event looks like is said by
// package esdb; what of a client's event is kept, and how, by event.go; what happens to ids that come again, by decide.go.
//
// Every call is one goroutine with at most one window of events in hand and nothing of the store held open: a client that takes
// nothing costs that much and no more. An append that has been received is finished even if its client or the server goes.
package wire

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
)

// Options are what a server answers from. Source, Find and Append are required.
type Options struct {
	Source ledger.Source
	Find   ledger.Finder
	Append ledger.Append // the intake
	Admit  Admit         // nil: everybody may do everything
	Reads  int           // reads and subscriptions open at once; 0 is no limit
	Writes int           // appends under way at once; 0 is no limit
	Logger *slog.Logger
}

// maxMessage is what EventStoreDB takes in one message.
const maxMessage = 17 << 20

// Server answers the protocol.
type Server struct {
	streams.UnimplementedStreamsServer

	opts          Options
	grpc          *grpc.Server
	ctx           context.Context // ends when the server does: reads and subscriptions follow
	stop          context.CancelFunc
	reads, writes chan struct{} // a place for each call under way, nil without limit

	mu      sync.Mutex
	appends int           // received and not yet answered
	written chan struct{} // closed when a server that ends has none; nil before
}

// New makes a server. It does not listen yet.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: o, reads: places(o.Reads), writes: places(o.Writes)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.grpc = grpc.NewServer(
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(1000),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.WaitForHandlers(true), // the store is closed after them
		// Clients ping every 10 s, also without a call; a server that takes that for an attack ends idle subscriptions after half a minute.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		// A client that is gone without a word is noticed by that.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
		grpc.ChainUnaryInterceptor(s.unary), grpc.ChainStreamInterceptor(s.stream),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			method, _ := grpc.MethodFromServerStream(stream)
			return fail(stream.Context(), ledger.Errorf(ledger.CodeUnsupported, "", "use streams: append, read and subscribe; the rest is in Baton's own API", "Baton does not offer %s", method))
		}))
	streams.RegisterStreamsServer(s.grpc, s)
	serverfeatures.RegisterServerFeaturesServer(s.grpc, features{})
	gossip.RegisterGossipServer(s.grpc, node{})
	return s
}

func places(n int) chan struct{} {
	if n == 0 {
		return nil
	}
	return make(chan struct{}, n)
}

// enter takes a place, and gives what leaves it.
func enter(places chan struct{}) (leave func(), err error) {
	if places == nil {
		return func() {}, nil
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, ledger.Errorf(ledger.CodeTooMany, "", "try again later, or raise limits.streams and limits.requests", "%d calls of this kind are under way, no more are allowed", cap(places))
	}
}

// What those get who are still there when the server ends: readers who take nothing, and appends that are being received.
const (
	lastWord = time.Second
	grace    = 10 * time.Second
)

// Serve answers until the context ends, then finishes the appends under way. Reads and subscriptions end with Unavailable, upon which
// clients look for the server again. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		s.shutdown()
	}()
	err := s.grpc.Serve(l)
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) && ctx.Err() == nil {
		return &ledger.Error{Code: ledger.CodeUnavailable, Op: "serve the EventStoreDB protocol", Err: err}
	}
	<-stopped
	return nil
}

func (s *Server) shutdown() {
	s.stop()
	quiet := make(chan struct{})
	go func() { defer close(quiet); s.grpc.GracefulStop() }()
	select {
	case <-quiet:
		return
	case <-time.After(lastWord):
	}
	select {
	case <-quiet:
	case <-s.allWritten():
	case <-time.After(grace - lastWord):
		s.opts.Logger.Warn("EventStoreDB clients were cut off", "after", grace)
	}
	s.grpc.Stop()
}

// beginAppend counts an append in; done counts it out.
func (s *Server) beginAppend() (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.appends++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.appends--; s.appends == 0 && s.written != nil {
			close(s.written)
			s.written = nil
		}
	}
}

// allWritten is closed once no append is under way.
func (s *Server) allWritten() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := make(chan struct{})
	if s.appends == 0 {
		close(written)
	} else {
		s.written = written
	}
	return written
}

// recovered turns a defect into an answer: one call must not end the process that holds the ledger.
func (s *Server) recovered(method string, err *error) {
	if p := recover(); p != nil {
		s.opts.Logger.Error("EventStoreDB call failed", "method", method, "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "a defect of Baton; its log says more")
	}
}
