package learn

import (
	"math"
	"math/rand/v2"

	"github.com/baton-ledger/baton/predict/model"
)

// grower grows one regression tree on gradients and their slopes, as gradient boosting with second-order steps does (Chen, Guestrin: XGBoost, 2016).
type grower struct {
	x       *binned
	depth   int
	minRows float64 // of a leaf
	ridge   float64 // λ: added to the slopes of a leaf
	rate    float64
	columns float64 // part of the blocks a tree may ask
	grad    []float64
	slope   []float64
	chosen  []int // blocks of this tree
	cells   []cell
	spare   []int32
}

// cell is the sum over rows in one bin.
type cell struct{ grad, slope, rows float64 }

func (c cell) minus(d cell) cell { return cell{c.grad - d.grad, c.slope - d.slope, c.rows - d.rows} }
func (c cell) plus(d cell) cell  { return cell{c.grad + d.grad, c.slope + d.slope, c.rows + d.rows} }

// score is what a leaf of these rows gains: G²/(H+λ).
func (g *grower) score(c cell) float64 { return c.grad * c.grad / (c.slope + g.ridge) }

// value is what a leaf of these rows adds: -rate·G/(H+λ).
func (g *grower) value(c cell) float64 { return -g.rate * c.grad / (c.slope + g.ridge) }

// tree is one grown tree, in preorder.
type tree struct {
	nodes  []model.Node // right children count from the tree's own root
	value  []float64
	cover  []float64
	output int32
}

// split is the best one that was found for a node.
type split struct {
	gain         float64
	block        int
	bin          int  // number: the last bin that goes left; category: the one that goes right
	missingRight bool // number: bin 0
	left         cell
}

// grow makes a tree of the given rows, whose order it changes.
func (g *grower) grow(rows []int32, rng *rand.Rand) *tree {
	g.choose(rng)
	t := &tree{}
	g.node(t, rows, g.sum(rows), 0)
	return t
}

// choose draws the blocks that the tree may ask.
func (g *grower) choose(rng *rand.Rand) {
	n := len(g.x.blocks)
	ask := min(n, max(1, int(math.Ceil(g.columns*float64(n)))))
	g.chosen = append(g.chosen[:0], rng.Perm(n)[:ask]...)
}

func (g *grower) sum(rows []int32) (c cell) {
	for _, i := range rows {
		c.grad += g.grad[i]
		c.slope += g.slope[i]
	}
	c.rows = float64(len(rows))
	return c
}

// node adds a node with all that is below it.
func (g *grower) node(t *tree, rows []int32, whole cell, depth int) {
	at := len(t.nodes)
	t.nodes, t.value, t.cover = append(t.nodes, model.Leaf), append(t.value, g.value(whole)), append(t.cover, whole.rows)
	if depth == g.depth || whole.rows < 2*g.minRows {
		return
	}
	best := split{gain: 1e-9}
	for _, b := range g.chosen {
		g.fill(b, rows)
		if g.x.blocks[b].number {
			g.numberSplits(&best, b, whole)
		} else {
			g.categorySplits(&best, b, whole)
		}
	}
	if best.gain <= 1e-9 {
		return
	}
	left, right := g.part(rows, &best)
	g.node(t, left, best.left, depth+1)
	t.nodes[at] = g.nodeOf(&best, len(t.nodes))
	g.node(t, right, whole.minus(best.left), depth+1)
}

func (g *grower) nodeOf(s *split, right int) model.Node {
	b := &g.x.blocks[s.block]
	if b.number {
		return model.Split(b.First, b.edges[s.bin-1], right, s.missingRight)
	}
	return model.Split(b.First+s.bin-1, 0.5, right, false)
}

// fill sums the rows of a node by the bins of a block.
func (g *grower) fill(block int, rows []int32) {
	b := &g.x.blocks[block]
	if cap(g.cells) < 256 {
		g.cells = make([]cell, 256)
	}
	g.cells = g.cells[:b.count]
	clear(g.cells)
	cells, bins := g.cells, b.bin
	for _, i := range rows {
		c := &cells[bins[i]]
		c.grad += g.grad[i]
		c.slope += g.slope[i]
		c.rows++
	}
}

func (g *grower) numberSplits(best *split, block int, whole cell) {
	missing := g.cells[0]
	var left cell
	for b := 1; b < len(g.cells)-1; b++ {
		left = left.plus(g.cells[b])
		if missing.rows == 0 { // a value that is missing later goes where most rows went
			g.offer(best, split{block: block, bin: b, missingRight: 2*left.rows < whole.rows, left: left}, whole)
			continue
		}
		g.offer(best, split{block: block, bin: b, missingRight: true, left: left}, whole)
		g.offer(best, split{block: block, bin: b, left: left.plus(missing)}, whole)
	}
}

func (g *grower) categorySplits(best *split, block int, whole cell) {
	for b := 1; b < len(g.cells); b++ {
		g.offer(best, split{block: block, bin: b, left: whole.minus(g.cells[b])}, whole)
	}
}

// offer keeps a split that is better. Of equals the first stays, so that the tree hangs on the rows alone.
func (g *grower) offer(best *split, s split, whole cell) {
	right := whole.minus(s.left)
	if s.left.rows < g.minRows || right.rows < g.minRows {
		return
	}
	if s.gain = g.score(s.left) + g.score(right) - g.score(whole); s.gain > best.gain {
		*best = s
	}
}

// part sorts the rows of a node by the side they go to, in place and in order.
func (g *grower) part(rows []int32, s *split) (left, right []int32) {
	b := &g.x.blocks[s.block]
	g.spare = g.spare[:0]
	n := 0
	for _, i := range rows {
		bin := int(b.bin[i])
		toRight := bin > s.bin || bin == 0 && s.missingRight
		if !b.number {
			toRight = bin == s.bin
		}
		if toRight {
			g.spare = append(g.spare, i)
			continue
		}
		rows[n] = i
		n++
	}
	copy(rows[n:], g.spare)
	return rows[:n], rows[n:]
}
