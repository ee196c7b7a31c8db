package server_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// gauge reads one of the server's own figures.
func (d *day) gauge(t *testing.T, name string) float64 {
	t.Helper()
	families, err := d.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// cushion is a listener that counts its open connections. Each holds 64 KiB for a client that takes nothing: the system's own choice is megabytes.
type cushion struct {
	net.Listener
	open *atomic.Int64
}

func (c cushion) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { c.open.Add(-1) })}, conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestManyTailsOfWhichHalfStall has 250 clients follow the ledger and 250 that ask to and take nothing. Each of the first gets every event, in order;
// each of the others is cut off; what they cost is bounded, and appends go on.
func TestManyTailsOfWhichHalfStall(t *testing.T) {
	const half, events, stall = 250, 400, 4 * time.Second
	var open atomic.Int64
	d := startDay(t, server.Limits{Stall: stall}, func(l net.Listener) net.Listener { return cushion{l, &open} })
	c := client.New(d.base, client.Options{})
	text := `{"activity":"call","attributes":{"text":"` + strings.Repeat("x", 2000) + `"}}`
	acked := make([]time.Time, events+1) // by number of the event
	var mu sync.Mutex
	appendAll := func(name string) (took []time.Duration) {
		for i := 1; i <= events; i++ {
			begin := time.Now()
			r := c.AppendAll(t.Context(), batch(ledger.Any, event(fmt.Sprint(name, i), "J", text)))[0]
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			took = append(took, time.Since(begin))
			mu.Lock()
			acked[i] = time.Now()
			mu.Unlock()
		}
		return took
	}
	alone := appendAll("alone-")
	empty := heap()

	const ask = "GET /v1/tail?from=%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
	stalled := make([]net.Conn, half)
	for i := range stalled {
		stalled[i] = raw(t, d.base, fmt.Sprintf(ask, 1))
		if err := stalled[i].(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	var readers sync.WaitGroup
	arrivals := make([][]time.Time, half)
	for i := range arrivals {
		conn := raw(t, d.base, fmt.Sprintf(ask, events+1))
		readers.Go(func() { arrivals[i] = follow(t, conn, events+1, 2*events) })
	}
	until(t, "all are connected", func() bool { return d.gauge(t, "baton_http_sse_clients") == 2*half })
	beside := appendAll("beside-")
	full := heap()
	readers.Wait()
	if t.Failed() {
		return
	}
	until(t, "those that stall are cut off", func() bool { return d.gauge(t, "baton_http_sse_clients") == 0 && open.Load() <= 1 }) // one is the client that appends
	ended := time.Now()
	var late []time.Duration
	for _, times := range arrivals {
		for k, at := range times {
			late = append(late, max(0, at.Sub(acked[k+1])))
		}
	}
	grown := int64(full) - int64(empty)
	t.Logf("append alone %s; beside %d tails %s", spread(alone), 2*half, spread(beside))
	t.Logf("from the answer of an append to a tail that has it: %s", spread(late))
	t.Logf("the last stalled tail ended %s after the last append; the heap grew by %d KiB, server and clients", ended.Sub(acked[events]).Round(time.Millisecond), grown>>10)
	if grown > 100<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// follow reads events of a tail, each position in its turn, and notes when it came.
func follow(t *testing.T, conn net.Conn, from, to int) (at []time.Time) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for want := from; want <= to; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("a tail that takes everything ended before position %d: %v", want, err)
			return nil
		}
		id, ok := strings.CutPrefix(strings.TrimSpace(line), "id: ")
		if !ok || id == strconv.Itoa(want-1) {
			continue // not an id, or where the tail begins
		}
		if id != strconv.Itoa(want) {
			t.Errorf("position %s comes where %d is due", id, want)
			return nil
		}
		at = append(at, time.Now())
		want++
	}
	return at
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func spread(d []time.Duration) string {
	slices.Sort(d)
	return fmt.Sprintf("p50 %s, p99 %s, longest %s", d[len(d)/2].Round(time.Microsecond), d[len(d)*99/100].Round(time.Microsecond), d[len(d)-1].Round(time.Microsecond))
}
