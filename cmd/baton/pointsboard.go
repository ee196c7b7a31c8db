package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/projections/points"
)

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
