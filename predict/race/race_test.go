package race

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// data draws a table whose outcome is a sum, or a product, of two numbers.
func data(n int, product bool) Data {
	rng := rand.New(rand.NewPCG(1, 2))
	d := Data{Frame: table.New(table.Column{Name: "a", Kind: table.Number}, table.Column{Name: "b", Kind: table.Number}), Classes: []string{"no", "yes"}}
	d.Labels.Classes = 2
	for range n {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		v := a + b
		if product {
			v = 2 * a * b
		}
		label := int32(0)
		if rng.Float64() < model.Logistic(v) {
			label = 1
		}
		d.Frame.Append([]table.Value{{Number: a}, {Number: b}})
		d.Labels.Of = append(d.Labels.Of, label)
	}
	d.Rows = d.Frame.All()
	d.Folds = Shuffled(d.Labels.Of, 3, 1)
	return d
}

func options() Options {
	booster := func(name string, depth int) learn.Learner {
		return &learn.Booster{Label: name, Depth: depth, Rounds: []int{20, 50, 100}, Rate: 0.1, MinRows: 10, Ridge: 1, Rows: 0.8, Columns: 1}
	}
	one, bends := booster("additive", 1), &learn.Logistic{Label: "bends", Knots: 5, Penalties: []float64{1}, Steps: 50}
	return Options{Seed: 3, Features: table.Defaults(), Learners: []learn.Learner{one, bends, &learn.Blend{Label: "blend", Members: []learn.Learner{one, bends}}, booster("deep", 3)}}
}

// TestTheChoiceNoticesInteractions: from the training rows alone.
func TestTheChoiceNoticesInteractions(t *testing.T) {
	for _, c := range []struct {
		product  bool
		additive bool
		why      string
	}{{false, true, "additive"}, {true, false, "interactions matter"}} {
		r, err := Run(t.Context(), data(1500, c.product), options())
		if err != nil {
			t.Fatal(err)
		}
		chosen := r.Candidates[r.Chosen].Learner
		if chosen.Additive() != c.additive || !strings.Contains(r.Why, c.why) {
			t.Errorf("product %v: chose %s: %s", c.product, chosen.Name(), r.Why)
		}
	}
}

// TestTrainingIsReproducible, and looks at no row that is not for training.
func TestTrainingIsReproducible(t *testing.T) {
	d, o := data(600, false), options()
	d.Rows = d.Rows[:400]
	d.Folds = Shuffled(d.Labels.Of[:400], 3, 1)
	file := func() []byte {
		r, err := Run(t.Context(), d, o)
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Train(t.Context(), d, o, r.Chosen)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Card.Candidates) != 4 || m.Card.Rows != 400 || m.Card.ClassRows["no"]+m.Card.ClassRows["yes"] != 400 {
			t.Errorf("card %+v", m.Card)
		}
		data, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	first := file()
	if !bytes.Equal(first, file()) {
		t.Error("two trainings gave two files")
	}
	for i := 400; i < 600; i++ { // other rows, other outcomes
		d.Frame.Columns[0].Numbers[i], d.Labels.Of[i] = 1e9, 1-d.Labels.Of[i]
	}
	if !bytes.Equal(first, file()) {
		t.Error("rows that are not for training changed the model")
	}
	if o.Seed = 4; bytes.Equal(first, file()) {
		t.Error("another seed gave the same file")
	}
}

func TestOneClassIsRefused(t *testing.T) {
	d := data(100, false)
	clear(d.Labels.Of)
	if _, err := Run(t.Context(), d, options()); ledger.CodeOf(err) != ledger.CodeInvalid || ledger.HintOf(err) == "" {
		t.Errorf("one class: %v", err)
	}
	d.Rows = nil
	if _, err := Run(t.Context(), d, options()); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Errorf("no rows: %v", err)
	}
}

// TestForwardKnowsNothingLater: no row is trained on whose label was not known when the part held back began.
func TestForwardKnowsNothingLater(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var at, known []float64
	for range 500 {
		v := float64(rng.IntN(200))
		at, known = append(at, v), append(known, v+24)
	}
	folds := Forward(at, known, 0.5, 3)
	if len(folds) != 3 {
		t.Fatalf("%d folds", len(folds))
	}
	held := map[int]bool{}
	for _, f := range folds {
		begin := at[f.Test[0]]
		for _, i := range f.Test {
			begin = min(begin, at[i])
			if held[i] {
				t.Errorf("row %d is held back twice", i)
			}
			held[i] = true
		}
		for _, i := range f.Train {
			if known[i] > begin {
				t.Errorf("row of %g, known at %g, is trained on for a part that begins at %g", at[i], known[i], begin)
			}
		}
		for i := range at { // and all that was known is used
			if known[i] <= begin && !slices.Contains(f.Train, i) {
				t.Errorf("row of %g is left out of a part that begins at %g", at[i], begin)
			}
		}
	}
}
