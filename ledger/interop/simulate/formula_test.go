package simulate

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// TestArithmetic puts our functions beside package math's.
func TestArithmetic(t *testing.T) {
	for x := -30.0; x < 30; x += 0.0137 {
		if got := exp(x); math.Abs(got/math.Exp(x)-1) > 1e-14 {
			t.Fatalf("exp(%g) = %g, want %g", x, got, math.Exp(x))
		}
		if y := math.Exp(x); math.Abs(log(y)-math.Log(y)) > 1e-14*max(1, math.Abs(x)) {
			t.Fatalf("log(%g) = %g, want %g", y, log(y), math.Log(y))
		}
	}
	for p := 1e-6; p < 1; p += 0.00371 {
		if want := -math.Sqrt2 * math.Erfcinv(2*p); math.Abs(normalQuantile(p)-want) > 1e-7 {
			t.Fatalf("quantile of %g = %g, want %g", p, normalQuantile(p), want)
		}
	}
	sum, first, second := 0.0, 0.0, 0.0
	for _, n := range hermite { // moments of a standard normal variable
		sum, first, second = sum+n.weight, first+n.weight*n.at, second+n.weight*n.at*n.at
	}
	if math.Abs(sum-1) > 1e-12 || math.Abs(first) > 1e-12 || math.Abs(second-1) > 1e-12 {
		t.Errorf("quadrature has moments %g, %g, %g", sum, first, second)
	}
}

// TestProbabilitiesAreTheFormula calculates every probability again from what the truth file says alone.
func TestProbabilitiesAreTheFormula(t *testing.T) {
	_, h, lines := simulated(t, Options{Seed: 5, Journeys: 3000})
	success, churn := map[string]float64{}, map[string]float64{}
	for _, f := range h.Flows {
		success[f.Flow], churn[f.Flow] = f.SuccessIntercept, f.ChurnIntercept
	}
	for _, l := range lines {
		eta, effect := success[l.Flow], 0.0
		for name, x := range l.Features {
			eta += h.Success.Coefficients[name] * x
		}
		if s := l.Suggestion; s != nil && s.Taken {
			effect = effectIn(t, h, l)
		}
		near(t, l.Journey+" success", l.Success.P, 1/(1+math.Exp(-(eta+effect+h.Success.NoiseSD*l.Success.Noise))))
		near(t, l.Journey+" visible success", l.Success.Visible, marginal(eta+effect, h.Success.NoiseSD))
		eta = churn[l.Flow]
		for name, x := range l.Features {
			eta += h.Churn.Coefficients[name] * x
		}
		near(t, l.Journey+" churn", l.Churn.P, 1/(1+math.Exp(-(eta+h.Churn.NoiseSD*l.Churn.Noise))))
		near(t, l.Journey+" visible churn", l.Churn.Visible, marginal(eta, h.Churn.NoiseSD))
		if s := l.Suggestion; s != nil {
			for _, p := range s.P {
				if p > s.P[s.Best] {
					t.Errorf("%s: %s is not the best of %v", l.Journey, s.Best, s.P)
				}
			}
			if s.Taken {
				near(t, l.Journey+" action", s.P[s.Action], l.Success.Visible)
			} else {
				near(t, l.Journey+" no action", s.P["none"], l.Success.Visible)
			}
		}
	}
}

func effectIn(t *testing.T, h header, l line) float64 {
	var actions map[string]struct {
		Effect float64
		After  float64 `json:"effect_after_three_contacts"`
	}
	strictly(t, h.Actions[l.Segment], &actions)
	a := actions[l.Suggestion.Action]
	if l.Prior >= 3 {
		return a.After
	}
	return a.Effect
}

// marginal integrates the noise out, by brute force.
func marginal(eta, sd float64) (p float64) {
	const steps = 2000
	for i := range steps {
		z := -8 + 16*(float64(i)+0.5)/steps
		p += 16.0 / steps * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) / (1 + math.Exp(-(eta + sd*z)))
	}
	return p
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 2e-5 {
		t.Fatalf("%s: %g, the formula gives %g", what, got, want)
	}
}

