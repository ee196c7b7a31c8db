package model

// Trees are binary trees in flat arrays, in preorder: the left child of node i is i+1. A row goes right where its member is above the
// threshold; a missing member goes right where the node says so, else left.
//
// In boosted trees a node has one value, and a tree adds to one output; a forest's node has the distribution of
// its training rows over the outputs, and the trees are averaged. Inner nodes have values too: that of the tree if it
// ended there. Explanations are made of these.
type Trees struct {
	Outputs int
	Average bool // a forest: each node has Outputs values
	Bias    []float64
	Roots   []int32
	Output  []int32 // of each tree; 0 in a forest
	Nodes   []Node
	Value   []float64
	Cover   []float64 // rows of training, or their weight, that reached the node

	flat    []flatTree // of boosted trees up to three deep, for scoring
	paths   []leafPath // of the same, for Shapley values
	deepest int
}

// Node is a split, or a leaf where Feature is negative.
type Node struct {
	Feature   int32
	Right     int32 // of the missing-goes-right flag and the right child's index
	Threshold float64
}

const missingRight = 1 << 30

// Split makes an inner node.
func Split(feature int, threshold float64, right int, missingGoesRight bool) Node {
	n := Node{Feature: int32(feature), Right: int32(right), Threshold: threshold}
	if missingGoesRight {
		n.Right |= missingRight
	}
	return n
}

// Leaf is the node without children.
var Leaf = Node{Feature: -1}

func (n *Node) right() int32 { return n.Right &^ missingRight }

// next gives the child of node i that a vector goes to.
func (n *Node) next(i int32, x []float64) int32 {
	v := x[n.Feature]
	if v > n.Threshold || v != v && n.Right&missingRight != 0 {
		return n.right()
	}
	return i + 1
}

// leaf follows a vector from a root to its leaf.
func (t *Trees) leaf(i int32, x []float64) int32 {
	for {
		n := &t.Nodes[i]
		if n.Feature < 0 {
			return i
		}
		i = n.next(i, x)
	}
}

// add adds the outputs for a vector.
func (t *Trees) add(dst, x []float64) {
	for o, b := range t.Bias {
		dst[o] += b
	}
	if t.flat != nil {
		for k := range t.flat {
			f := &t.flat[k]
			dst[f.output] += f.at(x)
		}
		return
	}
	if !t.Average {
		for k, root := range t.Roots {
			dst[t.Output[k]] += t.Value[t.leaf(root, x)]
		}
		return
	}
	share := 1 / float64(len(t.Roots))
	for _, root := range t.Roots {
		at := int(t.leaf(root, x)) * t.Outputs
		for o, v := range t.Value[at : at+t.Outputs] {
			dst[o] += v * share
		}
	}
}

// explain adds the contributions to one output and gives the base.
func (t *Trees) explain(dst, x []float64, output int) (base float64) {
	base = t.Bias[output]
	if t.Average {
		return base + t.explainForest(dst, x, output)
	}
	if t.deepest <= maxShapDepth {
		return base + t.shapley(dst, x, output)
	}
	for k, root := range t.Roots {
		if int(t.Output[k]) == output {
			base += t.walk(dst, x, root, 1, 0, 1)
		}
	}
	return base
}

func (t *Trees) explainForest(dst, x []float64, output int) (base float64) {
	share := 1 / float64(len(t.Roots))
	for _, root := range t.Roots {
		base += t.walk(dst, x, root, t.Outputs, output, share)
	}
	return base
}

// walk gives each split on the way what the value changes by there (Saabas 2014), and returns the root's value.
func (t *Trees) walk(dst, x []float64, root int32, stride, output int, share float64) float64 {
	first := t.Value[int(root)*stride+output] * share
	now := first
	for i := root; t.Nodes[i].Feature >= 0; {
		n := &t.Nodes[i]
		i = n.next(i, x)
		v := t.Value[int(i)*stride+output] * share
		dst[n.Feature] += v - now
		now = v
	}
	return first
}

// depth of the tree below a node.
func (t *Trees) depth(i int32) int {
	n := &t.Nodes[i]
	if n.Feature < 0 {
		return 0
	}
	return 1 + max(t.depth(i+1), t.depth(n.right()))
}

// Prepare computes what scoring fast, and explanations, need besides the arrays. A function is not explained before.
func (t *Trees) Prepare() {
	t.deepest, t.paths, t.flat = 0, nil, nil
	for _, root := range t.Roots {
		t.deepest = max(t.deepest, t.depth(root))
	}
	if t.Average || t.deepest > maxShapDepth {
		return
	}
	t.flatten()
	for k, root := range t.Roots {
		t.flat[k].first = int32(len(t.paths))
		t.collect(root, 0, leafPath{})
		t.flat[k].end = int32(len(t.paths))
	}
}

// Find follows a vector from the first node of a tree to its leaf.
func Find(nodes []Node, x []float64) int {
	i := int32(0)
	for nodes[i].Feature >= 0 {
		i = nodes[i].next(i, x)
	}
	return int(i)
}

// RightChild is the index of the right child.
func (n *Node) RightChild() int { return int(n.right()) }

// MissingRight says whether a missing member goes right.
func (n *Node) MissingRight() bool { return n.Right&missingRight != 0 }

// Shift is the node in an array where its tree begins at root.
func (n Node) Shift(root int) Node {
	if n.Feature >= 0 {
		n.Right += int32(root)
	}
	return n
}
