package replay

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// WriteText prints a journey for people: where it stands, who held it when, its handoffs, anomalies and context.
func (v View) WriteText(w io.Writer, o TextOptions) error {
	p, j := &page{TextOptions: o}, &v.Journey
	p.line(p.paint(bold, "Journey "+clean(j.ID)), p.paint(dim, "  as of "+v.Moment.String()))
	if v.Events == 0 {
		p.line(indent, "nothing was known of it then")
		return p.writeTo(w)
	}
	p.line(indent, p.standing(j))
	p.line(indent, fmt.Sprintf("%s, revision %d, position %d; %s to %s (%s)", count(v.Events, "event"), j.Revision, j.Position,
		p.short(j.Started), p.short(j.Last), span(j.Last.Sub(j.Started))))
	if v.NotYet > 0 {
		p.line(indent, p.paint(yellow, count(v.NotYet, "later event")+" left out"))
	}
	p.writeCustody(j, v.Moment.At)
	p.writeHandoffs(j)
	p.writeAnomalies(j)
	p.writeContext(v.Context)
	p.writeSuggestions(v.Suggestions)
	return p.writeTo(w)
}

// standing says in one line whether the journey goes on and who holds it.
func (p *page) standing(j *ledger.Journey) string {
	parts := []string{p.paint(green, "open")}
	if !j.IsOpen() {
		parts[0] = strings.TrimSpace("closed " + p.short(j.Closed) + " " + clean(j.Outcome))
	}
	if j.Status != "" {
		parts = append(parts, "status "+clean(j.Status))
	}
	if owner := j.Owner(); !owner.IsZero() {
		parts = append(parts, "held by "+clean(withKind(owner)))
	}
	if j.Activity != "" {
		parts = append(parts, "last act "+clean(j.Activity))
	}
	return strings.Join(parts, ", ")
}

func (p *page) writeHandoffs(j *ledger.Journey) {
	if len(j.Handoffs) == 0 {
		return
	}
	p.title("Handoffs")
	t := &table{heads: []string{"rev", "from", "to", "channel", "state", "offered", "accepted after", "notes"}, right: map[int]bool{0: true, 6: true},
		whole: map[int]bool{4: true, 5: true}}
	for i := range j.Handoffs {
		h := &j.Handoffs[i]
		took := ""
		if !h.Offered.IsZero() && !h.Accepted.IsZero() {
			took = span(h.Accepted.Sub(h.Offered))
		}
		t.add(plain(itoa(h.Revision)), plain(stageName(h.Sender)), plain(stageName(h.Receiver)), plain(h.Channel), cell{clean(string(h.State)), stateColor(h.State)},
			plain(p.short(h.Offered)), plain(took), plain(handoffNotes(h)))
	}
	t.write(p)
}

func handoffNotes(h *ledger.Handoff) string {
	var notes []string
	if h.PingPong != "" {
		notes = append(notes, h.PingPong+" ping-pong")
	}
	for _, s := range []string{h.Outcome, h.Reason} {
		if s != "" {
			notes = append(notes, s)
		}
	}
	return strings.Join(notes, "; ")
}

func stateColor(s ledger.HandoffState) string {
	switch s {
	case ledger.Completed, ledger.Accepted:
		return green
	case ledger.Failed, ledger.Expired, ledger.Declined:
		return red
	case ledger.Returned, ledger.Withdrawn:
		return yellow
	}
	return ""
}

func (p *page) writeAnomalies(j *ledger.Journey) {
	if len(j.Anomalies) == 0 {
		return
	}
	p.title("Anomalies")
	t := &table{heads: []string{"what", "position", "by", "handoff"}, right: map[int]bool{1: true}}
	for _, a := range j.Anomalies {
		t.add(cell{clean(a.Name), red}, plain(itoa(a.Position)), plain(a.Stage), plain(a.Handoff))
	}
	t.write(p)
}

