package policy

import (
	"context"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
)

// Survey reads decisions for training: once to see when they were made and what was there before those held out begin, which decides about the columns
// of rows, and once more for the rows. events gives the same events each time, with data, in the order of their positions. say, which may be nil, is told the
// position, and 0 at the end of each reading.
func Survey(ctx context.Context, events func() iter.Seq2[ledger.Recorded, error], holdout float64, say func(position uint64)) (*Log, error) {
	survey := features.NewSurvey()
	watched := func(yield func(ledger.Recorded, error) bool) {
		for e, err := range events() {
			if err == nil {
				at := e.Occurred()
				if at.After(e.RecordedTime) {
					at = e.RecordedTime
				}
				survey.Add(&e, at)
			}
			if !yield(e, err) {
				return
			}
		}
	}
	first, err := Read(ctx, watched, nil, say)
	if err != nil {
		return nil, err
	}
	cut := first.Last
	if at, ok := cutOf(first.Settled(time.Time{}, time.Time{}), holdout); ok {
		cut = at
	}
	return Read(ctx, events(), survey.Spec(cut, nil), say)
}

// cutOf is when the decisions held out begin: the last part of those with an outcome, by time.
func cutOf(settled []Decision, holdout float64) (time.Time, bool) {
	if len(settled) == 0 {
		return time.Time{}, false
	}
	return settled[int(float64(len(settled))*(1-holdout))].At, true
}
