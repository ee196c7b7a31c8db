package trust

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/projections/shift"
)

// Compared is one figure of two models on the same moments, and the second's less the first's with a 95 % interval; journeys are the draws.
type Compared struct {
	A    float64 `json:"a"`
	B    float64 `json:"b"`
	Diff float64 `json:"difference"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Mover is a moment that two models say very different things of.
type Mover struct {
	Position uint64  `json:"position"`
	Journey  string  `json:"journey"`
	Point    string  `json:"point"`
	A        float64 `json:"a"`
	B        float64 `json:"b"`
	Known    bool    `json:"known"`
	Label    int32   `json:"label"` // counts only where it is known
}

// WhatIf is what another version would have said.
type WhatIf struct {
	A         Model     `json:"a"`
	B         Model     `json:"b"`
	Target    string    `json:"target"`
	From      uint64    `json:"from"`
	To        uint64    `json:"to"`
	Moments   int       `json:"moments"`
	Journeys  int       `json:"journeys"`
	InSampleA int       `json:"in_sample_a"` // moments before the cut of its training
	InSampleB int       `json:"in_sample_b"`
	Shift     float64   `json:"shift"`     // mean of B's probability less A's: the difference in what is expected
	Moved     float64   `json:"moved"`     // mean of the absolute difference
	Threshold float64   `json:"threshold"` // of a yes
	ToYes     int       `json:"to_yes"`    // said no by A and yes by B
	ToNo      int       `json:"to_no"`
	Ranks     float64   `json:"rank_correlation"` // Spearman's; 0 where all are equal
	Outcomes  int       `json:"outcomes"`         // moments with a known label
	LogLoss   *Compared `json:"log_loss,omitempty"`
	Brier     *Compared `json:"brier,omitempty"`
	// Clean are the outcomes that neither was trained on. Only their figures say which is better.
	Clean        int       `json:"out_of_sample_outcomes"`
	CleanLogLoss *Compared `json:"out_of_sample_log_loss,omitempty"`
	CleanBrier   *Compared `json:"out_of_sample_brier,omitempty"`
	Movers       []Mover   `json:"movers"`

	OtherSaid int            `json:"other_said,omitempty"` // of more than two classes: moments of which B says another one than A
	Actions   *policy.Versus `json:"actions,omitempty"`    // of models of actions: what B would have chosen; probabilities are then those of the actions taken
}

// Compare asks two models about the same past moments. They must be of one kind, have one target and be asked at the same moments, else the error is CodeInvalid. Another program's
// cannot be asked about the past: CodeUnsupported.
func Compare(ctx context.Context, r ledger.Reader, a, b *registry.Loaded, in Range, threshold float64, movers int) (*WhatIf, error) {
	if a.Kind == registry.KindExternal || b.Kind == registry.KindExternal {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "what-if", "compare what both recorded, with `baton predict board`", "not measured: what another program would have said of past moments cannot be computed here")
	}
	if a.Kind != b.Kind || a.Target != b.Target || !slices.Equal(a.Moments, b.Moments) {
		return nil, ledger.Errorf(ledger.CodeInvalid, "what-if", "compare versions of one target, trained with the same --at", "one tells %s at %v, the other %s at %v", a.Target, a.Moments, b.Target, b.Moments)
	}
	of := [2][]Moment{}
	for i, m := range []*registry.Loaded{a, b} {
		var err error
		if of[i], err = Judge(ctx, r, m, in); err != nil {
			return nil, err
		}
	}
	w := &WhatIf{A: ModelOf(a.Registered), B: ModelOf(b.Registered), Target: a.Target, From: in.From, To: in.To, Moments: len(of[0]), Threshold: threshold, Movers: []Mover{}}
	w.count(of, a, b)
	var known, clean [2][]Moment
	for k, m := range of[0] {
		if !m.Known {
			continue
		}
		known[0], known[1] = append(known[0], m), append(known[1], of[1][k])
		if !m.At.Before(a.Data.Cut) && !m.At.Before(b.Data.Cut) {
			clean[0], clean[1] = append(clean[0], m), append(clean[1], of[1][k])
		}
	}
	w.Outcomes, w.Clean = len(known[0]), len(clean[0])
	w.LogLoss, w.Brier = scores(known)
	w.CleanLogLoss, w.CleanBrier = scores(clean)
	if w.Movers = farthest(of, movers); a.Actor == nil {
		return w, nil
	}
	w.Movers = []Mover{}
	return w, w.competing(ctx, of, a, b)
}

// count says how far the two lie apart.
func (w *WhatIf) count(of [2][]Moment, a, b *registry.Loaded) {
	n := float64(max(len(of[0]), 1))
	for k, m := range of[0] {
		p, q := m.P, of[1][k].P
		w.Shift += (q - p) / n
		w.Moved += math.Abs(q-p) / n
		switch {
		case m.Says != "":
			if m.Says != of[1][k].Says {
				w.OtherSaid++
			}
		case p < w.Threshold && q >= w.Threshold:
			w.ToYes++
		case p >= w.Threshold && q < w.Threshold:
			w.ToNo++
		}
		if m.At.Before(a.Data.Cut) {
			w.InSampleA++
		}
		if m.At.Before(b.Data.Cut) {
			w.InSampleB++
		}
	}
	if len(of[0]) > 0 {
		w.Journeys = int(slices.Max(groups(of[0]))) + 1
	}
	w.Ranks = correlation(ranks(of[0]), ranks(of[1]))
}

// scores compares proper scores, row by row.
func scores(of [2][]Moment) (loss, brier *Compared) {
	if len(of[0]) < 2 {
		return nil, nil
	}
	var losses, briers [2][]float64
	for i := range of {
		for _, m := range of[i] {
			_, came := m.outcome()
			losses[i] = append(losses[i], measure.Loss([]float64{came}, 0))
			d := m.P - float64(m.Label)
			briers[i] = append(briers[i], d*d)
		}
	}
	group := groups(of[0])
	return compared(losses, group), compared(briers, group)
}

func compared(of [2][]float64, group []int32) *Compared {
	mean, se := measure.Paired(of[1], of[0], group)
	c := &Compared{Diff: mean, Low: mean - quantile(0.975)*se, High: mean + quantile(0.975)*se}
	n := float64(len(of[0]))
	c.A, c.B = shift.Total(of[0])/n, shift.Total(of[1])/n
	return c
}

// farthest are the moments with the largest differences, one a journey.
func farthest(of [2][]Moment, most int) []Mover {
	list := []Mover{}
	for k, m := range of[0] {
		list = append(list, Mover{m.Position, m.Journey, m.Point, m.P, of[1][k].P, m.Known, m.Label})
	}
	slices.SortStableFunc(list, func(x, y Mover) int { return cmp.Compare(math.Abs(y.B-y.A), math.Abs(x.B-x.A)) })
	seen, out := map[string]bool{}, []Mover{}
	for _, m := range list {
		if !seen[m.Journey] && len(out) < most {
			seen[m.Journey] = true
			out = append(out, m)
		}
	}
	return out
}

// ranks are those of the probabilities, equals share the mean of theirs.
func ranks(list []Moment) []float64 {
	order, out := make([]int, len(list)), make([]float64, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(list[a].P, list[b].P), cmp.Compare(a, b)) })
	for i := 0; i < len(order); {
		j := i
		for ; j < len(order) && list[order[j]].P == list[order[i]].P; j++ {
		}
		for _, k := range order[i:j] {
			out[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

// correlation is Pearson's, 0 where one side is constant.
func correlation(a, b []float64) float64 {
	n, mean := float64(max(len(a), 1)), [2]float64{}
	mean[0], mean[1] = shift.Total(a)/n, shift.Total(b)/n
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-mean[0], b[i]-mean[1]
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
