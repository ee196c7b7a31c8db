package measure

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/baton-ledger/baton/predict/model"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// TestFigures compares with figures worked out by hand, ties included.
func TestFigures(t *testing.T) {
	var list []Prediction
	for _, r := range []struct {
		p float64
		y int32
	}{{0.9, 1}, {0.8, 0}, {0.7, 1}, {0.5, 1}, {0.5, 0}, {0.1, 0}} {
		list = append(list, Prediction{P: []float64{1 - r.p, r.p}, Y: r.y})
	}
	f := Of(list)
	// Pairs (positive above negative): 0.9: 3, 0.7: 2, 0.5: 1 and half a tie = 6.5 of 9.
	if !near(f.AUC, 6.5/9) {
		t.Errorf("AUC %g", f.AUC)
	}
	// Thresholds 0.9: precision 1; 0.7: 2/3; 0.5: 3/5; each with a third of the recall.
	if want := (1 + 2.0/3 + 3.0/5) / 3; !near(f.AveragePrecision, want) {
		t.Errorf("average precision %g, want %g", f.AveragePrecision, want)
	}
	if want := (.01 + .64 + .09 + .25 + .25 + .01) / 6; !near(f.Brier, want) {
		t.Errorf("Brier %g, want %g", f.Brier, want)
	}
	if want := -(math.Log(.9) + math.Log(.2) + math.Log(.7) + 2*math.Log(.5) + math.Log(.9)) / 6; !near(f.LogLoss, want) {
		t.Errorf("log loss %g, want %g", f.LogLoss, want)
	}
	if want := (.1 + .8 + .3 + .5 + .5 + .1) / 6; !near(f.ECE, want) { // six rows in fifteen bins: one each
		t.Errorf("ECE %g, want %g", f.ECE, want)
	}
}

func TestBinsHoldEquallyMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var list []Prediction
	for range 1502 {
		p := rng.Float64()
		y := int32(0)
		if rng.Float64() < p {
			y = 1
		}
		list = append(list, Prediction{P: []float64{1 - p, p}, Y: y})
	}
	bins := Reliability(list)
	rows := 0
	for _, b := range bins {
		if rows += b.Rows; b.Rows < 100 || b.Rows > 101 || b.Said < b.Low || b.Said > b.High {
			t.Errorf("bin %+v", b)
		}
	}
	if len(bins) != Bins || rows != 1502 || Error(bins) > 0.06 {
		t.Errorf("%d bins with %d rows, error %g", len(bins), rows, Error(bins))
	}
}

func TestNothingToRank(t *testing.T) {
	if f := Of([]Prediction{{P: []float64{.4, .6}, Y: 1}}); !math.IsNaN(f.AUC) || !near(f.Accuracy, 1) {
		t.Errorf("one class alone: %+v", f)
	}
	if f := Of(nil); !math.IsNaN(f.LogLoss) {
		t.Errorf("no rows: %+v", f)
	}
	if f := Of([]Prediction{{P: []float64{.2, .5, .3}, Y: 2}}); !near(f.Brier, .04+.25+.49) || !near(f.ECE, .5) {
		t.Errorf("three classes: %+v", f)
	}
}

// TestBootstrapCountsCases: rows that are copies of each other within a case tell no more than one of them.
func TestBootstrapCountsCases(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var alone, copies []Prediction
	for c := range int32(200) {
		y := int32(rng.IntN(2))
		p := Prediction{P: []float64{.5, .5}, Y: y, Case: c}
		alone = append(alone, p)
		for range 5 {
			copies = append(copies, p)
		}
	}
	a, b := Bootstrap(alone, 1).Accuracy, Bootstrap(copies, 1).Accuracy
	if want := math.Sqrt(.25 / 200); math.Abs(a-want) > 0.006 || math.Abs(a-b) > 1e-9 {
		t.Errorf("standard error %g of single rows, %g of copies, expected %g", a, b, want)
	}
}

func TestPaired(t *testing.T) {
	a, b := []float64{1, 2, 3, 4}, []float64{1, 1, 3, 3}
	mean, se := Paired(a, b, nil)
	if want := math.Sqrt(1.0/3) / 2; !near(mean, .5) || !near(se, want) {
		t.Errorf("%g ± %g, want 0.5 ± %g", mean, se, want)
	}
	if _, grouped := Paired(a, b, []int32{0, 0, 1, 1}); grouped != 0 { // both cases have the same mean
		t.Errorf("by case: ± %g", grouped)
	}
}

// TestCalibrationFindsWhatWasBent draws outcomes from probabilities and bends the scores.
func TestCalibrationFindsWhatWasBent(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func(n int) (rows []Raw) {
		for range n {
			v := rng.NormFloat64()
			y := int32(0)
			if rng.Float64() < model.Logistic(v) {
				y = 1
			}
			rows = append(rows, Raw{V: []float64{2*v + 1}, Y: y})
		}
		return rows
	}
	c := Calibrate(draw(8000), model.LogOdds, 1)
	if c.Method != model.Platt || math.Abs(c.A-.5) > .05 || math.Abs(c.B+.5) > .1 || c.LossAfter >= c.LossBefore {
		t.Errorf("Platt: %+v", c)
	}
	if c = Calibrate(draw(isotonicRows), model.LogOdds, 1); c.Method != model.Isotonic {
		t.Errorf("many rows: %+v", c.Method)
	}
	for _, p := range []float64{.2, .5, .8} {
		if got := c.Binary(model.LogOdds, 2*model.Logit(p)+1); math.Abs(got-p) > .05 {
			t.Errorf("isotonic says %g where %g is true", got, p)
		}
	}
	var three []Raw
	for range 4000 {
		v := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		p := append([]float64(nil), v...)
		model.Softmax(p)
		y, u := int32(0), rng.Float64()
		for u > p[y] && y < 2 {
			u -= p[y]
			y++
		}
		for o := range v {
			v[o] *= 3
		}
		three = append(three, Raw{V: v, Y: y})
	}
	if c = Calibrate(three, model.LogOdds, 3); c.Method != model.Temperature || math.Abs(c.A-1.0/3) > .04 {
		t.Errorf("temperature: %+v", c)
	}
}

// TestCalibrationLeavesWellAlone: scores that are right, and noise, are not touched.
func TestCalibrationLeavesWellAlone(t *testing.T) {
	if c := Calibrate(make([]Raw, 10), model.LogOdds, 1); c.Method != model.None {
		t.Errorf("ten rows: %+v", c)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	var turned []Raw
	for range 2000 { // scores that run against what happens must not be turned round
		v := rng.NormFloat64()
		y := int32(0)
		if rng.Float64() < model.Logistic(-v) {
			y = 1
		}
		turned = append(turned, Raw{V: []float64{v}, Y: y})
	}
	if c := Calibrate(turned, model.LogOdds, 1); c.Method != model.None {
		t.Errorf("against the grain: %+v", c)
	}
}
