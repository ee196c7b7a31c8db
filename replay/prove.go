package replay

import (
	"context"
	"iter"

	"github.com/baton-ledger/baton/ledger"
)

// Proof compares two independent rebuilds of one journey.
type Proof struct {
	Journey      string      `json:"journey"`
	Moment       Moment      `json:"moment"`
	Position     uint64      `json:"position"` // both rebuilds look at the ledger up to here
	Events       int         `json:"events"`   // found through the streams
	LedgerEvents int         `json:"ledger_events"`
	Digest       ledger.Hash `json:"digest"`        // of the state rebuilt through the streams
	LedgerDigest ledger.Hash `json:"ledger_digest"` // of the state rebuilt from the whole ledger
	Equal        bool        `json:"equal"`
	Changes      []Change    `json:"changes"` // from the streams' state to the ledger's; empty where equal
}

// Prove rebuilds a journey twice, once through its streams (the engine's index) and once by reading the whole ledger by position and
// keeping what belongs to it, and compares. An index that lost, doubled, misplaced or swapped an event shows here. It is the
// one function whose cost grows with the ledger. That the two differ is an answer, not an error.
func Prove(ctx context.Context, r ledger.Reader, journey string, m Moment) (Proof, error) {
	g, err := newGate(ctx, r, journey, m)
	if err != nil {
		return Proof{}, err
	}
	streams, err := asOfGate(journey, g, Merge(
		r.ReadStream(ctx, ledger.JourneyStream(journey), ledger.ReadOptions{}),
		r.ReadStream(ctx, ledger.OverlayStream(journey), ledger.ReadOptions{})))
	if err != nil {
		return Proof{}, err
	}
	all := &gate{Moment: m, head: g.head}
	whole, err := asOfGate(journey, all, ofJourney(r.Read(ctx, ledger.ReadOptions{To: g.head}), journey))
	if err != nil {
		return Proof{}, err
	}
	if streams.Events+whole.Events == 0 || m.Revision > 0 && !g.done && !all.done {
		if _, err := AsOf(ctx, r, journey, m); err != nil { // unknown, or the revision is not there yet
			return Proof{}, err
		}
	}
	p := Proof{Journey: journey, Moment: m, Position: g.head, Events: streams.Events, LedgerEvents: whole.Events,
		Digest: Digest(streams), LedgerDigest: Digest(whole), Changes: Compare(streams, whole).Changes}
	p.Equal = p.Digest == p.LedgerDigest
	return p, nil
}

// ofJourney keeps the events of one journey's two streams.
func ofJourney(events iter.Seq2[ledger.Recorded, error], journey string) iter.Seq2[ledger.Recorded, error] {
	facts, overlay := ledger.JourneyStream(journey), ledger.OverlayStream(journey)
	return func(yield func(ledger.Recorded, error) bool) {
		for e, err := range events {
			if err == nil && e.Stream != facts && e.Stream != overlay {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func asOfGate(journey string, g *gate, events iter.Seq2[ledger.Recorded, error]) (View, error) {
	f := newFolder(journey, true)
	for e, err := range events {
		if err != nil {
			return View{}, err
		}
		if g.admits(&e) {
			f.apply(&e)
		}
		if g.done {
			break
		}
	}
	return f.view(), nil
}
