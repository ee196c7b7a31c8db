package policy

import (
	"context"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Comparison is what policies would have been worth on the same decisions, which none of them was learned from.
type Comparison struct {
	Decisions int            `json:"decisions"` // with a known outcome
	Journeys  int            `json:"journeys"`
	HeldOut   int            `json:"held_out"` // of them: offered and not shown
	From      time.Time      `json:"from"`
	To        time.Time      `json:"to"`
	Target    string         `json:"target"`
	Actions   []string       `json:"actions"`
	Chosen    map[string]int `json:"chosen"` // by the learned policy
	Abstained int            `json:"abstained"`
	Tables    []Table        `json:"tables"` // intent to treat, then taken
}

// Table is one way to count what a policy is worth.
type Table struct {
	Name       string            `json:"name"` // intent_to_treat, taken
	Assumes    string            `json:"assumes"`
	Policies   []PolicyEstimates `json:"policies"`
	Difference *Figure           `json:"difference,omitempty"` // learned less best single, doubly robust
	Verdict    string            `json:"verdict"`
	Refused    bool              `json:"refused,omitempty"` // the difference cannot be told
}

// PolicyEstimates are those of a policy: learned, best single, none, logged.
type PolicyEstimates struct {
	Policy string `json:"policy"`
	Action string `json:"action,omitempty"` // of one that always does the same
	Estimates

	samples []Sample
}

// The names of tables and policies.
const (
	IntentToTreat = "intent_to_treat"
	Taken         = "taken"

	Learned    = "learned"
	BestSingle = "best single"
	AlwaysNone = "none"
	Logged     = "logged"
)

// checkPropensities refuses decisions that do not say with which probability they were made. The error is CodeInvalid.
func checkPropensities(list []Decision) error {
	for _, d := range list {
		if !(d.Propensity > 0 && d.Propensity <= 1) {
			return ledger.Errorf(ledger.CodeInvalid, "policy", "log the probability that the action was chosen with as `propensity`, above 0 and at most 1",
				"suggestion %.80q of journey %.80q has propensity %g: what another policy is worth cannot be told from it", d.ID, d.Journey, d.Propensity)
		}
		if !slices.Contains(d.Candidates, d.Action) {
			return ledger.Errorf(ledger.CodeInvalid, "policy", "log all actions that could have been chosen as `candidates`",
				"suggestion %.80q of journey %.80q has action %q, which is none of its candidates", d.ID, d.Journey, d.Action)
		}
	}
	return nil
}

// Compare estimates what a model of actions and the policies beside it would have been worth on decisions with a known outcome, which it was not trained on.
// Decisions with a propensity that is missing, 0 or above 1 are refused with CodeInvalid, and so are fewer than 50; what else cannot be told is marked
// refused in the tables.
func Compare(ctx context.Context, m *Actor, list []Decision, target Target, seed uint64) (*Comparison, error) {
	list, err := m.usable(list)
	if err != nil {
		return nil, err
	}
	out := &Comparison{Decisions: len(list), From: list[0].At.UTC(), To: list[len(list)-1].At.UTC(), Target: target.String(), Actions: m.Actions(), Chosen: map[string]int{}}
	journeys := map[string]bool{}
	c, chosen := m.Chooser(), make([]int, len(list))
	for i, d := range list {
		journeys[d.Journey] = true
		if d.HoldOut {
			out.HeldOut++
		}
		choice := c.Choose(d.Row, d.Candidates)
		chosen[i] = slices.Index(out.Actions, choice.Action)
		out.Chosen[choice.Action]++
		if choice.Abstained {
			out.Abstained++
		}
	}
	out.Journeys = len(journeys)
	a, err := newArena(ctx, newData(list, target, out.Actions, seed), m.layout)
	if err != nil {
		return nil, err
	}
	single := slices.Index(out.Actions, m.Model.Card.Choice.BestSingle)
	for _, name := range []string{IntentToTreat, Taken} {
		out.Tables = append(out.Tables, a.table(name, chosen, single))
	}
	return out, nil
}

// usable are the decisions among the actions that the model knows.
func (a *Actor) usable(list []Decision) (out []Decision, err error) {
	if err := checkPropensities(list); err != nil {
		return nil, err
	}
	for _, d := range list {
		if slices.Contains(a.layout.actions, d.Action) {
			out = append(out, d)
		}
	}
	if len(out) < FewestESS {
		return nil, ledger.Errorf(ledger.CodeInvalid, "policy", "wait until more suggestions have an outcome", "there are %d decisions to judge by, at least %d are needed", len(out), FewestESS)
	}
	return out, nil
}