// TestOutcomesAreCalibrated holds outcomes against probabilities, in ten bins: the difference stays within four binomial standard deviations.
func TestOutcomesAreCalibrated(t *testing.T) {
	_, lines := parsed(t, large())
	for name, of := range map[string]func(l *line) (float64, bool){
		"success p":       func(l *line) (float64, bool) { return l.Success.P, l.Success.Outcome },
		"success visible": func(l *line) (float64, bool) { return l.Success.Visible, l.Success.Outcome },
		"churn p":         func(l *line) (float64, bool) { return l.Churn.P, l.Churn.Outcome },
		"churn visible":   func(l *line) (float64, bool) { return l.Churn.Visible, l.Churn.Outcome },
	} {
		var n, sum, variance [10]float64
		for i := range lines {
			p, happened := of(&lines[i])
			bin := int(p * 9.999)
			n[bin]++
			variance[bin] += p * (1 - p)
			if sum[bin] -= p; happened {
				sum[bin]++
			}
		}
		for bin := range n {
			if n[bin] > 30 && math.Abs(sum[bin]) > 4*math.Sqrt(variance[bin]) {
				t.Errorf("%s, bin %d: %g more than expected of %g, standard deviation %g", name, bin, sum[bin], n[bin], math.Sqrt(variance[bin]))
			}
		}
	}
}

// TestARegressionRecoversTheCoefficients fits a logistic regression to the features and the noise: every coefficient of the truth lies
// within four standard errors of the estimate, and the estimates are sharp enough to say something.
func TestARegressionRecoversTheCoefficients(t *testing.T) {
	h, lines := parsed(t, large())
	for _, target := range []struct {
		name    string
		formula formulaLine
		of      func(l *line) outcomeLine
		base    func(i int) float64
	}{
		{"success", h.Success, func(l *line) outcomeLine { return l.Success }, func(i int) float64 { return h.Flows[i].SuccessIntercept }},
		{"churn", h.Churn, func(l *line) outcomeLine { return l.Churn }, func(i int) float64 { return h.Flows[i].ChurnIntercept }},
	} {
		var names []string
		var truth []float64
		for _, name := range featureNames {
			if b, ok := target.formula.Coefficients[name]; ok {
				names, truth = append(names, name), append(truth, b)
			}
		}
		names, truth = append(names, "noise"), append(truth, target.formula.NoiseSD)
		flowAt := map[string]int{}
		for i, f := range h.Flows {
			flowAt[f.Flow] = len(names)
			names, truth = append(names, f.Flow), append(truth, target.base(i))
		}
		var rows []float64
		var y []float64
		for i := range lines {
			l := &lines[i]
			if s := l.Suggestion; s != nil && s.Taken && target.name == "success" {
				continue // the action's effect is no feature
			}
			row := make([]float64, len(names))
			for k, name := range names {
				row[k] = l.Features[name]
			}
			row[flowAt[h.Flows[0].Flow]-1], row[flowAt[l.Flow]] = target.of(l).Noise, 1
			rows = append(rows, row...)
			if y = append(y, 0); target.of(l).Outcome {
				y[len(y)-1] = 1
			}
		}
		b, se := irls(t, mat.NewDense(len(y), len(names), rows), y)
		for k, name := range names {
			if math.Abs(b[k]-truth[k]) > 4*se[k] || se[k] > 0.7 {
				t.Errorf("%s, %s: %.3f ± %.3f, truth %.3f", target.name, name, b[k], se[k], truth[k])
			}
			if name == "reasks" && math.Abs(b[k]) < 8*se[k] {
				t.Errorf("%s: %.3f ± %.3f says nothing", name, b[k], se[k])
			}
		}
	}
}

// irls fits by iteratively reweighted least squares and gives estimates and standard errors.
func irls(t *testing.T, x *mat.Dense, y []float64) (b, se []float64) {
	_, k := x.Dims()
	beta := make([]float64, k)
	var hessian *mat.SymDense
	for range 12 {
		hessian = mat.NewSymDense(k, nil)
		gradient := mat.NewVecDense(k, nil)
		for i := range y {
			row := x.RawRowView(i)
			p := 1 / (1 + math.Exp(-floats.Dot(row, beta)))
			for a, v := range row {
				if v == 0 {
					continue
				}
				gradient.SetVec(a, gradient.AtVec(a)+v*(y[i]-p))
				for c := a; c < k; c++ {
					if row[c] != 0 {
						hessian.SetSym(a, c, hessian.At(a, c)+v*row[c]*p*(1-p))
					}
				}
			}
		}
		var step mat.VecDense
		if err := step.SolveVec(hessian, gradient); err != nil {
			t.Fatal(err)
		}
		floats.Add(beta, step.RawVector().Data)
		if mat.Norm(&step, 2) < 1e-8 {
			break
		}
	}
	var covariance mat.Dense
	if err := covariance.Inverse(hessian); err != nil {
		t.Fatal(err)
	}
	for i := range k {
		se = append(se, math.Sqrt(covariance.At(i, i)))
	}
	return beta, se
}
