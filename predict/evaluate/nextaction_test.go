package evaluate

import (
	"testing"

	"github.com/baton-ledger/baton/predict/policy"
)

// TestNextAction: the truth that policies are held against is what the simulator wrote, and what is estimated lies where the truth is.
func TestNextAction(t *testing.T) {
	r, err := RunNextAction(t.Context(), NextActionOptions{Seed: 3, Journeys: 1500}, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	n := r.NextAction
	for name, v := range map[string]float64{"learned": n.Learned, "best single": n.BestSingle, "none": n.None, "logged": n.Logged} {
		if v <= 0 || v > n.Optimal {
			t.Errorf("%s is worth %.4f, the best possible %.4f", name, v, n.Optimal)
		}
	}
	if n.None >= n.Logged || n.Ratio != n.Learned/n.Optimal || n.Right <= 0 || n.Right >= 1 || len(n.Candidates) == 0 || r.TestRows != n.Comparison.Decisions {
		t.Errorf("%+v", n)
	}
	covered := 0
	for _, c := range n.Cover {
		if c.Covers {
			covered++
		}
		if c.Truth <= 0 || c.Truth >= 1 || c.Covers != (c.Low <= c.Truth && c.Truth <= c.High) {
			t.Errorf("%+v", c)
		}
	}
	if len(n.Cover) < 6 || covered < len(n.Cover)-1 {
		t.Errorf("%d of %d intervals cover the truth: %+v", covered, len(n.Cover), n.Cover)
	}
	for _, c := range n.Cover { // suggesting is followed by 62 %: it is worth less than doing, and more than nothing
		if c.Policy == policy.Learned && c.Table == policy.IntentToTreat && (c.Truth >= n.Learned+0.02 || c.Truth <= n.None-0.02) {
			t.Errorf("%+v beside %.4f and %.4f", c, n.Learned, n.None)
		}
	}
	if len(r.Goals) != 1 || r.Goals[0].Value != n.Ratio || r.Goals[0].Met != (n.Ratio >= 0.98) {
		t.Errorf("%+v", r.Goals)
	}
}
