package depth

import "time"

// group is the series of one agreement at one point, and its days without a gap.
type group struct {
	point     string
	agreement *agreement
	series    []*series
	first     int32
	days      int
	baseline  int
}

// groups puts series of one point and agreement together, in the order in which they were first seen.
func (f *Fold) groups(o *DriftOptions) []*group {
	type key struct {
		point string
		a     *agreement
	}
	by, out := map[key]*group{}, []*group{}
	for _, s := range f.chosen(o.Query) {
		first, last := int32(1<<30), int32(-1<<30)
		for number := range s.days {
			if o.has(number) {
				first, last = min(first, number), max(last, number)
			}
		}
		if first > last {
			continue
		}
		g := by[key{s.point, s.agreement}]
		if g == nil {
			g = &group{point: s.point, agreement: s.agreement, first: first, days: 1}
			by[key{s.point, s.agreement}] = g
			out = append(out, g)
		}
		end := max(g.first+int32(g.days)-1, last)
		g.first = min(g.first, first)
		g.days, g.series = int(end-g.first)+1, append(g.series, s)
	}
	for _, g := range out {
		g.days = min(g.days, 2*f.o.Days)
		if g.baseline = o.Baseline; g.days < 2*o.Baseline {
			g.baseline = g.days / 2
		}
	}
	return out
}

// each calls do for every day of a series that the group covers, by its place in the group.
func (g *group) each(s *series, q Query, do func(i int, d *day)) {
	for number, d := range s.days {
		if i := int(number - g.first); i >= 0 && i < g.days && q.has(number) {
			do(i, d)
		}
	}
}

// date is a day of the group as text.
func (g *group) date(i int) string {
	if i < 0 {
		return ""
	}
	return dateOf(g.first + int32(i)).Format(time.DateOnly)
}

func (g *group) row(kind, field string) DriftRow {
	return DriftRow{Kind: kind, Point: g.point, Contract: g.agreement.contract(), Version: g.agreement.version, Field: field, P: 1}
}
