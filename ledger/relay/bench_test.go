package relay_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

// BenchmarkCatchUp is the relay's rate behind a ledger of 512-byte events, in events/s.
func BenchmarkCatchUp(b *testing.B) {
	bench := newBench(b)
	text := fmt.Sprintf("%0480d", 7)
	const n = 100_000
	for at := 0; at < n; at += 1000 {
		batches := make([]ledger.Batch, 100)
		for i := range batches {
			batches[i] = ledger.Batch{Stream: fmt.Sprintf("journey-J%d", at/10+i), Expect: ledger.Any}
			for k := range 10 {
				batches[i].Events = append(batches[i].Events, ledger.Event{ID: fmt.Sprintf("%d-%d-%d", at, i, k), Source: "/bench",
					Type: ledger.Type("interaction", "recorded"), Subject: fmt.Sprintf("J%d", at/10+i), Data: []byte(`{"activity":"` + text + `"}`)})
			}
		}
		for _, r := range bench.append(bench.ctx, batches) {
			bench.must(r.Err)
		}
	}
	bench.events = n
	for b.Loop() {
		r := bench.relay()
		start := time.Now()
		bench.must(r.CatchUp(bench.ctx, bench.store))
		b.ReportMetric(n/time.Since(start).Seconds(), "events/s")
		start = time.Now()
		report := bench.check()
		b.ReportMetric(n/time.Since(start).Seconds(), "checked/s")
		if !report.Clean() || report.Published != n {
			b.Fatalf("%+v", report)
		}
		bench.must(bench.js.DeleteStream(bench.ctx, relay.StreamName))
	}
}

// BenchmarkLatency is the time from before the append to the receipt of the message by a consumer, for single events one after
// the other; most of it is the ledger's sync.
func BenchmarkLatency(b *testing.B) {
	bench := newBench(b)
	bench.run(bench.relay())
	bench.until("the stream exists", func() bool { return bench.info() != nil })
	sub, err := bench.nc.SubscribeSync(relay.AllSubjects)
	bench.must(err)
	bench.must(bench.nc.Flush())
	var all, behind []time.Duration
	for b.Loop() {
		start := time.Now()
		bench.write(1)
		appended := time.Now()
		if _, err := sub.NextMsg(10 * time.Second); err != nil {
			b.Fatal(err)
		}
		all, behind = append(all, time.Since(start)), append(behind, time.Since(appended))
	}
	for name, d := range map[string][]time.Duration{"all": all, "behind": behind} {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(d[len(d)*99/100].Microseconds()), name+"-p99-µs")
	}
}
