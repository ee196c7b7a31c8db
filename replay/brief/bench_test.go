package brief_test

import (
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// BenchmarkAssemble is the brief of simulated journeys, read and assembled; of is the assembling alone.
func BenchmarkAssemble(b *testing.B) {
	t := open(b)
	t.simulate(200)
	var names []string
	for head, err := range t.Streams(b.Context(), ledger.JourneyStream(""), "") {
		if err != nil {
			b.Fatal(err)
		}
		names = append(names, ledger.JourneyOf(head.Stream))
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := brief.Assemble(b.Context(), t, names[i%len(names)], brief.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	var all [][]ledger.Recorded
	for _, name := range names {
		var events []ledger.Recorded
		for e, err := range replay.Events(b.Context(), t, name, replay.Moment{}) {
			if err != nil {
				b.Fatal(err)
			}
			events = append(events, e)
		}
		all = append(all, events)
	}
	b.Run("of", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := brief.Of(names[i%len(names)], all[i%len(all)], brief.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
