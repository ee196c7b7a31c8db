package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// BenchmarkAppend appends batches of 100 events with 512 bytes of data from 8 goroutines: through the intake in this process, and through the
// API from 8 connections, whose client's work is in the figure too. One operation is one batch. The disk is a real one.
func BenchmarkAppend(b *testing.B) {
	const writers, size = 8, 100
	store, err := pebblestore.Open(b.Context(), b.TempDir(), pebblestore.Options{TagKey: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	intake := ledger.Intake(store.AppendAll, ledger.Validate)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	api := server.New(server.Options{Store: store, Append: intake})
	go func() { served <- api.Serve(ctx, l) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			b.Error(err)
		}
	}()
	url := "http://" + l.Addr().String()
	data := []byte(`{"activity":"call","stage":"sales","party":"Ada","channel":"phone","note":"` + strings.Repeat("n", 512-77) + `"}`)
	var serial atomic.Int64
	next := func() ledger.Batch {
		n := serial.Add(1)
		batch := ledger.Batch{Stream: ledger.JourneyStream(fmt.Sprint(n % 1000)), Expect: ledger.Any, Events: make([]ledger.Event, size)}
		for i := range batch.Events {
			batch.Events[i] = ledger.Event{ID: fmt.Sprintf("%d-%d", n, i), Source: "bench", Type: ledger.Type("interaction", "recorded"),
				Subject: fmt.Sprint(n % 1000), ContentType: "application/json", Data: data}
		}
		return batch
	}
	clients := client.New(url, client.Options{})
	for _, way := range []struct {
		name   string
		append func(context.Context, ledger.Batch) error
	}{
		{"direct", func(ctx context.Context, batch ledger.Batch) error { return intake(ctx, []ledger.Batch{batch})[0].Err }},
		{"batches", func(ctx context.Context, batch ledger.Batch) error {
			return clients.AppendAll(ctx, []ledger.Batch{batch})[0].Err
		}},
		{"events", func(ctx context.Context, batch ledger.Batch) error {
			body := []byte("[")
			for i := range batch.Events {
				body = append(ledger.AppendCloudEvent(body, &ledger.Recorded{Event: batch.Events[i]}), ',')
			}
			body[len(body)-1] = ']'
			resp, err := http.Post(url+"/v1/events", ledger.ContentTypeCloudEventBatch, bytes.NewReader(body))
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s %s %w", resp.Status, answer, err)
			}
			return nil
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := way.append(b.Context(), next()); err != nil {
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
