package race

import (
	"context"
	"fmt"

	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Train makes the model of a candidate from all training rows, calibrated on what it said of the rows held back. The card is filled but for
// Name, Target, From, To, Validation and Limits.
func (r *Result) Train(ctx context.Context, d Data, o Options, candidate int) (*model.Model, error) {
	c := r.Candidates[candidate]
	e, matrix := table.Fit(d.Frame, d.Rows, d.Labels, o.Features)
	set := learn.Set{X: matrix, Y: labels(d, d.Rows), Classes: d.Labels.Classes, Seed: o.Seed}
	f, err := c.Learner.Fit(ctx, set, c.Stage)
	if err != nil {
		return nil, err
	}
	m := &model.Model{Features: e, Classes: d.Classes, Function: f, Calibration: measure.Calibrate(c.raw, f.Scale, f.Outputs)}
	m.Card = r.card(d, o, candidate)
	return m, nil
}

func (r *Result) card(d Data, o Options, candidate int) model.Card {
	c := r.Candidates[candidate]
	card := model.Card{Learner: c.Learner.Name(), Setting: c.Learner.Stages()[c.Stage], Seed: o.Seed, Rows: len(d.Rows), ClassRows: map[string]int{},
		Features: d.Frame.Names(), Why: r.Why, Validation: fmt.Sprintf("%d folds, %d rows held back", len(d.Folds), len(r.held))}
	for _, row := range d.Rows {
		card.ClassRows[d.Classes[d.Labels.Of[row]]]++
	}
	for _, c := range r.Candidates {
		f := model.CandidateFigures{Learner: c.Learner.Name(), Setting: c.Learner.Stages()[c.Stage], Additive: c.Learner.Additive(), Rows: c.Figures.Rows,
			LogLoss: c.Figures.LogLoss, Behind: c.Behind, BehindSE: c.SE, Accuracy: c.Figures.Accuracy}
		if d.Labels.Classes == 2 && c.Figures.AUC == c.Figures.AUC {
			f.AUC = c.Figures.AUC
		}
		card.Candidates = append(card.Candidates, f)
	}
	return card
}
