package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// rung is which version of which model at which point.
type rung struct {
	model, point string
	version      int
}

func (o *rung) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "name of the model")
	f.StringVar(&o.point, "point", "", "sender>receiver@channel (spaces as %20), or all")
	f.IntVar(&o.version, "version", 0, "of the model (default the newest)")
	_ = cmd.MarkFlagRequired("model")
	_ = cmd.MarkFlagRequired("point")
}

// place is the point as steps have it.
func (o *rung) place() string {
	if o.point == "all" {
		return trust.Everywhere
	}
	return o.point
}

// find reads the ladder and picks the version.
func (o *rung) find(ctx context.Context, s *session) (*trust.Ladder, registry.Registered, error) {
	sender, rest, ok := strings.Cut(o.point, ">")
	receiver, channel, at := strings.Cut(rest, "@")
	if o.place() != trust.Everywhere && (!ok || !at || sender == "" || receiver == "" || channel == "" || strings.ContainsAny(o.point, " \t\n")) {
		return nil, registry.Registered{}, badFlag("point", "say sender>receiver@channel as `baton points` does, or all", "%.200q is no point", o.point)
	}
	m, err := versionOf(ctx, s, o.model, o.version)
	if err != nil {
		return nil, m, err
	}
	l, err := trust.Read(ctx, s.source, o.model)
	return l, m, err
}

// versionOf gives a version of a model, the newest for 0.
func versionOf(ctx context.Context, s *session, name string, version int) (registry.Registered, error) {
	newest, err := registry.Find(ctx, s.source, name, "")
	if err != nil || version == 0 || version == newest.Version {
		return newest, err
	}
	list, err := registry.Versions(ctx, s.source, name)
	for _, m := range list {
		if m.Version == version {
			return m, nil
		}
	}
	return newest, cmp.Or(err, error(ledger.Errorf(ledger.CodeNotFound, "predict", "list models with `baton predict models`", "model %q has no version %d", name, version)))
}

// promotion is what `baton predict promote --json` prints.
type promotion struct {
	*trust.Gate
	Position uint64 `json:"position,omitempty"` // of the step
}

func (a *app) predictPromoteCommand() *cobra.Command {
	var o rung
	var to string
	cmd := &cobra.Command{
		Use: "promote --model N --point P", Short: "Move a model up at a point, where what it has shown suffices", Args: cobra.NoArgs,
		Long: "Computes from the ledger what the model shows on moments that it was not trained on, prints what is asked for and what was measured, and records the\n" +
			"step with these figures. Where something is missing the exit code is 1, and nothing is recorded.",
		Example: "  baton predict promote --model again --point all\n  baton predict promote --model again --point 'bot>desk@chat' --to default",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.predictPromote(cmd.Context(), o, to) },
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "advisory or default (default the next level)")
	return cmd
}

func (a *app) predictPromote(ctx context.Context, o rung, to string) error {
	return a.with(ctx, "predict promote", writing, func(s *session) error {
		l, reg, err := o.find(ctx, s)
		if err != nil {
			return err
		}
		level, _ := l.Level(reg.Hash, o.place(), 0)
		goal := level.Next()
		if to != "" {
			if goal, err = trust.ParseLevel(to); err != nil {
				return err
			}
		}
		if goal != level.Next() || level == goal {
			return badFlag("to", "go up one level at a time: off, shadow, advisory, default", "%s, version %d is on level %s there", o.model, reg.Version, level)
		}
		out := promotion{}
		if goal == trust.Shadow {
			out.Gate = &trust.Gate{Model: trust.ModelOf(reg), Target: reg.Target, Point: o.place(), From: level, To: goal, Met: true, Criteria: []trust.Criterion{}, Segments: []trust.Segment{}}
		} else if out.Gate, err = a.gate(ctx, s, l, reg, o.place(), goal); err != nil {
			return err
		}
		if out.Met {
			if out.Position, err = a.step(ctx, s, l, trust.Step{Model: out.Model, Point: o.place(), From: level, To: goal, Why: "the gate is met"}, out.Gate); err != nil {
				return err
			}
		}
		if err := a.show(out, func(w io.Writer) error { return promotionText(w, out) }); err != nil || out.Met {
			return err
		}
		return errNo
	})
}

