package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
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

func (a *app) pointsMatrix() *cobra.Command {
	var o pointFlags
	cmd := &cobra.Command{
		Use: "matrix", Short: "Points by volume, which is counted, and criticality, which is declared; with the style they call for", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := o.check(cmd); err != nil {
				return err
			}
			return a.askDesk(ctx, "points matrix", func(d points.Counter) error {
				options, ended := a.pointOptions(o.Options, d, "reading")
				m, err := d.Matrix(ctx, options)
				ended()
				if err != nil {
					return err
				}
				return a.show(m, func(w io.Writer) error { return matrixText(w, m) })
			})
		},
	}
	o.flags(cmd, "days", "per-day")
	return cmd
}

func matrixText(w io.Writer, m *points.Matrix) error {
	fmt.Fprintf(w, "Offers a day in the %d days up to %s; high is more than %g\n\n", m.Window.Days, day(m.Window.To.Add(-1)), m.PerDay)
	io.WriteString(w, square(m))
	rows := [][]string{}
	for _, r := range m.Rows {
		rows = append(rows, []string{pointText(r.Point), yes(r.Mapped), fmt.Sprintf("%.1f", r.PerDay), fmt.Sprintf("%.1f %%", 100*r.Share), r.Volume, dash(r.Criticality), dash(r.Complexity), dash(r.Value),
			dash(r.Style), cmp.Or(r.Recommended.Style, "-")})
	}
	err := table(w, []string{"POINT", "MAPPED", ">A DAY", ">SHARE", "VOLUME", "CRITICALITY", "COMPLEXITY", "VALUE", "STYLE", "CALLED FOR"}, rows)
	if m.Unmapped > 0 {
		_, e := fmt.Fprintf(w, "\n%d points are not mapped, with %.1f %% of the offers.\n", m.Unmapped, 100*m.Share)
		err = errors.Join(err, e)
	}
	return err
}

// square draws the matrix: criticality upwards, volume to the right. Points whose criticality nobody has declared stand in the table alone.
func square(m *points.Matrix) string {
	const width, most = 48, 6
	boxes := map[[2]string][]string{}
	for _, r := range m.Rows {
		key := [2]string{r.Criticality, r.Volume}
		boxes[key] = append(boxes[key], shorten(printable(pointText(r.Point)), width-2))
	}
	var b strings.Builder
	rule := strings.Repeat(" ", 12) + "+" + strings.Repeat("-", width) + "+" + strings.Repeat("-", width) + "+\n"
	b.WriteString(strings.Repeat(" ", 13) + pad("low volume", width+1) + "high volume\n" + rule)
	for _, criticality := range []string{points.High, points.Low} {
		left, right := boxes[[2]string{criticality, points.Low}], boxes[[2]string{criticality, points.High}]
		lines := max(2, min(most+1, max(len(left), len(right))))
		for i := range lines {
			label := ""
			switch i {
			case 0:
				label = criticality
			case 1:
				label = "criticality"
			}
			b.WriteString(pad(label, 12) + "| " + pad(boxLine(left, i, most), width-1) + "| " + pad(boxLine(right, i, most), width-1) + "|\n")
		}
		b.WriteString(rule)
	}
	return b.String() + "\n"
}

// boxLine is one line of a box; its last says how many more there are.
func boxLine(list []string, i, most int) string {
	switch {
	case i >= len(list):
		return ""
	case i == most:
		return fmt.Sprintf("and %d more", len(list)-most)
	}
	return list[i]
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len([]rune(s)))) }

// boardAnswer is what `baton points board --json` prints.
type boardAnswer struct {
	Report string          `json:"report"`
	Rows   []boardPointRow `json:"rows"`
}

// boardPointRow is a point with the dates on which it reached its steps, the last ones.
type boardPointRow struct {
	Point  string            `json:"point"`
	Owner  string            `json:"owner"`
	Style  string            `json:"style,omitempty"`
	Step   string            `json:"step"`
	Steps  map[string]string `json:"steps"` // date by step
	Forced []string          `json:"forced,omitempty"`
	Pains  int               `json:"open_pain_points"` // undecided
}

func (a *app) pointsBoard() *cobra.Command {
	return &cobra.Command{
		Use: "board", Short: "All mapped points: how far each is, and since when", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "points board", reading, func(s *session) error {
				out := boardAnswer{Report: "points board", Rows: []boardPointRow{}}
				for p, err := range points.All(ctx, s.source, 0) {
					if err != nil {
						return err
					}
					if p.IsMapped() {
						out.Rows = append(out.Rows, boardRowOf(p))
					}
				}
				return a.show(out, func(w io.Writer) error { return pointBoardText(w, out.Rows) })
			})
		},
	}
}

func boardRowOf(p *points.Point) boardPointRow {
	row := boardPointRow{Point: p.Name, Owner: p.Owner, Style: p.Style, Step: p.Step, Steps: map[string]string{}}
	for _, s := range p.Steps {
		row.Steps[s.Step] = day(s.At)
		if s.Forced {
			row.Forced = append(row.Forced, s.Step)
		}
	}
	for _, x := range p.Pains {
		if x.Decision == points.Undecided {
			row.Pains++
		}
	}
	return row
}

func pointBoardText(w io.Writer, list []boardPointRow) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "No points are mapped. Map one: baton points map 'sender>receiver@channel' --owner TEAM")
		return err
	}
	header := []string{"POINT", "OWNER", "STYLE"}
	for _, s := range points.LifeSteps() {
		header = append(header, strings.ToUpper(s))
	}
	rows := [][]string{}
	for _, r := range list {
		row := []string{pointText(r.Point), r.Owner, dash(r.Style)}
		for _, s := range points.LifeSteps() {
			row = append(row, dash(r.Steps[s]))
		}
		rows = append(rows, append(row, count(r.Pains), dash(strings.Join(r.Forced, ", "))))
	}
	return table(w, append(header, ">OPEN PAIN", "FORCED"), rows)
}

func (a *app) pointsExport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "export [POINT...]", Short: "The registry as a Markdown page, or with --json as data", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "points export", modelled, func(s *session) error {
				pages, err := a.pages(ctx, s, args)
				if err != nil {
					return err
				}
				return a.exportPages(pages, out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	return cmd
}

// pages are those of the points that are named, or of all mapped ones.
func (a *app) pages(ctx context.Context, s *session, names []string) ([]*points.Dossier, error) {
	report, err := s.reports().Points(ctx)
	if err != nil {
		return nil, err
	}
	var list []*points.Point
	for _, name := range names {
		if name, err = points.Canonical(name); err != nil {
			return nil, err
		}
		p, err := points.Read(ctx, s.source, name, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if len(names) == 0 {
		for p, err := range points.All(ctx, s.source, 0) {
			if err != nil {
				return nil, err
			}
			if p.IsMapped() {
				list = append(list, p)
			}
		}
	}
	pages := []*points.Dossier{}
	for _, p := range list {
		page, err := points.DossierOf(p, report)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// exportPages writes to a file or to standard output.
func (a *app) exportPages(pages []*points.Dossier, file string) error {
	if file != "" {
		f, err := os.Create(file)
		if err != nil {
			return ledger.Errorf(ledger.CodeUnavailable, "points export", "name a file that can be written", "%w", err)
		}
		was := a.out
		a.out = f
		defer func() { a.out = was }()
		defer f.Close()
	}
	answer := struct {
		Points []*points.Dossier `json:"points"`
	}{pages}
	return a.show(answer, func(w io.Writer) error { return points.Markdown(w, pages) })
}
