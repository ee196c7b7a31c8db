// Package race chooses a learner for a target and makes a model with it, from training rows alone.
//
// The learners are tried on folds of the training rows: shuffled ones, or parts that lie later than what is trained on. Features are
// fitted anew on each fold's training part. A learner enters with its best stage. The one with the lowest log loss over all rows held back is
// ahead; an additive one is chosen in its place where its loss is within one standard error of the difference (paired, by case). The
// outputs for the rows held back then fit the calibration, and the chosen learner learns from all rows.
package race

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Data is what a race is run on.
type Data struct {
	Frame   *table.Frame
	Rows    []int // the training rows
	Labels  table.Labels
	Classes []string
	Folds   []Fold // of places in Rows
}

// Options say who races.
type Options struct {
	Learners []learn.Learner // members of a blend stand before it
	Features table.Options
	Seed     uint64
}

// Candidate is what a learner showed on the rows held back.
type Candidate struct {
	Learner learn.Learner
	Stage   int
	Figures measure.Figures
	Behind  float64 // more log loss a row than the one ahead
	SE      float64 // of Behind
	raw     []measure.Raw
	losses  []float64
}

// Result is the outcome of a race.
type Result struct {
	Candidates []Candidate // in the order of the learners
	Chosen     int
	Why        string
	held       []int // rows of the frame that were held back, in the order of the candidates' losses
}

