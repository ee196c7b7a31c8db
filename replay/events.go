package replay

import (
	"context"
	"iter"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Events yields the events of a journey that count at a moment, facts and overlay merged by position. Errors: CodeInvalid for a
// contradictory moment or one past the end, CodeNotFound for a journey the ledger does not have. A moment before the
// journey's first event is no error and yields nothing.
func Events(ctx context.Context, r ledger.Reader, journey string, m Moment) iter.Seq2[ledger.Recorded, error] {
	return events(ctx, r, journey, m, false, nil)
}

// events is Events; skipped, where given, counts those that were known at the moment and had not happened yet.
func events(ctx context.Context, r ledger.Reader, journey string, m Moment, headerOnly bool, skipped *int) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		g, err := newGate(ctx, r, journey, m)
		if err != nil {
			yield(ledger.Recorded{}, err)
			return
		}
		o, seen := ledger.ReadOptions{HeaderOnly: headerOnly}, uint64(0)
		facts, overlay := o, o
		facts.To = m.Revision
		for e, err := range Merge(r.ReadStream(ctx, ledger.JourneyStream(journey), facts), r.ReadStream(ctx, ledger.OverlayStream(journey), overlay)) {
			if err != nil {
				yield(ledger.Recorded{}, err)
				return
			}
			seen++
			if admitted := g.admits(&e); admitted && !yield(e, nil) {
				return
			} else if g.done {
				return
			} else if !admitted && skipped != nil {
				*skipped++
			}
		}
		if err := missing(ctx, r, journey, m, seen); err != nil {
			yield(ledger.Recorded{}, err)
		}
	}
}

// newGate fixes the end of the ledger first: read one after the other, the two streams of a journey would otherwise show two
// different instants while somebody writes.
func newGate(ctx context.Context, r ledger.Reader, journey string, m Moment) (*gate, error) {
	if journey == "" {
		return nil, invalid("name the journey by its id", "journey id is missing")
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	head, err := r.Head(ctx)
	if err != nil {
		return nil, err
	}
	if m.Position > head.Position && head.Position > 0 {
		return nil, ledger.Errorf(ledger.CodeNotFound, "replay", "ask for a position up to "+itoa(head.Position),
			"--position %d is past the end of the ledger, which is position %d", m.Position, head.Position)
	}
	return &gate{Moment: m, head: head.Position}, nil
}

// missing explains a read that ended before its cut: an unknown journey, or a revision that is not there yet.
func missing(ctx context.Context, r ledger.Reader, journey string, m Moment, seen uint64) error {
	if seen == 0 {
		return unknown(ctx, r, journey)
	}
	if m.Revision == 0 {
		return nil
	}
	head, err := r.StreamHead(ctx, ledger.JourneyStream(journey))
	if err != nil {
		return err
	}
	return ledger.Errorf(ledger.CodeNotFound, "replay", "ask for a revision up to "+itoa(head.Revision),
		"--revision %d is past the end of journey %s, which has %d", m.Revision, quote(journey), head.Revision)
}

// Merge makes one sequence, ordered by position, of two that are. It stops at the first error of either.
func Merge(a, b iter.Seq2[ledger.Recorded, error]) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		other, err, more := next()
		for e, errA := range a {
			for more && err == nil && errA == nil && other.Position < e.Position {
				if !yield(other, nil) {
					return
				}
				other, err, more = next()
			}
			if errA == nil {
				errA = err
			}
			if errA != nil {
				yield(ledger.Recorded{}, errA)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		for ; more; other, err, more = next() {
			if !yield(other, err) || err != nil {
				return
			}
		}
	}
}

// nearMisses bounds how many stream heads a hint may cost.
const nearMisses = 256

// unknown is the error for a journey without events, with the id that was probably meant.
func unknown(ctx context.Context, r ledger.Reader, journey string) error {
	hint := "list them with `baton journeys`"
	if near := nearest(ctx, r, journey); near != "" {
		hint = "did you mean " + quote(near) + "? Otherwise " + hint
	}
	return ledger.Errorf(ledger.CodeNotFound, "replay", hint, "journey %s is not in the ledger", quote(journey))
}

// nearest looks for a journey whose id is the given one without its stream's category, or begins like it and differs little.
func nearest(ctx context.Context, r ledger.Reader, journey string) string {
	if id := ledger.JourneyOf(journey); id != "" {
		if head, err := r.StreamHead(ctx, ledger.JourneyStream(id)); err == nil && head.Revision > 0 {
			return id
		}
	}
	best, least := "", 1+max(2, len(journey)/3)
	for _, prefix := range []string{journey, journey[:len(journey)*2/3], journey[:len(journey)/3]} {
		n := 0
		for head, err := range r.Streams(ctx, ledger.JourneyStream(prefix), "") {
			if n++; err != nil || n > nearMisses {
				break
			}
			id := ledger.JourneyOf(head.Stream)
			if d := distance(strings.ToLower(journey), strings.ToLower(id), least); d < least {
				best, least = id, d
			}
		}
		if best != "" {
			break
		}
	}
	return best
}

// distance is Levenshtein's, over bytes; limit or more where the lengths alone say so.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
