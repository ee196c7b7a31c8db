package points

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Markdown writes pages of points as one document: what a team keeps beside its process.
func Markdown(w io.Writer, pages []*Dossier) error {
	var b strings.Builder
	b.WriteString("# Handoff points\n")
	for _, p := range pages {
		p.markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Dossier) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s → %s (%s)\n\n", cell(p.Sender), cell(p.Receiver), cell(p.Channel))
	if p.Description != "" {
		fmt.Fprintf(b, "%s\n\n", cell(p.Description))
	}
	rows := [][2]string{{"point", "`" + p.Name + "`"}, {"owner", p.Owner}, {"style", p.Style}, {"target tier", p.Tier}, {"direction", p.Direction}, {"SLA", p.SLA},
		{"contract", p.Contract}, {"data passed today", strings.Join(p.Data, ", ")}}
	if c := p.Class; c != nil {
		rows = append(rows, [2]string{"criticality", because(c.Criticality, c.Why)}, [2]string{"value", c.Value}, [2]string{"complexity", c.Complexity})
	}
	if t := p.Traffic; t != nil {
		rows = append(rows, [2]string{"handoffs", fmt.Sprintf("%d (%.1f %% of all), %d accepted", t.Handoffs, 100*p.Share, t.Accepted)})
	}
	if p.Unmapped {
		rows = append(rows, [2]string{"mapped", "no"})
	}
	b.WriteString("| | |\n|---|---|\n")
	for _, r := range rows {
		if r[1] != "" {
			fmt.Fprintf(b, "| %s | %s |\n", r[0], cell(r[1]))
		}
	}
	if len(p.Steps) > 0 {
		b.WriteString("\n| step | reached | |\n|---|---|---|\n")
		for _, s := range p.Steps {
			note := s.Why
			if s.Forced {
				note = because("forced; missing: "+strings.Join(s.Missing, "; "), s.Why)
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", s.Step, date(s.At), cell(note))
		}
	}
	if len(p.Pains) > 0 {
		b.WriteString("\n| pain point | what | shown by | fields | deeper context solves it |\n|---|---|---|---|---|\n")
		for _, a := range p.Pains {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", cell(a.ID), cell(a.Text), cell(code(a.Evidence)), cell(strings.Join(a.Fields, ", ")), cell(because(a.Decision, a.Why)))
		}
	}
	if len(p.Training) > 0 {
		b.WriteString("\n| team | trained | held |\n|---|---|---|\n")
		for _, t := range p.Training {
			fmt.Fprintf(b, "| %s | %g %% | %s |\n", cell(t.Team), 100*t.Share, cell(t.Held))
		}
	}
}

// cell is a text that stays in its cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
