package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// writer makes the arrays of a file.
type writer struct{ bytes.Buffer }

func (w *writer) number(v uint32) {
	w.Write(binary.LittleEndian.AppendUint32(nil, v))
}

func (w *writer) floats(list []float64) {
	b := binary.LittleEndian.AppendUint64(w.AvailableBuffer(), uint64(len(list)))
	for _, v := range list {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	w.Write(b)
}

func (w *writer) ints(list []int32) {
	b := binary.LittleEndian.AppendUint64(w.AvailableBuffer(), uint64(len(list)))
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	w.Write(b)
}

func (w *writer) arrays(f *Function) {
	if a := f.Additive; a != nil {
		var shapes []int32
		for _, s := range a.Shapes {
			shapes = append(shapes, s.Feature, int32(s.Form), s.At, s.Knots, s.Values)
		}
		w.floats(a.Bias)
		w.ints(shapes)
		for _, list := range [][]float64{a.X, a.Y, a.Missing, a.Mean} {
			w.floats(list)
		}
	}
	if t := f.Trees; t != nil {
		features, rights, thresholds := make([]int32, len(t.Nodes)), make([]int32, len(t.Nodes)), make([]float64, len(t.Nodes))
		for i, n := range t.Nodes {
			features[i], rights[i], thresholds[i] = n.Feature, n.Right, n.Threshold
		}
		w.floats(t.Bias)
		for _, list := range [][]int32{t.Roots, t.Output, features, rights} {
			w.ints(list)
		}
		for _, list := range [][]float64{thresholds, t.Value, t.Cover} {
			w.floats(list)
		}
	}
}

// reader takes arrays from a file; failed says that they are longer than it.
type reader struct {
	data   []byte
	failed bool
}

// count takes the length of an array whose members have size bytes.
func (r *reader) count(size uint64) int {
	if len(r.data) < 8 {
		r.failed = true
		return 0
	}
	n := binary.LittleEndian.Uint64(r.data)
	r.data = r.data[8:]
	if n > uint64(len(r.data))/size {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *reader) floats() []float64 {
	list := make([]float64, r.count(8))
	for i := range list {
		list[i] = math.Float64frombits(binary.LittleEndian.Uint64(r.data[8*i:]))
	}
	r.data = r.data[8*len(list):]
	return list
}

func (r *reader) ints() []int32 {
	list := make([]int32, r.count(4))
	for i := range list {
		list[i] = int32(binary.LittleEndian.Uint32(r.data[4*i:]))
	}
	r.data = r.data[4*len(list):]
	return list
}

func (r *reader) function(h *header) *Function {
	f := &Function{Kind: h.Kind, Scale: h.Scale, Outputs: h.Outputs, Width: h.Width}
	if h.Additive {
		a := &Additive{Outputs: h.Outputs, Bias: r.floats()}
		for s := r.ints(); len(s) >= 5; s = s[5:] {
			a.Shapes = append(a.Shapes, Shape{Feature: s[0], Form: Form(s[1]), At: s[2], Knots: s[3], Values: s[4]})
		}
		a.X, a.Y, a.Missing, a.Mean = r.floats(), r.floats(), r.floats(), r.floats()
		f.Additive = a
	}
	if h.Trees {
		t := &Trees{Outputs: h.Outputs, Average: h.Average, Bias: r.floats(), Roots: r.ints(), Output: r.ints()}
		features, rights, thresholds := r.ints(), r.ints(), r.floats()
		for i := range min(len(features), len(rights), len(thresholds)) {
			t.Nodes = append(t.Nodes, Node{Feature: features[i], Right: rights[i], Threshold: thresholds[i]})
		}
		t.Value, t.Cover = r.floats(), r.floats()
		f.Trees = t
	}
	return f
}

// check says what of a model could not be scored.
func (m *Model) check() error {
	f := m.Function
	switch {
	case m.Features == nil:
		return errors.New("the model has no features")
	case f.Width != m.Features.Width():
		return fmt.Errorf("the model is of %d members, its features have %d", f.Width, m.Features.Width())
	case len(m.Classes) < 2 || f.Outputs != Outputs(len(m.Classes)) || f.Outputs > maxOutputs || m.Features.Classes != len(m.Classes):
		return fmt.Errorf("the model has %d classes and %d outputs", len(m.Classes), f.Outputs)
	case f.Scale != LogOdds && f.Scale != Probability:
		return fmt.Errorf("the model's scale is %q", f.Scale)
	case f.Additive == nil && f.Trees == nil:
		return errors.New("the model has no part")
	}
	for _, f := range append([]*Function{f}, m.Refits...) {
		if f.Additive != nil {
			if err := f.Additive.check(f); err != nil {
				return err
			}
		}
		if f.Trees != nil {
			if err := f.Trees.check(f); err != nil {
				return err
			}
		}
	}
	return m.Calibration.check()
}

func (a *Additive) check(f *Function) error {
	if len(a.Bias) != a.Outputs || len(a.Missing) != len(a.Shapes)*a.Outputs || len(a.Mean) != len(a.Missing) {
		return errors.New("the additive part's arrays do not fit each other")
	}
	for i, s := range a.Shapes {
		knots, values := int64(s.At)+int64(s.Knots), (int64(s.Values)+int64(s.rows()))*int64(a.Outputs)
		wrong := s.Feature < 0 || int(s.Feature) >= f.Width || s.Form < Slope || s.Form > Bends || s.At < 0 || s.Knots < 0 || s.Values < 0
		if wrong || s.Form != Steps && s.Knots < 1 || knots > int64(len(a.X)) || values > int64(len(a.Y)) {
			return fmt.Errorf("shape %d is out of range", i)
		}
	}
	return finite(a.Bias, a.X, a.Y, a.Missing, a.Mean)
}

func (t *Trees) check(f *Function) error {
	values := len(t.Nodes)
	if t.Average {
		values *= t.Outputs
	}
	if len(t.Bias) != t.Outputs || len(t.Value) != values || len(t.Cover) != len(t.Nodes) || len(t.Output) != len(t.Roots) || t.Average && len(t.Roots) == 0 {
		return errors.New("the trees' arrays do not fit each other")
	}
	for k, root := range t.Roots {
		if root < 0 || int(root) >= len(t.Nodes) || t.Output[k] < 0 || int(t.Output[k]) >= t.Outputs {
			return fmt.Errorf("tree %d is out of range", k)
		}
	}
	end := make([]int32, len(t.Nodes)) // of the tree below each node: in preorder a right child stands where its sibling's tree ends
	for i := len(t.Nodes) - 1; i >= 0; i-- {
		n := &t.Nodes[i]
		if end[i] = int32(i + 1); n.Feature < 0 {
			continue
		}
		right := int(n.right())
		if int(n.Feature) >= f.Width || i+1 >= len(t.Nodes) || right >= len(t.Nodes) || right != int(end[i+1]) || math.IsNaN(n.Threshold) {
			return fmt.Errorf("node %d is out of range", i)
		}
		end[i] = end[right]
	}
	return finite(t.Bias, t.Value, t.Cover)
}

func (c *Calibration) check() error {
	switch c.Method {
	case None, Platt, Temperature:
		return finite([]float64{c.A, c.B})
	case Isotonic:
		if len(c.X) == 0 || len(c.X) != len(c.Y) {
			return errors.New("the calibration has no steps")
		}
		return finite(c.X, c.Y)
	}
	return fmt.Errorf("the calibration is %q", c.Method)
}

func finite(lists ...[]float64) error {
	for _, list := range lists {
		for _, v := range list {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return errors.New("the model holds a number that is not finite")
			}
		}
	}
	return nil
}
