package learn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"
	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// Forest is a random forest whose trees golearn grows: its ID3 induction splits, counts classes and recurses, and asks our rule
// generator (rule.go) which split to take. What it grew is read out into a flat array, and golearn is not needed to score.
//
// golearn copies every attribute it still has for every row at every node, so a tree gets at most Rows rows and Columns
// attributes, drawn anew for each tree (Ho, The Random Subspace Method, 1998), and of those a fresh part at each node. golearn drops an
// attribute below the node that split on it: a tree asks for each at most once on a way.
type Forest struct {
	Label      string
	Trees      int
	TrialTrees int   // grown by Trial: enough to see how good a forest of this kind is
	Leaves     []int // the stages: fewest rows of a leaf
	Rows       int   // of a tree, at most; and at most 0.7 of all
	Columns    int   // of a tree, at most
}

// Name tells it from the others in a race.
func (f *Forest) Name() string { return f.Label }

// Additive is false.
func (f *Forest) Additive() bool { return false }

// Scale is the probability.
func (f *Forest) Scale() model.Scale { return model.Probability }

// Stages are the sizes of a leaf.
func (f *Forest) Stages() []string {
	var names []string
	for _, n := range f.Leaves {
		names = append(names, fmt.Sprintf("%d trees, leaf %d", f.Trees, n))
	}
	return names
}

// Trial grows a small forest a stage.
func (f *Forest) Trial(ctx context.Context, train Set, other *table.Matrix) ([][]float64, error) {
	var out [][]float64
	for stage := range f.Leaves {
		function, err := f.grow(ctx, train, stage, f.TrialTrees)
		if err != nil {
			return nil, err
		}
		out = append(out, outputsOf(function, other))
	}
	return out, nil
}

// Fit grows the forest.
func (f *Forest) Fit(ctx context.Context, train Set, stage int) (*model.Function, error) {
	return f.grow(ctx, train, stage, f.Trees)
}

func (f *Forest) grow(ctx context.Context, s Set, stage, n int) (*model.Function, error) {
	shared := &forestData{set: s, bins: bin(s.X), dense: dense(s.X), width: s.X.Width()}
	shared.members = shared.bins.members()
	roots := make([]*trees.DecisionTreeNode, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() (err error) {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			roots[i], err = f.tree(shared, stage, uint64(i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return shared.function(roots), nil
}

// forestData is what all trees of a forest share, and only read.
type forestData struct {
	set     Set
	bins    *binned
	dense   []float64
	width   int
	members []member
}

// member is a member of the vector that can split, by its bins.
type member struct {
	at    int // in the vector
	block *binnedBlock
	bin   uint8 // of a category: the bin that is this member
}

func (b *binned) members() (list []member) {
	for i := range b.blocks {
		block := &b.blocks[i]
		if block.number {
			list = append(list, member{at: block.First, block: block})
			continue
		}
		for c := range block.Width {
			list = append(list, member{at: block.First + c, block: block, bin: uint8(c + 1)})
		}
	}
	return list
}

// tree has golearn grow one tree.
func (f *Forest) tree(d *forestData, stage int, number uint64) (*trees.DecisionTreeNode, error) {
	rng := rand.New(rand.NewPCG(d.set.Seed, number))
	n := len(d.set.Y)
	rows := rng.Perm(n)[:max(1, min(f.Rows, n*7/10))]
	slices.Sort(rows)
	columns := d.draw(f.Columns, rng)
	r := &rule{data: d, leaf: f.Leaves[stage], seed: d.set.Seed ^ number*0x9e3779b97f4a7c15, member: map[string]member{}}
	grid, err := r.grid(rows, columns)
	if err != nil {
		return nil, err
	}
	tree := trees.NewID3DecisionTreeFromRule(0, r)
	if err := tree.Fit(grid); err != nil {
		return nil, err
	}
	return tree.Root, nil
}

// draw chooses members, block by block in turn, so that a category of many members has no more chances than a number.
func (d *forestData) draw(n int, rng *rand.Rand) (columns []int) {
	left := map[*binnedBlock][]int{}
	var blocks []*binnedBlock
	for i, m := range d.members {
		if left[m.block] == nil {
			blocks = append(blocks, m.block)
		}
		left[m.block] = append(left[m.block], i)
	}
	for n = min(n, len(d.members)); len(columns) < n; {
		rng.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
		for _, b := range blocks {
			if list := left[b]; len(list) > 0 && len(columns) < n {
				j := rng.IntN(len(list))
				columns = append(columns, list[j])
				list[j] = list[len(list)-1]
				left[b] = list[:len(list)-1]
			}
		}
	}
	slices.Sort(columns)
	return columns
}

// grid puts a tree's rows into golearn's instances: its columns, the row's number, the class.
func (r *rule) grid(rows, columns []int) (*base.DenseInstances, error) {
	grid := base.NewDenseInstances()
	specs := make([]base.AttributeSpec, len(columns))
	for j, c := range columns {
		m := r.data.members[c]
		a := base.NewFloatAttribute(fmt.Sprintf("member %06d", m.at))
		r.member[a.Name] = m
		specs[j] = grid.AddAttribute(a)
	}
	r.row = base.NewFloatAttribute("row")
	number := grid.AddAttribute(r.row)
	class := base.NewCategoricalAttribute()
	class.SetName("class")
	for k := range r.data.set.Classes {
		class.GetSysValFromString(fmt.Sprint(k)) // in order, whatever comes first
	}
	spec := grid.AddAttribute(class)
	if err := grid.AddClassAttribute(class); err != nil {
		return nil, err
	}
	if err := grid.Extend(len(rows)); err != nil {
		return nil, err
	}
	for i, row := range rows {
		for j, c := range columns {
			grid.Set(specs[j], i, base.PackFloatToBytes(r.data.dense[row*r.data.width+r.data.members[c].at]))
		}
		grid.Set(number, i, base.PackFloatToBytes(float64(row)))
		grid.Set(spec, i, base.PackU64ToBytes(uint64(r.data.set.Y[row])))
	}
	return grid, nil
}