func (p *page) writeContext(c ledger.Context) {
	if len(c) == 0 {
		return
	}
	p.title("Context")
	t := &table{heads: []string{"field", "value", "class", "said", "position"}, right: map[int]bool{4: true}, whole: map[int]bool{3: true}}
	for _, name := range c.Names() {
		f := c[name]
		t.add(plain(name), plain(string(f.Value)), plain(f.Class), plain(p.short(f.Said)), plain(itoa(f.Position)))
	}
	t.write(p)
}

// WriteTimeline prints a timeline; ▸ marks the event by which custody changed. It stops at the first error of entries and gives it back.
func WriteTimeline(w io.Writer, entries iter.Seq2[Entry, error], o TextOptions) error {
	p := &page{TextOptions: o}
	t := &table{heads: []string{"rev", "occurred", "gap", "event", "what", "by", "held by", "notes"}, right: map[int]bool{0: true, 2: true},
		whole: map[int]bool{1: true, 3: true}}
	narrow := p.width() < 100 // then who is worth more than the second
	n := 0
	for e, err := range entries {
		if err != nil {
			return err
		}
		n++
		gap := ""
		if n > 1 {
			gap = span(e.Gap)
		}
		notes, color := entryNotes(&e)
		t.add(plain(revision(e.Revision, e.Overlay)), plain(p.short(e.Occurred)), cell{gap, lateColor(e.Late)}, plain(entryWord(&e)), plain(entryWhat(&e)),
			plain(by(&e, narrow)), holderCell(&e), cell{clean(notes), color})
		if row := t.rows[n-1]; narrow {
			row[1].text, row[2].text = p.minute(e.Occurred), ""
		}
	}
	if n == 0 {
		p.line("nothing was known of it then")
		return p.writeTo(w)
	}
	t.write(p)
	return p.writeTo(w)
}

// revision is a number of the journey's stream, or o and one of its overlay.
func revision(n uint64, overlay bool) string {
	if overlay {
		return "o" + itoa(n)
	}
	return itoa(n)
}

func lateColor(late bool) string {
	if late {
		return yellow
	}
	return ""
}

func entryType(e *Entry) string {
	if e.Family == "" {
		return e.Type
	}
	return e.Family + "." + e.Verb
}

// by is who acted; in a narrow table the stage alone.
func by(e *Entry, narrow bool) string {
	who := ledger.Party{Stage: e.Stage, Party: e.Party}
	if narrow {
		return stageName(who)
	}
	return partyName(who)
}

// entryWord is the event's type as short as a table wants it.
func entryWord(e *Entry) string {
	switch e.Family {
	case "interaction":
		return "act"
	case "handoff", "journey":
		return e.Verb
	}
	return entryType(e)
}

// holderCell is the stage that holds the journey, marked where this event made it so.
func holderCell(e *Entry) cell {
	if e.HolderWas == nil {
		return plain("  " + stageName(e.Holder))
	}
	return cell{"▸ " + clean(stageName(e.Holder)), bold}
}

// stageName is the stage, or else the name of who acts for none.
func stageName(p ledger.Party) string { return cmp.Or(p.Stage, p.Party) }

// entryWhat says what the event was about.
func entryWhat(e *Entry) string {
	switch {
	case e.Handoff != nil:
		return cmp.Or(e.Handoff.Sender, "?") + " → " + cmp.Or(e.Handoff.Receiver, "?")
	case e.Activity != "" && e.Status != "":
		return e.Activity + " (" + e.Status + ")"
	}
	return cmp.Or(e.Activity, e.Status, e.Outcome)
}

// entryNotes says what the event changed, and the colour of that.
func entryNotes(e *Entry) (notes, color string) {
	var out []string
	if len(e.Anomalies) > 0 {
		out, color = append(out, strings.Join(e.Anomalies, ", ")), red
	}
	if e.Late {
		out = append(out, "late")
	}
	switch {
	case e.Closed:
		out = append(out, strings.TrimSpace("closed "+e.Outcome))
	case e.Reopened:
		out = append(out, "open again")
	}
	return strings.Join(append(out, nonEmpty(e.Reason)...), "; "), color
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// when is a time or a dash.
func (p *page) when(t time.Time) string { return cmp.Or(p.short(t), "-") }
