package policy

import (
	"math"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Score is what a model says of one action in a state.
type Score struct {
	Action      string  `json:"action"`
	Probability float64 `json:"probability"` // of a good outcome
	Advantage   float64 `json:"advantage"`   // over doing nothing
	SE          float64 `json:"se"`          // of the advantage: its deviation over the model's refits
	Supported   bool    `json:"supported"`   // it was taken often enough in training
}

// Choice is the decision about a state. Scores are in the order of the candidates and are overwritten by the next Choose.
type Choice struct {
	Scores    []Score
	Action    string // none where it abstains
	Best      string // the supported action with the highest probability, also where it abstains
	Abstained bool   // the best action's advantage is not larger than its standard error
}

// Actor is a model of actions. It does not change; any number of goroutines may use one, each with a [Chooser] of its own.
type Actor struct {
	Model     *model.Model
	Spec      *features.Spec
	layout    *layout
	supported map[string]bool
}

// New reads a model of actions. The error is CodeUnsupported where it is another sort of model, or of features of another version.
func New(m *model.Model) (*Actor, error) {
	c := m.Card.Choice
	if c == nil || len(m.Classes) != 2 || m.Card.Reads == nil {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "read actions", "train one with `baton predict actions`", "the model is not one of actions")
	}
	if m.Card.Reads.Features != features.Version {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "read actions", "train it again with `baton predict actions`",
			"the model has features of version %d, this version computes %d", m.Card.Reads.Features, features.Version)
	}
	a := &Actor{Model: m, supported: map[string]bool{}}
	var names []string
	for _, n := range c.Actions {
		names = append(names, n.Action)
		a.supported[n.Action] = n.Supported
	}
	var err error
	if a.layout, a.Spec, err = layoutOf(m.Features, names); err != nil {
		return nil, err
	}
	a.Spec.Asked = m.Card.Reads.Asked
	return a, nil
}

// Actions are those that the model knows, none included.
func (a *Actor) Actions() []string { return a.layout.actions }

// Chooser chooses, one state at a time, and allocates nothing while it does.
type Chooser struct {
	*Actor
	row    []table.Value
	x      []float64
	p      [2]float64
	refits [][]float64 // [candidate][refit] probabilities
	none   []float64   // of doing nothing
	scores []Score
}

// Chooser makes one.
func (a *Actor) Chooser() *Chooser {
	c := &Chooser{Actor: a, row: make([]table.Value, len(a.Model.Features.Columns)), x: make([]float64, a.Model.Features.Width()), none: make([]float64, len(a.Model.Refits))}
	for range a.layout.actions {
		c.refits = append(c.refits, make([]float64, len(a.Model.Refits)))
	}
	c.scores = make([]Score, 0, len(a.layout.actions))
	return c
}

// Choose ranks candidates in a state: state has one value a column of the Spec. Candidates that the model does not know are left out. The best is the supported
// one with the highest probability, the first of equals. Where it is not none and its advantage is not larger than its standard error, or there are no refits to
// tell, it abstains.
func (c *Chooser) Choose(state []table.Value, candidates []string) Choice {
	base := c.ask(state, None, c.none)
	out := Choice{Action: None, Best: None}
	best, at := base, -1
	c.scores = c.scores[:0]
	for _, action := range candidates {
		if !slices.Contains(c.layout.actions, action) || len(c.scores) == cap(c.scores) {
			continue
		}
		s := Score{Action: action, Probability: base, Supported: action == None || c.supported[action]}
		if action != None {
			refits := c.refits[len(c.scores)]
			s.Probability = c.ask(state, action, refits)
			s.Advantage, s.SE = s.Probability-base, deviation(refits, c.none)
		}
		c.scores = append(c.scores, s)
		if s.Supported && s.Probability > best {
			best, at = s.Probability, len(c.scores)-1
		}
	}
	out.Scores = c.scores
	if at < 0 {
		return out
	}
	s := c.scores[at]
	if out.Best = s.Action; len(c.none) < 2 || s.Advantage <= s.SE {
		out.Abstained = true
		return out
	}
	out.Action = s.Action
	return out
}

// Probability is that of a good outcome where an action is taken in a state; the action may be one that the model does not know.
func (c *Chooser) Probability(state []table.Value, action string) float64 {
	c.vector(state, action)
	c.Model.Score(c.p[:], c.x)
	return c.p[1]
}

// ask gives the probability of a good outcome, and writes what each refit says of it.
func (c *Chooser) ask(state []table.Value, action string, refits []float64) float64 {
	c.vector(state, action)
	for i, f := range c.Model.Refits {
		f.Raw(c.p[:], c.x)
		c.Model.Calibrate(c.p[:])
		refits[i] = c.p[1]
	}
	return c.Probability(state, action)
}

func (c *Chooser) vector(state []table.Value, action string) {
	c.layout.fill(c.row, state, action)
	c.Model.Features.Encode(c.x, c.row)
}

// deviation is the standard deviation of a-b.
func deviation(a, b []float64) float64 {
	n, mean, squares := float64(len(a)), 0.0, 0.0
	for i := range a {
		mean += (a[i] - b[i]) / n
	}
	for i := range a {
		d := a[i] - b[i] - mean
		squares += d * d
	}
	return math.Sqrt(squares / max(n-1, 1))
}
