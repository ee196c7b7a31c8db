package policy

import (
	"iter"

	"github.com/baton-ledger/baton/ledger"
)

// Place gives events the places that an empty ledger would give them, one after the other, with their facets: what [Read] reads where there is no ledger, as
// of simulated journeys. They count as recorded when they happened.
func Place(events iter.Seq2[ledger.Event, error]) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		revisions, position := map[string]uint64{}, uint64(0)
		for e, err := range events {
			r := ledger.Recorded{Event: e, Stream: ledger.StreamFor(&e), RecordedTime: e.Time}
			if err == nil {
				r.Facets, err = ledger.DeriveFacets(r.Data)
			}
			position++
			revisions[r.Stream]++
			r.Position, r.Revision = position, revisions[r.Stream]
			if !yield(r, err) {
				return
			}
		}
	}
}
