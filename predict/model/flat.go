package model

import "math"

// flatTree is a boosted tree filled up to three levels, so that it is walked without a branch that the processor could guess wrongly: three
// comparisons give the leaf's place. A node compares sign·member > threshold; where a missing member must go right, both
// sides and the sign are turned round, since a comparison with NaN is false.
type flatTree struct {
	member    [7]int32
	output    int32
	sign      [7]float64
	threshold [7]float64
	leaf      [8]float64

	first, end int32 // its leaves among the paths
}

// flatten makes the flat trees of trees up to three deep.
func (t *Trees) flatten() {
	t.flat = make([]flatTree, len(t.Roots))
	for k, root := range t.Roots {
		f := &t.flat[k]
		f.output = t.Output[k]
		f.fill(t, root, 0)
	}
}

// fill puts the tree below a node at a place of the flat one; a leaf is put below until the last level.
func (f *flatTree) fill(t *Trees, i int32, place int) {
	if place >= 7 {
		f.leaf[place-7] = t.Value[i]
		return
	}
	n := &t.Nodes[i]
	left, right := i+1, n.right()
	switch {
	case n.Feature < 0:
		f.sign[place], f.threshold[place] = 1, math.Inf(1)
		left, right = i, i
	case n.Right&missingRight != 0: // left where member ≤ threshold, that is -member > the number before -threshold
		f.member[place], f.sign[place], f.threshold[place] = n.Feature, -1, math.Nextafter(-n.Threshold, math.Inf(-1))
		left, right = right, left
	default:
		f.member[place], f.sign[place], f.threshold[place] = n.Feature, 1, n.Threshold
	}
	f.fill(t, left, 2*place+1)
	f.fill(t, right, 2*place+2)
}

// at gives the value of the leaf that a vector comes to.
func (f *flatTree) at(x []float64) float64 {
	i := step(f, 0, x) + 1
	i = 2*i + 1 + step(f, i, x)
	i = 2*i + 1 + step(f, i, x)
	return f.leaf[(i-7)&7]
}

// step is 1 to the right, 0 to the left.
func step(f *flatTree, i int, x []float64) int {
	b := 0
	if x[f.member[i]]*f.sign[i] > f.threshold[i] {
		b = 1
	}
	return b
}