// Run holds the race.
func Run(ctx context.Context, d Data, o Options) (*Result, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	parts := make([]fold, len(d.Folds))
	for i, f := range d.Folds {
		parts[i].prepare(d, f, o)
	}
	outputs := make([][][][]float64, len(o.Learners)) // [learner][fold][stage]
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for l, learner := range o.Learners {
		outputs[l] = make([][][]float64, len(parts))
		if _, ok := learner.(*learn.Blend); ok {
			continue // its members' outputs say what it would have said
		}
		for f := range parts {
			group.Go(func() (err error) {
				set := parts[f].set(d, o.Seed)
				outputs[l][f], err = learner.Trial(inner, set, parts[f].test)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	r := &Result{}
	for _, p := range parts {
		r.held = append(r.held, p.testRows...)
	}
	for l, learner := range o.Learners {
		if b, ok := learner.(*learn.Blend); ok {
			r.Candidates = append(r.Candidates, r.blend(d, b))
			continue
		}
		r.Candidates = append(r.Candidates, d.best(learner, parts, outputs[l]))
	}
	r.choose(d)
	return r, nil
}

func (d *Data) check() error {
	const hint = "give it more rows, of at least two outcomes"
	if len(d.Rows) == 0 || len(d.Folds) == 0 {
		return ledger.Errorf(ledger.CodeInvalid, "train", hint, "there are %d training rows in %d folds", len(d.Rows), len(d.Folds))
	}
	seen := map[int32]bool{}
	for _, row := range d.Rows {
		seen[d.Labels.Of[row]] = true
	}
	if len(seen) < 2 || d.Labels.Classes < 2 {
		return ledger.Errorf(ledger.CodeInvalid, "train", hint, "all %d training rows have the same outcome: there is nothing to tell apart", len(d.Rows))
	}
	return nil
}

// fold is one of the race's folds, encoded.
type fold struct {
	trainRows, testRows []int
	train, test         *table.Matrix
}

func (p *fold) prepare(d Data, f Fold, o Options) {
	for _, i := range f.Train {
		p.trainRows = append(p.trainRows, d.Rows[i])
	}
	for _, i := range f.Test {
		p.testRows = append(p.testRows, d.Rows[i])
	}
	var e *table.Encoding
	e, p.train = table.Fit(d.Frame, p.trainRows, d.Labels, o.Features)
	p.test = e.Matrix(d.Frame, p.testRows)
}

func (p *fold) set(d Data, seed uint64) learn.Set {
	return learn.Set{X: p.train, Y: labels(d, p.trainRows), Classes: d.Labels.Classes, Seed: seed}
}

func labels(d Data, rows []int) []int32 {
	y := make([]int32, len(rows))
	for i, row := range rows {
		y[i] = d.Labels.Of[row]
	}
	return y
}

// best finds a learner's stage with the lowest log loss over all rows held back.
func (d *Data) best(learner learn.Learner, parts []fold, outputs [][][]float64) Candidate {
	var best Candidate
	k := model.Outputs(d.Labels.Classes)
	for stage := range learner.Stages() {
		var raw []measure.Raw
		for f, p := range parts {
			for i, row := range p.testRows {
				raw = append(raw, measure.Raw{V: outputs[f][stage][i*k : (i+1)*k], Y: d.Labels.Of[row]})
			}
		}
		if c := d.candidate(learner, stage, raw); stage == 0 || c.Figures.LogLoss < best.Figures.LogLoss {
			best = c
		}
	}
	return best
}

// candidate computes the figures of raw outputs.
func (d *Data) candidate(learner learn.Learner, stage int, raw []measure.Raw) Candidate {
	m := &model.Model{Function: &model.Function{Scale: learner.Scale(), Outputs: model.Outputs(d.Labels.Classes)}}
	list := make([]measure.Prediction, len(raw))
	for i, r := range raw {
		list[i] = measure.Prediction{P: make([]float64, d.Labels.Classes), Y: r.Y}
		copy(list[i].P, r.V)
		m.Calibrate(list[i].P)
	}
	return Candidate{Learner: learner, Stage: stage, Figures: measure.Of(list), raw: raw, losses: losses(list)}
}

// blend makes a candidate of others that have been tried.
func (r *Result) blend(d Data, b *learn.Blend) Candidate {
	set := &learn.Blend{Label: b.Label, Members: b.Members}
	var raw []measure.Raw
	for _, member := range b.Members {
		i := slices.IndexFunc(r.Candidates, func(c Candidate) bool { return c.Learner == member })
		c := r.Candidates[i]
		set.At = append(set.At, c.Stage)
		if raw == nil {
			for _, one := range c.raw {
				raw = append(raw, measure.Raw{V: make([]float64, len(one.V)), Y: one.Y})
			}
		}
		for j, one := range c.raw {
			for o, v := range one.V {
				raw[j].V[o] += v / float64(len(b.Members))
			}
		}
	}
	return d.candidate(set, 0, raw)
}

func losses(list []measure.Prediction) []float64 {
	out := make([]float64, len(list))
	for i, p := range list {
		out[i] = measure.Loss(p.P, p.Y)
	}
	return out
}

// choose applies the one-standard-error rule.
func (r *Result) choose(d Data) {
	ahead := 0
	for i, c := range r.Candidates {
		if c.Figures.LogLoss < r.Candidates[ahead].Figures.LogLoss {
			ahead = i
		}
	}
	var group []int32
	if d.Labels.Group != nil {
		for _, row := range r.held {
			group = append(group, d.Labels.Group[row])
		}
	}
	r.Chosen = -1
	for i := range r.Candidates {
		c := &r.Candidates[i]
		c.Behind, c.SE = measure.Paired(c.losses, r.Candidates[ahead].losses, group)
		if c.Learner.Additive() && c.Behind <= c.SE && (r.Chosen < 0 || c.Figures.LogLoss < r.Candidates[r.Chosen].Figures.LogLoss) {
			r.Chosen = i
		}
	}
	best := r.Candidates[ahead].Learner
	switch {
	case best.Additive():
		r.Chosen, r.Why = ahead, "lowest log loss on the rows held back, and additive"
	case r.Chosen >= 0:
		c := r.Candidates[r.Chosen]
		r.Why = fmt.Sprintf("additive, and within one standard error of %s: %.5f ± %.5f behind", best.Name(), c.Behind, c.SE)
	default:
		r.Chosen, r.Why = ahead, "lowest log loss on the rows held back; no additive learner came within one standard error: interactions matter"
	}
}
