package model

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/baton-ledger/baton/predict/table"
)

// randomTrees draws boosted trees up to a depth over so many members, with all nodes' values and covers.
func randomTrees(rng *rand.Rand, trees, depth, members int) *Trees {
	t := &Trees{Outputs: 1, Bias: []float64{0.25}}
	for range trees {
		t.Roots, t.Output = append(t.Roots, int32(len(t.Nodes))), append(t.Output, 0)
		t.draw(rng, depth, members, 64+float64(rng.IntN(100)))
	}
	t.Prepare()
	return t
}

func (t *Trees) draw(rng *rand.Rand, depth, members int, cover float64) {
	at := len(t.Nodes)
	t.Nodes, t.Value, t.Cover = append(t.Nodes, Leaf), append(t.Value, rng.NormFloat64()), append(t.Cover, cover)
	if depth == 0 || rng.IntN(6) == 0 {
		return
	}
	left := 1 + math.Floor((cover-2)*rng.Float64())
	t.draw(rng, depth-1, members, left)
	t.Nodes[at] = Split(rng.IntN(members), rng.NormFloat64(), len(t.Nodes), rng.IntN(2) == 0)
	t.draw(rng, depth-1, members, cover-left)
}

func vector(rng *rand.Rand, members int) []float64 {
	x := make([]float64, members)
	for i := range x {
		if x[i] = rng.NormFloat64(); rng.IntN(8) == 0 {
			x[i] = math.NaN()
		}
	}
	return x
}

// expected is the value of a tree where only the members in known are known: both ways are gone in parts of the cover.
func (t *Trees) expected(i int32, x []float64, known int) float64 {
	n := &t.Nodes[i]
	if n.Feature < 0 {
		return t.Value[i]
	}
	if known>>n.Feature&1 == 1 {
		return t.expected(n.next(i, x), x, known)
	}
	left, right := i+1, n.right()
	return (t.Cover[left]*t.expected(left, x, known) + t.Cover[right]*t.expected(right, x, known)) / t.Cover[i]
}

// bruteForce computes Shapley values from their definition: over all subsets of members.
func bruteForce(t *Trees, x []float64) []float64 {
	n := len(x)
	value := make([]float64, 1<<n)
	for s := range value {
		for _, root := range t.Roots {
			value[s] += t.expected(root, x, s)
		}
	}
	factorial := func(k int) float64 { v, _ := math.Lgamma(float64(k + 1)); return math.Exp(v) }
	out := make([]float64, n)
	for s := range value {
		size := 0
		for j := range n {
			size += s >> j & 1
		}
		for j := range n {
			if s>>j&1 == 0 {
				out[j] += factorial(size) * factorial(n-size-1) / factorial(n) * (value[s|1<<j] - value[s])
			}
		}
	}
	return out
}

func TestShapleyValuesAreThoseOfTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		const members = 5
		trees := randomTrees(rng, 1+round%4, 1+round%3, members)
		f := &Function{Kind: Boosted, Scale: LogOdds, Outputs: 1, Width: members, Trees: trees}
		x, got, raw := vector(rng, members), make([]float64, members), make([]float64, 2)
		base := trees.explain(got, x, 0)
		f.Raw(raw, x)
		total := base
		for j, want := range bruteForce(trees, x) {
			total += got[j]
			if math.Abs(got[j]-want) > 1e-9 {
				t.Fatalf("round %d: member %d contributes %g, the definition gives %g", round, j, got[j], want)
			}
		}
		if math.Abs(total-raw[0]) > 1e-9 {
			t.Fatalf("round %d: base and contributions give %g, the score is %g", round, total, raw[0])
		}
	}
}

// encoding is one of numbers alone.
func encoding(members, classes int) *table.Encoding {
	f := &table.Frame{Rows: 2 * classes}
	y := make([]int32, f.Rows)
	for i := range y {
		y[i] = int32(i % classes)
	}
	for range members {
		c := table.Column{Name: string(rune('a' + len(f.Columns))), Kind: table.Number, Numbers: make([]float64, f.Rows)}
		f.Columns = append(f.Columns, c)
	}
	e, _ := table.Fit(f, f.All(), table.Labels{Of: y, Classes: classes}, table.Defaults())
	return e
}

