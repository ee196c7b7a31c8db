package learn

import (
	"context"
	"strings"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Blend is the mean of the log-odds of other learners, each at a stage of its own. Learners that err in different ways err less together.
type Blend struct {
	Label   string
	Members []Learner // on the scale of log-odds
	At      []int     // the stage of each member; a race sets them to those the members did best at
}

// Name tells it from the others in a race.
func (b *Blend) Name() string { return b.Label }

// Additive says whether all members are.
func (b *Blend) Additive() bool {
	for _, m := range b.Members {
		if !m.Additive() {
			return false
		}
	}
	return true
}

// Scale is the log-odds.
func (b *Blend) Scale() model.Scale { return model.LogOdds }

// Stages is one: the members' stages are given.
func (b *Blend) Stages() []string {
	var parts []string
	for i, m := range b.Members {
		stage := ""
		if i < len(b.At) {
			stage = " (" + m.Stages()[b.At[i]] + ")"
		}
		parts = append(parts, m.Name()+stage)
	}
	return []string{"mean of " + strings.Join(parts, " and ")}
}

// Trial fits the members and gives the outputs of their mean.
func (b *Blend) Trial(ctx context.Context, train Set, other *table.Matrix) ([][]float64, error) {
	f, err := b.Fit(ctx, train, 0)
	if err != nil {
		return nil, err
	}
	return [][]float64{outputsOf(f, other)}, nil
}

// Fit fits the members and mixes them.
func (b *Blend) Fit(ctx context.Context, train Set, _ int) (*model.Function, error) {
	var parts []*model.Function
	for i, m := range b.Members {
		f, err := m.Fit(ctx, train, b.At[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, f)
	}
	return model.Mix(parts), nil
}
