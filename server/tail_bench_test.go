package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
)

// counted is a reader that counts the events of a tail as cheaply as can be: the benchmark is about the server.
func counted(r io.Reader, events *atomic.Int64) {
	buf := make([]byte, 4<<10)
	for line := 0; ; {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if c == '\n' && line == 0 {
				events.Add(1) // an empty line ends each
			}
			if line++; c == '\n' {
				line = 0
			}
		}
		if err != nil {
			return
		}
	}
}

// BenchmarkTail appends batches of 10 events of 512 bytes while clients tail, and waits for each client to have all. Metrics: events appended a
// second, events sent a second over all clients, and bytes of heap and stacks for each client that waits.
func BenchmarkTail(b *testing.B) {
	for _, clients := range []int{0, 1, 100, 500} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchTail(b, clients, "") })
	}
	b.Run("clients=500/filter", func(b *testing.B) { benchTail(b, 500, "&filter=event.activity%20%3D%3D%20%22call%22") })
}

func benchTail(b *testing.B, clients int, query string) {
	store, err := pebblestore.Open(b.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		b.Fatal(err)
	}
	intake := ledger.Intake(store.AppendAll, ledger.Validate)
	l, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.New(server.Options{Store: store, Append: intake}).Serve(ctx, l) }()
	before := inUse()
	var events atomic.Int64
	var readers sync.WaitGroup
	for range clients {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /v1/tail?from=1%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query)
		readers.Go(func() { counted(conn, &events) })
	}
	await(b, &events, int64(clients)) // the first position
	memory := (inUse() - before) / float64(max(clients, 1))
	data := `{"activity":"call","text":"` + strings.Repeat("x", 480) + `"}`
	b.ResetTimer()
	appended := 0
	for i := 0; b.Loop(); i++ {
		var list []ledger.Event
		for k := range 10 {
			list = append(list, event(fmt.Sprint(i, "-", k), fmt.Sprint("J", i%100), data))
		}
		if r := intake(ctx, batch(ledger.Any, list...))[0]; r.Err != nil {
			b.Fatal(r.Err)
		}
		appended += len(list)
	}
	writing := b.Elapsed()
	await(b, &events, int64(clients)*int64(appended+1))
	b.StopTimer()
	b.ReportMetric(float64(appended)/writing.Seconds(), "appended/s")
	b.ReportMetric(float64(events.Load())/b.Elapsed().Seconds(), "sent/s")
	if clients >= 100 { // else it is the server's own
		b.ReportMetric(memory, "B/client")
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	readers.Wait()
	if err := store.Close(); err != nil {
		b.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// inUse is the heap and the stacks; those of the benchmark's own readers are among them.
func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

func await(b *testing.B, n *atomic.Int64, want int64) {
	for limit := time.Now().Add(time.Minute); n.Load() < want; <-time.After(time.Millisecond) {
		if time.Now().After(limit) {
			b.Fatalf("%d of %d events came", n.Load(), want)
		}
	}
}
