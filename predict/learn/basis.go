package learn

import (
	"math"
	"slices"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// basis turns vectors into the sparse members that the regression weighs: at most two for each block.
type basis struct {
	width  int
	parts  []part
	member []int32   // [row·most + j]
	value  []float64 // the same
	end    []int32   // of each row's members
	most   int
}

// part is one block's: a category's members as they are, or a number.
type part struct {
	block   table.Block
	at      int       // first member of the basis
	knots   []float64 // of a line that bends; nil: straight
	mean    float64   // of a straight one
	scale   float64
	missing int // the member that is 1 where the number is missing, or -1
}

func newBasis(m *table.Matrix, knots int) *basis {
	b := &basis{}
	for _, block := range m.Blocks {
		p := part{block: block, at: b.width, missing: -1}
		if block.Numbers == nil {
			b.width += block.Width
		} else if !p.prepare(knots) {
			continue
		} else if b.width += max(len(p.knots), 1); slices.ContainsFunc(block.Numbers, math.IsNaN) {
			p.missing = b.width
			b.width++
		}
		b.parts = append(b.parts, p)
	}
	b.most = 2 * len(b.parts)
	b.member, b.value = make([]int32, m.Rows*b.most), make([]float64, m.Rows*b.most)
	b.end = make([]int32, m.Rows)
	for i := range m.Rows {
		at := i * b.most
		for j := range b.parts {
			at = b.put(at, &b.parts[j], i)
		}
		b.end[i] = int32(at)
	}
	return b
}

// prepare looks at a number's values; false says that all are the same.
func (p *part) prepare(knots int) bool {
	var sorted []float64
	for _, v := range p.block.Numbers {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	if len(distinct) < 2 {
		return false
	}
	if knots > 1 && len(distinct) > knots {
		for k := range knots {
			p.knots = append(p.knots, sorted[k*(len(sorted)-1)/(knots-1)])
		}
		if p.knots = slices.Compact(p.knots); len(p.knots) > 2 {
			return true
		}
		p.knots = nil
	}
	for _, v := range sorted {
		p.mean += v / float64(len(sorted))
	}
	for _, v := range sorted {
		p.scale += (v - p.mean) * (v - p.mean) / float64(len(sorted))
	}
	p.scale = math.Sqrt(p.scale)
	return p.scale > 0
}

// put writes what a part adds to a row.
func (b *basis) put(at int, p *part, i int) int {
	set := func(member int, v float64) {
		b.member[at], b.value[at] = int32(member), v
		at++
	}
	if p.block.Numbers == nil {
		if code := p.block.Codes[i]; code >= 0 {
			set(p.at+int(code), 1)
		}
		return at
	}
	v := p.block.Numbers[i]
	switch {
	case math.IsNaN(v):
		if p.missing >= 0 {
			set(p.missing, 1)
		}
	case p.knots == nil:
		set(p.at, (v-p.mean)/p.scale)
	default:
		next, _ := slices.BinarySearch(p.knots, v)
		switch {
		case next == 0:
			set(p.at, 1)
		case next == len(p.knots):
			set(p.at+next-1, 1)
		default:
			share := (v - p.knots[next-1]) / (p.knots[next] - p.knots[next-1])
			set(p.at+next-1, 1-share)
			set(p.at+next, share)
		}
	}
	return at
}

// row gives the members of a row that are not 0.
func (b *basis) row(i int) ([]int32, []float64) {
	from, to := i*b.most, b.end[i]
	return b.member[from:to], b.value[from:to]
}

// function makes shapes of weights.
func (b *basis) function(w []float64, s Set) *model.Function {
	k := model.Outputs(s.Classes)
	weight := func(o, member int) float64 { return w[(1+member)*k+o] }
	f := &model.Function{Kind: model.Linear, Scale: model.LogOdds, Outputs: k, Width: s.X.Width()}
	a := &model.Additive{Outputs: k, Bias: make([]float64, k)}
	for o := range k {
		a.Bias[o] = w[o]
	}
	for i := range b.parts {
		p := &b.parts[i]
		switch {
		case p.block.Numbers == nil:
			for c := range p.block.Width {
				values := make([]float64, k)
				for o := range k {
					values[o] = weight(o, p.at+c)
				}
				a.Append(model.Slope, p.block.First+c, []float64{0}, values, make([]float64, k))
			}
		case p.knots == nil:
			values := make([]float64, k)
			for o := range k {
				values[o] = weight(o, p.at) / p.scale
			}
			a.Append(model.Slope, p.block.First, []float64{p.mean}, values, p.missingValues(k, weight))
		default:
			f.Kind = model.AdditiveKind
			var values []float64
			for j := range p.knots {
				for o := range k {
					values = append(values, weight(o, p.at+j))
				}
			}
			a.Append(model.Bends, p.block.First, p.knots, values, p.missingValues(k, weight))
		}
	}
	f.Additive = a
	return f
}

// missingValues are the outputs where the number is missing; without any in training, those of the mean of a straight one, and 0 of a bent one.
func (p *part) missingValues(k int, weight func(o, member int) float64) []float64 {
	values := make([]float64, k)
	for o := range values {
		if p.missing >= 0 {
			values[o] = weight(o, p.missing)
		}
	}
	return values
}
