package bench

import (
	"context"
	"errors"
	"io"
	"testing"
)

// fixed is a side whose figures are given.
func fixed(name string, target float64, figures ...float64) Side {
	n := 0
	return Side{Name: name, Target: target, Run: func(context.Context) (float64, error) {
		if n == len(figures) {
			return 0, errors.New("asked too often")
		}
		n++
		return figures[n-1], nil
	}}
}

// TestRatiosAreOfOneRound: a round that was slow for both has the ratio of any other, and targets are held against the median.
func TestRatiosAreOfOneRound(t *testing.T) {
	for _, c := range []struct {
		less       bool
		goal       float64
		met, peers bool
	}{{false, 90, true, true}, {false, 120, false, true}, {true, 90, false, false}, {true, 120, true, false}} {
		sides := []Side{fixed("ours", 0, 100, 10, 300), fixed("peer", 0.7, 125, 20, 300), fixed("other", 0, 1, 1, 1)}
		one := Case{Name: "case", Unit: "events/s", Less: c.less, Goal: c.goal,
			Sides: func(context.Context, *Env) ([]Side, func() error, error) { return sides, nil, nil }}
		r, err := one.run(t.Context(), &Env{Options: Options{Rounds: 3, Say: io.Discard}})
		if err != nil {
			t.Fatal(err)
		}
		if want := (Spread{Median: 100, Min: 10, Max: 300}); r.Ours != want {
			t.Errorf("ours %+v, want %+v", r.Ours, want)
		}
		if want := (Spread{Median: 0.8, Min: 0.5, Max: 1}); r.Beside[0].Ratio != want {
			t.Errorf("ratio %+v, want %+v", r.Beside[0].Ratio, want)
		}
		if *r.Met != c.met || *r.Beside[0].Met != c.peers || r.Beside[1].Met != nil {
			t.Errorf("%+v: met %v, beside %v %v", c, *r.Met, *r.Beside[0].Met, r.Beside[1].Met)
		}
	}
	if got := spread([]float64{4, 1, 3, 2}); got.Median != 2.5 {
		t.Errorf("median of four %v, want 2.5", got.Median)
	}
}

// TestTrafficFits: events have the size that the table says, and journeys their fifty.
func TestTrafficFits(t *testing.T) {
	counts := map[string]int{}
	for tr := newTraffic(1); tr.n < alive*steps; {
		b := tr.next()
		if n := len(b.Events[0].Data); n != dataBytes {
			t.Fatalf("%d bytes of data: %s", n, b.Events[0].Data)
		}
		counts[b.Stream]++
	}
	for stream, n := range counts {
		if n != steps || len(counts) != alive {
			t.Fatalf("%s has %d events, there are %d journeys", stream, n, len(counts))
		}
	}
}
