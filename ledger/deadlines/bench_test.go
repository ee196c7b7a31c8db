package deadlines_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/deadlines"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// BenchmarkTenThousandOpenOffers gives what a start with ten thousand open offers costs, and what it takes to expire them all, spread over a
// thousand journeys and all in one.
func BenchmarkTenThousandOpenOffers(b *testing.B) {
	const offers = 10_000
	for _, journeys := range []int{1000, 1} {
		b.Run(fmt.Sprintf("journeys=%d", journeys), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				store, err := pebblestore.Open(b.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1})
				if err != nil {
					b.Fatal(err)
				}
				in := ledger.Intake(store.AppendAll, ledger.Validate)
				for i := range offers / 100 {
					var batches []ledger.Batch
					for k := range 100 {
						e := ledger.Event{ID: fmt.Sprintf("h%d-%d", i, k), Source: "test", Type: ledger.Type("handoff", "offered"), Subject: fmt.Sprintf("J%d", (100*i+k)%journeys),
							Data: []byte(`{"from":"bot","to":"desk","channel":"chat"}`)}
						batches = append(batches, ledger.Batch{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}})
					}
					for _, r := range in(b.Context(), batches) {
						if r.Err != nil {
							b.Fatal(r.Err)
						}
					}
				}
				waiting(b, store, in)
				b.StartTimer()
				run(b, deadlines.New(deadlines.Options{Store: store, Append: in, Limit: func(string) time.Duration { return time.Nanosecond }}), store, 2*offers)
				b.StopTimer()
				if err := store.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N*offers)/b.Elapsed().Seconds(), "expired/s")
		})
	}
}

// waiting reports what it costs to read and keep the open offers.
func waiting(b *testing.B, store *pebblestore.Store, in ledger.Append) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := deadlines.New(deadlines.Options{Store: store, Append: in, Limit: func(string) time.Duration { return time.Hour }})
	started := time.Now()
	head, err := store.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := ledger.Follow(b.Context(), store, d, ledger.FollowOptions{HeaderOnly: true, Until: head.Position}); err != nil {
		b.Fatal(err)
	}
	took := time.Since(started)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(took.Microseconds())/1000, "start-ms")
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(d.Waiting()), "B/offer")
}

// run runs a follower until the ledger has so many events.
func run(b *testing.B, d *deadlines.Deadlines, store *pebblestore.Store, until uint64) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, nil) }()
	if _, err := store.Wait(b.Context(), until-1); err != nil {
		b.Fatal(err)
	}
	cancel()
	<-done
}
