package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// The fewest decisions that are learned from, and how often an action must have been taken in them to be suggested.
const (
	fewestTrain   = 200
	FewestActions = 30
)

// Options say what is trained.
type Options struct {
	Name    string
	Target  Target
	Seed    uint64
	Holdout float64 // part of the decisions, the last ones by time, that policies are compared on; 0 is 0.25
	Refits  int     // 0 is 12
	Say     func(format string, args ...any)
}

// Result is a trained model of actions and what it is worth.
type Result struct {
	Model      *model.Model
	File       []byte
	Actor      *Actor
	Comparison *Comparison // on the decisions held out
	Figures    measure.Figures
	BaseRate   float64
	Decisions  int // with an outcome
	Unknown    int // without one yet
	TrainRows  int
	From, Cut  time.Time
}

// Train learns from the earlier decisions of a log which action goes with a good outcome, and compares policies on the later ones, which it has not seen.
// Whoever is not followed has received "none". What is asked for and cannot be had is CodeInvalid.
//
// The forms of package learn's learners in fit.go are tried on five folds of journeys in the training part: each chooses for the journeys of a fold by what
// it learned from the others (without abstaining), and the doubly robust value of these choices decides, intent to treat; among those within one standard
// error of the best the lowest log loss. A form enters with the stage of lowest log loss.
func Train(ctx context.Context, log *Log, o Options) (*Result, error) {
	o.Holdout, o.Refits = cmp.Or(o.Holdout, 0.25), cmp.Or(o.Refits, 12)
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	settled := log.Settled(time.Time{}, time.Time{})
	out := &Result{Decisions: len(settled), Unknown: len(log.Decisions) - len(settled)}
	if len(settled) < fewestTrain {
		return nil, ledger.Errorf(ledger.CodeInvalid, "train actions", "log suggestions with candidates, a propensity and an outcome, as `baton simulate` does",
			"%d suggestions among several actions, %d with a known outcome: at least %d are needed", len(log.Decisions), len(settled), fewestTrain)
	}
	out.From = settled[0].At
	out.Cut, _ = cutOf(settled, o.Holdout)
	var train []Decision
	for _, d := range settled {
		if d.At.Before(out.Cut) && !d.Known.After(out.Cut) {
			train = append(train, d)
		}
	}
	if err := checkPropensities(train); err != nil {
		return nil, err
	}
	if out.TrainRows = len(train); len(train) < fewestTrain/2 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "train actions", "wait, or choose a smaller --holdout", "%d decisions had an outcome when those held out begin, %d are needed", len(train), fewestTrain/2)
	}
	t := &trainer{o: o, log: log, actions: count(train)}
	t.data = newData(train, o.Target, t.names(), o.Seed)
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := t.race(ctx); err != nil {
		return nil, err
	}
	if err := t.fit(ctx, out); err != nil {
		return nil, err
	}
	o.Say("comparing policies on later decisions")
	var err error
	if out.Comparison, err = Compare(ctx, out.Actor, log.Settled(out.Cut, time.Time{}), o.Target, o.Seed); err != nil {
		return nil, err
	}
	out.judge(log.Settled(out.Cut, time.Time{}), o.Target)
	return out, nil
}

// trainer is one training in work.
type trainer struct {
	*data
	o          Options
	log        *Log
	actions    []model.Action
	candidates []candidate
	chosen     int
	why        string
	single     string
}

// candidate is a form at its best stage.
type candidate struct {
	form     form
	layout   *layout
	stage    int
	raw      []float64 // [decision·actions + action], by what the other folds taught
	estimate Figure
	model.PolicyFigures
}

// count says how often each action was suggested and taken, none first, then by name.
func count(list []Decision) (out []model.Action) {
	at := func(action string) *model.Action {
		i := slices.IndexFunc(out, func(a model.Action) bool { return a.Action == action })
		if i < 0 {
			i = len(out)
			out = append(out, model.Action{Action: action})
		}
		return &out[i]
	}
	at(None)
	for _, d := range list {
		a := at(d.Action)
		if a.Suggested++; !d.HoldOut {
			a.Shown++
		}
		if d.Followed == d.Action && d.Answer != "offered" {
			a.Followed++
		}
		at(d.Followed).Taken++
	}
	for i := range out {
		out[i].Supported = out[i].Taken >= FewestActions
	}
	slices.SortStableFunc(out[1:], func(a, b model.Action) int { return cmp.Compare(a.Action, b.Action) })
	return out
}

