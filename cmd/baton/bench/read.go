package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/replay"
)

// small is the ledger that the large one must not be slower than.
const small = 10_000

func readCases() []Case {
	return []Case{
		{Name: "as-of-cold", What: "a 50-event journey as of its end, in a ledger just opened, p50", Unit: "ms", Less: true, Goal: 1, Sides: asOfCold},
		{Name: "as-of-warm", What: "the same journey again, p50", Unit: "ms", Less: true, Goal: 1, Sides: asOfWarm},
		{Name: "proof", What: "an inclusion proof under the newest checkpoint, p50", Unit: "ms", Less: true, Goal: 0.2, Sides: proofs},
		{Name: "verify", What: "every byte, index, hash and stream against the signed checkpoint", Unit: "events/s", Goal: 300_000, Sides: verify},
	}
}

// asOf is the time of one journey's state; its fifty events are the whole.
func asOf(ctx context.Context, r ledger.Reader, journey int) (time.Duration, error) {
	begin := time.Now()
	v, err := replay.AsOf(ctx, r, journeyName(journey), replay.Moment{})
	if err == nil && v.Events != steps {
		err = fmt.Errorf("journey %s has %d events", journeyName(journey), v.Events)
	}
	return time.Since(begin), err
}

// asOfIn makes a side over a ledger of n events: take gives the times of one run.
func (e *Env) asOfIn(ctx context.Context, n int, take func(ctx context.Context, dir string, journeys int) ([]time.Duration, error)) (Side, error) {
	dir, err := e.ledger(ctx, n)
	return Side{Name: fmt.Sprintf("ledger of %d events", n), Run: func(ctx context.Context) (float64, error) {
		took, err := take(ctx, dir, n/steps)
		if err != nil {
			return 0, err
		}
		return quantile(took, 0.5), nil
	}}, err
}

func (e *Env) asOfSides(ctx context.Context, take func(ctx context.Context, dir string, journeys int) ([]time.Duration, error)) ([]Side, func() error, error) {
	large, err := e.asOfIn(ctx, e.Events, take)
	if err != nil {
		return nil, nil, err
	}
	few, err := e.asOfIn(ctx, small, take)
	few.Target = 1.5
	return []Side{large, few}, nil, err
}

func asOfCold(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return e.asOfSides(ctx, func(ctx context.Context, dir string, journeys int) (took []time.Duration, err error) {
		for i := range 25 {
			s, _, err := reading(ctx, dir)
			if err != nil {
				return nil, err
			}
			d, err := asOf(ctx, s, (i*7919+3)%journeys)
			if err := errors.Join(err, s.Close()); err != nil {
				return nil, err
			}
			took = append(took, d)
		}
		return took, nil
	})
}

func asOfWarm(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return e.asOfSides(ctx, func(ctx context.Context, dir string, journeys int) (took []time.Duration, err error) {
		s, _, err := reading(ctx, dir)
		if err != nil {
			return nil, err
		}
		for range 500 {
			d, err := asOf(ctx, s, journeys/2)
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
			took = append(took, d)
		}
		return took, s.Close()
	})
}

func proofs(ctx context.Context, e *Env) ([]Side, func() error, error) {
	dir, err := e.ledger(ctx, e.Events)
	if err != nil {
		return nil, nil, err
	}
	store, keys, err := reading(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	cp, err := notary.Stored(ctx, store, keys.Verifier)
	rng := rand.New(rand.NewPCG(3, 5))
	at := func() uint64 { return rng.Uint64N(uint64(e.Events)) + 1 }
	return []Side{
		{Name: "baton", Run: func(ctx context.Context) (float64, error) {
			return timed(2000, func() error { _, err := notary.Prove(ctx, store, keys.TagKey, cp, at()); return err })
		}},
		{Name: "one event read by position", Run: func(ctx context.Context) (float64, error) {
			return timed(2000, func() error {
				p := at()
				for _, err := range store.Read(ctx, ledger.ReadOptions{From: p, To: p}) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		}},
	}, store.Close, err
}

// timed gives the p50 of n calls, in milliseconds.
func timed(n int, do func() error) (float64, error) {
	took := make([]time.Duration, n)
	for i := range took {
		begin := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took[i] = time.Since(begin)
	}
	return quantile(took, 0.5), nil
}

func verify(ctx context.Context, e *Env) ([]Side, func() error, error) {
	store, dir, err := e.large(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := notary.LoadKeys(dir, "", "")
	return []Side{
		{Name: "baton verify", Run: func(ctx context.Context) (float64, error) {
			begin := time.Now()
			r, err := notary.Verify(ctx, notary.VerifyOptions{Store: store, Keys: keys, Dir: dir})
			if err == nil && (!r.OK || r.Events != uint64(e.Events)) {
				err = fmt.Errorf("verify: %+v", r.Problems)
			}
			return rate(e.Events, begin), err
		}},
		{Name: "the records read once, nothing checked", Run: func(ctx context.Context) (float64, error) {
			n, begin := 0, time.Now()
			for _, err := range store.Read(ctx, ledger.ReadOptions{}) {
				if err != nil {
					return 0, err
				}
				n++
			}
			return rate(n, begin), nil
		}},
	}, store.Close, err
}
