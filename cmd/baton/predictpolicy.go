package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/evaluate"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/train"
)

// actionsAnswer is what `baton predict actions --json` prints.
type actionsAnswer struct {
	registry.Registered
	Path       string             `json:"path"`
	Already    bool               `json:"already,omitempty"`
	Choice     *model.Choice      `json:"choice"`
	Comparison *policy.Comparison `json:"comparison"`
	Limits     []string           `json:"limits"`
	Seconds    float64            `json:"seconds"`
}

func (a *app) predictActionsCommand() *cobra.Command {
	o, target := policy.Options{}, ""
	cmd := &cobra.Command{
		Use: "actions --target T --name N", Short: "Learn which action goes with a good outcome, and register the model in the ledger", Args: cobra.NoArgs,
		Long: "Learns from suggestions that were logged with their candidates and the probability they were chosen with. The last part of them by time\n" +
			"is held out; what the model would have been worth there is told beside always doing the same. docs/nextaction.md says how to read it.",
		Example: "  baton predict actions --target 'outcome:resolved|converted' --name next",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.trainActions(cmd.Context(), o, target) },
	}
	f := cmd.Flags()
	f.StringVar(&target, "target", "", "outcomes that are good: outcome:X or outcome:X|Y")
	f.StringVar(&o.Name, "name", "", "name of the model, a-z, 0-9, - and _")
	f.Uint64Var(&o.Seed, "seed", 1, "of learners, folds and refits")
	f.Float64Var(&o.Holdout, "holdout", 0.25, "part of the decisions, the last by time, that policies are compared on")
	_ = cmd.MarkFlagRequired("target")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

// trainActions is `baton predict actions`, and `baton predict train --actions`.
func (a *app) trainActions(ctx context.Context, o policy.Options, target string) (err error) {
	if err := registry.CheckName(o.Name); err != nil {
		return err
	}
	if o.Target, err = policy.ParseTarget(target); err != nil {
		return err
	}
	if !(o.Holdout > 0 && o.Holdout < 0.9) {
		return badFlag("holdout", "give a part such as 0.25", "%g is no part of the decisions above 0 and below 0.9", o.Holdout)
	}
	if err := ledgerThere(a); err != nil {
		return err
	}
	return a.with(ctx, "predict actions", writing, func(s *session) error { return a.predictActions(ctx, s, o) })
}

func (a *app) predictActions(ctx context.Context, s *session, o policy.Options) error {
	begin := time.Now()
	log, err := policy.Survey(ctx, func() iter.Seq2[ledger.Recorded, error] { return s.source.Read(ctx, ledger.ReadOptions{}) }, o.Holdout, a.readingBar(ctx, s))
	if err != nil {
		return err
	}
	a.unusable(log)
	o.Say = func(format string, args ...any) { fmt.Fprintf(a.err, format+" …\n", args...) }
	r, err := policy.Train(ctx, log, o)
	if err != nil {
		return err
	}
	c := r.Model.Card
	out := actionsAnswer{Registered: registry.Registered{Name: o.Name, Kind: registry.Actions, Actions: r.Actor.Actions(), Hash: r.Model.Hash(),
		File: registry.FileName(o.Name, r.Model.Hash()), Bytes: len(r.File), Target: c.Target, Says: o.Target.Says(), Learner: c.Learner, Setting: c.Setting, Why: c.Why,
		Seed: c.Seed, Features: c.Reads.Features, Moments: c.Reads.Moments, Calibrate: r.Model.Calibration.Method,
		Figures: train.Figures{Rows: r.Figures.Rows, BaseRate: r.BaseRate, AUC: r.Figures.AUC, LogLoss: r.Figures.LogLoss, Brier: r.Figures.Brier, ECE: r.Figures.ECE},
		Data: registry.Data{From: r.From.UTC(), Cut: r.Cut.UTC(), To: log.Last.UTC(), FirstPosition: log.First, LastPosition: log.Position, Events: log.Events,
			Journeys: log.Journeys, Examples: r.Decisions, TrainRows: r.TrainRows, Unknown: r.Unknown}},
		Choice: c.Choice, Comparison: r.Comparison, Limits: c.Limits, Seconds: time.Since(begin).Seconds()}
	if out.Path, err = registry.Save(modelsDir(a.cfg.Data), out.Registered, r.File); err != nil {
		return err
	}
	if out.Registered, out.Already, err = registry.Register(ctx, s.source, s.append, out.Registered); err != nil {
		return err
	}
	return a.show(out, func(w io.Writer) error { return actionsText(w, out) })
}