func (t *trainer) names() (list []string) {
	for _, a := range t.actions {
		list = append(list, a.Action)
	}
	return list
}

func (t *trainer) check() error {
	good, supported := 0.0, 0
	for _, y := range t.y {
		good += y
	}
	for _, a := range t.actions {
		if a.Supported && a.Action != None {
			supported++
		}
	}
	switch n := float64(len(t.y)); {
	case min(good, n-good) < 10:
		return ledger.Errorf(ledger.CodeInvalid, "train actions", "choose another --target", "%.0f of %.0f decisions ended as %s: there is nothing to tell apart", good, n, t.o.Target)
	case supported == 0 || !t.actions[0].Supported:
		return ledger.Errorf(ledger.CodeInvalid, "train actions", "wait until suggestions are followed, and some held out", "no action but none was taken %d times", FewestActions)
	}
	return nil
}

// crossable are the columns that actions are crossed with: fields of the context that nearly all decisions have, numbers and categories of few values.
func (t *trainer) crossable(base []table.Column) (list []int) {
	const mostValues, fewestRows, known = 12, 50, 0.8
	for c := len(base) - len(t.log.Spec.Fields); c < len(base); c++ { // fields come last
		rows, frequent, there := map[table.Value]int{}, 0, 0
		for _, d := range t.decisions {
			if v := d.Row[c]; base[c].Kind == table.Number && v.Number == v.Number || v.Text != "" {
				rows[v]++
				there++
			}
		}
		for _, n := range rows {
			if n >= fewestRows {
				frequent++
			}
		}
		few := len(rows) <= mostValues || base[c].Kind == table.Number
		if frequent >= 2 && few && float64(there) >= known*float64(len(t.decisions)) {
			list = append(list, c)
		}
	}
	return list
}

// race tries all forms.
func (t *trainer) race(ctx context.Context) error {
	base := t.log.Spec.Columns()
	layouts := map[bool]*layout{false: crossed(base, t.names(), nil), true: crossed(base, t.names(), t.crossable(base))}
	reward, err := newArena(ctx, t.data, layouts[true])
	if err != nil {
		return err
	}
	var samples []Sample
	for _, f := range forms() {
		t.o.Say("trying %s on %d decisions", f.name, len(t.decisions))
		c := candidate{form: f, layout: layouts[f.crossed]}
		raw, err := t.crossFit(ctx, c.layout, f.learner, 5)
		if err != nil {
			return err
		}
		for stage := range raw {
			if loss := t.loss(raw[stage]); stage == 0 || loss < c.LogLoss {
				c.stage, c.raw, c.LogLoss = stage, raw[stage], loss
			}
		}
		c.Learner, c.Setting = f.name, f.learner.Stages()[c.stage]
		samples = reward.intent(func(i int) int { return t.best(c.raw, i) })
		c.estimate = Estimate(samples, 0).DR
		c.Value, c.SE = c.estimate.Value, c.estimate.SE
		t.candidates = append(t.candidates, c)
	}
	t.choose(samples)
	value := 0.0
	for k, a := range t.actions {
		if !a.Supported {
			continue
		}
		if e := Estimate(reward.intent(func(int) int { return k }), 0); e.Refused == "" && (t.single == "" || e.DR.Value > value) {
			t.single, value = a.Action, e.DR.Value
		}
	}
	if t.single == "" {
		return ledger.Errorf(ledger.CodeInvalid, "train actions", "wait for more decisions", "no single action has an effective sample size of %d", FewestESS)
	}
	return nil
}

// choose takes the form with the highest value, or one within a standard error of the difference whose probabilities have a lower log loss: values of nearly the
// same choices differ by chance, and the loss sees more of what was learned.
func (t *trainer) choose(samples []Sample) {
	ahead := 0
	for i, c := range t.candidates {
		if c.estimate.influence != nil && (t.candidates[ahead].estimate.influence == nil || c.Value > t.candidates[ahead].Value) {
			ahead = i
		}
	}
	t.chosen, t.why = ahead, "highest doubly robust value of its choices on the journeys held back"
	for i, c := range t.candidates {
		if c.estimate.influence == nil || c.LogLoss >= t.candidates[t.chosen].LogLoss {
			continue
		}
		if d := Difference(t.candidates[ahead].estimate, c.estimate, samples); d.Value <= d.SE {
			t.chosen, t.why = i, fmt.Sprintf("lowest log loss among those whose choices are worth as much as the best, within one standard error: %s is %.4f ± %.4f ahead",
				t.candidates[ahead].Learner, d.Value, d.SE)
		}
	}
}

