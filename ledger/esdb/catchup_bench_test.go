package esdb_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// BenchmarkCatchUp is a new node that mirrors what is there, server and node in one process.
func BenchmarkCatchUp(b *testing.B) {
	const events = 50_000
	s := newSite(b)
	n := s.node(b, vfs.NewMem())
	for at := 0; at < events; {
		var batches []ledger.Batch
		for j := range 100 {
			batch := ledger.Batch{Stream: fmt.Sprint("journey-", at, "-", j), Expect: ledger.Any}
			for range 10 {
				batch.Events = append(batch.Events, ledger.Event{ID: fmt.Sprint(at), Source: "bench", Type: "dev.baton.interaction.recorded.v1",
					Data: fmt.Appendf(nil, `{"activity":"call","stage":"sales","text":"%0400d"}`, at)})
				at++
			}
			batches = append(batches, batch)
		}
		for _, r := range n.AppendAll(context.Background(), batches) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
	for b.Loop() {
		fresh, err := s.open(vfs.NewMem())
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := fresh.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
