package projections

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// benchEvents is the size of the ledger the benchmarks run over: BATON_BENCH_EVENTS or 200,000.
func benchEvents() int {
	if n, err := strconv.Atoi(os.Getenv("BATON_BENCH_EVENTS")); err == nil {
		return n
	}
	return 200_000
}

var benchLedger = sync.OnceValues(func() (*pebblestore.Store, error) {
	dir, err := os.MkdirTemp("", "baton-bench-")
	if err != nil {
		return nil, err
	}
	store, err := pebblestore.Open(context.Background(), dir, pebblestore.Options{TagKey: []byte("a tag key of these tests, 32 by.")})
	if err != nil {
		return nil, err
	}
	return store, traffic(store, benchEvents())
})

// traffic appends journeys of eleven events with two handoffs each, some hundreds of journeys under way at a time, over
// twelve stages and two hundred people.
func traffic(store *pebblestore.Store, n int) error {
	rng := rand.New(rand.NewPCG(1, 2))
	appendAll := ledger.Intake(store.AppendAll, ledger.Validate)
	var batches []ledger.Batch
	flush := func() error {
		for _, r := range appendAll(context.Background(), batches) {
			if r.Err != nil {
				return r.Err
			}
		}
		batches = batches[:0]
		return nil
	}
	add := func(s said, i int) { batches = append(batches, s.batch(i)) }
	const width = 400 // journeys under way
	for i := 0; i < n; {
		base := i
		for step := range 11 {
			for j := range width {
				journey := fmt.Sprintf("%08x-%d", uint32(base+j)*2654435761, base+j)
				at := time.Duration(base+step*width+j) * time.Second
				stage := func(k int) string { return "stage-" + strconv.Itoa((base/width+j+k)%12) }
				person := "person-" + strconv.Itoa(rng.IntN(200))
				leg := step / 4
				switch step % 4 {
				case 0, 1:
					add(act(journey, stage(leg), person, at), i)
				case 2:
					add(offer(journey, fmt.Sprintf("%s-%d", journey, leg), stage(leg), stage(leg+1), at), i)
				case 3:
					add(move(journey, fmt.Sprintf("%s-%d", journey, leg), "accepted", stage(leg+1), at), i)
				}
				i++
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func benchSource(b *testing.B) (*pebblestore.Store, uint64) {
	store, err := benchLedger()
	check(b, err)
	return store, must[ledger.Head](b)(store.Head(context.Background())).Position
}

// BenchmarkScan is the limit of what follows: the ledger's headers read and nothing made of them.
func BenchmarkScan(b *testing.B) {
	store, head := benchSource(b)
	for b.Loop() {
		for _, err := range store.Read(context.Background(), ledger.ReadOptions{HeaderOnly: true}) {
			check(b, err)
		}
	}
	b.ReportMetric(float64(head)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkApply follows the whole ledger from its first event, as a live follower that catches up.
func BenchmarkApply(b *testing.B) {
	store, head := benchSource(b)
	for b.Loop() {
		m := must[*Models](b)(Open(context.Background(), b.TempDir(), store, quietly(Options{})))
		check(b, m.CatchUp(context.Background()))
		check(b, m.Close())
	}
	b.ReportMetric(float64(head)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRebuild makes the models again in parallel, without the comparison.
func BenchmarkRebuild(b *testing.B) {
	store, head := benchSource(b)
	m := must[*Models](b)(Open(context.Background(), b.TempDir(), store, quietly(Options{})))
	defer m.Close()
	var heap uint64
	for b.Loop() {
		check(b, m.make(context.Background(), 2, head))
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		heap = max(heap, s.HeapSys)
	}
	b.ReportMetric(float64(head)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(heap)/(1<<20), "heap-MiB")
}

// BenchmarkCustody asks for the custody report, BenchmarkDigest for the state digest, of models of the whole ledger.
func BenchmarkCustody(b *testing.B) {
	m := benchModels(b)
	for b.Loop() {
		must[CustodyReport](b)(m.Custody(context.Background(), CustodyOptions{}))
	}
}

func BenchmarkDigest(b *testing.B) {
	m := benchModels(b)
	for b.Loop() {
		digest(b, m)
	}
}

func benchModels(b *testing.B) *Models {
	store, _ := benchSource(b)
	m := openModels(b, store, Options{FS: vfs.NewMem()})
	check(b, m.CatchUp(context.Background()))
	b.Cleanup(func() { m.Close() })
	return m
}
