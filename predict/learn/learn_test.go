package learn

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// truth is a table whose outcome is known: a number that counts by its size, a category, noise, and missing values.
func truth(n int, classes int, interact bool) (*table.Frame, table.Labels) {
	rng := rand.New(rand.NewPCG(11, 13))
	f := table.New(table.Column{Name: "size", Kind: table.Number}, table.Column{Name: "other", Kind: table.Number},
		table.Column{Name: "kind", Kind: table.Category}, table.Column{Name: "noise", Kind: table.Number}, table.Column{Name: "constant", Kind: table.Number})
	y := table.Labels{Classes: classes}
	for range n {
		a, b, kind := rng.NormFloat64(), rng.NormFloat64(), []string{"x", "y", "z", ""}[rng.IntN(4)]
		v := 1.5 * a
		if interact {
			v = 2.5 * a * b
		}
		if kind == "y" {
			v++
		}
		label := int32(0)
		for k := 1; k < classes; k++ {
			if rng.Float64() < model.Logistic(v-float64(k-1)) {
				label = int32(k)
			}
		}
		if rng.IntN(10) == 0 {
			a = table.Missing
		}
		f.Append([]table.Value{{Number: a}, {Number: b}, {Text: kind}, {Number: rng.NormFloat64()}, {Number: 7}})
		y.Of = append(y.Of, label)
	}
	return f, y
}

func all() []Learner {
	bends := &Logistic{Label: "bends", Knots: 5, Penalties: []float64{10, 1}, Steps: 100}
	stumps := &Booster{Label: "stumps", Depth: 1, Rounds: []int{20, 60}, Rate: 0.2, MinRows: 10, Ridge: 1, Rows: 0.7, Columns: 0.7}
	return []Learner{
		&Logistic{Label: "logistic", Penalties: []float64{1}, Steps: 100}, bends, stumps,
		&Booster{Label: "deep", Depth: 3, Rounds: []int{20, 60}, Rate: 0.2, MinRows: 10, Ridge: 1, Rows: 0.7, Columns: 0.7},
		&Blend{Label: "blend", Members: []Learner{bends, stumps}, At: []int{1, 1}},
		&Forest{Label: "forest", Trees: 8, TrialTrees: 8, Leaves: []int{10}, Rows: 400, Columns: 6},
	}
}

// TestTrialSaysWhatFitScores: what a race judges is what is scored later, bit for bit at the last stage, and again from a second training.
func TestTrialSaysWhatFitScores(t *testing.T) {
	for _, classes := range []int{2, 3} {
		f, y := truth(600, classes, false)
		e, m := table.Fit(f, f.All()[:400], y, table.Defaults())
		other := e.Matrix(f, f.All()[400:])
		set := Set{X: m, Y: y.Of[:400], Classes: classes, Seed: 5}
		for _, l := range all() {
			trial, err := l.Trial(t.Context(), set, other)
			if err != nil {
				t.Fatal(err)
			}
			if len(trial) != len(l.Stages()) {
				t.Fatalf("%s: %d stages, tried %d", l.Name(), len(l.Stages()), len(trial))
			}
			last := len(trial) - 1
			fit, err := l.Fit(t.Context(), set, last)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range outputsOf(fit, other) {
				if math.Abs(v-trial[last][i]) > 1e-9 {
					t.Fatalf("%s, %d classes: output %d is %g when fitted, %g when tried", l.Name(), classes, i, v, trial[last][i])
				}
			}
			again, _ := l.Fit(t.Context(), set, last)
			if first, second := fileOf(t, e, fit, classes), fileOf(t, e, again, classes); !bytes.Equal(first, second) {
				t.Errorf("%s, %d classes: two trainings gave two files", l.Name(), classes)
			}
		}
	}
}

func fileOf(t *testing.T, e *table.Encoding, f *model.Function, classes int) []byte {
	t.Helper()
	m := &model.Model{Features: e, Classes: []string{"a", "b", "c"}[:classes], Function: f, Calibration: model.Calibration{Method: model.None}}
	data, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Parse(data); err != nil { // what learners make is in range
		t.Fatal(err)
	}
	return data
}

// TestLearnersLearn: every learner is well ahead of knowing nothing, with missing values, a constant column and a category.
func TestLearnersLearn(t *testing.T) {
	for _, classes := range []int{2, 3} {
		f, y := truth(1500, classes, false)
		e, m := table.Fit(f, f.All()[:1000], y, table.Defaults())
		other := e.Matrix(f, f.All()[1000:])
		set := Set{X: m, Y: y.Of[:1000], Classes: classes, Seed: 5}
		nothing := 0.0 // log loss of the classes' parts
		bias := start(set)
		for _, label := range y.Of[1000:] {
			nothing += lossOf(model.LogOdds, bias, label) / 500
		}
		for _, l := range all() {
			trial, err := l.Trial(t.Context(), set, other)
			if err != nil {
				t.Fatal(err)
			}
			loss, k := 0.0, model.Outputs(classes)
			for i, label := range y.Of[1000:] {
				loss += lossOf(l.Scale(), trial[len(trial)-1][i*k:(i+1)*k], label) / 500
			}
			if loss > nothing-0.1 {
				t.Errorf("%s, %d classes: log loss %.3f, knowing nothing has %.3f", l.Name(), classes, loss, nothing)
			}
		}
	}
}

