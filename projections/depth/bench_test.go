package depth_test

import (
	"runtime"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/depth"
)

// BenchmarkFold folds events that are in memory: what the fold itself takes.
func BenchmarkFold(b *testing.B) {
	s, err := simulate.New(simulate.Options{Seed: 1, Journeys: 4000})
	if err != nil {
		b.Fatal(err)
	}
	var events []ledger.Recorded
	var size int64
	for e, err := range s.Events() {
		if err != nil {
			b.Fatal(err)
		}
		e.Data = append([]byte(nil), e.Data...)
		events = append(events, recorded(b, e, uint64(len(events)+1)))
		size += int64(len(e.Data))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	var f *depth.Fold
	for b.Loop() {
		f = depth.NewFold(depth.Options{})
		for i := range events {
			f.Add(&events[i])
		}
	}
	b.ReportMetric(float64(len(events))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	runtime.KeepAlive(f)
}
