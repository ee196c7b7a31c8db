package model

// maxShapDepth is how deep boosted trees may be to have closed Shapley values.
const maxShapDepth = 3

// leafPath is a leaf as the conditions on the way to it, one for each member that is asked. Which way a row goes at the seven places of the flat
// tree is seven bits; the condition on the j-th member holds where (bits & mask[j]) == want[j]. Part is how much of the training rows that could
// go either way went this way.
//
// Path-dependent Shapley values (Lundberg, Erion, Lee: Consistent Individualized Feature Attribution for Tree Ensembles, 2018) treat
// a member that is not known by going both ways in these parts. With one_j 1 where the condition on j holds and zero_j the part, a leaf
// of value v adds to member i
//
//	v·(one_i - zero_i)·Σ over subsets S of the others of |S|!(m-|S|-1)!/m! · Π_{j in S} one_j · Π_{j not in S} zero_j
//
// which for m up to three members is a line of arithmetic each.
type leafPath struct {
	members    int32
	member     [maxShapDepth]int32
	mask, want [maxShapDepth]uint8
	part       [maxShapDepth]float64
	value      float64
}

// collect lists the leaves below a node that stands at a place of the flat tree.
func (t *Trees) collect(i int32, place int, p leafPath) {
	n := &t.Nodes[i]
	if n.Feature < 0 {
		p.value = t.Value[i]
		t.paths = append(t.paths, p)
		return
	}
	left, right := i+1, n.right()
	toLeft := 0
	if n.Right&missingRight != 0 { // the flat tree has the sides turned round
		toLeft = 1
	}
	t.collect(left, 2*place+1+toLeft, p.with(n.Feature, place, toLeft, portion(t.Cover[left], t.Cover[i])))
	t.collect(right, 2*place+2-toLeft, p.with(n.Feature, place, 1-toLeft, portion(t.Cover[right], t.Cover[i])))
}

func portion(part, whole float64) float64 {
	if whole <= 0 {
		return 0.5
	}
	return part / whole
}

// with narrows the path by one split: at its place the bit must be the one given.
func (p leafPath) with(member int32, place, bit int, part float64) leafPath {
	j := int32(0)
	for j < p.members && p.member[j] != member {
		j++
	}
	if j == p.members {
		p.members++
		p.member[j], p.part[j] = member, 1
	}
	p.mask[j] |= 1 << place
	p.want[j] |= uint8(bit) << place
	p.part[j] *= part
	return p
}

// one is 1 where the condition on the j-th member holds.
func (p *leafPath) one(j int, bits uint8) float64 {
	if bits&p.mask[j] == p.want[j] {
		return 1
	}
	return 0
}

// shapley adds the Shapley values of all trees of an output, and gives their mean.
func (t *Trees) shapley(dst, x []float64, output int) (base float64) {
	for k := range t.flat {
		f := &t.flat[k]
		if int(f.output) != output {
			continue
		}
		bits := uint8(0)
		for i := range 7 {
			bits |= uint8(step(f, i, x)) << i
		}
		for i := f.first; i < f.end; i++ {
			base += t.paths[i].add(dst, bits)
		}
	}
	return base
}

// add adds a leaf's part and gives its mean.
func (p *leafPath) add(dst []float64, bits uint8) (base float64) {
	switch p.members {
	case 0:
		return p.value
	case 1:
		z := p.part[0]
		dst[p.member[0]] += p.value * (p.one(0, bits) - z)
		return p.value * z
	case 2:
		return p.two(dst, bits)
	}
	return p.three(dst, bits)
}

func (p *leafPath) two(dst []float64, bits uint8) (base float64) {
	a, b, za, zb := p.one(0, bits), p.one(1, bits), p.part[0], p.part[1]
	half := p.value / 2
	dst[p.member[0]] += half * (a - za) * (b + zb)
	dst[p.member[1]] += half * (b - zb) * (a + za)
	return p.value * za * zb
}

func (p *leafPath) three(dst []float64, bits uint8) (base float64) {
	a, b, c := p.one(0, bits), p.one(1, bits), p.one(2, bits)
	za, zb, zc := p.part[0], p.part[1], p.part[2]
	sixth := p.value / 6
	dst[p.member[0]] += sixth * (a - za) * (2*b*c + b*zc + zb*c + 2*zb*zc)
	dst[p.member[1]] += sixth * (b - zb) * (2*a*c + a*zc + za*c + 2*za*zc)
	dst[p.member[2]] += sixth * (c - zc) * (2*a*b + a*zb + za*b + 2*za*zb)
	return p.value * za * zb * zc
}
