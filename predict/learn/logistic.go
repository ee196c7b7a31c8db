package learn

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Logistic is a logistic regression (softmax for more than two classes) with a ridge penalty, fitted by gonum's L-BFGS.
//
// With Knots, a number with more values than that enters as a line that bends at the given quantiles: members that are 1 at their knot and
// fall to 0 at the next (hat functions), a linear spline. Without, it enters as it is, standardised. A missing number has a member of its own.
// The penalty is ½·λ·Σ w² beside the sum of log losses, as scikit-learn's with C = 1/λ; the intercept is free.
type Logistic struct {
	Label     string
	Knots     int
	Penalties []float64 // λ of each stage, strongest first
	Steps     int       // most iterations of the optimizer
}

// Name tells it from the others in a race.
func (l *Logistic) Name() string { return l.Label }

// Additive is always true.
func (l *Logistic) Additive() bool { return true }

// Scale is the log-odds.
func (l *Logistic) Scale() model.Scale { return model.LogOdds }

// Stages are the penalties.
func (l *Logistic) Stages() []string {
	var names []string
	for _, p := range l.Penalties {
		names = append(names, fmt.Sprintf("λ %g, %d knots", p, l.Knots))
	}
	return names
}

// Trial fits all penalties, each from where the one before ended.
func (l *Logistic) Trial(ctx context.Context, train Set, other *table.Matrix) ([][]float64, error) {
	b := newBasis(train.X, l.Knots)
	var out [][]float64
	var w []float64
	for _, penalty := range l.Penalties {
		var err error
		if w, err = l.minimize(ctx, b, train, penalty, w); err != nil {
			return nil, err
		}
		out = append(out, outputsOf(b.function(w, train), other))
	}
	return out, nil
}

// Fit fits the penalties up to the stage's, as Trial does.
func (l *Logistic) Fit(ctx context.Context, train Set, stage int) (*model.Function, error) {
	b := newBasis(train.X, l.Knots)
	var w []float64
	for _, penalty := range l.Penalties[:stage+1] {
		var err error
		if w, err = l.minimize(ctx, b, train, penalty, w); err != nil {
			return nil, err
		}
	}
	f := b.function(w, train)
	setMeans(f.Additive, train.X)
	return f, nil
}

// minimize finds the weights: [intercept, then members of the basis][output].
func (l *Logistic) minimize(ctx context.Context, b *basis, s Set, penalty float64, from []float64) ([]float64, error) {
	k := model.Outputs(s.Classes)
	if from == nil {
		from = make([]float64, k*(b.width+1))
		for o, v := range start(s) {
			from[o] = v
		}
	}
	p := &problem{basis: b, s: s, outputs: k, penalty: penalty / float64(len(s.Y)), row: make([]float64, k), ctx: ctx}
	settings := &optimize.Settings{MajorIterations: l.Steps, GradientThreshold: 1e-6,
		Converger: &optimize.FunctionConverge{Absolute: 1e-8, Iterations: 5}}
	result, err := optimize.Minimize(optimize.Problem{Func: p.loss, Grad: p.gradient}, from, settings, &optimize.LBFGS{Store: 12})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if result == nil || len(result.X) == 0 {
		return nil, errors.Join(errors.New("the logistic regression did not begin"), err)
	}
	return result.X, nil // the best point is good enough, also where the line search gave up on it
}

// problem is the penalised mean log loss and its gradient. gonum asks for both at the same point, one after the other: one pass gives both.
type problem struct {
	basis   *basis
	s       Set
	outputs int
	penalty float64
	row     []float64
	ctx     context.Context

	at, grad []float64
	value    float64
}

func (p *problem) loss(w []float64) float64 {
	p.compute(w)
	return p.value
}

func (p *problem) gradient(grad, w []float64) {
	p.compute(w)
	copy(grad, p.grad)
}

func (p *problem) compute(w []float64) {
	if p.at != nil && equal(p.at, w) {
		return
	}
	p.at, p.grad = append(p.at[:0], w...), append(p.grad[:0], make([]float64, len(w))...)
	k, sum := p.outputs, 0.0
	for i, y := range p.s.Y {
		if i%4096 == 0 && p.ctx.Err() != nil {
			break
		}
		member, value := p.basis.row(i)
		copy(p.row, w[:k])
		for j, m := range member {
			v, at := value[j], int(m+1)*k
			for o, weight := range w[at : at+k] {
				p.row[o] += weight * v
			}
		}
		sum += p.residuals(y)
		for o, d := range p.row {
			p.grad[o] += d
		}
		for j, m := range member {
			v, at := value[j], int(m+1)*k
			g := p.grad[at : at+k]
			for o, d := range p.row {
				g[o] += d * v
			}
		}
	}
	n := float64(len(p.s.Y))
	p.value = sum / n
	for i := range p.grad {
		p.grad[i] /= n
		if i >= k {
			p.value += p.penalty / 2 * w[i] * w[i]
			p.grad[i] += p.penalty * w[i]
		}
	}
}

// residuals turns a row's outputs into p - y and gives its log loss.
func (p *problem) residuals(y int32) float64 {
	if p.outputs == 1 {
		v := p.row[0]
		p.row[0] = model.Logistic(v) - float64(y)
		return max(v, 0) - v*float64(y) + math.Log1p(math.Exp(-math.Abs(v)))
	}
	model.Softmax(p.row)
	loss := -math.Log(max(p.row[y], 1e-300))
	p.row[y]--
	return loss
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}
