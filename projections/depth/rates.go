package depth

import (
	"math"

	"github.com/baton-ledger/baton/projections/shift"
)

// RateRow is a rate that was tested: before and after are of the baseline and of all days after it.
type RateRow struct {
	Kind      string     `json:"kind"` // missing or malformed
	Point     string     `json:"point"`
	Contract  string     `json:"contract,omitempty"`
	Version   int        `json:"version,omitempty"`
	Field     string     `json:"field"`
	Before    float64    `json:"before"`
	After     float64    `json:"after"`
	NBefore   int64      `json:"n_before"`
	N         int64      `json:"n"`
	P         float64    `json:"p"`               // of one rate on both sides
	CUSUM     float64    `json:"cusum"`           // highest
	Threshold float64    `json:"threshold"`       // of the CUSUM
	Out       int        `json:"days_out"`        // days beyond the chart's limits; one in 370 is so without a change, so they are no alarm
	Drifted   bool       `json:"drifted"`         // it rose
	Chart     []ChartDay `json:"chart,omitempty"` // of drifted ones, and of all where that was asked for
}

// ChartDay is a day of a control chart (p-chart).
type ChartDay struct {
	Day  string  `json:"day"`
	N    int64   `json:"n"`
	K    int64   `json:"k"`
	Low  float64 `json:"low"` // three-sigma limits at the baseline's rate
	High float64 `json:"high"`
	Out  bool    `json:"out,omitempty"`
}

// rate is a sequence of days to be tested.
type rate struct {
	kind   string
	g      *group
	field  int
	days   []shift.Day
	n0, k0 float64 // baseline
	n1, k1 float64 // afterwards
}

// collectRates lists the rates of a group that have enough on both sides.
func (d *drifts) collectRates(g *group) {
	a := g.agreement
	for i := range a.fields {
		if a.fields[i].guest {
			continue
		}
		gone, bad := make([]shift.Day, g.days), make([]shift.Day, g.days)
		major := g.major(i, d.o.Query)
		for _, s := range g.series {
			g.each(s, d.o.Query, func(at int, day *day) {
				f := day.of(i)
				gone[at].N += float64(day.once)
				gone[at].K += float64(day.once - f.n[nOnce])
				bad[at].N += float64(f.n[nOnce])
				bad[at].K += float64(f.malformed(a.doc != nil, major))
			})
		}
		d.consider(rate{kind: DriftMissing, g: g, field: i, days: gone})
		d.consider(rate{kind: DriftMalformed, g: g, field: i, days: bad})
	}
}

func (d *drifts) consider(r rate) {
	for i, day := range r.days {
		if i < r.g.baseline {
			r.n0, r.k0 = r.n0+day.N, r.k0+day.K
		} else {
			r.n1, r.k1 = r.n1+day.N, r.k1+day.K
		}
	}
	if r.n0 >= float64(d.o.Least) && r.n1 >= float64(d.o.Least) && r.k0+r.k1 > 0 {
		d.rates = append(d.rates, r)
	}
}

// major is the kind that most of a field's values have in the baseline.
func (g *group) major(field int, q Query) uint8 {
	var sum [kindCount]uint32
	for _, s := range g.series {
		g.each(s, q, func(at int, day *day) {
			if at < g.baseline {
				for k, n := range day.of(field).kinds {
					sum[k] += n
				}
			}
		})
	}
	most := uint8(0)
	for k, n := range sum {
		if n > sum[most] {
			most = uint8(k)
		}
	}
	return most
}

// malformed counts values of another form than theirs: those that break the contract, where there is one; else those of another type than most were in the
// baseline, or without the format that most had.
func (d *fieldDay) malformed(agreed bool, major uint8) (n uint32) {
	if agreed {
		return min(d.n[nMalformedOnce], d.n[nOnce])
	}
	for k, count := range d.kinds {
		if uint8(k) != major && (kindTexts[k][0] != kindTexts[major][0] || major > kindText) {
			n += count
		}
	}
	return n
}

