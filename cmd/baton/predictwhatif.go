package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/predict/trust"
)

// whatIfFlags are the flags of predict whatif.
type whatIfFlags struct {
	model, against string
	version        int
	from, to       uint64
	threshold      float64
	movers         int
}

// whatIfAnswer is what `baton predict whatif --json` prints.
type whatIfAnswer struct {
	*trust.WhatIf
	Movers []moverAnswer `json:"movers"`
}

// moverAnswer is a moment with what each version gives as its reasons.
type moverAnswer struct {
	trust.Mover
	ReasonsA []overlay.Reason `json:"reasons_a"`
	ReasonsB []overlay.Reason `json:"reasons_b"`
}

func (a *app) predictWhatIfCommand() *cobra.Command {
	var o whatIfFlags
	cmd := &cobra.Command{
		Use: "whatif --model N --against V", Short: "What another version of a model would have said of past handoffs", Args: cobra.NoArgs,
		Long: "Asks two versions about the same past moments, each as it stood, and reports how far they lie apart and which of them the outcomes speak for. Moments\n" +
			"before a version's training cut flatter it: the figures that neither was trained on stand for themselves.",
		Example: "  baton predict whatif --model again --version 1 --against 2\n  baton predict whatif --model again --against 6e4009881060 --from 20000 --to 40000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(o.threshold > 0 && o.threshold < 1) {
				return badFlag("threshold", "say --threshold 0.5", "%g is no probability between 0 and 1", o.threshold)
			}
			if o.to > 0 && o.from > o.to {
				return badFlag("from", "give a position before --to", "%d lies behind %d", o.from, o.to)
			}
			return a.predictWhatIf(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "name of the model")
	f.IntVar(&o.version, "version", 0, "that is compared with (default the newest)")
	f.StringVar(&o.against, "against", "", "the other version: its number, or the beginning of its hash with 12 digits or more")
	f.Uint64Var(&o.from, "from", 0, "first position of the moments")
	f.Uint64Var(&o.to, "to", 0, "last position; labels count that were known there (default the end)")
	f.Float64Var(&o.threshold, "threshold", 0.5, "probability from which on it is a yes")
	f.IntVar(&o.movers, "movers", 5, "moments with the largest differences that are shown")
	_ = cmd.MarkFlagRequired("model")
	_ = cmd.MarkFlagRequired("against")
	return cmd
}

func (a *app) predictWhatIf(ctx context.Context, o whatIfFlags) error {
	return a.with(ctx, "predict whatif", reading, func(s *session) error {
		regA, err := versionOf(ctx, s, o.model, o.version)
		if err != nil {
			return err
		}
		regB, err := other(ctx, s, o)
		if err != nil {
			return err
		}
		var of [2]*registry.Loaded
		for i, reg := range []registry.Registered{regA, regB} {
			if of[i], err = trust.Open(modelsDir(a.cfg.Data), reg); err != nil {
				return err
			}
		}
		in := trust.Range{From: o.from, To: o.to}
		if in.To == 0 {
			head, err := s.source.Head(ctx)
			if err != nil {
				return err
			}
			in.To = head.Position
		}
		w, err := trust.Compare(ctx, s.source, of[0], of[1], in, o.threshold, max(o.movers, 0))
		if err != nil {
			return err
		}
		out := whatIfAnswer{w, []moverAnswer{}}
		for _, m := range w.Movers {
			one := moverAnswer{Mover: m}
			for i, to := range []*[]overlay.Reason{&one.ReasonsA, &one.ReasonsB} {
				score, err := overlay.Of(ctx, s.source, of[i], m.Journey, m.Position)
				if err != nil {
					return err
				}
				*to = score.Reasons
			}
			out.Movers = append(out.Movers, one)
		}
		return a.show(out, func(to io.Writer) error { return whatIfText(to, out) })
	})
}

