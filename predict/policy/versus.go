package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Versus is what two models of actions would have chosen in the same decisions, and what the second's choices would have been worth less the first's.
type Versus struct {
	Decisions  int        `json:"decisions"` // that were asked about
	Other      int        `json:"other"`     // in which the two choose another action
	Changes    []Change   `json:"changes"`   // most frequent first
	Clean      int        `json:"out_of_sample_outcomes"`
	A          *Estimates `json:"a,omitempty"` // intent to treat, of the clean ones
	B          *Estimates `json:"b,omitempty"`
	Difference *Figure    `json:"difference,omitempty"` // B less A, doubly robust, intent to treat, paired
	Refused    string     `json:"refused,omitempty"`    // why there is no difference
}

// Change is an action that one chooses and what the other chooses in its place.
type Change struct {
	A     string `json:"a"`
	B     string `json:"b"`
	Times int    `json:"times"`
}

// Compete asks two models about the same decisions: ofA and ofB have one each in the same order, with the rows that each model reads. clean says which have an outcome
// that neither was trained on: the difference is of those. What cannot be told is Refused; the error is that of the fit.
func Compete(ctx context.Context, a, b *Actor, ofA, ofB []Decision, clean func(d *Decision) bool, target Target, seed uint64) (*Versus, error) {
	out := &Versus{Decisions: len(ofA), Changes: []Change{}}
	one, two := a.Chooser(), b.Chooser()
	var list []Decision
	var chosen [2][]int
	for i := range ofA {
		x, y := one.Choose(ofA[i].Row, ofA[i].Candidates).Action, two.Choose(ofB[i].Row, ofB[i].Candidates).Action
		if x != y {
			out.Other++
			out.change(x, y)
		}
		k := slices.Index(a.layout.actions, y)
		if !clean(&ofA[i]) || !slices.Contains(a.layout.actions, ofA[i].Action) {
			continue
		}
		if k < 0 && out.Refused == "" {
			out.Refused = fmt.Sprintf("B chooses %s, which A does not know", y)
		}
		list, chosen[0], chosen[1] = append(list, ofA[i]), append(chosen[0], slices.Index(a.layout.actions, x)), append(chosen[1], k)
	}
	slices.SortStableFunc(out.Changes, func(x, y Change) int { return cmp.Compare(y.Times, x.Times) })
	if out.Clean = len(list); out.Refused != "" {
		return out, nil
	}
	if out.Clean < FewestESS {
		out.Refused = fmt.Sprintf("%d decisions have an outcome that neither was trained on, at least %d are needed", out.Clean, FewestESS)
		return out, nil
	}
	if err := checkPropensities(list); err != nil {
		out.Refused = err.Error()
		return out, nil
	}
	return out, out.estimate(ctx, a, list, chosen, target, seed)
}

func (v *Versus) change(x, y string) {
	for i := range v.Changes {
		if v.Changes[i].A == x && v.Changes[i].B == y {
			v.Changes[i].Times++
			return
		}
	}
	v.Changes = append(v.Changes, Change{x, y, 1})
}

func (v *Versus) estimate(ctx context.Context, m *Actor, list []Decision, chosen [2][]int, target Target, seed uint64) error {
	a, err := newArena(ctx, newData(list, target, m.layout.actions, seed), m.layout)
	if err != nil {
		return err
	}
	seen := a.seen(IntentToTreat)
	var of [2]PolicyEstimates
	for i := range of {
		of[i] = a.estimate([]string{"A", "B"}[i], a.intent, func(k int) int { return chosen[i][k] }, seen)
		if of[i].Refused != "" && v.Refused == "" {
			v.Refused = of[i].Policy + ": " + of[i].Refused
		}
	}
	v.A, v.B = &of[0].Estimates, &of[1].Estimates
	if v.Refused == "" {
		d := Difference(of[1].DR, of[0].DR, of[0].samples)
		v.Difference = &d
	}
	return nil
}

// Ahead is the doubly robust value of the learned policy less that of another one of the table, with the interval of the difference. Where it cannot be told, refused says why.
func (t *Table) Ahead(other string) (f Figure, refused string) {
	find := func(name string) *PolicyEstimates {
		i := slices.IndexFunc(t.Policies, func(p PolicyEstimates) bool { return p.Policy == name })
		if i < 0 {
			return nil
		}
		return &t.Policies[i]
	}
	learned, beside := find(Learned), find(other)
	if learned == nil || beside == nil {
		return f, "there is no policy " + other
	}
	for _, p := range []*PolicyEstimates{learned, beside} {
		if p.Refused != "" {
			return f, p.Policy + ": " + p.Refused
		}
	}
	return Difference(learned.DR, beside.DR, learned.samples), ""
}
