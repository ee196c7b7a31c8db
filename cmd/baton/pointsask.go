package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/projections/points"
)

func (a *app) pointsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show POINT", Short: "What is known of a point: mapping, pain points, steps, history, traffic", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.askDesk(cmd.Context(), "points show", func(d points.Counter) error {
				page, err := d.Dossier(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.show(page, func(w io.Writer) error { return pageText(w, page) })
			})
		},
	}
}

func pageText(w io.Writer, p *points.Dossier) error {
	fmt.Fprintf(w, "%s\n", printable(pointText(p.Name)))
	if p.Unmapped {
		fmt.Fprintln(w, "  not mapped")
	}
	rows := [][]string{}
	say := func(name, text string) {
		if text != "" {
			rows = append(rows, []string{"  " + name, text})
		}
	}
	say("owner", p.Owner)
	say("description", p.Description)
	say("style", p.Style)
	say("target tier", p.Tier)
	say("direction", p.Direction)
	say("SLA", p.SLA)
	say("contract", p.Contract)
	say("data passed today", strings.Join(p.Data, ", "))
	if c := p.Class; c != nil {
		say("criticality", strings.TrimSuffix(c.Criticality+": "+c.Why, ": "))
		say("value", c.Value)
		say("complexity", c.Complexity)
	}
	if t := p.Traffic; t != nil {
		say("handoffs", fmt.Sprintf("%s (%.1f %% of all), %s accepted", count(t.Handoffs), 100*p.Share, percent(t.Accepted, t.Handoffs)))
	}
	say("step", p.Step)
	err := table(w, []string{"", ""}, rows)
	if len(p.Pains) > 0 {
		list := [][]string{}
		for _, x := range p.Pains {
			list = append(list, []string{x.ID, x.Text, dash(x.Evidence), dash(strings.Join(x.Fields, ", ")), strings.TrimSuffix(x.Decision+": "+x.Why, ": ")})
		}
		fmt.Fprintln(w)
		err = errors.Join(err, table(w, []string{"PAIN POINT", "WHAT", "SHOWN BY", "FIELDS", "DEEPER CONTEXT SOLVES IT"}, list))
	}
	list := [][]string{}
	for _, h := range p.History {
		list = append(list, []string{moment(h.At), strings.ReplaceAll(h.Verb, "_", " "), dash(h.By), h.Text})
	}
	fmt.Fprintln(w)
	return errors.Join(err, table(w, []string{"WHEN", "", "BY", "WHAT"}, list))
}

func (a *app) pointsEvidence() *cobra.Command {
	var o pointFlags
	var query string
	cmd := &cobra.Command{
		Use: "evidence POINT [PAIN]", Short: "Run the query of a pain point: count, share, examples", Args: cobra.RangeArgs(1, 2),
		Example: "  baton points evidence 'sales>support@ticket' order-number\n  baton points evidence 'sales>support@ticket' --query 'returned reason=\"context missing\"'",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, pain := cmd.Context(), ""
			if err := o.check(cmd); err != nil {
				return err
			}
			if len(args) == 2 {
				pain = args[1]
			}
			if (pain == "") == (query == "") {
				return badFlag("query", "name a pain point of `baton points show`, or give --query", "there must be a pain point or a query, and not both")
			}
			return a.askDesk(ctx, "points evidence", func(d points.Counter) error {
				options, ended := a.pointOptions(o.Options, d, "reading")
				e, err := d.Evidence(ctx, args[0], pain, query, options)
				ended()
				if err != nil {
					return err
				}
				return a.show(e, func(w io.Writer) error { return evidenceText(w, e) })
			})
		},
	}
	cmd.Flags().StringVar(&query, "query", "", "instead of a pain point's")
	o.flags(cmd, "days", "journeys")
	return cmd
}

func evidenceText(w io.Writer, e *points.Evidence) error {
	fmt.Fprintf(w, "%s found, in %s of %s handoffs (%.1f %%) of the %d days up to %s\n", count(e.Found), count(e.Affected), count(e.Handoffs), 100*e.Share, e.Window.Days, day(e.Window.To.Add(-1)))
	fmt.Fprintf(w, "  %s at %s\n", printable(e.Query), printable(pointText(e.Point)))
	if !e.Complete {
		fmt.Fprintln(w, "  the newest journeys were read; --journeys reads more")
	}
	if len(e.Examples) == 0 {
		return nil
	}
	rows := [][]string{}
	for _, x := range e.Examples {
		rows = append(rows, []string{x.Journey, x.Handoff, count(x.Position), x.Says})
	}
	fmt.Fprintln(w)
	return table(w, []string{"JOURNEY", "HANDOFF", ">POSITION", "WHAT"}, rows)
}

func (a *app) pointsChecklist() *cobra.Command {
	var o pointFlags
	cmd := &cobra.Command{
		Use: "checklist POINT", Short: "The six questions on how deep a point's handoffs should be, and the verdict", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := o.check(cmd); err != nil {
				return err
			}
			return a.askDesk(ctx, "points checklist", func(d points.Counter) error {
				options, ended := a.pointOptions(o.Options, d, "reading")
				c, err := d.Checklist(ctx, args[0], options)
				ended()
				if err != nil {
					return err
				}
				return a.show(c, func(w io.Writer) error { return checklistText(w, c) })
			})
		},
	}
	o.flags(cmd, "days", "journeys", "least", "per-day", "lost-rate", "human-share", "trained-share")
	return cmd
}

func checklistText(w io.Writer, c *points.Checklist) error {
	v := &c.Verdict
	fmt.Fprintf(w, "%s: %s; more depth is %s; enrichment: %s\n\n", printable(pointText(c.Point)), v.Depth, v.Increase, v.Enrichment)
	rows := [][]string{}
	for _, q := range c.Questions {
		rows = append(rows, []string{q.Text, q.Answer, dash(q.From), count(q.N), q.Says})
	}
	err := table(w, []string{"QUESTION", "ANSWER", "FROM", ">N", "WHY"}, rows)
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s\n", title)
		}
		for _, l := range lines {
			fmt.Fprintf(w, "  - %s\n", printable(l))
		}
	}
	list("So", v.Reasons)
	list("Fields to add", v.AddFields)
	list("Does not go together", v.Contradictions)
	list("Not known: answer with `baton points answer`", v.Unknown)
	commands := []string{}
	for _, q := range c.Questions {
		if q.Evidence != "" {
			commands = append(commands, q.ID+": "+q.Evidence)
		}
	}
	list("To see for yourself", commands)
	return err
}