// other is the version that --against names.
func other(ctx context.Context, s *session, o whatIfFlags) (registry.Registered, error) {
	if n, err := strconv.Atoi(o.against); err == nil && len(o.against) < 12 {
		if n < 1 {
			return registry.Registered{}, badFlag("against", "versions count from 1", "%d is no version", n)
		}
		return versionOf(ctx, s, o.model, n)
	}
	return registry.Find(ctx, s.source, o.model, o.against)
}

func whatIfText(w io.Writer, o whatIfAnswer) error {
	fmt.Fprintf(w, "%s, %s: A is version %d (%.12s), B is version %d (%.12s)\n  %s moments of %s journeys, positions %s to %s; %s before A's cut and %s before B's, in sample\n\n", printable(o.A.Name), printable(o.Target),
		o.A.Version, o.A.Hash, o.B.Version, o.B.Hash, count(o.Moments), count(o.Journeys), count(o.From), count(o.To), count(o.InSampleA), count(o.InSampleB))
	if o.Actions != nil {
		return competingText(w, o.Actions)
	}
	rows := [][]string{
		{"probability, B less A", fmt.Sprintf("%+.4f on average, %.4f either way", o.Shift, o.Moved)},
		{fmt.Sprintf("across %g", o.Threshold), fmt.Sprintf("%s to yes, %s to no", count(o.ToYes), count(o.ToNo))},
		{"order", fmt.Sprintf("rank correlation %.4f", o.Ranks)},
	}
	if o.Target == train.NextActivity {
		rows[1] = []string{"another activity", count(o.OtherSaid) + " moments"}
	}
	if err := table(w, []string{"WHAT B WOULD HAVE SAID", ""}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	line := func(name string, n int, c *trust.Compared) {
		if c != nil {
			rows = append(rows, []string{name, count(n), figure(c.A), figure(c.B), fmt.Sprintf("%+.4f (%+.4f to %+.4f)", c.Diff, c.Low, c.High)})
		}
	}
	line("log loss, neither trained on", o.Clean, o.CleanLogLoss)
	line("Brier, neither trained on", o.Clean, o.CleanBrier)
	line("log loss, all (in sample too)", o.Outcomes, o.LogLoss)
	line("Brier, all (in sample too)", o.Outcomes, o.Brier)
	if err := table(w, []string{"OUTCOMES", ">KNOWN", ">A", ">B", "B LESS A (95 %)"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	for _, m := range o.Movers {
		came := "not known"
		if m.Known {
			came = yes(m.Label == 1)
		}
		rows = append(rows, []string{m.Journey, count(m.Position), fmt.Sprintf("%.1f %%", 100*m.A), fmt.Sprintf("%.1f %%", 100*m.B), came, because(m.ReasonsA), because(m.ReasonsB)})
	}
	return table(w, []string{"FARTHEST APART", ">POSITION", ">A", ">B", "CAME", "A BECAUSE", "B BECAUSE"}, rows)
}

// competingText says what another version of a model of actions would have chosen.
func competingText(w io.Writer, v *policy.Versus) error {
	fmt.Fprintf(w, "Another action would be chosen in %s of %s decisions\n", count(v.Other), count(v.Decisions))
	var rows [][]string
	for _, c := range v.Changes {
		rows = append(rows, []string{c.A, c.B, count(c.Times)})
	}
	if len(rows) > 0 {
		if err := table(w, []string{"A CHOOSES", "B CHOOSES", ">DECISIONS"}, rows); err != nil {
			return err
		}
	}
	if v.Difference == nil {
		_, err := fmt.Fprintf(w, "\nWhich is better cannot be told: %s\n", v.Refused)
		return err
	}
	_, err := fmt.Fprintf(w, "\nTo suggest it (intent to treat), %s decisions that neither was trained on: A %s, B %s\nB less A: %+.3f (%+.3f to %+.3f)\n", count(v.Clean), interval(v.A.DR), interval(v.B.DR),
		v.Difference.Value, v.Difference.Low, v.Difference.High)
	return err
}

// because is the first of the reasons.
func because(list []overlay.Reason) string {
	if len(list) == 0 {
		return "-"
	}
	return printable(list[0].Sentence())
}
