package depth

import (
	"time"

	"github.com/baton-ledger/baton/ledger/contract"
)

// Query narrows a report; the zero value is everything that is kept.
type Query struct {
	Point string    // one point alone; "" is all
	Since time.Time // first day, UTC, by when handoffs were offered
	Until time.Time // last day, included
}

// Head is what every report begins with.
type Head struct {
	Report   string    `json:"report"`
	AsOf     time.Time `json:"as_of"`    // last occurred time of a fact
	Position uint64    `json:"position"` // of the last event in it
	Behind   uint64    `json:"behind"`   // durable events that are not in it yet; 0: it is up to date
	Since    string    `json:"since,omitempty"`
	Until    string    `json:"until,omitempty"`
	Dropped  *Dropped  `json:"dropped,omitempty"` // what the limits of the fold left out, where they did
}

func (f *Fold) head(report string, q Query) Head {
	h := Head{Report: report, AsOf: f.AsOf(), Position: f.position}
	if !q.Since.IsZero() {
		h.Since = q.Since.UTC().Format(time.DateOnly)
	}
	if !q.Until.IsZero() {
		h.Until = q.Until.UTC().Format(time.DateOnly)
	}
	if f.dropped.Offers+f.dropped.Fields > 0 {
		d := f.dropped
		h.Dropped = &d
	}
	return h
}

// has reports whether a day is asked for.
func (q Query) has(day int32) bool {
	return (q.Since.IsZero() || day >= dayOf(q.Since.UnixMilli())) && (q.Until.IsZero() || day <= dayOf(q.Until.UnixMilli()))
}

// chosen are the series that are asked for, in the order in which they were first seen.
func (f *Fold) chosen(q Query) []*series {
	if q.Point == "" {
		return f.order
	}
	var out []*series
	for _, s := range f.order {
		if s.point == q.Point {
			out = append(out, s)
		}
	}
	return out
}

// over sums the days that are asked for. There may be none.
func (s *series) over(q Query) (sum day, any bool) {
	for number, d := range s.days {
		if q.has(number) {
			sum.add(d)
			any = true
		}
	}
	return sum, any
}

// add adds another day's counts. Sums of integers do not depend on the order.
func (d *day) add(o *day) {
	for _, c := range [...]struct{ to, from *uint32 }{{&d.handoffs, &o.handoffs}, {&d.once, &o.once}, {&d.delivered, &o.delivered}, {&d.accepted, &o.accepted},
		{&d.completed, &o.completed}, {&d.violated, &o.violated}, {&d.declared, &o.declared}, {&d.mismatched, &o.mismatched}, {&d.scored, &o.scored},
		{&d.asked, &o.asked}, {&d.askedAgain, &o.askedAgain}, {&d.lostHandoffs, &o.lostHandoffs}} {
		*c.to += *c.from
	}
	for i := range d.tiers {
		d.tiers[i] += o.tiers[i]
	}
	for i := range d.scores {
		d.scores[i] += o.scores[i]
	}
	d.score += o.score
	d.tokens, d.tokenHandoffs = d.tokens+o.tokens, d.tokenHandoffs+o.tokenHandoffs
	d.preparedMS, d.parseMS = d.preparedMS+o.preparedMS, d.parseMS+o.parseMS
	d.prepared.addAll(o.prepared)
	d.parse.addAll(o.parse)
	for i := range o.fields {
		d.field(i).add(&o.fields[i])
	}
}

func (d *fieldDay) add(o *fieldDay) {
	for i := range d.n {
		d.n[i] += o.n[i]
	}
	for i := range d.kinds {
		d.kinds[i] += o.kinds[i]
	}
	d.values.addAll(o.values)
	d.fill.addAll(o.fill)
	d.age.addAll(o.age)
}

// className is a field's class as contracts write it.
func (a *agreed) className() contract.Class { return contract.Classes()[a.class] }

func share[N uint32 | uint64 | int64](part, whole N) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
