package learn

import (
	"slices"

	"github.com/baton-ledger/baton/predict/model"
)

// follower finds the leaf of a training row by its bins.
type follower struct {
	nodes []model.Node
	bins  []nodeBins
}

// nodeBins is a split in terms of bins.
type nodeBins struct {
	bin          []uint8
	at           uint8
	number       bool
	missingRight bool
}

func follow(t *tree, x *binned) follower {
	f := follower{nodes: t.nodes, bins: make([]nodeBins, len(t.nodes))}
	for i, n := range t.nodes {
		if n.Feature < 0 {
			continue
		}
		for j := range x.blocks {
			b := &x.blocks[j]
			if int(n.Feature) < b.First || int(n.Feature) >= b.First+b.Width {
				continue
			}
			nb := nodeBins{bin: b.bin, number: b.number, missingRight: n.MissingRight()}
			if b.number {
				at, _ := slices.BinarySearch(b.edges, n.Threshold)
				nb.at = uint8(at + 1)
			} else {
				nb.at = uint8(int(n.Feature) - b.First + 1)
			}
			f.bins[i] = nb
		}
	}
	return f
}

func (f *follower) leaf(row int) int {
	i := 0
	for f.nodes[i].Feature >= 0 {
		b := &f.bins[i]
		bin := b.bin[row]
		right := bin == b.at
		if b.number {
			right = bin > b.at || bin == 0 && b.missingRight
		}
		if right {
			i = f.nodes[i].RightChild()
		} else {
			i++
		}
	}
	return i
}

// flatten puts trees one after the other.
func flatten(trees []*tree, bias []float64) *model.Trees {
	t := &model.Trees{Outputs: len(bias), Bias: bias}
	for _, one := range trees {
		root := len(t.Nodes)
		t.Roots, t.Output = append(t.Roots, int32(root)), append(t.Output, one.output)
		for _, n := range one.nodes {
			t.Nodes = append(t.Nodes, n.Shift(root))
		}
		t.Value, t.Cover = append(t.Value, one.value...), append(t.Cover, one.cover...)
	}
	return t
}

// stumps adds trees of depth one up to one step function a member. A member of a category is 0 or 1: its steps are a slope, which costs
// nothing where it is 0.
func stumps(trees []*tree, bias []float64, categories map[int32]bool) *model.Additive {
	a := &model.Additive{Outputs: len(bias), Bias: slices.Clone(bias)}
	by := map[int32][]*tree{}
	var members []int32
	for _, t := range trees {
		m := t.nodes[0].Feature
		if m < 0 {
			a.Bias[t.output] += t.value[0]
			continue
		}
		if by[m] == nil {
			members = append(members, m)
		}
		by[m] = append(by[m], t)
	}
	slices.Sort(members)
	for _, m := range members {
		if categories[m] {
			addSlope(a, m, by[m])
		} else {
			addSteps(a, m, by[m])
		}
	}
	return a
}

func addSlope(a *model.Additive, member int32, trees []*tree) {
	values := make([]float64, a.Outputs)
	for _, t := range trees {
		a.Bias[t.output] += t.value[1]
		values[t.output] += t.value[2] - t.value[1]
	}
	a.Append(model.Slope, int(member), []float64{0}, values, make([]float64, a.Outputs))
}

func addSteps(a *model.Additive, member int32, trees []*tree) {
	var knots []float64
	for _, t := range trees {
		knots = append(knots, t.nodes[0].Threshold)
	}
	slices.Sort(knots)
	knots = slices.Compact(knots)
	n := a.Outputs
	values, missing := make([]float64, (len(knots)+1)*n), make([]float64, n)
	for _, t := range trees {
		at, _ := slices.BinarySearch(knots, t.nodes[0].Threshold)
		left, right := t.value[1], t.value[2]
		for i := range len(knots) + 1 {
			if i <= at {
				values[i*n+int(t.output)] += left
			} else {
				values[i*n+int(t.output)] += right
			}
		}
		if t.nodes[0].MissingRight() {
			missing[t.output] += right
		} else {
			missing[t.output] += left
		}
	}
	a.Append(model.Steps, int(member), knots, values, missing)
}
