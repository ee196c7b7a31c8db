package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// momentFlags adds the flags that say as of when; the returned function reads them.
func momentFlags(cmd *cobra.Command) func() (replay.Moment, error) {
	f := cmd.Flags()
	f.String("at", "", "as it stood when this time occurred, RFC 3339 or 2010-04-08 or 2010-04-08T14:03")
	f.String("known-at", "", "with --at: counting only what was recorded by this time")
	f.String("recorded", "", "as it stood when everything recorded by this time was there")
	f.String("position", "", "as it stood at this position of the ledger")
	f.String("revision", "", "as it stood at this revision of the journey")
	return func() (replay.Moment, error) {
		return replay.ParseMoment(func(name string) string { return f.Lookup(name).Value.String() })
	}
}

// asOf makes a command that reads a journey as of a moment.
func (a *app) asOf(cmd *cobra.Command, name string, do func(ctx context.Context, s *session, args []string, m replay.Moment) error) {
	at := momentFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := at()
		if err != nil {
			return err
		}
		return a.with(cmd.Context(), name, reading, func(s *session) error { return do(cmd.Context(), s, args, m) })
	}
}

// journeyAnswer is what `baton journey --json` prints.
type journeyAnswer struct {
	replay.View
	Timeline []replay.Entry `json:"timeline"`
}

func (a *app) journeyCommand() *cobra.Command {
	var shadow bool
	cmd := &cobra.Command{
		Use: "journey ID", Short: "One journey: where it stands, who held it when, what happened; now or as of any moment",
		Example: "  baton journey 1-364285768\n  baton journey 1-364285768 --at 2010-04-08T00:00:00Z",
		Args:    cobra.ExactArgs(1),
	}
	a.asOf(cmd, "journey", func(ctx context.Context, s *session, args []string, m replay.Moment) error {
		view, err := replay.AsOf(ctx, s.source, args[0], m)
		if err != nil {
			return err
		}
		if shadow {
			view = view.WithWithheld()
		}
		if !a.json {
			if err := view.WriteText(a.out, a.text()); err != nil || view.Events == 0 {
				return err
			}
			fmt.Fprintln(a.out)
			return replay.WriteTimeline(a.out, replay.Timeline(ctx, s.source, args[0], m), a.text())
		}
		out := journeyAnswer{View: view, Timeline: []replay.Entry{}}
		for e, err := range replay.Timeline(ctx, s.source, args[0], m) {
			if err != nil {
				return err
			}
			out.Timeline = append(out.Timeline, e)
		}
		return a.printJSON(out)
	})
	cmd.Flags().BoolVar(&shadow, "shadow", false, "with the suggestions that nobody is shown: those of policy shadow, and hold-outs")
	return cmd
}

func (a *app) replayCommand() *cobra.Command {
	cmd := group("replay", "Ask a journey's history: timeline, diff, bisect, what-if, rebuild")
	cmd.AddCommand(a.timelineCommand(), a.diffCommand(), a.bisectCommand(), a.whatifCommand(), a.rebuildCommand())
	return cmd
}

func (a *app) timelineCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "timeline ID", Short: "Every event of a journey and what it did", Args: cobra.ExactArgs(1)}
	a.asOf(cmd, "replay timeline", func(ctx context.Context, s *session, args []string, m replay.Moment) error {
		entries := replay.Timeline(ctx, s.source, args[0], m)
		if !a.json {
			return replay.WriteTimeline(a.out, entries, a.text())
		}
		out := []replay.Entry{}
		for e, err := range entries {
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return a.printJSON(out)
	})
	return cmd
}

func (a *app) diffCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "diff ID --from MOMENT --to MOMENT", Short: "What changed in a journey between two moments", Args: cobra.ExactArgs(1),
		Example: "  baton replay diff 1-364285768 --from 3 --to 9\n  baton replay diff 1-364285768 --from 2010-04-08 --to now",
		RunE: func(cmd *cobra.Command, args []string) error {
			mf, err := replay.ParseEnd(from)
			if err != nil {
				return badFlag("from", ledger.HintOf(err), "%w", err)
			}
			mt, err := replay.ParseEnd(to)
			if err != nil {
				return badFlag("to", ledger.HintOf(err), "%w", err)
			}
			ctx := cmd.Context()
			return a.with(ctx, "replay diff", reading, func(s *session) error {
				for _, side := range []struct {
					flag string
					at   replay.Moment
				}{{"from", mf}, {"to", mt}} { // so that an error names the side
					if _, err := replay.AsOf(ctx, s.source, args[0], side.at); ledger.CodeOf(err) == ledger.CodeNotFound {
						return &ledger.Error{Code: ledger.CodeNotFound, Op: "--" + side.flag, Err: err, Hint: ledger.HintOf(err)}
					}
				}
				d, err := replay.Diff(ctx, s.source, args[0], mf, mt)
				if err != nil {
					return err
				}
				return a.show(d, func(w io.Writer) error { return d.WriteText(w, a.text()) })
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "revision (3), position (@120), time (2010-04-08) or now")
	cmd.Flags().StringVar(&to, "to", "now", "the same")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

func (a *app) bisectCommand() *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use: "bisect ID --where CEL", Short: "The first event after which a condition holds", Args: cobra.ExactArgs(1),
		Example: "  baton replay bisect 1-364285768 --where 'owner == \"V13 2nd 3rd\"'\n  baton replay bisect 1-364285768 --where '\"zombie\" in anomalies'",
	}
	cmd.Long = cmd.Short + ".\n\nVariables:"
	for _, line := range replay.ConditionHelp() {
		cmd.Long += "\n" + wrap("  "+line)
	}
	a.asOf(cmd, "replay bisect", func(ctx context.Context, s *session, args []string, m replay.Moment) error {
		b, err := replay.Bisect(ctx, s.source, args[0], m, where)
		if err != nil {
			return err
		}
		if err := a.show(b, func(w io.Writer) error { return b.WriteText(w, a.text()) }); err != nil || b.Found {
			return err
		}
		return errNo
	})
	cmd.Flags().StringVar(&where, "where", "", "condition in CEL")
	_ = cmd.MarkFlagRequired("where")
	return cmd
}

func (a *app) whatifCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "whatif ID EDIT...", Short: "What would be if events had been dropped, delayed or changed; the record is not touched",
		Example: "  baton replay whatif 1-364285768 drop:5\n  baton replay whatif 1-364285768 delay:5:48h\n  baton replay whatif 1-364285768 'change:5:{\"stage\":\"G97\"}'",
		Args:    cobra.MinimumNArgs(2),
	}
	a.asOf(cmd, "replay whatif", func(ctx context.Context, s *session, args []string, m replay.Moment) error {
		edits, err := replay.ParseEdits(args[1:])
		if err != nil {
			return err
		}
		h, err := replay.WhatIf(ctx, s.source, args[0], m, edits)
		if err != nil {
			return err
		}
		return a.show(h, func(w io.Writer) error { return h.WriteText(w, a.text()) })
	})
	return cmd
}
