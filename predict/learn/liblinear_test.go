package learn

import (
	"context"
	"math"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/learn/liblinear"
	"github.com/baton-ledger/baton/predict/table"
)

// TestLiblinearAgreesWithGonum: two solvers of one problem. Liblinear penalises the intercept too, and stops earlier; the outputs differ little.
func TestLiblinearAgreesWithGonum(t *testing.T) {
	f, y := truth(2000, 2, false)
	_, m := table.Fit(f, f.All(), y, table.Defaults())
	set := Set{X: m, Y: y.Of, Classes: 2, Seed: 1}
	l := &Liblinear{Label: "liblinear", Penalties: []float64{30, 1}}
	if !liblinear.Available {
		if _, err := l.Trial(t.Context(), set, m); ledger.CodeOf(err) != ledger.CodeUnsupported {
			t.Errorf("without cgo: %v", err)
		}
		if got := WithLiblinear(l, all()); got[0] == Learner(l) {
			t.Error("it races without being there")
		}
		return
	}
	raw, err := l.Trial(t.Context(), set, m)
	if err != nil {
		t.Fatal(err)
	}
	want, err := (&Logistic{Label: "logistic", Penalties: l.Penalties, Steps: 300}).Trial(t.Context(), set, m)
	if err != nil {
		t.Fatal(err)
	}
	for stage := range raw {
		worst := 0.0
		for i := range raw[stage] {
			worst = max(worst, math.Abs(raw[stage][i]-want[stage][i]))
		}
		if worst > 0.05 {
			t.Errorf("penalty %g: a row's log-odds differ by %g", l.Penalties[stage], worst)
		}
	}
	fitted, err := l.Fit(t.Context(), set, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range outputsOf(fitted, m) {
		if v != raw[1][i] {
			t.Fatalf("row %d: fit gives %v, trial gave %v", i, v, raw[1][i])
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Trial(gone, set, m); err != context.Canceled {
		t.Errorf("after the end of the context: %v", err)
	}
}
