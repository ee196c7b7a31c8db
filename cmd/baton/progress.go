package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress draws one line of progress on a terminal, and nothing elsewhere.
type progress struct {
	out   io.Writer // nil: not a terminal
	label string
	unit  string
	begin time.Time
	last  time.Time
}

func (a *app) progress(label, unit string) *progress {
	p := &progress{label: label, unit: unit, begin: time.Now()}
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !a.json {
		p.out = f
	}
	return p
}

// show draws: done of total parts (which give the bar and the remaining time) and how many units that is (which give the rate). It may be
// called as often as one likes.
func (p *progress) show(done, total int64, units int64) {
	now := time.Now()
	if p.out == nil || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last = now
	elapsed := now.Sub(p.begin)
	line := fmt.Sprintf("%s  %s %s  %s/s", p.label, count(units), p.unit, count(int64(float64(units)/max(elapsed.Seconds(), 1e-3))))
	if total > 0 && done > 0 {
		share := min(float64(done)/float64(total), 1)
		filled := int(share * 30)
		left := time.Duration(float64(elapsed) * (1 - share) / share)
		line = fmt.Sprintf("%s  %s%s %3.0f %%  %s left", line, strings.Repeat("█", filled), strings.Repeat("░", 30-filled), 100*share, span(left))
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", line)
}

// clear takes the line away again.
func (p *progress) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
