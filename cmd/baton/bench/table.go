package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// number writes a figure with three figures that count.
func number(v float64) string {
	switch {
	case v >= 10_000:
		return strconv.FormatFloat(v/1000, 'f', 0, 64) + "k"
	case v >= 1000:
		return strconv.FormatFloat(v/1000, 'f', 1, 64) + "k"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func (s Spread) String() string {
	return fmt.Sprintf("%s (%s to %s)", number(s.Median), number(s.Min), number(s.Max))
}

func verdict(met *bool) string {
	switch {
	case met == nil:
		return ""
	case *met:
		return "met"
	}
	return "missed"
}

func bound(less bool, target float64) string {
	switch {
	case target == 0:
		return ""
	case less:
		return "at most " + strconv.FormatFloat(target, 'g', -1, 64)
	}
	return "at least " + strconv.FormatFloat(target, 'g', -1, 64)
}

// lines are the rows of the report's table: a case, then its peers.
func (r *Report) lines() (rows [][]string) {
	for _, c := range r.Results {
		goal := bound(c.Less, c.Goal)
		if goal != "" {
			goal += " " + c.Unit
		}
		rows = append(rows, []string{c.Name, c.What, c.Ours.String() + " " + c.Unit, "", goal, verdict(c.Met)})
		for _, b := range c.Beside {
			rows = append(rows, []string{"", "beside " + b.Name, b.Value.String(), b.Ratio.String(), bound(c.Less, b.Target), verdict(b.Met)})
		}
	}
	return rows
}

var head = []string{"case", "what", "median (least to greatest)", "ours / it", "target", ""}

func (r *Report) about() string {
	return fmt.Sprintf("%s. %d events in the large ledger, %d rounds, %.0f s, %s, build %s.", r.Machine, r.Events, r.Rounds, r.Seconds,
		r.Began.Format("2006-01-02 15:04 MST"), r.Version)
}

// Text writes the report for a terminal.
func (r *Report) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.Join(head, "\t")))
	for _, row := range r.lines() {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\n"+r.about())
	return err
}

// Markdown writes the table for a page.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| %s |\n|%s\n", r.about(), strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range r.lines() {
		if row[0] != "" {
			row[0] = "**" + row[0] + "**"
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
