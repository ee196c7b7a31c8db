package table

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Options say how an Encoding is fitted. The zero value is what Defaults gives.
type Options struct {
	OneHot        int     // most categories of a column with a member of their own
	MinRows       int     // fewest training rows of such a category, and of one with a prior
	MinGroups     int     // fewest groups of Labels that have it, 2 at most; 0: any. With 2 what only one of them has cannot be told by the file
	MaxCategories int     // most categories of a column with a prior; the most frequent ones
	PriorClasses  int     // most classes with a prior each, where there are more than two
	Smoothing     float64 // m of the prior, in rows
	Parts         int     // of the cross-fit
	Seed          uint64  // of its parts
}

// Defaults are what was found to hold on the public data sets.
func Defaults() Options {
	return Options{OneHot: 24, MinRows: 5, MaxCategories: 20_000, PriorClasses: 6, Smoothing: 20, Parts: 5, Seed: 1}
}

// Labels are the target of a frame's rows: Of[row] is a class below Classes. Group, where given, names rows that are of one case: they
// share a part of the cross-fit.
type Labels struct {
	Of      []int32
	Classes int
	Group   []int32
}

// Fit learns an encoding from the given rows of a frame and gives also their matrix, whose priors are cross-fitted. No other row is looked at.
func Fit(f *Frame, rows []int, y Labels, o Options) (*Encoding, *Matrix) {
	e := &Encoding{Version: Version, Classes: y.Classes, PriorOf: y.priorOf(rows, o)}
	parts := y.parts(rows, o)
	m := &Matrix{Rows: len(rows)}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Kind == Number {
			e.add(ColumnEncoding{Name: c.Name, Kind: Number}, c.Name)
			m.Blocks = append(m.Blocks, Block{First: e.Width() - 1, Width: 1, Numbers: pick(c.Numbers, rows)})
			continue
		}
		fit := newCategoryFit(c, rows, y, e.PriorOf, o)
		e.add(fit.encoding(), fit.memberNames()...)
		m.Blocks = append(m.Blocks, e.blocks(i, c, rows, fit.crossFitted(rows, parts))...)
	}
	m.Names = e.Names
	return e, m
}

// priorOf chooses the classes that priors are of.
func (y Labels) priorOf(rows []int, o Options) []int {
	if y.Classes == 2 {
		return []int{1}
	}
	count, order := make([]int, y.Classes), make([]int, y.Classes)
	for _, row := range rows {
		count[y.Of[row]]++
	}
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(count[b], count[a]) })
	order = order[:min(y.Classes, o.PriorClasses)]
	slices.Sort(order)
	return order
}

// parts draws the cross-fit's part of each row; rows of one group share it.
func (y Labels) parts(rows []int, o Options) []int8 {
	rng := rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))
	parts, of := make([]int8, len(rows)), map[int32]int8{}
	for i, row := range rows {
		part := int8(rng.IntN(max(o.Parts, 2)))
		if y.Group != nil {
			if known, ok := of[y.Group[row]]; ok {
				part = known
			}
			of[y.Group[row]] = part
		}
		parts[i] = part
	}
	return parts
}

// add puts a column at the end of the vector.
func (e *Encoding) add(c ColumnEncoding, names ...string) {
	c.At = e.Width()
	c.link()
	for range names {
		e.Source = append(e.Source, len(e.Columns))
	}
	e.Names, e.Columns = append(e.Names, names...), append(e.Columns, c)
}

// categoryFit counts one column of categories. Index 0 is the missing value, i+1 is code i.
type categoryFit struct {
	column *Column
	y      Labels
	of     []int // the classes with a prior
	o      Options
	rows   []int       // of a category
	class  [][]float64 // [category][class] rows
	whole  []float64   // of a class
	order  []int       // categories by how frequent they are
	hot    []int
	priors bool
}

func newCategoryFit(c *Column, rows []int, y Labels, of []int, o Options) *categoryFit {
	n := len(c.Names) + 1
	f := &categoryFit{column: c, y: y, of: of, o: o, rows: make([]int, n), class: make([][]float64, n), whole: make([]float64, y.Classes)}
	several := make([]bool, n) // more than one group has the category
	first := make([]int32, n)
	for _, row := range rows {
		at := c.Codes[row] + 1
		if y.Group != nil && f.rows[at] == 0 {
			first[at] = y.Group[row]
		}
		several[at] = several[at] || y.Group == nil || y.Group[row] != first[at]
		if f.class[at] == nil {
			f.class[at] = make([]float64, y.Classes)
		}
		f.rows[at]++
		f.class[at][y.Of[row]]++
		f.whole[y.Of[row]]++
	}
	for at, count := range f.rows {
		if count >= max(o.MinRows, 1) && (o.MinGroups < 2 || several[at] || at == 0) {
			f.order = append(f.order, at)
		}
	}
	slices.SortStableFunc(f.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(f.rows[b], f.rows[a]), cmp.Compare(f.name(a), f.name(b)))
	})
	f.hot = f.order[:min(len(f.order), o.OneHot)]
	f.priors = len(f.order) > o.OneHot || len(f.hot) == 0 && len(rows) > 0
	f.order = f.order[:min(len(f.order), o.MaxCategories)]
	return f
}

func (f *categoryFit) name(at int) string {
	if at == 0 {
		return ""
	}
	return f.column.Names[at-1]
}

func (f *categoryFit) encoding() ColumnEncoding {
	c := ColumnEncoding{Name: f.column.Name, Kind: Category, Priors: f.priors}
	for _, at := range f.hot {
		c.OneHot = append(c.OneHot, f.name(at))
	}
	if !f.priors {
		return c
	}
	for _, at := range f.order {
		c.Categories = append(c.Categories, f.name(at))
		c.Prior = append(c.Prior, f.prior(f.class[at], nil, f.whole))
		c.Frequency = append(c.Frequency, math.Log1p(float64(f.rows[at])))
	}
	c.Prior = append(c.Prior, f.prior(nil, nil, f.whole))
	return c
}

// prior is the formula of Encoding on the counts of a category, less those of a part of the cross-fit.
func (f *categoryFit) prior(counts, less, whole []float64) []float64 {
	var rows, all float64
	for k, g := range whole {
		all += g
		if counts != nil {
			rows += counts[k]
		}
		if less != nil {
			rows -= less[k]
		}
	}
	members := make([]float64, len(f.of))
	for i, k := range f.of {
		n, g := 0.0, (whole[k]+0.5)/(all+0.5*float64(len(whole)))
		if counts != nil {
			n = counts[k]
		}
		if less != nil {
			n -= less[k]
		}
		members[i] = logOdds((n + f.o.Smoothing*g) / (rows + f.o.Smoothing))
	}
	return members
}

func (f *categoryFit) memberNames() (names []string) {
	for _, at := range f.hot {
		name := f.name(at)
		if at == 0 {
			name = "(missing)"
		}
		names = append(names, f.column.Name+" = "+name)
	}
	if f.priors {
		for range f.of {
			names = append(names, f.column.Name+" prior")
		}
		names = append(names, f.column.Name+" frequency")
	}
	return names
}
