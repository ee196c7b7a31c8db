package depth

import (
	"cmp"
	"slices"
	"time"

	"github.com/baton-ledger/baton/projections/shift"
)

// newValue is a value of an enumeration that may be new, newForm a form of a field.
type newValue struct {
	a     *agreement
	field int
	value *category
}

type newForm struct {
	a    *agreement
	form shape // with the counts of all the agreement's series
}

// What is taken for an enumeration, and how often something must have come to be called new.
const (
	fewValues    = 50
	enoughSeen   = 200
	timesAtLeast = 3
)

// collectValues lists the values of enumerations. Each is tested: whether something that is rare came late by chance is asked of all of them.
func (d *drifts) collectValues(a *agreement) {
	for i := range a.fields {
		f := &a.fields[i]
		if f.open || f.seen < enoughSeen || len(f.categories) < 2 || len(f.categories) > fewValues {
			continue
		}
		for k := range f.categories {
			d.values = append(d.values, newValue{a, i, &f.categories[k]})
		}
	}
}

func (d *drifts) judgeValue(v *newValue, alpha float64) {
	f := &v.a.fields[v.field]
	p := shift.Late(float64(v.value.n), float64(v.value.before), float64(f.seen))
	drifted := p < alpha && v.value.n >= timesAtLeast && v.value.before >= enoughSeen
	if !drifted && (p > 0.01 || v.value.before < enoughSeen) || d.o.Point != "" && v.value.first.series.point != d.o.Point || !d.o.has(dayOf(v.value.first.at)) {
		return
	}
	out := novelty(DriftEnum, v.a, f.name, v.value.first)
	out.Drifted, out.Active, out.Value = drifted, drifted && v.a.still(v.value.last), v.value.label
	out.NBefore, out.N, out.After, out.P = int64(v.value.before), int64(f.seen-v.value.before), share(v.value.n, f.seen-v.value.before), p
	out.Statistic = float64(v.value.n)
	d.out.Rows = append(d.out.Rows, out)
}

func novelty(kind string, a *agreement, field string, first sight) DriftRow {
	return DriftRow{Kind: kind, Point: first.series.point, Contract: a.contract(), Version: a.version, Field: field, Since: dateOf(dayOf(first.at)).Format(time.DateOnly),
		FirstSeen: first.sighting(), StartedBy: &StartedBy{Source: first.series.source, Version: a.version}}
}

// collectForms puts the forms of an agreement's series together.
func (d *drifts) collectForms(a *agreement) {
	var all []shape
	for _, s := range d.fold.order {
		if s.agreement != a {
			continue
		}
		for _, h := range s.shapes {
			at := slices.IndexFunc(all, func(o shape) bool {
				return o.field == h.field && o.class == h.class && o.kind == h.kind && o.path == h.path
			})
			if at < 0 {
				all = append(all, h)
				continue
			}
			o := &all[at]
			o.n, o.last = o.n+h.n, max(o.last, h.last)
			if h.first.position < o.first.position {
				o.first, o.before, o.sample = h.first, h.before, h.sample
			}
		}
	}
	slices.SortFunc(all, func(x, y shape) int { return cmp.Compare(x.first.position, y.first.position) })
	for _, h := range all {
		if a.offers >= enoughSeen {
			d.forms = append(d.forms, newForm{a, h})
		}
	}
}

func (d *drifts) judgeForm(v *newForm, alpha float64) {
	h := &v.form
	p := shift.Late(float64(h.n), float64(h.before), float64(v.a.offers))
	drifted := p < alpha && h.n >= timesAtLeast && h.before >= enoughSeen
	if !drifted && (p > 0.01 || h.before < enoughSeen) || d.o.Point != "" && h.first.series.point != d.o.Point || !d.o.has(dayOf(h.first.at)) {
		return
	}
	out := novelty(DriftStructure, v.a, v.a.fields[h.field].name, h.first)
	out.Drifted, out.Active, out.Value, out.Sample = drifted, drifted && v.a.still(h.last), v.a.line(h), h.sample
	out.NBefore, out.N, out.After, out.P = int64(h.before), int64(v.a.offers-h.before), min(1, share(h.n, v.a.offers-h.before)), p
	out.Statistic = float64(h.n)
	d.out.Rows = append(d.out.Rows, out)
}

