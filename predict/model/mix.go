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
	knots, rows := int32(len(a.X)), int32(len(a.Y)/a.Outputs)
	for _, s := range b.Shapes {
		s.At, s.Values = s.At+knots, s.Values+rows
		a.Shapes = append(a.Shapes, s)
	}
	a.X = append(a.X, b.X...)
	for o, v := range b.Bias {
		a.Bias[o] += v * share
	}
	a.Y, a.Missing, a.Mean = scaled(a.Y, b.Y, share), scaled(a.Missing, b.Missing, share), scaled(a.Mean, b.Mean, share)
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
