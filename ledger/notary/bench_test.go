package notary_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// benchLedger is a ledger on disk of n events of 512 bytes of data, seven to a stream, with no notary yet.
func benchLedger(b *testing.B, n int) (notary.Options, *pebblestore.Store) {
	dir := b.TempDir()
	keys, err := notary.LoadKeys(dir, "", "")
	must(b, err)
	store, err := pebblestore.Open(b.Context(), dir+"/ledger", pebblestore.Options{TagKey: keys.TagKey})
	must(b, err)
	b.Cleanup(func() { store.Close() })
	appendFn := ledger.Intake(store.AppendAll, ledger.Validate)
	data := []byte(`{"activity":"act","note":"` + strings.Repeat("x", 512-27) + `"}`)
	var batches []ledger.Batch
	for i := range n {
		journey := fmt.Sprint(i/70*10 + i%10)
		batches = append(batches, ledger.Batch{Stream: ledger.JourneyStream(journey), Expect: ledger.Any, Events: []ledger.Event{{
			ID: fmt.Sprint("event ", i), Source: "bench", Type: ledger.Type("interaction", "recorded"), Subject: journey, Data: data}}})
		if len(batches) == 1000 || i == n-1 {
			for _, r := range appendFn(b.Context(), batches) {
				must(b, r.Err)
			}
			batches = batches[:0]
		}
	}
	return notary.Options{Store: store, Keys: keys, Dir: dir}, store
}

func perSecond(b *testing.B, n int, took time.Duration, unit string) {
	b.ReportMetric(float64(n)*float64(b.N)/took.Seconds(), unit)
}

// BenchmarkVerify reads and checks a whole ledger, engine audit included.
func BenchmarkVerify(b *testing.B) {
	const n = 300_000
	o, store := benchLedger(b, n)
	not, err := notary.Open(b.Context(), o)
	must(b, err)
	must(b, not.Close(b.Context()))
	b.ResetTimer()
	for b.Loop() {
		r, err := notary.Verify(b.Context(), notary.VerifyOptions{Store: store, Keys: o.Keys, Dir: o.Dir})
		must(b, err)
		if !r.OK || r.Events != n {
			b.Fatal(r)
		}
	}
	perSecond(b, n, b.Elapsed(), "events/s")
}

// BenchmarkCatchUp makes tree and map of a ledger that has none.
func BenchmarkCatchUp(b *testing.B) {
	const n = 300_000
	var took time.Duration
	for range b.N {
		o, _ := benchLedger(b, n)
		began := time.Now()
		not, err := notary.Open(b.Context(), o)
		must(b, err)
		must(b, not.Close(b.Context()))
		took += time.Since(began)
	}
	perSecond(b, n, took, "events/s")
}

// BenchmarkTick is what a second of a busy ledger costs the notary: 10,000 events on 10,000 streams of 100,000.
func BenchmarkTick(b *testing.B) {
	o, store := benchLedger(b, 700_000)
	not, err := notary.Open(b.Context(), o)
	must(b, err)
	for not.Latest().Streams.Size < not.Latest().Size {
		_, err := not.Checkpoint(b.Context())
		must(b, err)
	}
	appendFn := ledger.Intake(store.AppendAll, ledger.Validate)
	n := 0
	for b.Loop() {
		b.StopTimer()
		var batches []ledger.Batch
		for range 10_000 {
			n++
			journey := fmt.Sprint(n * 7919 % 100_000)
			batches = append(batches, ledger.Batch{Stream: ledger.JourneyStream(journey), Expect: ledger.Any, Events: []ledger.Event{{
				ID: fmt.Sprint("more ", n), Source: "bench", Type: ledger.Type("interaction", "recorded"), Subject: journey, Data: []byte(`{"activity":"act"}`)}}})
		}
		for _, r := range appendFn(b.Context(), batches) {
			must(b, r.Err)
		}
		b.StartTimer()
		for cp, err := not.Checkpoint(b.Context()); cp.Streams.Size < cp.Size; cp, err = not.Checkpoint(b.Context()) {
			must(b, err)
		}
	}
}

// BenchmarkProve makes inclusion proofs over a million events.
func BenchmarkProve(b *testing.B) {
	const n = 1_000_000
	o, store := benchLedger(b, n)
	not, err := notary.Open(b.Context(), o)
	must(b, err)
	must(b, not.Close(b.Context()))
	cp := not.Latest()
	i := uint64(0)
	b.ResetTimer()
	for b.Loop() {
		i = (i*2654435761 + 12345) % n
		_, err := notary.Prove(b.Context(), store, o.Keys.TagKey, cp, i+1)
		must(b, err)
	}
}
