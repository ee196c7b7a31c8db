package model

// maxOutputs bounds the classes of a model.
const maxOutputs = 1024

// Additive is a sum of shapes, one a member of the vector. Arrays hold the shapes one after the other.
type Additive struct {
	Outputs int
	Bias    []float64 // [output]
	Shapes  []Shape
	X       []float64 // knots of all shapes
	Y       []float64 // values of all shapes: [value][output]
	Missing []float64 // [shape][output]: the value where the member is NaN
	Mean    []float64 // [shape][output]: the mean over the training rows, the zero of an explanation
}

// Form is how a shape goes between its knots.
type Form int32

// The forms of shapes.
const (
	Slope Form = iota // Y·(x - X): one knot, one value
	Steps             // n knots, n+1 values: value i for X[i-1] < x ≤ X[i]
	Bends             // n knots, n values, straight in between, constant outside
)

// Shape is the part of one member of the vector: Knots knots from At in X, its values from Values in Y (counted in rows of outputs).
type Shape struct {
	Feature   int32
	Form      Form
	At, Knots int32
	Values    int32
}

// add adds the outputs for a vector.
func (a *Additive) add(dst, x []float64) {
	for o, b := range a.Bias {
		dst[o] += b
	}
	for i := range a.Shapes {
		s := &a.Shapes[i]
		v := x[s.Feature]
		if s.Form == Slope && v == a.X[s.At] {
			continue // most members of a category
		}
		row, next, part := a.place(i, v)
		if part == 0 {
			for o := range dst[:a.Outputs] {
				dst[o] += row[o]
			}
			continue
		}
		for o := range dst[:a.Outputs] {
			dst[o] += row[o] + (next[o]-row[o])*part
		}
	}
}

// explain adds each shape's difference from its mean to the contributions and gives what is left: the bias and the means.
func (a *Additive) explain(dst, x []float64, output int) (base float64) {
	base = a.Bias[output]
	for i := range a.Shapes {
		row, next, part := a.place(i, x[a.Shapes[i].Feature])
		mean := a.Mean[i*a.Outputs+output]
		dst[a.Shapes[i].Feature] += row[output] + (next[output]-row[output])*part - mean
		base += mean
	}
	return base
}

// zeros stand before a slope's own value: a slope goes from 0 at its knot to its value one further.
var zeros [maxOutputs]float64

// place finds the two rows of values that a member lies between, and how far it is from the first to the second.
func (a *Additive) place(i int, v float64) (row, next []float64, part float64) {
	s, n := &a.Shapes[i], a.Outputs
	if v != v {
		row = a.Missing[i*n : i*n+n]
		return row, row, 0
	}
	knots := a.X[s.At : s.At+s.Knots]
	if s.Form == Slope {
		return zeros[:n], a.value(s, 0), v - knots[0]
	}
	at := search(knots, v)
	switch {
	case s.Form == Steps:
		row = a.value(s, at)
		return row, row, 0
	case at == 0:
		row = a.value(s, 0)
		return row, row, 0
	case at == len(knots):
		row = a.value(s, at-1)
		return row, row, 0
	}
	return a.value(s, at-1), a.value(s, at), (v - knots[at-1]) / (knots[at] - knots[at-1])
}

func (a *Additive) value(s *Shape, i int) []float64 {
	at := (int(s.Values) + i) * a.Outputs
	return a.Y[at : at+a.Outputs]
}

// search gives the first knot that v does not pass: the number of knots below v.
func search(knots []float64, v float64) int {
	lo, hi := 0, len(knots)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); knots[mid] < v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// rows is how many rows of values the shape has.
func (s *Shape) rows() int32 {
	switch s.Form {
	case Slope:
		return 1
	case Steps:
		return s.Knots + 1
	}
	return s.Knots
}

// SetMeans computes the means that explanations count against, over vectors that each calls with. A member that is never missing in
// them counts as its mean where it is missing later.
func (a *Additive) SetMeans(each func(yield func(x []float64))) {
	a.Mean = make([]float64, len(a.Shapes)*a.Outputs)
	missing := make([]bool, len(a.Shapes))
	rows := 0.0
	each(func(x []float64) {
		rows++
		for i := range a.Shapes {
			v := x[a.Shapes[i].Feature]
			missing[i] = missing[i] || v != v
			row, next, part := a.place(i, v)
			for o := range a.Outputs {
				a.Mean[i*a.Outputs+o] += row[o] + (next[o]-row[o])*part
			}
		}
	})
	for i := range a.Mean {
		if a.Mean[i] /= max(rows, 1); !missing[i/a.Outputs] {
			a.Missing[i] = a.Mean[i]
		}
	}
}

// Append adds a shape: knots rising, values in rows of Outputs, and the outputs where the member is missing.
func (a *Additive) Append(form Form, member int, knots, values, missing []float64) {
	a.Shapes = append(a.Shapes, Shape{Feature: int32(member), Form: form, At: int32(len(a.X)), Knots: int32(len(knots)), Values: int32(len(a.Y) / a.Outputs)})
	a.X, a.Y, a.Missing = append(a.X, knots...), append(a.Y, values...), append(a.Missing, missing...)
}
