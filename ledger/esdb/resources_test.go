package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// slowMirror writes nothing before its gate is open.
type slowMirror struct {
	*pebblestore.Store
	gate <-chan struct{}
}

func (m slowMirror) Mirror(ctx context.Context, events []ledger.Recorded, values []ledger.NamedValue) ([]ledger.Receipt, error) {
	<-m.gate
	return m.Store.Mirror(ctx, events, values)
}

// TestBytesInFlight: a node whose disk does not keep up while it catches up holds a few megabytes of what is to come, not all of it.
func TestBytesInFlight(t *testing.T) {
	p := newPeer()
	addr, _ := p.serve(t, "")
	const events, size = 30, 2 << 20
	for range events {
		p.put(kept{stream: "journey-1", typ: "big", data: make([]byte, size)})
	}
	var sent, before atomic.Int64
	p.sent = func(*streams.ReadResp) { sent.Add(1) }
	gate := make(chan struct{})
	opened := make(chan *esdb.Store, 1)
	go func() {
		s, err := openNodeWith("esdb://"+addr+"?tls=false", vfs.NewMem(), tagKey, func(o *esdb.Options) {
			o.Mirror = slowMirror{o.Mirror.(*pebblestore.Store), gate}
		})
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	until(t, "the server can send no more", func() bool { // for 300 ms
		n := sent.Load()
		if n == 0 || before.Swap(n) != n {
			return false
		}
		<-time.After(300 * time.Millisecond)
		return sent.Load() == n
	})
	t.Logf("%d MiB in flight", sent.Load()*size>>20)
	if n := sent.Load(); n*size > 24<<20 { // two steps, the feed, and what gRPC's windows hold
		t.Errorf("%d MiB are in flight", n*size>>20)
	}
	close(gate)
	s := <-opened
	if s == nil {
		return
	}
	if h, err := s.Head(context.Background()); h.Position != events || err != nil {
		t.Errorf("head %+v, %v", h, err)
	}
	must(t, s.Close())
}

// goroutines waits until there are no more than so many, and shows those that are left otherwise.
func goroutines(t *testing.T, most int) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); runtime.NumGoroutine() > most; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d goroutines, want at most %d", runtime.NumGoroutine(), most)
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			return
		}
	}
}

// TestNothingIsLeftRunning: after lost connections and Close no goroutine is left.
func TestNothingIsLeftRunning(t *testing.T) {
	site := newSite(t)
	before := runtime.NumGoroutine()
	for range 3 {
		s, err := openNode(site.url, vfs.NewMem())
		must(t, err)
		for i := range 4 {
			var calls sync.WaitGroup
			for j := range 10 {
				calls.Go(func() {
					_, _ = s.Append(within(t, 50*time.Millisecond), batch(fmt.Sprint("journey-", j), fmt.Sprint(i, "/", j)))
				})
			}
			site.stop()
			calls.Wait()
			site.start()
			_, err := persist(within(t, 20*time.Second), s, batch("journey-1", fmt.Sprint("after", i)))
			must(t, err)
		}
		must(t, s.Close())
		must(t, s.Close())
	}
	goroutines(t, before+2) // the runtime's own come and go
}

// TestCloseWhileAway: Close does not wait for EventStoreDB, nor for who calls it.
func TestCloseWhileAway(t *testing.T) {
	site := newSite(t)
	before := runtime.NumGoroutine()
	s, err := openNode(site.url, vfs.NewMem())
	must(t, err)
	site.stop()
	_, err = s.Append(within(t, 200*time.Millisecond), batch("journey-1", "a"))
	if !errors.Is(err, ledger.CodeUnavailable) {
		t.Errorf("append while away: %v", err)
	}
	began := time.Now()
	must(t, s.Close())
	if took := time.Since(began); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	if _, err := s.Append(context.Background(), batch("journey-1", "a")); !errors.Is(err, ledger.CodeClosed) {
		t.Errorf("append after Close: %v", err)
	}
	goroutines(t, before)
	began = time.Now()
	if _, err := openNode(site.url, vfs.NewMem()); !errors.Is(err, ledger.CodeUnavailable) || time.Since(began) > 5*time.Second {
		t.Errorf("open while away: %v after %v", err, time.Since(began))
	}
}