// mixed is a contract's versions at a point, by day.
type mixed struct {
	g        *group // the first one; its days are those of all versions
	versions []int
	days     [][]float64
	first    []sight
}

// collectVersions lists the contracts that come in several versions at one point.
func (d *drifts) collectVersions(groups []*group) {
	type key struct{ point, name string }
	by, order := map[key][]*group{}, []key{}
	for _, g := range groups {
		if g.agreement.version == 0 {
			continue
		}
		k := key{g.point, g.agreement.name}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], g)
	}
	for _, k := range order {
		if list := by[k]; len(list) > 1 {
			d.versions(list)
		}
	}
}

func (d *drifts) versions(list []*group) {
	slices.SortFunc(list, func(a, b *group) int { return cmp.Compare(a.agreement.version, b.agreement.version) })
	all := *list[0]
	end := all.first + int32(all.days)
	for _, g := range list {
		end, all.first = max(end, g.first+int32(g.days)), min(all.first, g.first)
	}
	all.days = int(end - all.first)
	m := mixed{g: &all, days: make([][]float64, all.days)}
	for i := range m.days {
		m.days[i] = make([]float64, len(list))
	}
	for v, g := range list {
		m.versions = append(m.versions, g.agreement.version)
		first := g.series[0].first
		for _, s := range g.series {
			if s.first.position < first.position {
				first = s.first
			}
			all.each(s, d.o.Query, func(at int, day *day) { m.days[at][v] += float64(day.once) })
		}
		m.first = append(m.first, first)
	}
	row := VersionRow{Point: all.point, Contract: all.agreement.contract(), Versions: m.versions, Days: []VersionDay{}}
	for i, day := range m.days {
		if shift.Total(day) == 0 {
			continue
		}
		one := VersionDay{Day: all.date(i)}
		for _, n := range day {
			one.Counts = append(one.Counts, int64(n))
		}
		row.Days = append(row.Days, one)
	}
	d.out.Versions = append(d.out.Versions, row)
	d.mixes = append(d.mixes, m)
}

// judgeMix looks for the day on which versions changed their shares.
func (d *drifts) judgeMix(m *mixed, alpha float64) {
	c := shift.Split(m.days, float64(d.o.Least)/5)
	if c.Day < 0 || c.P >= alpha {
		return
	}
	var before, after = make([]float64, len(m.versions)), make([]float64, len(m.versions))
	for i, day := range m.days {
		for v, n := range day {
			if i < c.Day {
				before[v] += n
			} else {
				after[v] += n
			}
		}
	}
	most, widest := 0, -1.0
	for v := range m.versions {
		if rise := after[v]/c.N - before[v]/c.BeforeN; rise > widest {
			most, widest = v, rise
		}
	}
	if widest < d.o.Rise {
		return
	}
	out := m.g.row(DriftVersion, "")
	out.Version, out.Drifted, out.Active, out.Since = m.versions[most], true, m.now(most, before, after), m.g.date(c.Day)
	out.Before, out.After = before[most]/c.BeforeN, after[most]/c.N
	out.NBefore, out.N, out.Statistic, out.P = int64(c.BeforeN), int64(c.N), c.Statistic, c.P
	out.FirstSeen = m.first[most].sighting()
	out.StartedBy = &StartedBy{Source: m.first[most].series.source, Version: m.versions[most]}
	d.out.Rows = append(d.out.Rows, out)
}

// now reports whether a version's share of the last handoffs, fifty or so, is nearer to what it became than to what it was.
func (m *mixed) now(version int, before, after []float64) bool {
	var n, k float64
	for i := len(m.days) - 1; i >= 0 && n < 50; i-- {
		n, k = n+shift.Total(m.days[i]), k+m.days[i][version]
	}
	return k/max(n, 1) > (before[version]/shift.Total(before)+after[version]/shift.Total(after))/2
}
