package policy

import (
	"context"
	"math/rand/v2"

	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// form is a way to learn: a learner, and whether actions are crossed with fields of the context.
type form struct {
	name    string
	learner learn.Learner
	crossed bool
}

// forms are those that are tried, the simplest first. The first gives all states the same ranking.
func forms() []form {
	crosses := &learn.Logistic{Label: "logistic", Knots: 4, Penalties: []float64{300, 100, 30}, Steps: 60}
	booster := &learn.Booster{Label: "booster", Depth: 2, Rounds: []int{50, 100, 150, 250}, Rate: 0.1, MinRows: 20, Ridge: 3, Rows: 0.7, Columns: 0.7}
	return []form{
		{"one action for all", &learn.Logistic{Label: "logistic", Knots: 4, Penalties: []float64{30}, Steps: 60}, false},
		{"logistic, crossed with the context", crosses, true},
		{"booster, depth 2", booster, true},
		{"blend of both", &learn.Blend{Label: "blend", Members: []learn.Learner{crosses, booster}, At: []int{2, 1}}, true},
	}
}

// data is decisions as a learner sees them: the rows of the action that was taken, and of every action.
type data struct {
	decisions []Decision
	y         []float64
	actions   []string
	group     []int32 // journey
	seed      uint64
}

func newData(list []Decision, target Target, actions []string, seed uint64) *data {
	d := &data{decisions: list, actions: actions, seed: seed}
	of := map[string]int32{}
	for _, x := range list {
		if _, ok := of[x.Journey]; !ok {
			of[x.Journey] = int32(len(of))
		}
		d.group, d.y = append(d.group, of[x.Journey]), append(d.y, x.Good(target))
	}
	return d
}

// frames makes the tables of a layout: one row a decision with the action taken, and one a decision and action.
func (d *data) frames(l *layout) (taken, all *table.Frame) {
	taken, all = table.New(l.columns()...), table.New(l.columns()...)
	row := make([]table.Value, len(taken.Columns))
	for _, x := range d.decisions {
		l.fill(row, x.Row, x.Followed)
		taken.Append(row)
		for _, a := range d.actions {
			l.fill(row, x.Row, a)
			all.Append(row)
		}
	}
	return taken, all
}

// folds gives the part of each decision; journeys are not torn.
func (d *data) folds(parts int) []int {
	rng := rand.New(rand.NewPCG(d.seed, 0xac7104))
	of, out := map[int32]int{}, make([]int, len(d.group))
	for i, g := range d.group {
		if _, ok := of[g]; !ok {
			of[g] = rng.IntN(parts)
		}
		out[i] = of[g]
	}
	return out
}

// crossFit gives, for each stage of a learner, the raw output for every decision and action by what was learned from the other folds:
// [stage][decision·actions + action].
func (d *data) crossFit(ctx context.Context, l *layout, learner learn.Learner, parts int) ([][]float64, error) {
	taken, all := d.frames(l)
	labels, k := d.labels(), len(d.actions)
	out := make([][]float64, len(learner.Stages()))
	for s := range out {
		out[s] = make([]float64, all.Rows)
	}
	fold := d.folds(parts)
	for f := range parts {
		var rows, others []int
		for i, of := range fold {
			if of != f {
				rows = append(rows, i)
				continue
			}
			for a := range k {
				others = append(others, i*k+a)
			}
		}
		if len(rows) == 0 || len(others) == 0 {
			continue
		}
		o := table.Defaults()
		o.Seed = d.seed
		e, x := table.Fit(taken, rows, labels, o)
		got, err := learner.Trial(ctx, d.set(x, rows), e.Matrix(all, others))
		if err != nil {
			return nil, err
		}
		for s := range got {
			for j, i := range others {
				out[s][i] = got[s][j]
			}
		}
	}
	return out, nil
}

func (d *data) labels() table.Labels {
	l := table.Labels{Classes: 2, Group: d.group}
	for _, y := range d.y {
		l.Of = append(l.Of, int32(y))
	}
	return l
}

// set is what a learner learns from: the vectors of some decisions, and their outcomes.
func (d *data) set(x *table.Matrix, rows []int) learn.Set {
	s := learn.Set{X: x, Classes: 2, Seed: d.seed}
	for _, i := range rows {
		s.Y = append(s.Y, int32(d.y[i]))
	}
	return s
}

// refit learns from journeys drawn again with replacement, with the features as they were fitted (Efron 1979, by cluster).
func (d *data) refit(ctx context.Context, e *table.Encoding, taken *table.Frame, learner learn.Learner, stage, n int) (list []*model.Function, err error) {
	byJourney := map[int32][]int{}
	journeys := int32(0)
	for i, g := range d.group {
		byJourney[g] = append(byJourney[g], i)
		journeys = max(journeys, g+1)
	}
	rng := rand.New(rand.NewPCG(d.seed, 0xb0075))
	for range n {
		var rows []int
		for range journeys {
			rows = append(rows, byJourney[rng.Int32N(journeys)]...)
		}
		f, err := learner.Fit(ctx, d.set(e.Matrix(taken, rows), rows), stage)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}
