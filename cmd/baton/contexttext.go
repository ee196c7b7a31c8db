package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// sections are the classes as people read them.
var sections = []struct{ class, title string }{{string(contract.Mandatory), "Mandatory"}, {string(contract.Optional), "Optional"}, {"attribute", "Known"},
	{string(contract.ForwardLooking), "Forward-looking: predictions, no facts"}}

// contextText prints a brief: the key insight first, then fields by class, what may be opened, suggestions, sources. What needs attention is in capitals.
func contextText(w io.Writer, b *brief.Brief, width int) error {
	p := &layout{width: width}
	p.head(b)
	if i := b.Insight; i != nil {
		p.line("")
		p.wrap("  ", i.Text)
		if i.Made {
			p.line("  (made from " + strings.Join(i.Fields, ", ") + ")")
		}
	}
	if b.Followed != nil {
		p.wrap("", fmt.Sprintf("Offered by version %d, read as version %d.", b.Followed.Version, b.Contract.Version))
	}
	for _, problem := range b.Problems {
		p.wrap("! ", problem)
	}
	p.fields(b)
	p.references(b.SidePanel)
	p.suggestions(b)
	p.sources(b.Sources)
	p.leftOut(&b.LeftOut)
	_, err := io.WriteString(w, p.String())
	return err
}

// layout collects lines.
type layout struct {
	strings.Builder
	width int
}

func (p *layout) line(s string) { p.WriteString(strings.TrimRight(printable(s), " ") + "\n") }

func (p *layout) title(s string) {
	p.line("")
	p.line(s)
}

// wrap breaks text between words; every line begins with the indent, the second and later with as many spaces.
func (p *layout) wrap(indent, text string) {
	at := indent
	rest := strings.Repeat(" ", utf8.RuneCountInString(indent))
	for i, word := range strings.Fields(text) {
		if i > 0 && utf8.RuneCountInString(at)+1+utf8.RuneCountInString(word) > p.width {
			p.line(at)
			at = rest
		}
		if at != indent && at != rest {
			at += " "
		}
		at += word
	}
	p.line(at)
}

func (p *layout) head(b *brief.Brief) {
	title := "Journey " + b.Journey
	if b.Handoff != "" {
		title = "Handoff " + b.Handoff + " of " + b.Journey + ", " + pointText(b.Point) + ", " + string(b.State)
	} else if b.Point != "" {
		title += ", " + pointText(b.Point)
	}
	p.wrap("", title)
	about := []string{"tier " + b.Tier}
	if c := b.Contract; c != nil {
		name := fmt.Sprintf("contract %s v%d", c.Name, c.Version)
		if c.Variant != "" {
			name += ", variant " + c.Variant
		}
		about = append(about, name)
	} else {
		about = append(about, "no contract")
	}
	if b.Style != "" {
		about = append(about, "style "+b.Style)
	}
	if b.Class != "" {
		about = append(about, strings.ReplaceAll(string(b.Class), "_", "-"))
	}
	p.wrap("", strings.Join(about, "; ")+fmt.Sprintf("; about %s tokens", count(b.Tokens)))
	as := "As of " + moment(b.AsOf) + ", position " + count(b.Position)
	if !b.Overlay {
		as += ", without the overlay"
	}
	if owner := partyText(b.Custody.Owner); owner != "" {
		as += ". Held by " + owner
	}
	for _, h := range b.Custody.Waiting {
		if h.Handoff != b.Handoff {
			as += "; " + h.Handoff + " waits for " + partyText(h.To)
		}
	}
	p.wrap("", as+".")
}

func partyText(p ledger.Party) string {
	if p.Party != "" && p.Stage != "" {
		return p.Stage + " (" + p.Party + ")"
	}
	return p.Stage + p.Party
}

// fields prints the classes one below the other, their columns as wide everywhere.
func (p *layout) fields(b *brief.Brief) {
	rows := map[string][][]string{}
	for i := range b.Fields {
		f := &b.Fields[i]
		rows[f.Class] = append(rows[f.Class], []string{"  " + label(f.Title, f.Name), valueText(f.Value), f.Source, span(time.Duration(f.Age) * time.Second), marks(f)})
	}
	for _, m := range b.Missing {
		rows[string(contract.Mandatory)] = append(rows[string(contract.Mandatory)], []string{"! " + label(m.Title, m.Name), "MISSING", "", "", ""})
	}
	widths := make([]int, 5)
	for _, list := range rows {
		for _, row := range list {
			for i, cell := range row {
				widths[i] = max(widths[i], utf8.RuneCountInString(printable(cell)))
			}
		}
	}
	if p.width < replay.Unlimited { // a file keeps every letter
		widths[0], widths[2] = min(widths[0], 26), min(widths[2], 16)
		widths[1] = max(12, min(widths[1], 60, p.width-widths[0]-widths[2]-widths[3]-widths[4]-8))
	}
	for _, s := range sections {
		if len(rows[s.class]) == 0 {
			continue
		}
		p.title(s.title)
		for _, row := range rows[s.class] {
			p.row(row, widths)
		}
	}
}

// row prints cells; the age is aligned right.
func (p *layout) row(cells []string, widths []int) {
	line := ""
	for i, c := range cells {
		if c = printable(c); i == 2 {
			c = shortenFront(c, widths[i])
		} else {
			c = shorten(c, widths[i])
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		if i == 3 {
			line += pad + c + "  "
		} else {
			line += c + pad + "  "
		}
	}
	p.line(line)
}

// shortenFront keeps the end: of a system's name that says more.
func shortenFront(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return "…" + string(r[len(r)-n+1:])
	}
	return s
}

