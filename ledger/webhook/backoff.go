package webhook

import (
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 5 * time.Second
	maxDelay   = time.Hour // between attempts at one delivery, and what Retry-After may ask for
	maxProbe   = 5 * time.Minute
	downAfter  = 5 // different deliveries that fail in a row
)

// delay before attempt n+1, after n of them failed: doubled each time, half of it random, so that what failed together does not
// come back together.
func delay(n int, most time.Duration) time.Duration {
	d := firstDelay << min(max(n, 1)-1, 20)
	d = min(d, most)
	return d/2 + rand.N(d/2+1)
}

// gate holds back an endpoint as a whole.
type gate struct {
	failed map[uint64]bool // different deliveries since the last success
	until  time.Time       // nothing is tried before
	round  int             // probes that failed; above 0 the endpoint is down
}

// success opens the gate, and reports whether the endpoint was down.
func (g *gate) success() (back bool) {
	back = g.round > 0
	clear(g.failed)
	g.round = 0
	return back
}

// failure notes that a delivery failed, and shuts the gate when the endpoint is down. Attempts that were under way when it was shut
// say nothing new.
func (g *gate) failure(position uint64, now time.Time) {
	if g.failed == nil {
		g.failed = map[uint64]bool{}
	}
	if len(g.failed) < downAfter {
		g.failed[position] = true
	}
	if g.round > 0 && now.Before(g.until) {
		return
	}
	if g.round > 0 || len(g.failed) >= downAfter {
		g.round++
		g.pause(now.Add(delay(g.round, maxProbe)))
	}
}

// pause shuts the gate until a time, or leaves it shut for longer.
func (g *gate) pause(until time.Time) {
	if until.After(g.until) {
		g.until = until
	}
}
