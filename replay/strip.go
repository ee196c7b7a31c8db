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

func newStrip(j *ledger.Journey, cells int) strip {
	return strip{from: j.Started, total: j.Last.Sub(j.Started), cells: max(8, cells)}
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
func (p *page) writeCustody(j *ledger.Journey) {
	if len(j.Custody) == 0 {
		return
	}
	p.title("Custody")
	s := newStrip(j, p.width()/3)
	t := &table{heads: []string{"held by", "when", "from", "until", "for"}, right: map[int]bool{4: true}}
	if len(j.Custody) > maxSpanRows {
		t.heads = []string{"held by", "when", "times", "first from", "in all"}
		t.right[2] = true
		for _, h := range holders(j) {
			t.add(plain(h.name), cell{s.bar(h.spans, j.IsOpen()), h.color}, plain(itoa(uint64(len(h.spans)))), plain(p.short(h.spans[0].From)), plain(span(h.total)))
		}
		t.write(p)
		return
	}
	for _, sp := range j.Custody {
		until, color := p.short(sp.Until), ""
		if sp.Until.IsZero() {
			until, color = "now", green
			if !j.IsOpen() {
				until, color = "closed", ""
			}
		}
		t.add(plain(partyName(sp.Holder)), cell{s.bar([]ledger.Span{sp}, j.IsOpen()), color}, plain(p.short(sp.From)), plain(until), plain(span(held(j, sp))))
	}
	t.write(p)
}

// held is how long a span lasted, up to the journey's last event where it has not ended.
func held(j *ledger.Journey, sp ledger.Span) time.Duration {
	until := sp.Until
	if until.IsZero() {
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
func holders(j *ledger.Journey) []*holder {
	var out []*holder
	byStage := map[string]*holder{}
	for _, sp := range j.Custody {
		h := byStage[sp.Holder.Stage]
		if h == nil {
			h = &holder{name: sp.Holder.Stage}
			byStage[sp.Holder.Stage] = h
			out = append(out, h)
		}
		h.spans, h.total = append(h.spans, sp), h.total+held(j, sp)
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