// unusable says which suggestions nothing can be weighed with: they stay in the ledger, and one of them must not stop the others.
func (a *app) unusable(l *policy.Log) {
	if l.Unusable > 0 {
		fmt.Fprintf(a.err, "Left out: %s suggestions without a usable propensity, the first %s\n", count(l.Unusable), printable(l.FirstUnusable))
	}
}

// readingBar shows how far the ledger was read.
func (a *app) readingBar(ctx context.Context, s *session) func(position uint64) {
	head, _ := s.source.Head(ctx)
	bar := a.progress("Reading decisions", "events")
	return func(position uint64) {
		if position == 0 {
			bar.clear()
			return
		}
		bar.show(int64(position), int64(head.Position), int64(position))
	}
}

// usable says what keeps a registered model from being asked here.
func (a *app) usable(m registry.Registered) error {
	if m.Kind == registry.KindExternal {
		return nil // it has no file: whether somebody answers is seen when it is asked
	}
	if m.Kind == registry.Actions {
		_, err := a.loadActions(m)
		return err
	}
	_, err := registry.Load(modelsDir(a.cfg.Data), m)
	return err
}

func (a *app) loadActions(m registry.Registered) (*policy.Actor, error) {
	file, err := registry.Open(modelsDir(a.cfg.Data), m)
	if err != nil {
		return nil, err
	}
	return policy.New(file)
}