// judgeRate tests whether a rate rose. What is tested is the upper end of what the baseline allows, so that a baseline that was good by chance alarms nobody.
func (d *drifts) judgeRate(r *rate, alpha float64) {
	g, field := r.g, r.g.agreement.fields[r.field].name
	before, after := r.k0/r.n0, r.k1/r.n1
	p0 := shift.Upper(r.k0, r.n0, 3)
	c := shift.CUSUM(r.days[g.baseline:], p0, min(max(2*p0, p0+0.05), (1+p0)/2), alpha)
	row := RateRow{Kind: r.kind, Point: g.point, Contract: g.agreement.contract(), Version: g.agreement.version, Field: field, Before: before, After: after,
		NBefore: int64(r.n0), N: int64(r.n1), P: shift.TwoProportion(r.k0, r.n0, r.k1, r.n1), CUSUM: c.Highest, Threshold: c.Threshold}
	chart := r.chart()
	for _, day := range chart {
		if day.Out {
			row.Out++
		}
	}
	rose := after-before >= d.o.Rise && row.P < alpha
	row.Drifted = c.Day >= 0 || rose
	if row.Drifted || d.o.Charts {
		row.Chart = chart
	}
	d.out.Rates = append(d.out.Rates, row)
	if !row.Drifted {
		return
	}
	out := g.row(r.kind, field)
	split := r.split(float64(d.o.Least) / 5)
	from := split.Day
	if from < 0 {
		from = g.baseline + max(c.Since, 0)
	}
	var n, k float64
	for _, day := range r.days[from:] {
		n, k = n+day.N, k+day.K
	}
	out.Drifted, out.Active, out.Since = true, c.Active || c.Day < 0, g.date(from)
	if c.Day >= 0 {
		out.Noticed = g.date(g.baseline + c.Day)
	}
	out.Before, out.NBefore, out.After, out.N = before, int64(r.n0), k/max(n, 1), int64(n)
	out.Statistic, out.Threshold, out.P, out.Chart = c.Highest, c.Threshold, math.Min(row.P, split.P), chart
	out.StartedBy = d.starter(r, from)
	d.out.Rows = append(d.out.Rows, out)
}

// split finds the day on which the rate most likely changed.
func (r *rate) split(least float64) shift.Change {
	days := make([][]float64, len(r.days))
	for i, d := range r.days {
		days[i] = []float64{d.K, d.N - d.K}
	}
	return shift.Split(days, least)
}

func (r *rate) chart() []ChartDay {
	out := []ChartDay{}
	for i, day := range r.days {
		if day.N == 0 {
			continue
		}
		low, high := shift.Limits(r.k0/r.n0, day.N)
		x := day.K / day.N
		out = append(out, ChartDay{Day: r.g.date(i), N: int64(day.N), K: int64(day.K), Low: low, High: high, Out: x < low || x > high})
	}
	return out
}

// starter is the producer whose rate rose most surely from a day on.
func (d *drifts) starter(r *rate, from int) *StartedBy {
	best, out := 2.0, (*StartedBy)(nil)
	a := r.g.agreement
	major := r.g.major(r.field, d.o.Query)
	for _, s := range r.g.series {
		var n, k [2]float64
		r.g.each(s, d.o.Query, func(at int, day *day) {
			f, side := day.of(r.field), 0
			if at >= from {
				side = 1
			}
			if r.kind == DriftMissing {
				n[side], k[side] = n[side]+float64(day.once), k[side]+float64(day.once-f.n[nOnce])
				return
			}
			n[side], k[side] = n[side]+float64(f.n[nOnce]), k[side]+float64(f.malformed(a.doc != nil, major))
		})
		if n[1] == 0 || n[0] > 0 && k[1]/n[1] <= k[0]/n[0] {
			continue
		}
		if n[0] == 0 { // it was not there before
			n[0], k[0] = r.n0, r.k0
		}
		if p := shift.TwoProportion(k[0], n[0], k[1], n[1]); p < best {
			best, out = p, &StartedBy{Source: s.source, Version: a.version}
		}
	}
	return out
}
