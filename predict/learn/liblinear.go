package learn

import (
	"context"
	"fmt"

	"github.com/baton-ledger/baton/predict/learn/liblinear"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Liblinear is a logistic regression with a ridge penalty on straight numbers and categories, fitted by liblinear in a process of its own. It is for two
// classes, and for programs that were built with cgo: see [WithLiblinear].
type Liblinear struct {
	Label     string
	Penalties []float64 // λ of each stage, strongest first
}

// WithLiblinear puts a learner in front of others where this program has liblinear.
func WithLiblinear(l *Liblinear, others []Learner) []Learner {
	if !liblinear.Available {
		return others
	}
	return append([]Learner{l}, others...)
}

// Name tells it from the others in a race.
func (l *Liblinear) Name() string { return l.Label }

// Additive is always true.
func (l *Liblinear) Additive() bool { return true }

// Scale is the log-odds.
func (l *Liblinear) Scale() model.Scale { return model.LogOdds }

// Stages are the penalties.
func (l *Liblinear) Stages() (names []string) {
	for _, p := range l.Penalties {
		names = append(names, fmt.Sprintf("λ %g", p))
	}
	return names
}

// Trial fits all penalties in one process.
func (l *Liblinear) Trial(ctx context.Context, train Set, other *table.Matrix) (out [][]float64, err error) {
	functions, err := l.fit(ctx, train, l.Penalties)
	for _, f := range functions {
		out = append(out, outputsOf(f, other))
	}
	return out, err
}

// Fit fits one penalty; liblinear begins each fit at 0, as Trial's do.
func (l *Liblinear) Fit(ctx context.Context, train Set, stage int) (*model.Function, error) {
	functions, err := l.fit(ctx, train, l.Penalties[stage:stage+1])
	if err != nil {
		return nil, err
	}
	setMeans(functions[0].Additive, train.X)
	return functions[0], nil
}

func (l *Liblinear) fit(ctx context.Context, train Set, penalties []float64) (list []*model.Function, err error) {
	b := newBasis(train.X, 0)
	r := liblinear.Request{Rows: make([]liblinear.Row, len(train.Y)), Y: train.Y, Width: b.width, Penalties: penalties}
	for i := range r.Rows {
		r.Rows[i].Member, r.Rows[i].Value = b.row(i)
	}
	weights, err := liblinear.Fit(ctx, r)
	for _, w := range weights {
		list = append(list, b.function(w, train))
	}
	return list, err
}
