package learn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Booster is a gradient booster over histograms: binary logistic, or softmax with one tree a class and round. Depth 1 makes an
// additive model, whose trees are added up to one step function a member.
type Booster struct {
	Label   string
	Depth   int     // 1 to 3
	Rounds  []int   // the stages, rising
	Rate    float64 // of each step
	MinRows int     // of a leaf
	Ridge   float64 // λ
	Rows    float64 // part of the rows a round sees
	Columns float64 // part of the blocks a tree may ask
	Salt    uint64  // beside the set's seed, so that two of a kind in a blend draw different rows
}

// Name tells it from the others in a race.
func (b *Booster) Name() string { return b.Label }

// Additive is true at depth 1.
func (b *Booster) Additive() bool { return b.Depth == 1 }

// Scale is the log-odds.
func (b *Booster) Scale() model.Scale { return model.LogOdds }

// Stages are the numbers of rounds.
func (b *Booster) Stages() []string {
	var names []string
	for _, r := range b.Rounds {
		names = append(names, fmt.Sprintf("%d rounds, depth %d, rate %g, leaf %d", r, b.Depth, b.Rate, b.MinRows))
	}
	return names
}

// Trial grows the most rounds and looks at the outputs on the way.
func (b *Booster) Trial(ctx context.Context, train Set, other *table.Matrix) ([][]float64, error) {
	trees, err := b.boost(ctx, train, b.Rounds[len(b.Rounds)-1])
	if err != nil {
		return nil, err
	}
	n, k := other.Rows, model.Outputs(train.Classes)
	out := make([][]float64, len(b.Rounds))
	for s := range out {
		out[s] = make([]float64, n*k)
	}
	x, bias, now := make([]float64, other.Width()), start(train), make([]float64, k)
	for i := range n {
		other.Row(i, x)
		copy(now, bias)
		stage := 0
		for j, t := range trees {
			now[t.output] += t.at(x)
			for stage < len(b.Rounds) && (j+1) == b.Rounds[stage]*k {
				copy(out[stage][i*k:], now)
				stage++
			}
		}
		for ; stage < len(b.Rounds); stage++ {
			copy(out[stage][i*k:], now)
		}
	}
	return out, nil
}

// Fit grows the rounds of a stage.
func (b *Booster) Fit(ctx context.Context, train Set, stage int) (*model.Function, error) {
	trees, err := b.boost(ctx, train, b.Rounds[stage])
	if err != nil {
		return nil, err
	}
	f := &model.Function{Kind: model.Boosted, Scale: model.LogOdds, Outputs: model.Outputs(train.Classes), Width: train.X.Width()}
	if b.Depth == 1 {
		f.Kind = model.AdditiveKind
		f.Additive = stumps(trees, start(train), categories(train.X))
		setMeans(f.Additive, train.X)
		return f, nil
	}
	f.Trees = flatten(trees, start(train))
	f.Trees.Prepare()
	return f, nil
}

// categories are the members that are 0 or 1 and never missing.
func categories(m *table.Matrix) map[int32]bool {
	out := map[int32]bool{}
	for _, b := range m.Blocks {
		for i := range b.Width {
			out[int32(b.First+i)] = b.Numbers == nil
		}
	}
	return out
}

func setMeans(a *model.Additive, m *table.Matrix) {
	x := make([]float64, m.Width())
	a.SetMeans(func(yield func([]float64)) {
		for i := range m.Rows {
			m.Row(i, x)
			yield(x)
		}
	})
}

// at follows a vector to its leaf.
func (t *tree) at(x []float64) float64 { return t.value[model.Find(t.nodes, x)] }

// boost grows all trees, round by round and within a round by output.
func (b *Booster) boost(ctx context.Context, s Set, rounds int) ([]*tree, error) {
	rng := rand.New(rand.NewPCG(s.Seed, uint64(b.Depth)+b.Salt<<8))
	x := bin(s.X)
	k := model.Outputs(s.Classes)
	g := &grower{x: x, depth: b.Depth, minRows: float64(b.MinRows), ridge: b.Ridge, rate: b.Rate, columns: b.Columns}
	st := newState(s, k)
	trees := make([]*tree, 0, rounds*k)
	rows := make([]int32, 0, len(s.Y))
	for range rounds {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		rows = sample(rows[:0], len(s.Y), b.Rows, rng)
		st.probabilities()
		for o := range k {
			st.gradients(o)
			g.grad, g.slope = st.grad, st.slope
			t := g.grow(slices.Clone(rows), rng)
			t.output = int32(o)
			st.step(t, x, o)
			trees = append(trees, t)
		}
	}
	return trees, nil
}

// sample draws a part of the rows without replacement.
func sample(into []int32, n int, part float64, rng *rand.Rand) []int32 {
	for i := range n {
		if part >= 1 || rng.Float64() < part {
			into = append(into, int32(i))
		}
	}
	return into
}

// state holds the outputs so far, and what follows from them.
type state struct {
	s           Set
	outputs     int
	score       [][]float64 // [output][row]
	p           [][]float64 // [output][row]
	grad, slope []float64
}

func newState(s Set, outputs int) *state {
	st := &state{s: s, outputs: outputs, grad: make([]float64, len(s.Y)), slope: make([]float64, len(s.Y))}
	for _, b := range start(s) {
		score := make([]float64, len(s.Y))
		for i := range score {
			score[i] = b
		}
		st.score, st.p = append(st.score, score), append(st.p, make([]float64, len(s.Y)))
	}
	return st
}

func (st *state) probabilities() {
	if st.outputs == 1 {
		for i, v := range st.score[0] {
			st.p[0][i] = model.Logistic(v)
		}
		return
	}
	row := make([]float64, st.outputs)
	for i := range st.s.Y {
		for o := range row {
			row[o] = st.score[o][i]
		}
		model.Softmax(row)
		for o := range row {
			st.p[o][i] = row[o]
		}
	}
}

// gradients are those of the log loss by one output: p - y, with slope p(1-p).
func (st *state) gradients(o int) {
	class := int32(o)
	if st.outputs == 1 {
		class = 1
	}
	for i, p := range st.p[o] {
		st.grad[i], st.slope[i] = p, max(p*(1-p), 1e-6)
		if st.s.Y[i] == class {
			st.grad[i]--
		}
	}
}

// step adds a tree to the output of all rows, those it did not see too.
func (st *state) step(t *tree, x *binned, o int) {
	f := follow(t, x)
	for i := range st.score[o] {
		st.score[o][i] += t.value[f.leaf(i)]
	}
}
