package rpc_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/baton-ledger/baton/server"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// inFlight is how many calls the server is answering.
func inFlight(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == "baton_http_requests_in_flight" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("calls are not counted")
	return 0
}

// until waits for a number of calls under way.
func until(t *testing.T, reg *prometheus.Registry, want float64) {
	t.Helper()
	ctx := within(t)
	for tick := time.NewTicker(5 * time.Millisecond); inFlight(t, reg) != want; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%v calls are under way, want %v", inFlight(t, reg), want)
		}
	}
}

// TestReadersThatGo opens tails whose callers then read nothing, or leave: the server is rid of them, and answers others meanwhile.
func TestReadersThatGo(t *testing.T) {
	reg := prometheus.NewRegistry()
	n := start(t, func(o *server.Options) {
		o.Registry, o.Access.Limits.Stall = reg, 300*time.Millisecond
	})
	cc, ctx := n.dial(), within(t)
	const events = 32
	noise := make([]byte, 500_000) // it must not compress
	rand.Read(noise)
	for i := range events {
		data := fmt.Sprintf(`{"activity":"a","attributes":{"x":"%x"}}`, noise)
		_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: []*batonv1.Event{event(fmt.Sprint(i), "A", data)}})
		must(t, err)
	}
	for name, client := range map[string]batonv1.HandoffServiceClient{
		"gRPC":    batonv1.NewHandoffServiceClient(overHTTP2(), "http://"+n.addr, connect.WithGRPC()),
		"connect": batonv1.NewHandoffServiceClient(&http.Client{Transport: &http.Transport{}}, "http://"+n.addr),
	} {
		stalled, err := client.Tail(ctx, &batonv1.TailRequest{})
		must(t, err)
		gone, leave := context.WithCancel(ctx)
		idle, err := client.Tail(gone, &batonv1.TailRequest{After: events})
		must(t, err)
		until(t, reg, 2)
		if _, err := client.Journey(ctx, &batonv1.JourneyRequest{Id: "A"}); err != nil {
			t.Errorf("%s: beside them a call is answered %v", name, err)
		}
		leave()
		until(t, reg, 0) // the stalled one too
		received := 0
		for stalled.Receive() {
			received++
		}
		if stalled.Err() == nil || received == events {
			t.Errorf("%s: who read nothing got %d events and then %v", name, received, stalled.Err())
		}
		stalled.Close()
		idle.Close()
	}
}

// overHTTP2 is an HTTP client that speaks HTTP/2 without TLS.
func overHTTP2() *http.Client {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: p}}
}

// TestManyTails has 240 callers on four connections follow the ledger while it grows: each gets every event.
func TestManyTails(t *testing.T) {
	const tails, events = 240, 30
	n := start(t)
	ctx := within(t)
	var connections [4]*grpc.ClientConn
	for i := range connections {
		connections[i] = n.dial()
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := range tails {
		next := tail(ctx, connections[i%len(connections)], &batonv1.TailRequest{Filter: `event.channel == "chat"`})
		g.Go(func() error {
			for want := uint64(1); want <= events; {
				r, err := next()
				if err != nil {
					return err
				}
				if r.GetEvent() == nil {
					continue
				}
				if r.GetPosition() != want {
					return fmt.Errorf("event %d comes where %d should", r.GetPosition(), want)
				}
				want++
			}
			return nil
		})
	}
	all := steps("A", events)
	for i := range all {
		_, err := appendTo(ctx, connections[0], &batonv1.AppendRequest{Events: all[i : i+1]})
		must(t, err)
	}
	must(t, g.Wait())
}