// randomModels draws a model of every kind.
func randomModels(rng *rand.Rand, members int) map[string]*Model {
	additive := func(outputs int) *Additive {
		a := &Additive{Outputs: outputs, Bias: draws(rng, outputs)}
		a.Append(Slope, 0, []float64{0.5}, draws(rng, outputs), draws(rng, outputs))
		a.Append(Steps, 1, []float64{-1, 0, 1}, draws(rng, 4*outputs), draws(rng, outputs))
		a.Append(Bends, 2, []float64{-1, 0.5, 2}, draws(rng, 3*outputs), draws(rng, outputs))
		a.Mean = draws(rng, 3*outputs)
		return a
	}
	forest := func(outputs int) *Trees {
		t := randomTrees(rng, 5, 6, members)
		t.Average, t.Outputs, t.Bias = true, outputs, make([]float64, outputs)
		t.Value = make([]float64, len(t.Nodes)*outputs)
		for i := range t.Value {
			t.Value[i] = rng.Float64() / float64(outputs)
		}
		t.Prepare()
		return t
	}
	one := func(kind Kind, scale Scale, classes int, a *Additive, t *Trees, c Calibration) *Model {
		m := &Model{Features: encoding(members, classes), Classes: []string{"no", "yes", "maybe"}[:classes], Calibration: c}
		m.Function = &Function{Kind: kind, Scale: scale, Outputs: Outputs(classes), Width: members, Additive: a, Trees: t}
		return m
	}
	none, platt, hot := Calibration{Method: None}, Calibration{Method: Platt, A: 0.8, B: 0.1}, Calibration{Method: Temperature, A: 1.3}
	steps := Calibration{Method: Isotonic, X: []float64{0.1, 0.5, 0.9}, Y: []float64{0.2, 0.4, 0.8}}
	return map[string]*Model{
		"additive":                 one(AdditiveKind, LogOdds, 2, additive(1), nil, none),
		"additive, platt":          one(AdditiveKind, LogOdds, 2, additive(1), nil, platt),
		"additive, isotonic":       one(AdditiveKind, LogOdds, 2, additive(1), nil, steps),
		"additive, three classes":  one(AdditiveKind, LogOdds, 3, additive(3), nil, hot),
		"boosted, platt":           one(Boosted, LogOdds, 2, nil, randomTrees(rng, 20, 3, members), platt),
		"boosted and additive":     one(Boosted, LogOdds, 2, additive(1), randomTrees(rng, 20, 3, members), none),
		"forest":                   one(Forest, Probability, 2, nil, forest(1), none),
		"forest, isotonic":         one(Forest, Probability, 2, nil, forest(1), steps),
		"forest, three classes":    one(Forest, Probability, 3, nil, forest(3), none),
		"boosted deep, path walks": one(Boosted, LogOdds, 2, nil, randomTrees(rng, 20, 5, members), none),
	}
}

func draws(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}

// TestContributionsAddUp holds the promise of the package comment for every kind, class and calibration.
func TestContributionsAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const members = 6
	for name, m := range randomModels(rng, members) {
		for range 50 {
			x, p, raw := vector(rng, members), make([]float64, len(m.Classes)), make([]float64, len(m.Classes))
			m.Score(p, x)
			m.Function.Raw(raw, x)
			for class := range m.Classes {
				contributions := make([]float64, members)
				total := m.Explain(contributions, x, class)
				for _, c := range contributions {
					total += c
				}
				if want := promised(m, raw, p, class); math.Abs(total-want) > 1e-9 {
					t.Fatalf("%s, class %d: base and contributions give %g, promised is %g", name, class, total, want)
				}
			}
		}
	}
}

