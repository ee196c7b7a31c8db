package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/baton-ledger/baton/predict/features"
)

// Reason says why an action is put above doing nothing, in one feature of the state. It has the form of package overlay's.
type Reason struct {
	Code     string           `json:"code"`     // the column; action: whatever the state
	Text     string           `json:"text"`     // its value, in words
	Effect   string           `json:"effect"`   // raises, lowers
	Weight   float64          `json:"weight"`   // contribution to the difference, on Answer.Scale
	Evidence []features.Place `json:"evidence"` // events it comes from; empty: that there are none
}

// Answer is what a model says should be done.
type Answer struct {
	Ranked    []Score  `json:"ranked"` // highest probability first
	Chosen    string   `json:"chosen"` // none where it abstains
	Best      string   `json:"best"`
	None      float64  `json:"none"` // probability of a good outcome where nothing is done
	Abstained bool     `json:"abstained"`
	Why       string   `json:"why"`
	Reasons   []Reason `json:"reasons"` // for the best action against doing nothing; none has none
	Scale     string   `json:"scale"`   // of weights: log-odds, or probability

	choice Choice
}

// Selected makes the choice a random one; see [Select].
func (a *Answer) Selected(explore, holdOut float64, d Draws) Selected {
	return Select(a.choice, explore, holdOut, d)
}

// most is how many reasons are given, and least how large one is at least beside the largest.
const (
	most  = 3
	least = 0.1
)

// Ask asks a model what to do in a journey as it stands, which should be at a handoff moment. candidates are the actions that may be suggested; nil: all that the
// model knows.
func Ask(c *Chooser, b *features.Builder, candidates []string) *Answer {
	if candidates == nil {
		candidates = c.Actions()
	}
	state := b.Row(nil)
	choice := c.Choose(state, candidates)
	choice.Scores = slices.Clone(choice.Scores)
	a := &Answer{Ranked: slices.Clone(choice.Scores), Chosen: choice.Action, Best: choice.Best, Abstained: choice.Abstained, Reasons: []Reason{},
		Scale: string(c.Model.Function.Scale), choice: choice}
	a.None = c.ask(state, None, c.none)
	slices.SortStableFunc(a.Ranked, func(x, y Score) int { return cmp.Compare(y.Probability, x.Probability) })
	i := slices.IndexFunc(choice.Scores, func(s Score) bool { return s.Action == choice.Best })
	switch {
	case choice.Best == None || i < 0:
		a.Why = "no supported action is more probable to end well than doing nothing"
		return a
	case choice.Abstained:
		a.Why = fmt.Sprintf("%s is ahead by %.1f points, which is not more than its standard error of %.1f", choice.Best, 100*choice.Scores[i].Advantage, 100*choice.Scores[i].SE)
	default:
		a.Why = fmt.Sprintf("%s is ahead of doing nothing by %.1f ± %.1f points", choice.Best, 100*choice.Scores[i].Advantage, 100*choice.Scores[i].SE)
	}
	with, without := make([]float64, len(c.x)), make([]float64, len(c.x))
	c.vector(state, choice.Best)
	c.Model.Explain(with, c.x, 1)
	c.vector(state, None)
	c.Model.Explain(without, c.x, 1)
	for k := range with {
		with[k] -= without[k]
	}
	columns := make([]float64, len(c.row))
	c.Model.Features.ByColumn(columns, with)
	weights := make([]float64, len(state)+1) // the last is of the action itself
	for k, w := range columns {
		at := c.layout.source(k)
		if at < 0 {
			at = len(state)
		}
		weights[at] += w
	}
	order := make([]int, len(weights))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(math.Abs(weights[y]), math.Abs(weights[x])) })
	names := c.Spec.Columns()
	for _, k := range order[:min(most, len(order))] {
		if weights[k] == 0 || math.Abs(weights[k]) < least*math.Abs(weights[order[0]]) {
			break
		}
		r := Reason{Code: actionColumn, Text: fmt.Sprintf("%q in any state", choice.Best), Effect: "raises", Weight: weights[k], Evidence: []features.Place{}}
		if k < len(state) {
			r.Code, r.Text = names[k].Name, c.Spec.Words(k, state[k])
			r.Evidence = append(r.Evidence, b.Evidence(k)...)
		}
		if r.Weight < 0 {
			r.Effect = "lowers"
		}
		a.Reasons = append(a.Reasons, r)
	}
	return a
}
