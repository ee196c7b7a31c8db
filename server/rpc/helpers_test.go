package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/rpc"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// node is a real server over a real ledger in memory, on a port of its own.
type node struct {
	testing.TB
	store *pebblestore.Store
	addr  string
	stop  func() error // stops the server and says how it ended

	refuse error // what appends are answered with, nil: what the ledger says
}

func start(t testing.TB, changes ...func(*server.Options)) *node {
	t.Helper()
	ctx := context.Background()
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	must(t, err)
	models, err := projections.Open(ctx, "models", store, projections.Options{FS: vfs.NewMem()})
	must(t, err)
	n := &node{TB: t, store: store}
	intake := ledger.Intake(store.AppendAll, n.refusing, server.Actor, ledger.Validate)
	o := server.Options{Store: store, Append: intake, Models: models, Mounts: rpc.New(rpc.Options{Store: store, Append: intake})}
	for _, change := range changes {
		change(&o)
	}
	s := server.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stopped := false
	n.addr = l.Addr().String()
	n.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := errors.Join(n.stop(), models.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// refusing is a stage of the intake.
func (n *node) refusing(next ledger.Append) ledger.Append {
	return func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
		if n.refuse == nil {
			return next(ctx, batches)
		}
		return slices.Repeat([]ledger.Result{{Err: n.refuse}}, len(batches))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (try: %s)", err, ledger.HintOf(err))
	}
}

// dial opens an ordinary gRPC client.
func (n *node) dial() *grpc.ClientConn {
	n.Helper()
	cc, err := grpc.NewClient(n.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(n, err)
	n.Cleanup(func() { cc.Close() })
	return cc
}

// call is one unary call.
func call[Out any](ctx context.Context, cc *grpc.ClientConn, method string, in any) (*Out, error) {
	out := new(Out)
	if err := cc.Invoke(ctx, "/baton.v1.HandoffService/"+method, in, out); err != nil {
		return nil, batonv1.ErrorOf(err)
	}
	return out, nil
}

func appendTo(ctx context.Context, cc *grpc.ClientConn, in *batonv1.AppendRequest) (*batonv1.AppendResponse, error) {
	return call[batonv1.AppendResponse](ctx, cc, "Append", in)
}

// tail begins a tail and gives its next answer.
func tail(ctx context.Context, cc *grpc.ClientConn, in *batonv1.TailRequest) func() (*batonv1.TailResponse, error) {
	stream, err := cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, batonv1.HandoffServiceTailProcedure)
	if err == nil {
		err = stream.SendMsg(in)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	return func() (*batonv1.TailResponse, error) {
		if err != nil {
			return nil, batonv1.ErrorOf(err)
		}
		out := &batonv1.TailResponse{}
		if err := stream.RecvMsg(out); err != nil {
			return nil, batonv1.ErrorOf(err)
		}
		return out, nil
	}
}

func event(id, journey, data string) *batonv1.Event {
	return &batonv1.Event{Id: id, Source: "test", Type: ledger.Type("interaction", "recorded"), Subject: journey, Data: []byte(data)}
}

// steps are n events of one journey.
func steps(journey string, n int) (out []*batonv1.Event) {
	for i := range n {
		out = append(out, event(fmt.Sprintf("%s-%d", journey, i), journey, fmt.Sprintf(`{"activity":"step %d","channel":"chat"}`, i)))
	}
	return out
}

// within is a context for calls that must not hang.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