// promised is what the sum of an explanation must be.
func promised(m *Model, raw, p []float64, class int) float64 {
	f := m.Function
	switch {
	case f.Outputs > 1 && m.Calibration.Method == Temperature:
		return m.Calibration.A * raw[class]
	case f.Outputs > 1:
		return raw[class]
	case f.Scale == Probability && class == 0:
		return 1 - raw[0]
	case f.Scale == Probability:
		return raw[0]
	case m.Calibration.Method == Isotonic && class == 0:
		return -raw[0]
	case m.Calibration.Method == Isotonic:
		return raw[0]
	}
	return math.Log(p[class] / (1 - p[class])) // the log-odds of the calibrated probability
}

func TestProbabilitiesAddUpToOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for name, m := range randomModels(rng, 6) {
		if name == "forest, three classes" {
			continue // its random leaves are no distributions
		}
		p, sum := make([]float64, len(m.Classes)), 0.0
		m.Score(p, vector(rng, 6))
		for _, v := range p {
			if sum += v; !(v >= 0 && v <= 1) {
				t.Errorf("%s: probability %g", name, v)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s: probabilities add up to %g", name, sum)
		}
	}
}

// TestScoringAllocatesNothing, and gives the same from many goroutines.
func TestScoringAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for name, m := range randomModels(rng, 6) {
		x, p, c := vector(rng, 6), make([]float64, 3), make([]float64, 6)
		if n := testing.AllocsPerRun(100, func() { m.Score(p[:len(m.Classes)], x); m.Explain(c, x, 1) }); n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
		want := p[0]
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				p := make([]float64, len(m.Classes))
				for range 100 {
					if m.Score(p, x); p[0] != want {
						t.Errorf("%s: %g from another goroutine, not %g", name, p[0], want)
						return
					}
				}
			})
		}
		all.Wait()
	}
}

// TestMixIsTheMean: the outputs of a mix are the mean of its parts' outputs, and it explains itself.
func TestMixIsTheMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const members = 6
	all := randomModels(rng, members)
	parts := []*Function{all["additive"].Function, all["boosted and additive"].Function, all["boosted, platt"].Function}
	mixed := Mix(parts)
	m := &Model{Features: encoding(members, 2), Classes: []string{"no", "yes"}, Function: mixed, Calibration: Calibration{Method: None}}
	if shapes := len(mixed.Additive.Shapes); shapes != 5 { // of two times three, the two slopes are one
		t.Errorf("%d shapes", shapes)
	}
	for range 50 {
		x, got, raw, want := vector(rng, members), make([]float64, 2), make([]float64, 2), 0.0
		for _, p := range parts {
			p.Raw(raw, x)
			want += raw[0] / 3
		}
		mixed.Raw(got, x)
		contributions := make([]float64, members)
		total := m.Explain(contributions, x, 1)
		for _, c := range contributions {
			total += c
		}
		if math.Abs(got[0]-want) > 1e-9 || math.Abs(total-want) > 1e-9 {
			t.Fatalf("mixed %g, explained %g, the mean is %g", got[0], total, want)
		}
	}
}

// TestFlatTreesGoTheSameWay as the nodes do, on thresholds and beside them, and with missing members.
func TestFlatTreesGoTheSameWay(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 200 {
		const members = 3
		trees := randomTrees(rng, 1, 3, members)
		x := vector(rng, members)
		for i := range trees.Nodes {
			n := &trees.Nodes[i]
			if n.Feature < 0 {
				continue
			}
			for _, v := range []float64{n.Threshold, math.Nextafter(n.Threshold, 9), math.Nextafter(n.Threshold, -9), math.NaN()} {
				x[n.Feature] = v
				if got, want := trees.flat[0].at(x), trees.Value[Find(trees.Nodes, x)]; got != want {
					t.Fatalf("member %d is %g, threshold %g: the flat tree gives %g, the nodes %g", n.Feature, v, n.Threshold, got, want)
				}
			}
		}
	}
}