// best is the supported candidate with the highest output.
func (t *trainer) best(raw []float64, i int) int {
	best := 0
	for k, a := range t.actions {
		if a.Supported && slices.Contains(t.decisions[i].Candidates, a.Action) && raw[i*len(t.actions)+k] > raw[i*len(t.actions)+best] {
			best = k
		}
	}
	return best
}

// loss is the mean log loss of the actions taken.
func (t *trainer) loss(raw []float64) float64 {
	sum := 0.0
	for _, r := range t.raws(raw) {
		p := model.Logistic(r.V[0])
		sum += measure.Loss([]float64{1 - p, p}, r.Y) / float64(len(t.y))
	}
	return sum
}

func (t *trainer) raws(raw []float64) (list []measure.Raw) {
	for i, d := range t.decisions {
		at := i*len(t.actions) + slices.Index(t.data.actions, d.Followed)
		list = append(list, measure.Raw{V: raw[at : at+1], Y: int32(t.y[i])})
	}
	return list
}

// fit makes the model of the chosen form.
func (t *trainer) fit(ctx context.Context, out *Result) error {
	c := t.candidates[t.chosen]
	t.o.Say("learning %s (%s), and %d refits", c.Learner, c.Setting, t.o.Refits)
	taken, _ := t.frames(c.layout)
	o := table.Defaults()
	o.Seed = t.o.Seed
	e, x := table.Fit(taken, taken.All(), t.labels(), o)
	f, err := c.form.learner.Fit(ctx, t.set(x, taken.All()), c.stage)
	if err != nil {
		return err
	}
	m := &model.Model{Features: e, Classes: []string{"ends otherwise", "ends well"}, Function: f, Calibration: measure.Calibrate(t.raws(c.raw), f.Scale, f.Outputs)}
	if m.Refits, err = t.refit(ctx, e, taken, c.form.learner, c.stage, t.o.Refits); err != nil {
		return err
	}
	m.Card = t.card(taken, out)
	if out.File, err = m.Bytes(); err != nil {
		return err
	}
	out.Model = m
	out.Actor, err = New(m)
	return err
}

func (t *trainer) card(taken *table.Frame, out *Result) model.Card {
	c := t.candidates[t.chosen]
	choice := &model.Choice{Actions: t.actions, BestSingle: t.single}
	for _, one := range t.candidates {
		choice.Candidates = append(choice.Candidates, one.PolicyFigures)
	}
	card := model.Card{Name: t.o.Name, Target: t.o.Target.String(), Learner: c.Learner, Setting: c.Setting, Seed: t.o.Seed, Rows: len(t.y), ClassRows: map[string]int{},
		From: out.From.UTC().Format(time.RFC3339Nano), To: out.Cut.UTC().Format(time.RFC3339Nano), Features: taken.Names(), Choice: choice,
		Reads:      &model.Reads{Features: features.Version, Moments: []string{"offered", "accepted"}, Asked: t.log.Spec.Asked},
		Validation: fmt.Sprintf("5 folds of journeys, doubly robust value %.4f ± %.4f of its choices, intent to treat", c.Value, c.SE),
		Why:        t.why,
		Limits: []string{"an action that was not followed counts as none: where people follow when it goes well anyhow, effects are taken for too large",
			"actions taken fewer than 30 times are not suggested", "decisions without an outcome by the cut are left out; slow journeys are too rare in training"}}
	for _, y := range t.y {
		card.ClassRows[[]string{"ends otherwise", "ends well"}[int(y)]]++
	}
	return card
}

// judge says how well the probabilities of the actions taken came true.
func (r *Result) judge(held []Decision, target Target) {
	c, list := r.Actor.Chooser(), []measure.Prediction{}
	for _, d := range held {
		y := d.Good(target)
		p := c.Probability(d.Row, d.Followed)
		list = append(list, measure.Prediction{P: []float64{1 - p, p}, Y: int32(y)})
		r.BaseRate += y / float64(len(held))
	}
	r.Figures = measure.Of(list)
}