func label(title, name string) string {
	if title != "" {
		return title
	}
	return name
}

// valueText is a text without quotes, anything else as JSON.
func valueText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.Join(strings.Fields(text), " ")
	}
	return string(raw)
}

// marks are what a receiver should look at twice.
func marks(f *brief.Field) string {
	var out []string
	if f.Stale {
		out = append(out, "STALE")
	}
	if f.AfterAccept {
		out = append(out, "AFTER ACCEPT")
	}
	if f.Method == "default" {
		out = append(out, "DEFAULT")
	}
	if f.Confidence != nil && *f.Confidence < 0.7 {
		out = append(out, fmt.Sprintf("%.0f %% sure", 100**f.Confidence))
	}
	return strings.Join(out, ", ")
}

func (p *layout) references(list []contract.Reference) {
	if len(list) == 0 {
		return
	}
	p.title("Side panel, to be opened when needed")
	for _, r := range list {
		p.wrap("  ", label(r.Title, r.Ref)+"  "+r.Ref)
	}
}

func (p *layout) suggestions(b *brief.Brief) {
	if len(b.Suggestions) == 0 {
		return
	}
	p.title("Suggestions that wait for an answer")
	for i := range b.Suggestions {
		s := &b.Suggestions[i]
		text := s.Action
		if s.Says != "" {
			text += ": " + s.Says
		}
		if s.Probability != nil {
			text += fmt.Sprintf(", %.1f %%", 100**s.Probability)
		}
		for j, r := range s.Reasons {
			text += map[bool]string{true: ", because ", false: "; "}[j == 0] + r.Text + " " + r.Effect + " it"
		}
		p.wrap("  ", text)
		p.line("    " + s.ID)
	}
}

func (p *layout) sources(list []brief.Source) {
	if len(list) == 0 {
		return
	}
	p.title("Enrichment")
	for i := range list {
		s := &list[i]
		text := s.Name + " " + s.State
		if s.TookMS != nil {
			text += fmt.Sprintf(" after %s ms", count(*s.TookMS))
		}
		if len(s.Fields) > 0 {
			text += ": " + strings.Join(s.Fields, ", ")
		}
		if s.Reason != "" {
			text += ", since " + s.Reason
		}
		if s.AfterAccept && len(s.Fields) > 0 {
			text += "; not known at accept time"
		}
		p.wrap("  ", text)
	}
}

func (p *layout) leftOut(l *brief.LeftOut) {
	var parts []string
	for _, part := range []struct {
		n   int
		why string
	}{{l.Undeclared, "not in the contract"}, {l.Variant, "omitted by its variant"}, {l.Style, "not passed by the style of the point"}, {l.Customer, "not for the customer"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.why))
		}
	}
	if len(parts) > 0 {
		p.line("")
		p.wrap("", "Known and left out: "+strings.Join(parts, ", ")+".")
	}
}

// snapshotsText prints the four snapshots, a table of fields by snapshot, and what was lost in words.
func snapshotsText(w io.Writer, s *brief.Snapshots, width int) error {
	p := &layout{width: width}
	title := "Handoff " + s.Handoff + " of " + s.Journey + ", " + pointText(s.Point) + ", " + string(s.State)
	if s.Contract != nil {
		title += fmt.Sprintf("; contract %s v%d", s.Contract.Name, s.Contract.Version)
	}
	p.wrap("", title)
	p.line("")
	all := []struct {
		name string
		*brief.Snapshot
	}{{"offered", s.Offered}, {"delivered", s.Delivered}, {"viewed", s.Viewed}, {"used", s.Used}}
	var fields []string
	rows := [][]string{}
	for _, shot := range all {
		if shot.Snapshot == nil {
			rows = append(rows, []string{shot.name, "-", "not recorded", "", ""})
			continue
		}
		fields = append(fields, shot.Fields...)
		rows = append(rows, []string{shot.name, fmt.Sprint(len(shot.Fields)), moment(shot.At), shot.Digest.String()[:12], strings.Join(shot.By, ", ")})
	}
	if err := table(&p.Builder, []string{"SNAPSHOT", ">FIELDS", "SINCE", "DIGEST", "BY"}, rows); err != nil {
		return err
	}
	fields = slices.Concat(fields, s.LeftOut, s.Missing)
	slices.Sort(fields)
	rows = nil
	for _, f := range slices.Compact(fields) {
		row := []string{f}
		for _, shot := range all {
			switch {
			case shot.Snapshot == nil:
				row = append(row, "?")
			case slices.Contains(shot.Fields, f):
				row = append(row, "x")
			default:
				row = append(row, "-")
			}
		}
		note := ""
		for _, k := range []struct {
			list []string
			note string
		}{{s.Missing, "missing"}, {s.LeftOut, "left out"}, {s.Cut, "cut"}, {s.Added, "added"}, {s.Late, "after accept"}, {s.UsedWithoutView, "used unseen"}} {
			if slices.Contains(k.list, f) && note == "" {
				note = k.note
			}
		}
		rows = append(rows, append(row, note))
	}
	if len(rows) > 0 {
		p.line("")
		if err := table(&p.Builder, []string{"FIELD", "OFFERED", "DELIVERED", "VIEWED", "USED", ""}, rows); err != nil {
			return err
		}
	}
	p.line("")
	if s.Lost != "" {
		p.line("Most of it was lost at: " + s.Lost + ".")
	}
	for _, words := range s.Words {
		p.wrap("  ", words)
	}
	_, err := io.WriteString(w, p.String())
	return err
}
