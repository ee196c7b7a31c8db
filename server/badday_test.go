package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// day is a server on a port of its own, over a disk of its own.
type day struct {
	base  string
	store *pebblestore.Store
	disk  *meter
	reg   *prometheus.Registry
	end   func() error // ends the server and closes the store
}

// meter is a disk that says how much room it has.
type meter struct {
	vfs.FS
	free atomic.Uint64
}

func (m *meter) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: m.free.Load(), TotalBytes: 1 << 40}, nil
}

// startDay has listen change what connections are, nil for nothing.
func startDay(t *testing.T, limits server.Limits, listen func(net.Listener) net.Listener) *day {
	t.Helper()
	d := &day{disk: &meter{FS: vfs.NewMem()}, reg: prometheus.NewRegistry()}
	d.disk.free.Store(1 << 40)
	var err error
	if d.store, err = pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: d.disk}); err != nil {
		t.Fatal(err)
	}
	models, err := projections.Open(t.Context(), "models", d.store, projections.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	address, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	d.base = address.URL
	l := net.Listener(address)
	if listen != nil {
		l = listen(l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	api := server.New(server.Options{Store: d.store, Append: ledger.Intake(d.store.AppendAll, ledger.Validate), Models: models, Registry: d.reg,
		Access: server.Access{Limits: limits}})
	go func() { ended <- api.Serve(ctx, l) }()
	done := false
	d.end = func() error {
		if done {
			return nil
		}
		done = true
		cancel()
		return errors.Join(<-ended, models.Close(), d.store.Close())
	}
	t.Cleanup(func() {
		if err := d.end(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// fill appends events of a size.
func (d *day) fill(t *testing.T, events, size int) {
	t.Helper()
	text := `{"activity":"call","attributes":{"text":"` + strings.Repeat("x", size) + `"}}`
	intake := ledger.Intake(d.store.AppendAll, ledger.Validate)
	for i := range events {
		if r := intake(t.Context(), batch(ledger.Any, event(fmt.Sprint("fill-", i), "J", text)))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

func (d *day) head(t *testing.T) uint64 {
	t.Helper()
	h, err := d.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h.Position
}

// TestSlowHeads opens connections that never say what they want; the server closes them, and others are answered all the while.
func TestSlowHeads(t *testing.T) {
	d := startDay(t, server.Limits{Wait: 300 * time.Millisecond}, nil)
	const slow = 50
	ends := make(chan error, slow)
	for range slow {
		conn := raw(t, d.base, "GET /v1/head HTTP/1.1\r\nHost: localhost\r\n")
		go func() {
			for tick, i := time.Tick(30*time.Millisecond), 0; i < 1000; i++ { // a header without end
				if _, err := fmt.Fprintf(conn, "X-%d: x\r\n", i); err != nil {
					ends <- nil
					return
				}
				<-tick
			}
			ends <- errors.New("the server took a thousand lines")
		}()
	}
	c := client.New(d.base, client.Options{})
	for range slow {
		if _, err := c.Head(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}

// TestBodiesThatAreNot sends bodies that are too long, or not what was announced: nothing of them is written.
func TestBodiesThatAreNot(t *testing.T) {
	d := startDay(t, server.Limits{}, nil)
	one := `{"specversion":"1.0","id":"s","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","data":{"activity":"call"}}`
	two := strings.Replace(one, `"s"`, `"t"`, 1)
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	const head = "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%s\r\n\r\n"
	kinds := map[string]string{"/v1/events": ledger.ContentTypeCloudEventBatch, "/v1/batches": "application/json"}
	wrap := map[string]func(string) string{"/v1/events": func(s string) string { return "[" + s + "]" },
		"/v1/batches": func(s string) string { return `{"batches":[{"stream":"journey-J","expect":-1,"events":[` + s + `]}]}` }}
	for path, kind := range kinds {
		body := wrap[path](one + "," + two)
		for name, text := range map[string]string{
			"cut":                 fmt.Sprintf(head, path, kind, fmt.Sprintf("Content-Length: %d", len(body))) + body[:len(body)/2],
			"cut after the first": fmt.Sprintf(head, path, kind, fmt.Sprintf("Content-Length: %d", len(body))) + body[:strings.Index(body, one)+len(one)],
			"last byte missing":   fmt.Sprintf(head, path, kind, fmt.Sprintf("Content-Length: %d", len(body))) + body[:len(body)-1],
			"chunks cut":          fmt.Sprintf(head, path, kind, "Transfer-Encoding: chunked") + chunk(body[:len(body)/2]),
			"chunks without end":  fmt.Sprintf(head, path, kind, "Transfer-Encoding: chunked") + chunk(body),
		} {
			conn := raw(t, d.base, text)
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && resp.StatusCode < 400 {
				t.Errorf("%s to %s is answered %s", name, path, resp.Status)
			}
		}
		conn := raw(t, d.base, fmt.Sprintf(head, path, kind, "Transfer-Encoding: chunked"))
		go func() {
			for piece := chunk(strings.Repeat(" ", 1<<20)); ; { // without end
				if _, err := io.WriteString(conn, piece); err != nil {
					return
				}
			}
		}()
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a body without end to %s is answered %v, %v", path, resp, err)
		}
	}
	conn := raw(t, d.base, "GET /v1/head HTTP/1.1\r\nHost: localhost\r\nX-Long: "+strings.Repeat("x", 100<<10)+"\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 100 KiB is answered %v, %v", resp, err)
	}
	if n := d.head(t); n != 0 {
		t.Errorf("%d events were written", n)
	}
}

// TestClientsThatGo take the beginning of a list and go. What the lists held is given back: the store closes, which it refuses while an iterator is open,
// and no goroutine stays.
func TestClientsThatGo(t *testing.T) {
	before := runtime.NumGoroutine()
	d := startDay(t, server.Limits{}, func(l net.Listener) net.Listener { return narrow{l} })
	d.fill(t, 8, 512<<10)
	serving := runtime.NumGoroutine()
	for i := range 100 {
		path := []string{"/v1/records", "/v1/streams/journey-J/records", "/v1/tail?from=1", "/v1/head?after=99"}[i%4]
		conn := raw(t, d.base, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(path, "head") {
			if _, err := conn.Read(make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if i%8 < 4 { // by a reset, or in order
			if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
	}
	until(t, "the goroutines of clients that went end", func() bool { return runtime.NumGoroutine() <= serving })
	if err := d.end(); err != nil {
		t.Error(err)
	}
	until(t, "the goroutines of the server end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestStalledReaderIsCutOff: a reader that takes nothing is cut off while the server goes on.
func TestStalledReaderIsCutOff(t *testing.T) {
	d := startDay(t, server.Limits{Stall: 200 * time.Millisecond}, func(l net.Listener) net.Listener { return narrow{l} })
	d.fill(t, 8, 512<<10)
	serving := runtime.NumGoroutine()
	for i := range 20 {
		path := []string{"/v1/records", "/v1/tail?from=1", "/v1/journeys/J/timeline", "/openapi.json"}[i%4]
		conn := raw(t, d.base, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"+strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 20))
		if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "requests begin", func() bool { return runtime.NumGoroutine() > serving })
	until(t, "readers that take nothing are cut off", func() bool { return runtime.NumGoroutine() <= serving })
	// One that takes a little all the time gets everything.
	resp, err := http.Get(d.base + "/v1/records")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, tick := int64(0), time.Tick(2*time.Millisecond)
	for err == nil {
		var k int64
		k, err = io.CopyN(io.Discard, resp.Body, 16<<10)
		n += k
		<-tick
	}
	if !errors.Is(err, io.EOF) || n < 8*512<<10 {
		t.Errorf("a slow reader got %d bytes: %v", n, err)
	}
}

// TestFullDisk serves from a disk that gets full: reads go on, writes are refused and leave nothing, and go on when there is room.
func TestFullDisk(t *testing.T) {
	d := startDay(t, server.Limits{}, nil)
	d.fill(t, 3, 100)
	ctx, c := t.Context(), client.New(d.base, client.Options{})
	d.disk.free.Store(1 << 20)
	for i := range 3 {
		err := c.AppendAll(ctx, batch(ledger.Any, event(fmt.Sprint("late-", i), "J", `{"activity":"call"}`)))[0].Err
		if !errors.Is(err, ledger.CodeDiskFull) || !strings.Contains(ledger.HintOf(err), "free some disk space") {
			t.Fatalf("an append to a full disk is answered %v (%s)", err, ledger.HintOf(err))
		}
	}
	one := `{"specversion":"1.0","id":"s","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","data":{"activity":"call"}}`
	resp, err := http.Post(d.base+"/v1/events", ledger.ContentTypeCloudEvent, strings.NewReader(one))
	if err != nil || resp.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("an event to a full disk is answered %v, %v", resp, err)
	}
	resp.Body.Close()
	n := 0
	for _, err := range c.ReadStream(ctx, "journey-J", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if h, err := c.Head(ctx); err != nil || h.Position != 3 || n != 3 {
		t.Errorf("the full disk's ledger: head %+v, %v, %d events read", h, err, n)
	}
	d.disk.free.Store(1 << 40)
	r := c.AppendAll(ctx, batch(ledger.Any, event("late-0", "J", `{"activity":"call"}`)))[0]
	if r.Err != nil || r.Receipts[0].Position != 4 || r.Receipts[0].Duplicate {
		t.Errorf("when there is room again: %+v", r)
	}
}
