package rpc_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/rpc"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// BenchmarkAppend appends batches of 100 events with 512 bytes of data from 8 goroutines: through the intake in this process, by gRPC from 8
// connections, and by Connect over HTTP/1.1; the client's work is in the figure too. One operation is one batch. The disk is a real one.
func BenchmarkAppend(b *testing.B) {
	const writers, size = 8, 100
	store, err := pebblestore.Open(b.Context(), b.TempDir(), pebblestore.Options{TagKey: make([]byte, 32)})
	must(b, err)
	defer store.Close()
	intake := ledger.Intake(store.AppendAll, ledger.Validate)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	api := server.New(server.Options{Store: store, Append: intake, Mounts: rpc.New(rpc.Options{Store: store, Append: intake})})
	go func() { served <- api.Serve(ctx, l) }()
	defer func() {
		stop()
		must(b, <-served)
	}()
	var connections [writers]*grpc.ClientConn
	for i := range connections {
		connections[i], err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(b, err)
		defer connections[i].Close()
	}
	over1 := batonv1.NewHandoffServiceClient(http.DefaultClient, "http://"+l.Addr().String())

	data := []byte(`{"activity":"call","stage":"sales","party":"Ada","channel":"phone","note":"` + strings.Repeat("n", 512-77) + `"}`)
	var serial atomic.Int64
	for _, way := range []struct {
		name   string
		append func(context.Context, int, *batonv1.AppendRequest) error
	}{
		{"direct", func(ctx context.Context, _ int, in *batonv1.AppendRequest) error {
			batch := ledger.Batch{Stream: in.GetStream(), Expect: ledger.Any, Events: make([]ledger.Event, size)}
			for i, e := range in.GetEvents() {
				batch.Events[i] = ledger.Event{ID: e.GetId(), Source: e.GetSource(), Type: e.GetType(), Subject: e.GetSubject(), ContentType: e.GetDatacontenttype(), Data: e.GetData()}
			}
			return intake(ctx, []ledger.Batch{batch})[0].Err
		}},
		{"gRPC", func(ctx context.Context, writer int, in *batonv1.AppendRequest) error {
			_, err := appendTo(ctx, connections[writer], in)
			return err
		}},
		{"connect", func(ctx context.Context, _ int, in *batonv1.AppendRequest) error {
			_, err := over1.Append(ctx, in)
			return err
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for writer := range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						n := serial.Add(1)
						in := &batonv1.AppendRequest{Stream: ledger.JourneyStream(fmt.Sprint(n % 1000)), Events: make([]*batonv1.Event, size)}
						for i := range in.Events {
							in.Events[i] = &batonv1.Event{Id: fmt.Sprintf("%d-%d", n, i), Source: "bench", Type: ledger.Type("interaction", "recorded"),
								Subject: fmt.Sprint(n % 1000), Datacontenttype: "application/json", Data: data}
						}
						if err := way.append(b.Context(), writer, in); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
