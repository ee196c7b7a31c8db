package learn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/baton-ledger/baton/predict/model"
)

// rule chooses golearn's splits: of a fresh part of the attributes the one with the lowest Gini impurity. It has no state that
// hangs on the order in which golearn walks (it ranges over a map of children): what is drawn at a node follows from the node's rows.
type rule struct {
	data   *forestData
	leaf   int
	seed   uint64
	row    *base.FloatAttribute
	member map[string]member
}

// GenerateSplitRule implements trees.RuleGenerator; nil makes a leaf.
func (r *rule) GenerateSplitRule(grid base.FixedDataGrid) *trees.DecisionTreeRule {
	_, n := grid.Size()
	if n < 2*r.leaf {
		return nil
	}
	spec, err := grid.GetAttribute(r.row)
	if err != nil {
		return nil
	}
	rows, digest := make([]int32, n), r.seed
	for i := range rows {
		rows[i] = int32(base.UnpackBytesToFloat(grid.Get(spec, i)))
		digest += mix(uint64(rows[i])) // a sum: the order of rows does not matter
	}
	rng := rand.New(rand.NewPCG(digest, r.seed))
	return r.best(grid, rows, rng)
}

// mix spreads a number over 64 bits (the finaliser of MurmurHash3).
func mix(v uint64) uint64 {
	v = (v + 1) * 0xff51afd7ed558ccd
	v ^= v >> 33
	v *= 0xc4ceb9fe1a85ec53
	return v ^ v>>33
}

func (r *rule) best(grid base.FixedDataGrid, rows []int32, rng *rand.Rand) *trees.DecisionTreeRule {
	var attributes []base.Attribute // golearn keeps their order, which is that of the names
	for _, a := range grid.AllAttributes() {
		if _, ok := r.member[a.GetName()]; ok {
			attributes = append(attributes, a)
		}
	}
	ask := max(1, int(math.Ceil(math.Sqrt(float64(len(r.member))))))
	whole := make([]float64, r.data.set.Classes)
	for _, row := range rows {
		whole[r.data.set.Y[row]]++
	}
	var best *trees.DecisionTreeRule
	impurity := gini(whole)*float64(len(rows)) - 1e-9
	for _, i := range rng.Perm(len(attributes)) {
		if ask == 0 {
			break
		}
		a := attributes[i]
		m := r.member[a.GetName()]
		threshold, left, asked := r.split(m, rows, whole)
		if !asked { // the same for all rows here: ask another one
			continue
		}
		ask--
		if left < impurity {
			impurity, best = left, &trees.DecisionTreeRule{SplitAttr: a, SplitVal: threshold}
		}
	}
	return best
}

// split finds a member's best threshold and the impurity it leaves; asked is false where the member cannot split these rows.
func (r *rule) split(m member, rows []int32, whole []float64) (threshold, impurity float64, asked bool) {
	k := len(whole)
	b := m.block
	counts := make([]float64, b.count*k)
	for _, row := range rows {
		counts[int(b.bin[row])*k+int(r.data.set.Y[row])]++
	}
	impurity = math.Inf(1)
	if !b.number {
		right := counts[int(m.bin)*k : int(m.bin)*k+k]
		left := make([]float64, k)
		for c := range left {
			left[c] = whole[c] - right[c]
		}
		if n := sum(right); n == 0 || n == float64(len(rows)) {
			return 0, 0, false
		}
		return 0.5, r.impurity(left, right), true
	}
	left, right := append([]float64(nil), counts[:k]...), append([]float64(nil), whole...) // what is missing goes left, as in golearn
	for c := range right {
		right[c] -= left[c]
	}
	for bin := 1; bin < b.count-1; bin++ {
		for c := range left {
			left[c] += counts[bin*k+c]
			right[c] -= counts[bin*k+c]
		}
		if nl, nr := sum(left), sum(right); nl > 0 && nr > 0 {
			asked = true
			if g := r.impurity(left, right); g < impurity {
				impurity, threshold = g, b.edges[bin-1]
			}
		}
	}
	return threshold, impurity, asked
}

func (r *rule) impurity(left, right []float64) float64 {
	nl, nr := sum(left), sum(right)
	if nl < float64(r.leaf) || nr < float64(r.leaf) {
		return math.Inf(1)
	}
	return nl*gini(left) + nr*gini(right)
}

func gini(counts []float64) float64 {
	n, squares := sum(counts), 0.0
	for _, c := range counts {
		squares += c * c
	}
	return 1 - squares/(n*n)
}

func sum(list []float64) (s float64) {
	for _, v := range list {
		s += v
	}
	return s
}

// function reads golearn's trees out into flat arrays. A node's distribution is drawn towards that of all training rows with the weight of one row.
func (d *forestData) function(roots []*trees.DecisionTreeNode) *model.Function {
	k := model.Outputs(d.set.Classes)
	t := &model.Trees{Outputs: k, Average: true, Bias: make([]float64, k)}
	prior := make([]float64, d.set.Classes)
	for _, y := range d.set.Y {
		prior[y] += 1 / float64(len(d.set.Y))
	}
	for _, root := range roots {
		t.Roots, t.Output = append(t.Roots, int32(len(t.Nodes))), append(t.Output, 0)
		appendNode(t, root, prior)
	}
	t.Prepare()
	return &model.Function{Kind: model.Forest, Scale: model.Probability, Outputs: k, Width: d.width, Trees: t}
}

func appendNode(t *model.Trees, n *trees.DecisionTreeNode, prior []float64) {
	at := len(t.Nodes)
	counts, cover := make([]float64, len(prior)), 0.0
	for class, rows := range n.ClassDist {
		k, _ := strconv.Atoi(class) // our own spelling
		counts[k] = float64(rows)
		cover += float64(rows)
	}
	for k := range counts {
		counts[k] = (counts[k] + prior[k]) / (cover + 1)
	}
	if t.Outputs == 1 {
		counts = counts[1:]
	}
	t.Nodes, t.Value, t.Cover = append(t.Nodes, model.Leaf), append(t.Value, counts...), append(t.Cover, cover)
	left, right := n.Children["0"], n.Children["1"]
	if left == nil || right == nil {
		return
	}
	appendNode(t, left, prior)
	var m int
	_, _ = fmt.Sscanf(n.SplitRule.SplitAttr.GetName(), "member %d", &m) // our own spelling
	t.Nodes[at] = model.Split(m, n.SplitRule.SplitVal, len(t.Nodes), false)
	appendNode(t, right, prior)
}
