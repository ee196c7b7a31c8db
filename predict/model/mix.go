package model

// Mix is the mean of functions on the scale of log-odds, as one function: their shapes and their trees stand side by side, each with its
// part of the weight. A mean of additive functions is additive.
func Mix(parts []*Function) *Function {
	share := 1 / float64(len(parts))
	f := &Function{Kind: AdditiveKind, Scale: LogOdds, Outputs: parts[0].Outputs, Width: parts[0].Width}
	for _, p := range parts {
		if p.Additive != nil {
			if f.Additive == nil {
				f.Additive = &Additive{Outputs: f.Outputs, Bias: make([]float64, f.Outputs)}
			}
			f.Additive.mix(p.Additive, share)
		}
		if p.Trees != nil {
			f.Kind = Boosted
			if f.Trees == nil {
				f.Trees = &Trees{Outputs: f.Outputs, Bias: make([]float64, f.Outputs)}
			}
			f.Trees.mix(p.Trees, share)
		}
	}
	if f.Trees != nil {
		f.Trees.Prepare()
	}
	return f
}

func (a *Additive) mix(b *Additive, share float64) {
	for o, v := range b.Bias {
		a.Bias[o] += v * share
	}
	n := a.Outputs
	for i := range b.Shapes {
		s := &b.Shapes[i]
		values := scaled(nil, b.Y[int(s.Values)*n:(int(s.Values)+int(s.rows()))*n], share)
		missing, mean := scaled(nil, b.Missing[i*n:i*n+n], share), scaled(nil, b.Mean[i*n:i*n+n], share)
		knots := b.X[s.At : s.At+s.Knots]
		if j := a.slope(s, knots); j >= 0 {
			sumInto(a.value(&a.Shapes[j], 0), values)
			sumInto(a.Missing[j*n:j*n+n], missing)
			sumInto(a.Mean[j*n:j*n+n], mean)
			continue
		}
		a.Append(s.Form, int(s.Feature), knots, values, missing)
		a.Mean = append(a.Mean, mean...)
	}
}

// slope finds a slope of the same member from the same knot: the two are one.
func (a *Additive) slope(s *Shape, knots []float64) int {
	for j := range a.Shapes {
		if o := &a.Shapes[j]; s.Form == Slope && o.Form == Slope && o.Feature == s.Feature && a.X[o.At] == knots[0] {
			return j
		}
	}
	return -1
}

func sumInto(to, from []float64) {
	for i, v := range from {
		to[i] += v
	}
}

func (t *Trees) mix(b *Trees, share float64) {
	first := int32(len(t.Nodes))
	for k, root := range b.Roots {
		t.Roots, t.Output = append(t.Roots, root+first), append(t.Output, b.Output[k])
	}
	for _, n := range b.Nodes {
		t.Nodes = append(t.Nodes, n.Shift(int(first)))
	}
	for o, v := range b.Bias {
		t.Bias[o] += v * share
	}
	t.Value, t.Cover = scaled(t.Value, b.Value, share), append(t.Cover, b.Cover...)
}

func scaled(to, from []float64, share float64) []float64 {
	for _, v := range from {
		to = append(to, v*share)
	}
	return to
}
