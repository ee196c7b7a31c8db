package policy

import (
	"context"
	"fmt"
	"slices"

	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/model"
)

// arena holds what is the same for all policies that are compared on some decisions.
type arena struct {
	*data
	reward  []float64 // cross-fitted probability of a good outcome: [decision·actions + action]
	follow  []float64 // part of the shown suggestions of an action that were followed
	holdOut float64   // part of the decisions held out
	nones   float64   // part of the evidence for doing nothing that comes from those held out
}

func newArena(ctx context.Context, d *data, l *layout) (*arena, error) {
	raw, err := d.crossFit(ctx, l, &learn.Logistic{Label: "reward", Knots: 4, Penalties: []float64{100}, Steps: 40}, 5)
	if err != nil {
		return nil, err
	}
	a := &arena{data: d, reward: raw[len(raw)-1]}
	for i, v := range a.reward {
		a.reward[i] = model.Logistic(v)
	}
	a.count()
	return a, nil
}

// count estimates how often suggestions are followed and held out.
func (a *arena) count() {
	a.follow = make([]float64, len(a.actions))
	shown, held, none := make([]float64, len(a.actions)), 0.0, 0.0
	for _, d := range a.decisions {
		k := slices.Index(a.actions, d.Action)
		switch {
		case d.HoldOut:
			held++
			continue
		case d.Action == None:
			none++
		}
		if k >= 0 {
			if shown[k]++; d.Followed == d.Action {
				a.follow[k]++
			}
		}
	}
	for k, n := range shown {
		if a.follow[k] /= max(n, 1); a.actions[k] == None {
			a.follow[k] = 1 // doing nothing needs nobody's consent
		}
	}
	a.holdOut = held / max(float64(len(a.decisions)), 1)
	if held > 0 {
		a.nones = held / (held + none)
	}
}

// shown is the model's probability of a good outcome where an action is suggested: it is followed or nothing is done.
func (a *arena) shown(i, action int) float64 {
	done, none := a.reward[i*len(a.actions)+action], slices.Index(a.actions, None)
	if none < 0 {
		return done
	}
	return a.follow[action]*done + (1-a.follow[action])*a.reward[i*len(a.actions)+none]
}

// intent makes the samples of intent to treat: the decisions that were not held out. choose gives the action that a policy suggests, nil
// stands for the policy that was logged.
func (a *arena) intent(choose func(i int) int) (list []Sample) {
	for i, d := range a.decisions {
		if d.HoldOut {
			continue
		}
		logged := slices.Index(a.actions, d.Action)
		s := Sample{Cluster: d.Journey, Outcome: a.y[i], Reward: a.shown(i, logged)}
		if choose == nil {
			s.Weight, s.Direct = 1, s.Reward
		} else {
			k := choose(i)
			s.Direct = a.shown(i, k)
			if k == logged {
				s.Weight = 1 / d.Propensity
			}
		}
		list = append(list, s)
	}
	return list
}

// taken makes the samples of the actions taken, all decisions: the probability of having received action a is (1-h)·e(a|x)·q(a). For
// doing nothing there are two sorts of evidence, the decisions held out (probability h) and those with none suggested (probability (1-h)·e(none|x)); each is
// unbiased alone, and they are mixed by how many there are.
func (a *arena) taken(choose func(i int) int) (list []Sample) {
	for i, d := range a.decisions {
		logged, received := slices.Index(a.actions, d.Action), slices.Index(a.actions, d.Followed)
		s := Sample{Cluster: d.Journey, Outcome: a.y[i], Reward: a.reward[i*len(a.actions)+max(received, 0)]}
		k, propensity := logged, 1.0
		if choose != nil {
			k, propensity = choose(i), d.Propensity
		}
		s.Direct = a.reward[i*len(a.actions)+k]
		switch {
		case d.HoldOut && choose != nil && a.actions[k] == None:
			s.Weight = a.nones / a.holdOut
		case d.HoldOut || k != logged:
		case a.actions[k] == None && choose != nil:
			s.Weight = (1 - a.nones) / ((1 - a.holdOut) * propensity)
		case received == logged && a.follow[k] > 0:
			s.Weight = 1 / ((1 - a.holdOut) * propensity * a.follow[k])
		}
		list = append(list, s)
	}
	return list
}

// estimate gives one policy's figures, refused where it chooses what was never seen.
func (a *arena) estimate(name string, samples func(func(int) int) []Sample, choose func(i int) int, seen []int) PolicyEstimates {
	out := PolicyEstimates{Policy: name, samples: samples(choose)}
	out.Estimates = Estimate(out.samples, 0)
	if choose == nil {
		return out
	}
	for i, d := range a.decisions {
		k := choose(i)
		switch {
		case seen[k] == 0:
			out.Refused = fmt.Sprintf("%s is never among what was logged: nothing is known of it", a.actions[k])
		case !slices.Contains(d.Candidates, a.actions[k]):
			out.Refused = fmt.Sprintf("%s was no candidate for suggestion %s: it had no chance there", a.actions[k], d.ID)
		default:
			continue
		}
		out.Estimates = Estimates{Rows: out.Rows, Refused: out.Refused}
		break
	}
	return out
}

// seen counts how often an action was logged, as a way to count takes it.
func (a *arena) seen(way string) []int {
	seen := make([]int, len(a.actions))
	for _, d := range a.decisions {
		if k := slices.Index(a.actions, d.Action); !d.HoldOut && (way == IntentToTreat || d.Followed == d.Action || d.Action == None) {
			seen[k]++
		}
	}
	return seen
}

// table estimates all policies one way. chosen is what the learned one chooses, single the action that always does the same.
func (a *arena) table(name string, chosen []int, single int) Table {
	t := Table{Name: name, Assumes: "the propensities are those that were drawn with; nothing else is needed"}
	samples := a.intent
	seen := a.seen(name)
	none := slices.Index(a.actions, None)
	if name == Taken {
		samples = a.taken
		t.Assumes = "besides, that whether a suggestion is followed depends on its action alone, as often as here"
		if none >= 0 {
			seen[none] += int(a.holdOut * float64(len(a.decisions)))
		}
	}
	always := func(k int) func(int) int { return func(int) int { return k } }
	learned := a.estimate(Learned, samples, func(i int) int { return chosen[i] }, seen)
	best := a.estimate(BestSingle, samples, always(single), seen)
	best.Action = a.actions[single]
	t.Policies = append(t.Policies, learned, best)
	if none >= 0 {
		t.Policies = append(t.Policies, a.estimate(AlwaysNone, samples, always(none), seen))
	}
	t.Policies = append(t.Policies, a.estimate(Logged, samples, nil, seen))
	for _, p := range t.Policies[:2] {
		if p.Refused != "" {
			t.Refused, t.Verdict = true, fmt.Sprintf("it cannot be told whether the model beats always %s: %s: %s", best.Action, p.Policy, p.Refused)
			return t
		}
	}
	d := Difference(learned.DR, best.DR, best.samples)
	t.Difference, t.Verdict = &d, verdict(d, best.Action)
	return t
}

func verdict(d Figure, single string) string {
	figures := fmt.Sprintf("difference %+.3f, 95 %% %+.3f to %+.3f", d.Value, d.Low, d.High)
	switch {
	case d.Low > 0:
		return fmt.Sprintf("the model beats always %s: %s", single, figures)
	case d.High < 0:
		return fmt.Sprintf("the model is worse than always %s: %s", single, figures)
	}
	return fmt.Sprintf("the model does not beat always %s: %s", single, figures)
}
