package overlay

import (
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// choose asks a model of actions about a builder as it stands. What has the probability is a good end with the action that is put first, or without any where it
// abstains; the reasons are why that action is put above doing nothing.
func choose(m *registry.Loaded, journey string, b *features.Builder) *Score {
	a := policy.Ask(m.Actor.Chooser(), b, nil)
	s := &Score{Journey: journey, Model: trust.ModelOf(m.Registered), Target: m.Target, Scale: a.Scale, Features: b.Snapshot(b.Row(nil)), Choice: a, Reasons: []Reason{}}
	for _, r := range a.Reasons {
		s.Reasons = append(s.Reasons, Reason(r))
	}
	s.says, s.Probability, s.Says = m.Says, chance(a, a.Chosen), m.Says+with(a.Chosen)
	return s
}

// chance is the probability of a good end with an action.
func chance(a *policy.Answer, action string) float64 {
	for _, r := range a.Ranked {
		if r.Action == action {
			return r.Probability
		}
	}
	return a.None
}

func with(action string) string {
	if action == policy.None {
		return ", if nothing is done"
	}
	return ", with " + action
}

// selected is what a suggestion does with a choice: the action, which a random part of the time is another one than the best, its probability of being chosen, and
// what it was chosen among.
type selected struct {
	action     string
	propensity float64
	candidates []string
	actions    []policy.Score
	says       string
	chance     float64
}

// selectAction draws the action of a handoff event. A score without a choice has one action: to tell.
func selectAction(s *Score, how manner) selected {
	if s.Choice == nil {
		return selected{Action, 1, []string{Action}, nil, s.Says, s.Probability}
	}
	got := s.Choice.Selected(how.explore, 0, policy.DrawsOf(s.Model.Hash, s.handoff))
	out := selected{action: got.Action, propensity: got.Propensity, actions: s.Choice.Ranked, says: s.Says, chance: s.Probability, candidates: []string{}}
	none := false
	for _, r := range s.Choice.Ranked {
		if r.Supported || r.Action == got.Action {
			out.candidates = append(out.candidates, r.Action)
			none = none || r.Action == policy.None
		}
	}
	if !none {
		out.candidates = append(out.candidates, policy.None)
	}
	if got.Action != s.Choice.Chosen {
		out.chance = chance(s.Choice, got.Action)
		out.says = s.says + with(got.Action)
	}
	return out
}