// gate evaluates as of the head of the ledger.
func (a *app) gate(ctx context.Context, s *session, l *trust.Ladder, reg registry.Registered, point string, goal trust.Level) (*trust.Gate, error) {
	m, err := trust.Open(modelsDir(a.cfg.Data), reg)
	if err != nil {
		return nil, err
	}
	head, err := s.source.Head(ctx)
	if err != nil {
		return nil, err
	}
	list, err := trust.Judge(ctx, s.source, m, trust.OutOfSample(reg, head.Position))
	if err != nil {
		return nil, err
	}
	return trust.Evaluate(ctx, s.source, l, m, list, point, goal, head.Position, a.gateSettings())
}

func (a *app) gateSettings() trust.Settings {
	g := a.cfg.Predict.Gate
	return trust.Settings{Outcomes: g.Outcomes, ECE: g.ECE, Segments: g.Segments}
}

// step records a change of level by a person, with what it was decided by.
func (a *app) step(ctx context.Context, s *session, l *trust.Ladder, step trust.Step, evidence any) (uint64, error) {
	step.Actor = "cli"
	if evidence != nil {
		b, err := json.Marshal(evidence)
		if err != nil {
			return 0, ledger.Errorf(ledger.CodeInternal, "change level", "", "%w", err)
		}
		step.Evidence = b
	}
	receipt, err := trust.Write(ctx, s.append, l, step)
	return receipt.Position, err
}

func promotionText(w io.Writer, p promotion) error {
	verdict := "MET: it is on level " + string(p.To) + " now"
	if !p.Met {
		verdict = "NOT MET: it stays on level " + string(p.From)
	}
	fmt.Fprintf(w, "%s\n  %s, version %d, at %s: %s to %s; read up to position %s\n\n", verdict, printable(p.Model.Name), p.Model.Version, ladderPoint(p.Point), p.From, p.To, count(p.ReadTo))
	var rows [][]string
	for _, c := range p.Criteria {
		rows = append(rows, []string{c.Name, printable(c.Measured), c.Needed, yes(c.Met)})
	}
	return table(w, []string{"CRITERION", "MEASURED", "NEEDED", "MET"}, rows)
}

func ladderPoint(point string) string {
	if point == trust.Everywhere {
		return "all points"
	}
	return printable(point)
}

func (a *app) predictDemoteCommand() *cobra.Command {
	var o rung
	var to, reason string
	cmd := &cobra.Command{
		Use: "demote --model N --point P --to L --reason R", Short: "Move a model down at a point", Args: cobra.NoArgs,
		Example: "  baton predict demote --model again --point all --to shadow --reason 'the new form confuses it'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			goal, err := trust.ParseLevel(to)
			if err != nil {
				return err
			}
			return a.lower(cmd.Context(), o, goal, reason)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "off, shadow or advisory")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	_ = cmd.MarkFlagRequired("to")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

func (a *app) predictRetireCommand() *cobra.Command {
	var o rung
	var reason string
	cmd := &cobra.Command{
		Use: "retire --model N [--version V] --reason R", Short: "Ask a version of a model no more, at any point", Args: cobra.NoArgs,
		Example: "  baton predict retire --model again --version 1 --reason 'version 2 has taken over'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.point = "all"
			return a.lower(cmd.Context(), o, trust.Off, reason)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "name of the model")
	f.IntVar(&o.version, "version", 0, "of the model (default the newest)")
	f.StringVar(&reason, "reason", "", "why")
	_ = cmd.MarkFlagRequired("model")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

// lower records a step down.
func (a *app) lower(ctx context.Context, o rung, goal trust.Level, reason string) error {
	return a.with(ctx, "predict demote", writing, func(s *session) error {
		l, reg, err := o.find(ctx, s)
		if err != nil {
			return err
		}
		level, _ := l.Level(reg.Hash, o.place(), 0)
		if !goal.Under(level) {
			return badFlag("to", "name a lower level; up it goes with `baton predict promote`", "%s, version %d is on level %s there", o.model, reg.Version, level)
		}
		step := trust.Step{Model: trust.ModelOf(reg), Point: o.place(), From: level, To: goal, Why: reason}
		if step.Position, err = a.step(ctx, s, l, step, nil); err != nil {
			return err
		}
		step.Actor = "cli"
		return a.show(step, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s, version %d, at %s: from %s to %s (position %s)\n", printable(step.Model.Name), step.Model.Version, ladderPoint(step.Point), level, goal, count(step.Position))
			return err
		})
	})
}