func actionsText(w io.Writer, t actionsAnswer) error {
	note := ""
	if t.Already {
		note = " (it was there already)"
	}
	rows := [][]string{
		{"target", t.Target + ": " + t.Says},
		{"learner", t.Learner + ", " + t.Setting},
		{"why", t.Why},
		{"trained on", fmt.Sprintf("%s decisions, %s to %s", count(t.Data.TrainRows), moment(t.Data.From), moment(t.Data.Cut))},
		{"not known yet", fmt.Sprintf("%s of %s decisions", count(t.Data.Unknown), count(t.Data.Unknown+t.Data.Examples))},
		{"probabilities", fmt.Sprintf("of the actions taken later: AUC %s, log loss %s, expected error %s", figure(t.Figures.AUC), figure(t.Figures.LogLoss), figure(t.Figures.ECE))},
		{"hash", t.Hash},
		{"file", fmt.Sprintf("%s, %s bytes", t.Path, count(t.Bytes))},
		{"registered", fmt.Sprintf("%s%s, version %d, position %s%s", registry.Prefix, t.Name, t.Version, count(t.Position), note)},
		{"time", fmt.Sprintf("%.1f s", t.Seconds)},
	}
	for _, limit := range t.Limits {
		rows = append(rows, []string{"limit", limit})
	}
	if err := table(w, []string{"MODEL", t.Name}, rows); err != nil {
		return err
	}
	rows = nil
	for _, n := range t.Choice.Actions {
		rows = append(rows, []string{n.Action, count(n.Suggested), count(n.Shown), count(n.Followed), count(n.Taken), yes(n.Supported)})
	}
	fmt.Fprintln(w)
	if err := table(w, []string{"ACTION", ">SUGGESTED", ">SHOWN", ">FOLLOWED", ">TAKEN", "SUPPORTED"}, rows); err != nil {
		return err
	}
	rows = nil
	for _, c := range t.Choice.Candidates {
		rows = append(rows, []string{c.Learner, c.Setting, fmt.Sprintf("%.4f ± %.4f", c.Value, c.SE), figure(c.LogLoss)})
	}
	fmt.Fprintln(w)
	if err := table(w, []string{"LEARNER", "SETTING", ">VALUE HELD BACK", ">LOG LOSS"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return comparisonText(w, t.Comparison)
}

// choiceText says what a model would do in one journey.
func choiceText(w io.Writer, c *policy.Answer) error {
	fmt.Fprintf(w, "Suggests: %s. %s\n\n", printable(c.Chosen), c.Why)
	rows := [][]string{}
	for _, s := range c.Ranked {
		rows = append(rows, []string{s.Action, fmt.Sprintf("%.1f %%", 100*s.Probability), fmt.Sprintf("%+.1f ± %.1f", 100*s.Advantage, 100*s.SE), yes(s.Supported)})
	}
	if err := table(w, []string{"ACTION", ">GOOD END", ">POINTS OVER NONE", "SUPPORTED"}, rows); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nWhy %s is put first:\n", printable(c.Best))
	return nil
}

func (a *app) predictPolicyCommand() *cobra.Command {
	var name, hash string
	var seed uint64
	cmd := &cobra.Command{
		Use: "policy --model N", Short: "What a model's choices would have been worth on later decisions, beside always doing the same", Args: cobra.NoArgs,
		Long: "Estimates off policy, from suggestions logged after the model's training, what it would have been worth to let it choose. The exit code is 1 where\n" +
			"too little is known to tell. docs/nextaction.md says how to read it.",
		Example: "  baton predict policy --model next",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "predict policy", reading, func(s *session) error {
				reg, err := registry.Find(ctx, s.source, name, hash)
				if err != nil {
					return err
				}
				m, err := a.loadActions(reg)
				if err != nil {
					return err
				}
				target, err := policy.ParseTarget(reg.Target)
				if err != nil {
					return err
				}
				log, err := policy.Read(ctx, s.source.Read(ctx, ledger.ReadOptions{}), m.Spec, a.readingBar(ctx, s))
				if err != nil {
					return err
				}
				a.unusable(log)
				c, err := policy.Compare(ctx, m, log.Settled(reg.Data.Cut, time.Time{}), target, seed)
				if err != nil {
					return err
				}
				out := policyAnswer{Name: reg.Name, Version: reg.Version, Hash: reg.Hash, Comparison: c, NoChoice: log.NoChoice, Unmatched: log.Unmatched}
				if err := a.show(out, func(w io.Writer) error { return comparisonText(w, c) }); err != nil || !c.Tables[0].Refused {
					return err
				}
				return errNo
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "model", "", "name of the model")
	f.StringVar(&hash, "hash", "", "beginning of its hash (default the newest)")
	f.Uint64Var(&seed, "seed", 1, "of the folds that outcomes are modelled on")
	_ = cmd.MarkFlagRequired("model")
	return cmd
}

// policyAnswer is what `baton predict policy --json` prints.
type policyAnswer struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Hash      string `json:"hash"`
	NoChoice  int    `json:"no_choice"` // suggestions with one candidate
	Unmatched int    `json:"unmatched"` // suggestions that no handoff moment comes before
	*policy.Comparison
}

func comparisonText(w io.Writer, c *policy.Comparison) error {
	var chosen []string
	for _, action := range slices.Sorted(maps.Keys(c.Chosen)) {
		chosen = append(chosen, fmt.Sprintf("%s %s", printable(action), count(c.Chosen[action])))
	}
	fmt.Fprintf(w, "%s decisions of %s journeys that were not learned from, %s to %s; %s held out\nThe model would have chosen: %s; abstained %s times\n",
		count(c.Decisions), count(c.Journeys), moment(c.From), moment(c.To), count(c.HeldOut), strings.Join(chosen, ", "), count(c.Abstained))
	for _, t := range c.Tables {
		fmt.Fprintf(w, "\n%s: %s\n", map[string]string{policy.IntentToTreat: "To suggest it (intent to treat)", policy.Taken: "To do it"}[t.Name], t.Assumes)
		var rows [][]string
		for _, p := range t.Policies {
			name := p.Policy
			if p.Action != "" {
				name += ": " + p.Action
			}
			if p.Refused != "" {
				rows = append(rows, []string{name, count(p.Matched), fmt.Sprintf("%.0f", p.ESS), "-", "-", "-", "refused: " + p.Refused})
				continue
			}
			rows = append(rows, []string{name, count(p.Matched), fmt.Sprintf("%.0f", p.ESS), interval(p.IPS), interval(p.SNIPS), interval(p.DR), ""})
		}
		if err := table(w, []string{"POLICY", ">MATCHED", ">ESS", ">IPS", ">SNIPS", ">DOUBLY ROBUST", ""}, rows); err != nil {
			return err
		}
		fmt.Fprintf(w, "Verdict: %s\n", t.Verdict)
	}
	return nil
}

// nextActionText prints how the choice of actions does where the truth is known.
func nextActionText(w io.Writer, n *evaluate.NextAction) error {
	fmt.Fprintf(w, "In truth: the model (%s) %s, the best possible %s (%.1f %% of it), always %s %s, none %s, as logged %s; the best action in %.1f %% of the decisions\n\n",
		n.Learner, figure(n.Learned), figure(n.Optimal), 100*n.Ratio, n.Single, figure(n.BestSingle), figure(n.None), figure(n.Logged), 100*n.Right)
	var rows [][]string
	for _, c := range n.Cover {
		rows = append(rows, []string{c.Table, c.Policy, fmt.Sprintf("%.3f (%.3f to %.3f)", c.Value, c.Low, c.High), figure(c.Truth), yes(c.Covers)})
	}
	if err := table(w, []string{"WAY", "POLICY", ">DOUBLY ROBUST", ">TRUTH", "COVERED"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return comparisonText(w, n.Comparison)
}

func interval(f policy.Figure) string {
	return fmt.Sprintf("%.3f (%.3f to %.3f)", f.Value, f.Low, f.High)
}
