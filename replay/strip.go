package replay

import (
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// maxSpanRows is how many spans of custody get a row each; a journey with more gets one row for each holder.
const maxSpanRows = 12

// strip draws who held the journey when: time runs from left to right, from the journey's first event to its last.
type strip struct {
	from  time.Time
	total time.Duration
	cells int
}

// minStrip is the fewest cells that still show something.
const minStrip = 8

// newStrip takes the columns that the other cells of a table leave, since a bar that is cut lies; a long name gives way first.
func (p *page) newStrip(j *ledger.Journey, t *table) strip {
	sizes := t.sizes(1 << 20)
	cells := min(p.width(), 140) - len(indent) - len(gutter)*(len(sizes)-1) - min(sizes[0], 24)
	for _, size := range sizes[2:] {
		cells -= size
	}
	return strip{from: j.Started, total: j.Last.Sub(j.Started), cells: max(minStrip, min(cells, min(p.width(), 140)/2))}
}

// at is the cell of a time.
func (s strip) at(t time.Time) int {
	if s.total <= 0 {
		return 0
	}
	return max(0, min(s.cells-1, int(float64(t.Sub(s.from))/float64(s.total)*float64(s.cells))))
}

// bar draws spans into one row: a block for each cell held in, an arrow at the end of what is still held. A span is never
// shorter than a cell, however short it was.
func (s strip) bar(spans []ledger.Span, open bool) string {
	row := []rune(strings.Repeat("·", s.cells))
	for _, sp := range spans {
		last := s.cells - 1
		if !sp.Until.IsZero() {
			last = s.at(sp.Until) - 1
		}
		first := s.at(sp.From)
		for i := first; i <= max(first, last); i++ {
			row[i] = '█'
		}
		if sp.Until.IsZero() && open {
			row[s.cells-1] = '▶'
		}
	}
	return string(row)
}

// writeCustody prints the strip with times.
func (p *page) writeCustody(j *ledger.Journey, at time.Time) {
	if len(j.Custody) == 0 {
		return
	}
	p.title("Custody")
	if len(j.Custody) > maxSpanRows {
		p.writeHolders(j, at)
		return
	}
	t := &table{heads: []string{"held by", "when", "from", "until", "for"}, right: map[int]bool{4: true}, whole: map[int]bool{1: true, 2: true, 3: true}}
	for _, sp := range j.Custody {
		t.add(plain(partyName(sp.Holder)), cell{}, plain(p.short(sp.From)), plain(p.until(j, sp, at)), plain(p.lasted(j, sp, at)))
	}
	s := p.newStrip(j, t)
	for i, sp := range j.Custody {
		t.rows[i][1] = cell{text: s.bar([]ledger.Span{sp}, j.IsOpen())}
		if sp.Until.IsZero() && j.IsOpen() {
			t.rows[i][1].color = green
		}
	}
	t.write(p)
}

func (p *page) until(j *ledger.Journey, sp ledger.Span, at time.Time) string {
	switch {
	case !sp.Until.IsZero():
		return p.short(sp.Until)
	case !j.IsOpen():
		return "closed"
	case !at.IsZero():
		return "then"
	}
	return "still"
}

// lasted is how long a span lasted. What still lasts is measured to the time that was asked about; without one, to the last event, and
// "+" says that it goes on.
func (p *page) lasted(j *ledger.Journey, sp ledger.Span, at time.Time) string {
	if sp.Until.IsZero() && j.IsOpen() && at.IsZero() {
		return span(held(j, sp, at)) + "+"
	}
	return span(held(j, sp, at))
}

// writeHolders prints one row for each stage that ever held the journey.
func (p *page) writeHolders(j *ledger.Journey, at time.Time) {
	t := &table{heads: []string{"held by", "when", "times", "first from", "in all"}, right: map[int]bool{2: true, 4: true},
		whole: map[int]bool{1: true, 3: true}}
	all := holders(j, at)
	for _, h := range all {
		t.add(plain(h.name), cell{}, plain(itoa(uint64(len(h.spans)))), plain(p.short(h.spans[0].From)), plain(span(h.total)))
	}
	s := p.newStrip(j, t)
	for i, h := range all {
		t.rows[i][1] = cell{s.bar(h.spans, j.IsOpen()), h.color}
	}
	t.write(p)
}

// held is how long a span lasted: where it has not ended, up to a time in an open journey, else up to the last event.
func held(j *ledger.Journey, sp ledger.Span, at time.Time) time.Duration {
	until := sp.Until
	switch {
	case !until.IsZero():
	case j.IsOpen() && !at.IsZero():
		until = at
	default:
		until = j.Last
	}
	return until.Sub(sp.From)
}

// holder is one stage and all its times of custody.
type holder struct {
	name, color string
	spans       []ledger.Span
	total       time.Duration
}

// holders are in the order in which they first had custody.
func holders(j *ledger.Journey, at time.Time) []*holder {
	var out []*holder
	byStage := map[string]*holder{}
	for _, sp := range j.Custody {
		h := byStage[sp.Holder.Stage]
		if h == nil {
			h = &holder{name: sp.Holder.Stage}
			byStage[sp.Holder.Stage] = h
			out = append(out, h)
		}
		h.spans, h.total = append(h.spans, sp), h.total+held(j, sp, at)
		if sp.Until.IsZero() && j.IsOpen() {
			h.color = green
		}
	}
	return out
}

func partyName(p ledger.Party) string {
	switch {
	case p.Party == "":
		return p.Stage
	case p.Stage == "":
		return p.Party
	}
	return p.Stage + " / " + p.Party
}

// withKind is a party's name and what kind it is, where that is known.
func withKind(p ledger.Party) string {
	if p.Kind == "" {
		return partyName(p)
	}
	return partyName(p) + " (" + p.Kind + ")"
}
