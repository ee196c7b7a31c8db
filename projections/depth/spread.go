package depth

import (
	"hash/fnv"

	"github.com/baton-ledger/baton/projections/shift"
)

// IndexRow is the stability index of a field: its values in the last days against those of the baseline.
type IndexRow struct {
	Point     string  `json:"point"`
	Contract  string  `json:"contract,omitempty"`
	Version   int     `json:"version,omitempty"`
	Field     string  `json:"field"`
	PSI       float64 `json:"psi"`
	Threshold float64 `json:"threshold"` // at these sample sizes
	Bins      int     `json:"bins"`
	NBefore   int64   `json:"n_before"`
	N         int64   `json:"n"`
	Drawn     bool    `json:"drawn"` // the threshold was drawn; else, far below it, the limit law serves
	Drifted   bool    `json:"drifted"`
}

// index is a distribution to be tested.
type index struct {
	g     *group
	field int
	days  [][]float64 // by day and bin
	a, b  []float64   // baseline and last days
}

// draws of a bootstrap.
const draws = 400

func (d *drifts) collectIndexes(g *group) {
	for i := range g.agreement.fields {
		var all, base counts
		for _, s := range g.series {
			g.each(s, d.o.Query, func(at int, day *day) {
				all.addAll(day.of(i).values)
				if at < g.baseline {
					base.addAll(day.of(i).values)
				}
			})
		}
		if len(all) < 2 || base.total() < int64(d.o.Least) || g.agreement.fields[i].open && all[0].bucket < numbers && all[0].bucket > -numbers {
			continue
		}
		bins := binsOf(all, base)
		x := index{g: g, field: i, days: make([][]float64, g.days)}
		size := 0
		for _, bin := range bins {
			size = max(size, bin+1)
		}
		x.a, x.b = make([]float64, size), make([]float64, size)
		for at := range x.days {
			x.days[at] = make([]float64, size)
		}
		for _, s := range g.series {
			g.each(s, d.o.Query, func(at int, day *day) {
				for _, c := range day.of(i).values {
					x.days[at][bins[c.bucket]] += float64(c.n)
				}
			})
		}
		for at, day := range x.days {
			to := x.a
			if at >= g.baseline {
				to = x.b
			}
			if at >= g.baseline && at < g.days-d.o.Baseline {
				continue // neither normal nor now
			}
			for k, v := range day {
				to[k] += v
			}
		}
		if n := shift.Total(x.b); n >= float64(d.o.Least) {
			d.indexes = append(d.indexes, x)
		}
	}
}

// binsOf gives each category a bin of its own, and numbers ten by the baseline's quantiles.
func binsOf(all, base counts) map[int32]int {
	bins, n := map[int32]int{}, base.total()
	var passed int64
	next := 0
	for _, c := range all {
		if c.bucket > -numbers && c.bucket < numbers {
			bins[c.bucket] = next
			next++
		}
	}
	at, last := 0, -1
	for _, c := range all {
		if c.bucket > -numbers && c.bucket < numbers {
			continue
		}
		tenth := int(passed * 10 / max(n, 1))
		if last < 0 || tenth > last {
			at, last = next, tenth
			next++
		}
		bins[c.bucket] = at
		for _, b := range base {
			if b.bucket == c.bucket {
				passed += int64(b.n)
			}
		}
	}
	return bins
}

func (d *drifts) judgeIndex(x *index, alpha float64) {
	g, field := x.g, x.g.agreement.fields[x.field].name
	n, m := shift.Total(x.a), shift.Total(x.b)
	a, b := shift.Pool(x.a, x.b, int(min(n, m)))
	row := IndexRow{Point: g.point, Contract: g.agreement.contract(), Version: g.agreement.version, Field: field, NBefore: int64(n), N: int64(m), Bins: len(a),
		PSI: shift.PSI(a, b, 0, psiFloor), Threshold: max(d.o.Index, shift.Law(len(a), n, m, alpha))}
	if row.PSI > row.Threshold/2 && len(a) > 1 {
		row.Threshold, row.Drawn = max(d.o.Index, shift.Bootstrap(a, b, psiFloor, alpha, draws, seedOf(g, field))), true
	}
	row.Drifted = len(a) > 1 && row.PSI > row.Threshold
	d.out.Indexes = append(d.out.Indexes, row)
	if !row.Drifted {
		return
	}
	split := shift.Split(x.days, float64(d.o.Least)/5)
	out := g.row(DriftDistribution, field)
	out.Drifted, out.Active, out.Since = true, true, g.date(split.Day)
	out.NBefore, out.N, out.Statistic, out.Threshold, out.P = row.NBefore, row.N, row.PSI, row.Threshold, split.P
	out.Value, out.Before, out.After = x.most(n, m)
	d.out.Rows = append(d.out.Rows, out)
}

// most is the category whose share changed most; "" of numbers.
func (x *index) most(n, m float64) (label string, before, after float64) {
	best, widest := -1, 0.0
	for i := range x.a {
		p, q := x.a[i]/n, x.b[i]/m
		if w := max(p-q, q-p); w > widest {
			best, widest, before, after = i, w, p, q
		}
	}
	if c := x.g.agreement.fields[x.field].categories; best >= 0 && best < len(c) && len(c) >= len(x.a) {
		label = c[best].label
	}
	return label, before, after
}

// seedOf makes a seed of names: the same field has the same draws in every report.
func seedOf(g *group, field string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.point + "\x00" + g.agreement.name + "\x00" + field))
	return h.Sum64()
}
