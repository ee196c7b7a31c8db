package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/policy"
)

// NextActionOptions say which simulated journeys actions are learned from.
type NextActionOptions struct {
	Seed     uint64
	Journeys int
}

// NextAction is how the choice of actions does where the truth is known: mean probability of success, in truth, over the decisions held out.
type NextAction struct {
	Journeys   int                   `json:"journeys"`
	Learner    string                `json:"learner"`
	Learned    float64               `json:"learned"` // what the model chooses, none where it abstains
	Optimal    float64               `json:"optimal"` // the best action of each decision
	Ratio      float64               `json:"ratio"`   // learned by optimal
	BestSingle float64               `json:"best_single"`
	Single     string                `json:"best_single_action"`
	None       float64               `json:"none"`
	Logged     float64               `json:"logged"` // the actions that were suggested, taken
	Right      float64               `json:"right"`  // part of the decisions where the best action was chosen
	Cover      []Coverage            `json:"cover"`
	Candidates []model.PolicyFigures `json:"candidates"`
	Comparison *policy.Comparison    `json:"comparison"`
}

// Coverage holds a doubly robust interval against the truth.
type Coverage struct {
	Table  string  `json:"table"`
	Policy string  `json:"policy"`
	Value  float64 `json:"value"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Truth  float64 `json:"truth"`
	Covers bool    `json:"covers"`
}

// simulatedTruth is of a simulation's truth what policies are judged by.
type simulatedTruth struct {
	acceptance float64
	success    map[string]map[string]float64 // suggestion → action → probability of success
}

func readTruth(text []byte) (t simulatedTruth, err error) {
	t.success = map[string]map[string]float64{}
	for line := range bytes.Lines(text) {
		var l struct {
			Actions struct {
				Acceptance float64 `json:"acceptance"`
			} `json:"actions"`
			Suggestion *struct {
				ID string             `json:"id"`
				P  map[string]float64 `json:"success_p"`
			} `json:"suggestion"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return t, ledger.Errorf(ledger.CodeInternal, "evaluate", "", "the simulator's truth: %w", err)
		}
		t.acceptance = max(t.acceptance, l.Actions.Acceptance)
		if l.Suggestion != nil {
			t.success[l.Suggestion.ID] = l.Suggestion.P
		}
	}
	return t, nil
}

// predictiveFlows are those in which actions are suggested.
var predictiveFlows = []string{"marketing-to-sales", "sales-to-support", "enterprise-onboarding", "ai-agent-to-human"}

// RunNextAction simulates journeys, learns actions from the earlier decisions and holds what it chooses on the later ones against the truth.
func RunNextAction(ctx context.Context, o NextActionOptions, say Say) (*Report, error) {
	begin := time.Now()
	const holdOut = 0.25
	var text bytes.Buffer
	s, err := simulate.New(simulate.Options{Seed: o.Seed, Journeys: o.Journeys, Flows: predictiveFlows, Truth: &text})
	if err != nil {
		return nil, err
	}
	say("simulator next best action: simulating %d journeys", o.Journeys)
	log, err := policy.Survey(ctx, func() iter.Seq2[ledger.Recorded, error] {
		text.Reset() // the truth is told each time
		return policy.Place(s.Events())
	}, holdOut, nil)
	if err != nil {
		return nil, err
	}
	truth, err := readTruth(text.Bytes())
	if err != nil {
		return nil, err
	}
	target := policy.Target{"converted", "resolved"}
	r, err := policy.Train(ctx, log, policy.Options{Name: "next", Target: target, Seed: o.Seed, Holdout: holdOut, Say: func(format string, args ...any) {
		say("simulator next best action: "+format, args...)
	}})
	if err != nil {
		return nil, err
	}
	n := &NextAction{Journeys: o.Journeys, Learner: r.Model.Card.Learner, Single: r.Model.Card.Choice.BestSingle, Candidates: r.Model.Card.Choice.Candidates, Comparison: r.Comparison}
	if err := n.judge(r, log.Settled(r.Cut, time.Time{}), truth); err != nil {
		return nil, err
	}
	report := &Report{Task: "simulator next best action", Seed: o.Seed, Rows: r.Decisions, Classes: 2, Splits: 1, TrainRows: r.TrainRows, TestRows: r.Comparison.Decisions,
		Convention: fmt.Sprintf("%d simulated journeys of the flows with suggestions; decisions in time, the last quarter held out; values are mean success_p of the truth there", o.Journeys), NextAction: n,
		Candidates: []Outcome{}, Models: []ModelNote{}}
	report.Chosen = Outcome{Learner: n.Learner, Setting: r.Model.Card.Setting, AUC: number(r.Figures.AUC), LogLoss: number(r.Figures.LogLoss), Brier: number(r.Figures.Brier),
		ECE: number(r.Figures.ECE), SEs: map[string]float64{}, TrainSeconds: time.Since(begin).Seconds()}
	report.addModel(r.Model)
	report.Goals = append(report.Goals, Goal{Figure: "policy_value_ratio", Value: n.Ratio, Reference: n.BestSingle / n.Optimal, Stretch: 0.98,
		Holds: n.Ratio >= n.BestSingle/n.Optimal, Met: n.Ratio >= 0.98})
	return report, nil
}

// judge computes the true values over the decisions held out.
func (n *NextAction) judge(r *policy.Result, held []policy.Decision, truth simulatedTruth) error {
	type sums struct{ taken, shown float64 }
	values, count, shown := map[string]sums{}, 0.0, 0.0
	chooser := r.Actor.Chooser()
	for _, d := range held {
		p, ok := truth.success[d.ID]
		if !ok {
			return ledger.Errorf(ledger.CodeInternal, "evaluate", "", "the truth has no suggestion %s", d.ID)
		}
		count++
		add := func(name, action string) {
			v := values[name]
			v.taken += p[action]
			if !d.HoldOut {
				v.shown += truth.acceptance*p[action] + (1-truth.acceptance)*p[policy.None]
			}
			values[name] = v
		}
		if !d.HoldOut {
			shown++
		}
		best := math.Inf(-1)
		for _, v := range p {
			best = max(best, v)
		}
		n.Optimal += best
		action := chooser.Choose(d.Row, d.Candidates).Action
		if p[action] == best {
			n.Right++
		}
		add(policy.Learned, action)
		add(policy.BestSingle, n.Single)
		add(policy.AlwaysNone, policy.None)
		add(policy.Logged, d.Action)
	}
	n.Optimal, n.Right = n.Optimal/count, n.Right/count
	n.Learned, n.BestSingle = values[policy.Learned].taken/count, values[policy.BestSingle].taken/count
	n.None, n.Logged, n.Ratio = values[policy.AlwaysNone].taken/count, values[policy.Logged].taken/count, values[policy.Learned].taken/count/n.Optimal
	for _, t := range r.Comparison.Tables {
		for _, e := range t.Policies {
			if e.Refused != "" {
				continue
			}
			c := Coverage{Table: t.Name, Policy: e.Policy, Value: e.DR.Value, Low: e.DR.Low, High: e.DR.High, Truth: values[e.Policy].taken / count}
			if t.Name == policy.IntentToTreat {
				c.Truth = values[e.Policy].shown / shown
			}
			c.Covers = c.Low <= c.Truth && c.Truth <= c.High
			n.Cover = append(n.Cover, c)
		}
	}
	return nil
}