func lossOf(scale model.Scale, raw []float64, label int32) float64 {
	m := model.Model{Function: &model.Function{Scale: scale, Outputs: len(raw)}}
	p := make([]float64, max(2, len(raw)))
	copy(p, raw)
	m.Calibrate(p)
	return -math.Log(max(p[label], 1e-15))
}

// TestGolearnAgreesWithWhatWasReadOut asks golearn's own Predict for the class of every row, tree by tree.
func TestGolearnAgreesWithWhatWasReadOut(t *testing.T) {
	f, y := truth(500, 3, false)
	_, m := table.Fit(f, f.All(), y, table.Defaults())
	forest := &Forest{Label: "forest", Trees: 3, Leaves: []int{10}, Rows: 500, Columns: 6}
	d := &forestData{set: Set{X: m, Y: y.Of, Classes: 3, Seed: 9}, bins: bin(m), dense: dense(m), width: m.Width()}
	d.members = d.bins.members()
	for number := range uint64(3) {
		root, err := forest.tree(d, 0, number)
		if err != nil {
			t.Fatal(err)
		}
		compiled := d.function([]*trees.DecisionTreeNode{root})
		r := &rule{data: d, member: map[string]member{}}
		every := make([]int, len(d.members))
		for i := range every {
			every[i] = i
		}
		grid, err := r.grid(f.All(), every)
		if err != nil {
			t.Fatal(err)
		}
		said, err := root.Predict(grid)
		if err != nil {
			t.Fatal(err)
		}
		ours := outputsOf(compiled, m)
		for i := range f.Rows {
			leaf := ours[i*3 : i*3+3]
			class := base.GetClass(said, i)
			if k := int(class[0] - '0'); leaf[k] < max(leaf[0], leaf[1], leaf[2])-1e-2 { // equal counts: either is right
				t.Fatalf("tree %d, row %d: golearn says class %s, we read out %v", number, i, class, leaf)
			}
		}
	}
}

// TestInteractionsNeedDepth: what depends on a product is invisible to an additive learner, and plain to one three deep.
func TestInteractionsNeedDepth(t *testing.T) {
	f, y := truth(2000, 2, true)
	e, m := table.Fit(f, f.All()[:1500], y, table.Defaults())
	other := e.Matrix(f, f.All()[1500:])
	loss := map[string]float64{}
	for _, l := range all()[2:4] {
		trial, err := l.Trial(t.Context(), Set{X: m, Y: y.Of[:1500], Classes: 2, Seed: 5}, other)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range trial[len(trial)-1] {
			p := model.Logistic(v)
			if y.Of[1500+i] == 0 {
				p = 1 - p
			}
			loss[l.Name()] -= math.Log(p) / 500
		}
	}
	if loss["deep"] > loss["stumps"]-0.1 {
		t.Errorf("log loss %v", loss)
	}
}

// TestStopping: a race that is called off ends its learners.
func TestStopping(t *testing.T) {
	f, y := truth(200, 2, false)
	_, m := table.Fit(f, f.All(), y, table.Defaults())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, l := range all() {
		if _, err := l.Fit(ctx, Set{X: m, Y: y.Of, Classes: 2}, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", l.Name(), err)
		}
	}
}

func TestMarkovBacksOff(t *testing.T) {
	m := NewMarkov(3)
	for range 4 {
		m.Add([]string{"b", "a", ""}, 2)
	}
	m.Add([]string{"b", "c", ""}, 1)
	for _, c := range []struct {
		last []string
		want int
	}{{[]string{"b", "a", ""}, 2}, {[]string{"b", "c", ""}, 1}, {[]string{"b", "never", ""}, 2}, {[]string{"never", "a", ""}, 2}} {
		p := m.Predict(c.last)
		top, sum := 0, 0.0
		for k, v := range p {
			if sum += v; v > p[top] {
				top = k
			}
		}
		if top != c.want || math.Abs(sum-1) > 1e-12 {
			t.Errorf("after %q: %v", c.last, p)
		}
	}
}

// BenchmarkPredict is one row through golearn's own path, and through what was read out of the same trees.
func BenchmarkPredict(b *testing.B) {
	f, y := truth(3000, 2, false)
	_, m := table.Fit(f, f.All(), y, table.Defaults())
	forest := &Forest{Label: "forest", Trees: 50, Leaves: []int{20}, Rows: 2000, Columns: 6}
	d := &forestData{set: Set{X: m, Y: y.Of, Classes: 2, Seed: 9}, bins: bin(m), dense: dense(m), width: m.Width()}
	d.members = d.bins.members()
	var roots []*trees.DecisionTreeNode
	for i := range uint64(50) {
		root, err := forest.tree(d, 0, i)
		if err != nil {
			b.Fatal(err)
		}
		roots = append(roots, root)
	}
	every := make([]int, len(d.members))
	for i := range every {
		every[i] = i
	}
	b.Run("golearn, 50 trees", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			r := &rule{data: d, member: map[string]member{}}
			row, err := r.grid([]int{7}, every)
			if err != nil {
				b.Fatal(err)
			}
			for _, root := range roots {
				if _, err := root.Predict(row); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	compiled, x, p := d.function(roots), make([]float64, m.Width()), make([]float64, 2)
	m.Row(7, x)
	b.Run("flat, 50 trees", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			compiled.Probabilities(p, x)
		}
	})
}
