package wire

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/baton-ledger/baton/ledger"
)

// Admit says who calls, by the secret that came with the call ("" for none), and gives the context in which the intake runs. An error
// is CodeNotKnown.
type Admit func(ctx context.Context, secret string) (context.Context, Caller, error)

// Caller is who calls.
type Caller struct {
	Name          string // the actor that the intake gives to events without one; "" for none
	Reads, Writes bool
	Holds         func() bool // false once who has called may no more, though the call goes on; nil: always true
}

type callerKey struct{}

// callerOf is who calls; without Admit somebody who may do everything.
func callerOf(ctx context.Context) Caller {
	c, ok := ctx.Value(callerKey{}).(Caller)
	if !ok {
		return Caller{Reads: true, Writes: true}
	}
	return c
}

// admit lets a call in. What says nothing of the ledger (features, gossip) and what is not there at all is open: clients ask that
// before they have anything to show.
func (s *Server) admit(ctx context.Context, method string) (context.Context, error) {
	verb, isStreams := strings.CutPrefix(method, "/event_store.client.streams.Streams/")
	if s.opts.Admit == nil || !isStreams {
		return ctx, nil
	}
	ctx, caller, err := s.opts.Admit(ctx, secretOf(ctx))
	if err != nil {
		return nil, err
	}
	if allowed := caller.Writes || caller.Reads && verb == "Read"; !allowed {
		return nil, ledger.Errorf(ledger.CodeForbidden, "", "call with a key that may do it: `baton keys add NAME --role writer`", "%s may not %s", caller.Name, strings.ToLower(verb))
	}
	return context.WithValue(ctx, callerKey{}, caller), nil
}

// secretOf is the password of HTTP Basic, which EventStoreDB's clients send, or a bearer token. The user's name may be anything: the key
// says whose it is.
func secretOf(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, value := range md.Get("authorization") {
		scheme, credentials, _ := strings.Cut(value, " ")
		credentials = strings.TrimSpace(credentials)
		if strings.EqualFold(scheme, "Bearer") {
			return credentials
		}
		if text, err := base64.StdEncoding.DecodeString(credentials); err == nil && strings.EqualFold(scheme, "Basic") {
			_, password, _ := strings.Cut(string(text), ":")
			return password
		}
	}
	return ""
}

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer s.recovered(info.FullMethod, &err)
	admitted, err := s.admit(ctx, info.FullMethod)
	if err == nil {
		out, err = next(admitted, req)
	}
	return out, fail(ctx, err)
}

func (s *Server) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer s.recovered(info.FullMethod, &err)
	ctx, err := s.admit(stream.Context(), info.FullMethod)
	if err == nil {
		err = next(srv, &admittedStream{stream, ctx})
	} else if info.IsClientStream {
		drain(stream)
	}
	return fail(stream.Context(), err)
}

// drain lets a client that is turned away finish what it sends, within bounds: one that is cut off while it sends never reads why.
func drain(stream grpc.ServerStream) {
	finished := make(chan struct{})
	go func() { // ends with the call at the latest
		defer close(finished)
		for size := 0; size < maxTurnedAway; {
			var m streams.AppendReq
			if stream.RecvMsg(&m) != nil {
				return
			}
			size += proto.Size(&m)
		}
	}()
	select {
	case <-finished:
	case <-time.After(lastWord):
	}
}

const maxTurnedAway = 1 << 20

// admittedStream is a call whose context knows the caller.
type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *admittedStream) Context() context.Context { return s.ctx }

// holdTime is how often a subscription is asked whether its caller still may.
var holdTime = 5 * time.Second

// held refuses a caller whose key has been revoked or has expired while the call went on.
func (c Caller) held() error {
	if c.Holds == nil || c.Holds() {
		return nil
	}
	return ledger.Errorf(ledger.CodeNotKnown, "", "call with another key", "the API key was revoked or has expired")
}
