package model

import "math"

// maxShapDepth is how deep boosted trees may be to have closed Shapley values.
const maxShapDepth = 3

// leafPath is a leaf as the conditions on the way to it, one for each member that is asked: the member lies in (low, high], or is
// missing where that leads there too. Part is how much of the training rows that could go either way went this way.
//
// Path-dependent Shapley values (Lundberg, Erion, Lee: Consistent Individualized Feature Attribution for Tree Ensembles, 2018) treat
// a member that is not known by going both ways in these parts. With one_j 1 where the condition on j holds and zero_j the part, a leaf
// of value v adds to member i
//
//	v·(one_i - zero_i)·Σ over subsets S of the others of |S|!(m-|S|-1)!/m! · Π_{j in S} one_j · Π_{j not in S} zero_j
//
// which for m up to three members is a line of arithmetic each.
type leafPath struct {
	output  int32
	members int32
	member  [maxShapDepth]int32
	missing [maxShapDepth]bool
	low     [maxShapDepth]float64
	high    [maxShapDepth]float64
	part    [maxShapDepth]float64
	value   float64
}

// collect lists the leaves below a node.
func (t *Trees) collect(i int32, p leafPath) {
	n := &t.Nodes[i]
	if n.Feature < 0 {
		p.value = t.Value[i]
		t.paths = append(t.paths, p)
		return
	}
	left, right := i+1, n.right()
	whole := t.Cover[i]
	goesRight := n.Right&missingRight != 0
	t.collect(left, p.with(n, math.Inf(-1), n.Threshold, !goesRight, portion(t.Cover[left], whole)))
	t.collect(right, p.with(n, n.Threshold, math.Inf(1), goesRight, portion(t.Cover[right], whole)))
}

func portion(part, whole float64) float64 {
	if whole <= 0 {
		return 0.5
	}
	return part / whole
}

// with narrows the path by one split.
func (p leafPath) with(n *Node, low, high float64, missing bool, part float64) leafPath {
	for j := range p.members {
		if p.member[j] == n.Feature {
			p.low[j], p.high[j] = max(p.low[j], low), min(p.high[j], high)
			p.missing[j] = p.missing[j] && missing
			p.part[j] *= part
			return p
		}
	}
	j := p.members
	p.member[j], p.low[j], p.high[j], p.missing[j], p.part[j] = n.Feature, low, high, missing, part
	p.members++
	return p
}

// one is 1 where the condition on the j-th member holds.
func (p *leafPath) one(j int, x []float64) float64 {
	v := x[p.member[j]]
	if v > p.low[j] && v <= p.high[j] || v != v && p.missing[j] {
		return 1
	}
	return 0
}

// shapley adds the Shapley values of all trees of an output, and gives their mean.
func (t *Trees) shapley(dst, x []float64, output int) (base float64) {
	for i := range t.paths {
		p := &t.paths[i]
		if int(p.output) != output {
			continue
		}
		v := p.value
		switch p.members {
		case 0:
			base += v
		case 1:
			z := p.part[0]
			base += v * z
			dst[p.member[0]] += v * (p.one(0, x) - z)
		case 2:
			base += p.two(dst, x)
		default:
			base += p.three(dst, x)
		}
	}
	return base
}

func (p *leafPath) two(dst, x []float64) (base float64) {
	a, b, za, zb := p.one(0, x), p.one(1, x), p.part[0], p.part[1]
	half := p.value / 2
	dst[p.member[0]] += half * (a - za) * (b + zb)
	dst[p.member[1]] += half * (b - zb) * (a + za)
	return p.value * za * zb
}

func (p *leafPath) three(dst, x []float64) (base float64) {
	a, b, c := p.one(0, x), p.one(1, x), p.one(2, x)
	za, zb, zc := p.part[0], p.part[1], p.part[2]
	sixth := p.value / 6
	dst[p.member[0]] += sixth * (a - za) * (2*b*c + b*zc + zb*c + 2*zb*zc)
	dst[p.member[1]] += sixth * (b - zb) * (2*a*c + a*zc + za*c + 2*za*zc)
	dst[p.member[2]] += sixth * (c - zc) * (2*a*b + a*zb + za*b + 2*za*zb)
	return p.value * za * zb * zc
}
