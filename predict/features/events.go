package features

import (
	"context"
	"iter"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// Counts reports whether an event is read: those of a journey's stream, and handoff.delivered and handoff.viewed of its overlay. Suggestions and enrichments
// never are.
func Counts(r *ledger.Recorded) bool {
	category, _ := ledger.SplitStream(r.Stream)
	return category == ledger.CategoryJourney || category == ledger.CategoryOverlay && delivery(r.Type)
}

func delivery(typ string) bool {
	family, verb := ledger.SplitType(typ)
	return family == "handoff" && (verb == "delivered" || verb == "viewed")
}

// Events yields what of a journey is read, with data, both streams in order of position, up to a position of the ledger, 0 for its end. A journey that is not
// there yields nothing.
func Events(ctx context.Context, r ledger.Reader, journey string, position uint64) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		if position == 0 { // two streams that are read one after the other must end at the same place
			head, err := r.Head(ctx)
			if err != nil {
				yield(ledger.Recorded{}, err)
				return
			}
			position = head.Position
		}
		o := ledger.ReadOptions{}
		for e, err := range replay.Merge(r.ReadStream(ctx, ledger.JourneyStream(journey), o), r.ReadStream(ctx, ledger.OverlayStream(journey), o)) {
			if err == nil && e.Position > position {
				return
			}
			if err == nil && !Counts(&e) {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
