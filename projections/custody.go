package projections

import (
	"context"
	"time"
)

// Limits after which custody counts as lost. A zero field is the default.
type Limits struct {
	Accept time.Duration // an offer is dropped when it is not accepted within that, default 24 h
	Orphan time.Duration // a journey is orphaned when its owner does nothing for that long, default 72 h
}

// CustodyOptions of a custody report.
type CustodyOptions struct {
	Now    time.Time         // what running waits are measured to; zero: the last occurred time of a fact
	Limits Limits            // of all points
	Points map[string]Limits // of single points, by sender>receiver@channel
	Top    int               // longest waits, and examples of each kind; default 10
}

// Kinds of a custody report's rows that need a now; the others are names of anomalies.
const (
	KindDropped  = "dropped"  // offered, and not accepted within the limit (and neither declined nor withdrawn)
	KindLate     = "late"     // accepted after the limit
	KindOrphaned = "orphaned" // an open journey whose owner has done nothing for longer than the limit, without an open offer
)

// CustodyReport says who lost hold of what.
type CustodyReport struct {
	Report[CustodyRow]
	Summary      Summary   `json:"summary"`
	LongestWaits []WaitRow `json:"longest_waits"`
}

// CustodyRow is one kind of trouble.
type CustodyRow struct {
	Kind     string           `json:"kind"`
	Count    int64            `json:"count"`
	Journeys int64            `json:"journeys"` // that have it
	Examples []CustodyExample `json:"examples"`
}

// CustodyExample is one instance of it.
type CustodyExample struct {
	Journey  string  `json:"journey"`
	Handoff  string  `json:"handoff,omitempty"`
	Point    string  `json:"point,omitempty"`
	Stage    string  `json:"stage,omitempty"`    // who
	Position uint64  `json:"position,omitempty"` // of the event
	Seconds  float64 `json:"seconds,omitempty"`  // how long it waited or lies idle
}

// custodian collects a report.
type custodian struct {
	*view
	o            CustodyOptions
	accept       time.Duration // the least limits of any point
	orphan       time.Duration
	dropped      troubled
	late         troubled
	orphaned     troubled
	longest      toplist[WaitRow]
	running, all int // waits seen of the running, of the ended ones
}

// troubled counts one kind. Journeys are told apart by a 64-bit hash.
type troubled struct {
	count    int64
	journeys map[uint64]struct{}
	examples toplist[CustodyExample]
}

// Custody reports dropped, late and orphaned custody, ping-pong and all other anomalies, and the longest waits. It reads the indexes as
// far as the limits and Top ask for. The models are taken as they are: Now moves the clock, not the state.
func (m *Models) Custody(ctx context.Context, o CustodyOptions) (CustodyReport, error) {
	out := CustodyReport{Report: Report[CustodyRow]{Report: "custody"}, LongestWaits: []WaitRow{}}
	v, err := m.view(ctx)
	if err != nil {
		return out, err
	}
	defer v.close()
	if out.Summary, err = v.summary(); err != nil {
		return out, err
	}
	if o.Now.IsZero() {
		o.Now = out.Summary.LastOccurred
	}
	out.AsOf, out.Position = o.Now, v.position
	c := newCustodian(v, o)
	if err := c.waits(ctx); err != nil {
		return out, err
	}
	if err := c.idle(ctx); err != nil {
		return out, err
	}
	out.Rows = []CustodyRow{c.dropped.row(KindDropped), c.orphaned.row(KindOrphaned), c.late.row(KindLate)}
	out.LongestWaits = append(out.LongestWaits, c.longest.cut()...)
	anomalies, err := c.anomalies(ctx)
	out.Rows = append(out.Rows, anomalies...)
	return out, err
}

func newCustodian(v *view, o CustodyOptions) *custodian {
	if o.Top <= 0 {
		o.Top = 10
	}
	defaults(&o.Limits, Limits{Accept: 24 * time.Hour, Orphan: 72 * time.Hour})
	c := &custodian{view: v, o: o, accept: o.Limits.Accept, orphan: o.Limits.Orphan}
	for _, l := range o.Points {
		defaults(&l, o.Limits)
		c.accept, c.orphan = min(c.accept, l.Accept), min(c.orphan, l.Orphan)
	}
	for _, t := range []*troubled{&c.dropped, &c.late, &c.orphaned} {
		t.journeys = make(map[uint64]struct{})
		t.examples = toplist[CustodyExample]{n: o.Top, of: func(e *CustodyExample) (float64, string) { return e.Seconds, e.Journey + e.Handoff }}
	}
	c.longest = toplist[WaitRow]{n: o.Top, of: func(w *WaitRow) (float64, string) { return w.Seconds, w.Journey + w.Handoff }}
	return c
}

func defaults(l *Limits, d Limits) {
	if l.Accept == 0 {
		l.Accept = d.Accept
	}
	if l.Orphan == 0 {
		l.Orphan = d.Orphan
	}
}

func (c *custodian) limits(point string) Limits {
	l := c.o.Points[point]
	defaults(&l, c.o.Limits)
	return l
}

func (t *troubled) add(e CustodyExample) {
	t.count++
	t.journeys[hash(e.Journey)] = struct{}{}
	t.examples.offer(e)
}

func (t *troubled) row(kind string) CustodyRow {
	return CustodyRow{Kind: kind, Count: t.count, Journeys: int64(len(t.journeys)), Examples: append([]CustodyExample{}, t.examples.cut()...)}
}

// waits goes through the waits that pass a limit or belong to the longest.
func (c *custodian) waits(ctx context.Context) error {
	return c.eachWait(ctx, c.o.Now, func(w *wait, length time.Duration) bool {
		seen := &c.running
		if w.how != 0 {
			seen = &c.all
		}
		if *seen++; *seen <= c.o.Top {
			c.longest.offer(WaitRow{w.journey, w.handoff, w.point, w.offered, length.Seconds(), endings[w.how]})
		}
		if length > c.limits(w.point).Accept {
			e := CustodyExample{Journey: w.journey, Handoff: w.handoff, Point: w.point, Seconds: length.Seconds()}
			switch w.how {
			case 0, waitClosed:
				c.dropped.add(e)
			case waitAccepted:
				c.late.add(e)
			}
		}
		return length > c.accept || *seen < c.o.Top
	})
}

// idle goes through the open journeys whose owner has done nothing for the least limit.
func (c *custodian) idle(ctx context.Context) error {
	for p, err := range c.scan(ctx, []byte{spaceIdle}, nil, false) {
		if err != nil {
			return err
		}
		since, rest, ok := readTime(p.key[1:])
		journey, _, ok2 := readText(rest)
		if !ok || !ok2 {
			return damaged(keyName(p.key))
		}
		length := c.o.Now.Sub(since)
		if length <= c.orphan {
			break
		}
		if point := string(p.value); length > c.limits(point).Orphan {
			c.orphaned.add(CustodyExample{Journey: journey, Point: point, Seconds: length.Seconds()})
		}
	}
	return c.owners()
}

// owners fills in who left the orphaned journeys of the examples.
func (c *custodian) owners() error {
	for i := range c.orphaned.examples.cut() {
		e := &c.orphaned.examples.rows[i]
		r, err := c.row(e.Journey)
		if err != nil {
			return err
		}
		if r == nil || len(r.Journey.Custody) == 0 {
			return damaged("journey " + e.Journey)
		}
		owner := r.Journey.Custody[len(r.Journey.Custody)-1]
		e.Stage, e.Handoff, e.Position = owner.Holder.Stage, owner.Handoff, r.Journey.Position
	}
	return nil
}
