package trust

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
)

// Open makes a registered model of any kind ready to be judged: from its file in a folder, or as the declaration of another program, which has none. Errors are those
// of [registry.Load] about the file.
func Open(dir string, m registry.Registered) (*registry.Loaded, error) {
	if m.Kind == registry.KindExternal && m.External != nil {
		return &registry.Loaded{Registered: m, Spec: &features.Spec{Activities: m.External.Activities}}, nil
	}
	return registry.Load(dir, m)
}

// decisions are the moments of a model of actions: the logged choices among actions in a range, whoever chose. P is the model's probability of a good outcome with the
// action that was really taken, or with none, and Label whether it was good. A handoff at which two models chose has two.
func decisions(ctx context.Context, r ledger.Reader, m *registry.Loaded, in Range) (list []Moment, err error) {
	target, err := policy.ParseTarget(m.Target)
	if err != nil {
		return nil, err
	}
	log, err := policy.Read(ctx, r.Read(ctx, ledger.ReadOptions{To: in.To}), m.Actor.Spec, nil)
	if err != nil {
		return nil, err
	}
	c := m.Actor.Chooser()
	for i := range log.Decisions {
		d := &log.Decisions[i]
		if d.Moment < in.From || d.At.Before(in.Since) {
			continue
		}
		list = append(list, Moment{Position: d.Moment, Journey: d.Journey, Handoff: d.Handoff, Point: d.Point, At: d.At, P: c.Probability(d.Row, d.Followed),
			Known: d.Outcome != "", Label: int32(d.Good(target)), Row: d.Row, decision: d})
	}
	slices.SortStableFunc(list, func(a, b Moment) int { return cmp.Compare(a.Position, b.Position) })
	return list, nil
}

// logged are the decisions of moments.
func logged(list []Moment) (out []policy.Decision) {
	for _, m := range list {
		out = append(out, *m.decision)
	}
	slices.SortStableFunc(out, func(a, b policy.Decision) int { return a.At.Compare(b.At) })
	return out
}

// judgeActions asks whether what a model of actions chooses is worth no less than what was chosen, and than doing nothing: intent to treat, doubly robust. Known are decisions
// with an outcome, from the training's cut on.
func (g *Gate) judgeActions(ctx context.Context, m *registry.Loaded, known []Moment) error {
	const worth, single = "value of its choices", "difference to the best single action"
	target, err := policy.ParseTarget(m.Target)
	if err != nil {
		return err
	}
	c, err := policy.Compare(ctx, m.Actor, logged(known), target, Seed(m.Hash))
	if ledger.CodeOf(err) == ledger.CodeInvalid { // too few decisions, or some whose propensity is missing
		g.add(false, worth, err.Error(), "that it can be told")
		return nil
	}
	if err != nil {
		return err
	}
	t := &c.Tables[0] // intent to treat
	g.Policy = t
	for _, other := range []string{policy.Logged, policy.AlwaysNone} {
		name := worth + " against " + map[string]string{policy.Logged: "what was logged", policy.AlwaysNone: "none"}[other]
		f, refused := t.Ahead(other)
		if refused != "" {
			g.add(false, name, "cannot be told: "+refused, "that it can be told")
			continue
		}
		g.add(f.High >= 0, name, fmt.Sprintf("%+.4f (%+.4f to %+.4f)", f.Value, f.Low, f.High), "not below 0: the upper end at least 0")
	}
	g.add(true, single, t.Verdict, "nothing, it is shown")
	return nil
}

// competing fills in what another version of a model of actions would have chosen.
func (w *WhatIf) competing(ctx context.Context, of [2][]Moment, a, b *registry.Loaded) error {
	target, err := policy.ParseTarget(a.Target)
	if err != nil {
		return err
	}
	cut := a.Data.Cut
	if b.Data.Cut.After(cut) {
		cut = b.Data.Cut
	}
	w.Actions, err = policy.Compete(ctx, a.Actor, b.Actor, logged(of[0]), logged(of[1]), func(d *policy.Decision) bool { return settledSince(d, cut) }, target, Seed(a.Hash))
	return err
}

func settledSince(d *policy.Decision, cut time.Time) bool {
	return d.Outcome != "" && !d.At.Before(cut)
}
