// Package learn holds the learners that race for a target: a logistic regression with bends (gonum's optimizer), a histogram gradient
// booster of our own (additive, or trees up to three deep), and a forest whose trees golearn grows. Each gives a [model.Function]
// and nothing else: what is learned is scored without the learner.
//
// The same rows in the same order and the same seed give the same function, bit for bit. Learners work in one goroutine each;
// the caller runs several at a time.
package learn

import (
	"context"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Set is what a learner learns from.
type Set struct {
	X       *table.Matrix
	Y       []int32 // one class a row
	Classes int
	Seed    uint64
}

// Learner learns functions. A learner has stages, from little to much fitted: numbers of rounds, or strengths of a penalty. All are
// tried at once, so that choosing one costs little more than one fit.
type Learner interface {
	Name() string
	// Additive says whether a function is a sum of one part for each member.
	Additive() bool
	Scale() model.Scale
	// Stages names the settings that Trial tries.
	Stages() []string
	// Trial learns from a set and gives the raw outputs of every stage for other rows: [stage][row·outputs + output]. The error is the context's.
	Trial(ctx context.Context, train Set, other *table.Matrix) ([][]float64, error)
	// Fit learns the function of one stage.
	Fit(ctx context.Context, train Set, stage int) (*model.Function, error)
}

// dense writes a matrix row by row: [row·width + member].
func dense(m *table.Matrix) []float64 {
	width := m.Width()
	x := make([]float64, m.Rows*width)
	for i := range m.Rows {
		m.Row(i, x[i*width:(i+1)*width])
	}
	return x
}

// outputsOf computes a function's raw outputs for all rows of a matrix.
func outputsOf(f *model.Function, m *table.Matrix) []float64 {
	x, out := make([]float64, m.Width()), make([]float64, m.Rows*f.Outputs)
	for i := range m.Rows {
		m.Row(i, x)
		f.Raw(out[i*f.Outputs:(i+1)*f.Outputs], x)
	}
	return out
}

// start is the log-odds of each output for a row of which nothing is known.
func start(s Set) []float64 {
	counts := make([]float64, s.Classes)
	for _, y := range s.Y {
		counts[y]++
	}
	for k := range counts {
		counts[k] = (counts[k] + 0.5) / (float64(len(s.Y)) + 0.5*float64(s.Classes))
	}
	if s.Classes == 2 {
		return []float64{model.Logit(counts[1])}
	}
	for k := range counts {
		counts[k] = model.Logit(counts[k])
	}
	return counts
}
