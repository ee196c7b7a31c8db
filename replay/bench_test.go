package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/replay"
)

// longLedger is an on-disk ledger of journeys with 50 events of about 500 bytes each, interleaved as they would be in life.
func longLedger(b *testing.B, journeys int) (dir string, o pebblestore.Options) {
	dir, o = b.TempDir(), pebblestore.Options{TagKey: []byte(strings.Repeat("k", 32))}
	s, err := pebblestore.Open(ctx, dir, o)
	if err != nil {
		b.Fatal(err)
	}
	write := ledger.Intake(s.AppendAll, ledger.Validate)
	filler := strings.Repeat("x", 300)
	for i := range 50 {
		var batches []ledger.Batch
		for j := range journeys {
			e := ledger.Event{ID: fmt.Sprint(i), Source: "bench", Subject: fmt.Sprint("j", j), Type: ledger.Type("interaction", "recorded"),
				Data: fmt.Appendf(nil, `{"activity":"a%d","stage":"S%d","party":"p","attributes":{"f%d":%d,"text":%q}}`, i, i%3, i%9, i, filler)}
			batches = append(batches, ledger.Batch{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}})
		}
		for _, r := range write(ctx, batches) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return dir, o
}

// BenchmarkAsOf is one 50-event journey: cold is the first journeys read after opening, each another one; warm is the same again.
func BenchmarkAsOf(b *testing.B) {
	const journeys = 2000
	dir, o := longLedger(b, journeys)
	s, err := pebblestore.OpenReadOnly(ctx, dir, o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	run := func(name string, id func(i int) string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if v, err := replay.AsOf(ctx, s, id(i), replay.Moment{}); err != nil || v.Events != 50 {
					b.Fatal(v.Events, err)
				}
			}
		})
	}
	run("cold", func(i int) string { return fmt.Sprint("j", i*797%journeys) })
	run("warm", func(int) string { return "j7" })
	b.Run("headers", func(b *testing.B) {
		for b.Loop() {
			for e, err := range replay.Timeline(ctx, s, "j7", replay.Moment{}) {
				if err != nil {
					b.Fatal(e, err)
				}
			}
		}
	})
}
