package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// WriteText prints a difference for people.
func (d Difference) WriteText(w io.Writer, o TextOptions) error {
	p := &page{TextOptions: o}
	p.line(p.paint(bold, "Journey "+clean(d.Journey)))
	p.summary("from", d.From)
	p.summary("to", d.To)
	p.writeChanges(d.Changes)
	return p.writeTo(w)
}

func (p *page) summary(name string, s Summary) {
	owner := "nobody"
	if !s.Owner.IsZero() {
		owner = clean(partyName(s.Owner))
	}
	p.line(indent, pad(name, 5, false), s.Moment.String(), p.paint(dim, fmt.Sprintf("  (%s, position %d, %s)", count(s.Events, "event"), s.Position, p.when(s.Last))),
		"  held by ", owner)
}

func (p *page) writeChanges(changes []Change) {
	if len(changes) == 0 {
		p.title("No difference")
		return
	}
	p.title(count(len(changes), "difference"))
	t := &table{heads: []string{"", "path", "before", "after", "position"}, right: map[int]bool{4: true}}
	for _, c := range changes {
		sign, color := "~", yellow
		switch c.Kind {
		case Added:
			sign, color = "+", green
		case Removed:
			sign, color = "-", red
		case Moved:
			sign = "→"
		}
		at := ""
		if c.Position > 0 {
			at = itoa(c.Position)
		}
		t.add(cell{sign, color}, plain(shortPath(c.Path)), plain(p.value(c.Path, c.Before)), plain(p.value(c.Path, c.After)), plain(at))
	}
	t.write(p)
}

// shortPath cuts a handoff's id to what tells it from its neighbours; JSON has the whole.
func shortPath(path string) string {
	id, ok := strings.CutPrefix(path, "handoffs[")
	end := strings.LastIndexByte(id, ']')
	if !ok || end <= 12 {
		return path
	}
	return "handoffs[" + id[:8] + "…" + id[end:]
}

// value is a part of the state as people read it, by the type its path says. Context values stay JSON: "12" is not 12.
func (p *page) value(path string, raw json.RawMessage) string {
	var party ledger.Party
	var held ledger.Span
	var anomaly ledger.Anomaly
	var handoff ledger.Handoff
	var at time.Time
	var text string
	_, member, _ := strings.Cut(path, "].")
	is := func(v any) bool { return json.Unmarshal(raw, v) == nil }
	switch kind, _, _ := strings.Cut(path, "["); {
	case len(raw) == 0:
		return ""
	case strings.HasPrefix(path, "context."):
		return string(raw)
	case (kind == "owner" || member == "holder" || member == "sender" || member == "receiver" || member == "accepted_by") && is(&party):
		return cmp.Or(withKind(party), "nobody")
	case kind == "custody" && member == "" && is(&held):
		return strings.TrimSuffix(partyName(held.Holder)+", from "+p.short(held.From)+" to "+p.short(held.Until), " to ")
	case kind == "anomalies" && is(&anomaly):
		return strings.TrimSuffix(anomaly.Name+" by "+anomaly.Stage, " by ")
	case kind == "handoffs" && member == "" && is(&handoff):
		return string(handoff.State) + ", " + handoff.Sender.Stage + " → " + handoff.Receiver.Stage
	case (strings.HasPrefix(path, "times.") || strings.HasSuffix(member, "_at") || member == "from" || member == "until") && is(&at):
		return p.short(at)
	case is(&text):
		return text
	}
	return string(raw)
}

func slash(a, b string) string { return strings.Trim(a+" / "+b, " /") }

// WriteText prints a bisection for people.
func (b Bisection) WriteText(w io.Writer, o TextOptions) error {
	p := &page{TextOptions: o}
	p.line(p.paint(bold, "Journey "+clean(b.Journey)), p.paint(dim, "  where "+clean(b.Condition)))
	if !b.Found {
		p.line(indent, "never held after any of ", count(b.Events, "event"))
		if b.Undefined > 0 {
			p.line(indent, p.paint(yellow, fmt.Sprintf("it had no value after %d of them: %s", b.Undefined, clean(b.Reason))))
		}
		return p.writeTo(w)
	}
	p.entry(green, "first held after", b.First)
	if b.Before != nil {
		p.entry("", "the event before", b.Before)
	} else {
		p.line(indent, "it held from the first event on")
	}
	switch {
	case b.HeldToEnd:
		p.line(indent, "and held to the end")
	case b.Lost != nil:
		p.entry(yellow, "held no longer after", b.Lost)
		p.line(indent, fmt.Sprintf("it began to hold %s and holds after %d of %s; at the end it does%s hold", count(b.Times, "time"), b.Held,
			count(b.Events, "event"), map[bool]string{false: " not"}[b.HoldsNow]))
	}
	return p.writeTo(w)
}

func (p *page) entry(color, label string, e *Entry) {
	text := fmt.Sprintf("%s: revision %s, position %d, %s  %s  ", label, revision(e.Revision, e.Overlay), e.Position, p.short(e.Occurred), clean(entryType(e)))
	what := strings.TrimSpace(clean(entryWhat(e) + "  " + slash(e.Stage, e.Party)))
	p.line(indent, p.paint(color, text), what)
}

// WriteText prints a what-if for people.
func (h Hypothesis) WriteText(w io.Writer, o TextOptions) error {
	p := &page{TextOptions: o}
	p.line(p.paint(bold, "Journey "+clean(h.Journey)), p.paint(dim, "  as of "+h.State.Moment.String()))
	for _, e := range h.Edits {
		p.line(indent, "what if ", clean(e))
	}
	p.line(indent, "as it is:       ", p.outcome(h.Difference.From))
	p.line(indent, "as it would be: ", p.outcome(h.Difference.To))
	p.writeChanges(h.Difference.Changes)
	return p.writeTo(w)
}

func (p *page) outcome(s Summary) string {
	state := map[bool]string{true: "open", false: "closed"}[s.Open]
	if s.Events == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s, held by %s, last %s", state, clean(slash(s.Owner.Stage, s.Owner.Party)), p.when(s.Last))
}

// WriteText prints a proof for people.
func (f Proof) WriteText(w io.Writer, o TextOptions) error {
	p := &page{TextOptions: o}
	verdict, color := "equal", green
	if !f.Equal {
		verdict, color = "DIFFERENT", red
	}
	p.line(p.paint(bold, "Journey "+clean(f.Journey)), p.paint(dim, "  as of "+f.Moment.String()))
	p.line(indent, "through its streams   ", f.Digest.String(), "  ", count(f.Events, "event"))
	p.line(indent, "from the whole ledger ", f.LedgerDigest.String(), "  ", count(f.LedgerEvents, "event"))
	p.line(indent, p.paint(color, verdict))
	if !f.Equal {
		p.writeChanges(f.Changes)
	}
	return p.writeTo(w)
}