// TestManyBatchesWhileAway: an AppendAll of many journeys says so once EventStoreDB is found to be away, or not to answer, and does not ask for each
// of them.
func TestManyBatchesWhileAway(t *testing.T) {
	t.Cleanup(esdb.GiveUpAfter(300 * time.Millisecond)) // undone after the store was closed
	p := newPeer()
	addr, stop := p.serve(t, "")
	s := openAt(t, "esdb://"+addr+"?tls=false", vfs.NewMem())
	var batches []ledger.Batch
	for i := range 2000 {
		batches = append(batches, batch(fmt.Sprint("journey-", i), "a"))
	}
	refused := func() {
		t.Helper()
		began := time.Now()
		for i, r := range s.AppendAll(context.Background(), batches) {
			if !errors.Is(r.Err, ledger.CodeUnavailable) {
				t.Fatalf("batch %d: %v", i, r.Err)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	}
	var hangs atomic.Bool
	hangs.Store(true)
	p.before = func(ctx context.Context) error {
		if hangs.Load() {
			<-ctx.Done()
		}
		return ctx.Err()
	}
	refused()
	stop()
	refused()
	hangs.Store(false)
	p.serve(t, addr)
	until(t, "it can be written", func() bool {
		for _, r := range s.AppendAll(context.Background(), batches) {
			if r.Err != nil {
				return false
			}
		}
		return true
	})
	if h, _ := s.Head(context.Background()); h.Position != 2000 {
		t.Errorf("head %d", h.Position)
	}
}

// TestAnswerLost: an append that was made and whose answer was lost is unavailable; the retry finds it, and it is there once. So it is
// with another node, and with the caller's own expectation.
func TestAnswerLost(t *testing.T) {
	p := newPeer()
	addr, _ := p.serve(t, "")
	url := "esdb://" + addr + "?tls=false"
	nodes := []*esdb.Store{openAt(t, url, vfs.NewMem()), openAt(t, url, vfs.NewMem())}
	var loses atomic.Bool
	p.lost = func() bool { return loses.Load() }
	for i := range 10 {
		b := batch("journey-1", fmt.Sprint(i), fmt.Sprint(i, "b"))
		b.Expect = ledger.Expect(2 * i)
		loses.Store(true)
		if _, err := nodes[i%2].Append(within(t, 10*time.Second), b); !errors.Is(err, ledger.CodeUnavailable) || ledger.HintOf(err) == "" {
			t.Errorf("the answer is lost: %v", err)
		}
		loses.Store(false)
		receipts, err := persist(within(t, 10*time.Second), nodes[i/2%2], b)
		must(t, err)
		if !receipts[0].Duplicate || receipts[1].Revision != uint64(2*i+2) {
			t.Errorf("round %d: %+v", i, receipts)
		}
	}
	if log, _ := p.snapshot(); len(log) != 20 {
		t.Errorf("%d events in EventStoreDB, want 20", len(log))
	}
	if fmt.Sprint(leaves(t, nodes[0], 20)) != fmt.Sprint(leaves(t, nodes[1], 20)) {
		t.Error("the nodes differ")
	}
}

// TestTooLarge: an append that EventStoreDB's limits refuse says which setting is meant.
func TestTooLarge(t *testing.T) {
	site := newSite(t)
	s := site.node(t, vfs.NewMem())
	b := batch("journey-1", "a")
	b.Events[0].Data = []byte(`"` + strings.Repeat("x", 9<<20) + `"`)
	if _, err := s.Append(within(t, 20*time.Second), b); !errors.Is(err, ledger.CodeTooLarge) && !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
		t.Errorf("too large: %v (hint %q)", err, ledger.HintOf(err))
	}
	_, err := s.Append(within(t, 20*time.Second), batch("journey-1", "b"))
	must(t, err)
}
