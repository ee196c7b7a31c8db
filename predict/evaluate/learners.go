package evaluate

import "github.com/baton-ledger/baton/predict/learn"

// The learners that race, by the kind of target. Their stages are tried inside the training part; how the other settings were found is
// in docs/predict.md.

// TableLearners race for a target with two classes on up to some ten thousand rows.
func TableLearners() []learn.Learner {
	rounds := []int{50, 100, 150, 200, 300, 400}
	bends := &learn.Logistic{Label: "logistic with bends", Knots: 7, Penalties: []float64{100, 30, 10, 3, 1}, Steps: 200}
	additive := &learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{200, 400, 600, 900}, Rate: 0.05, MinRows: 20, Ridge: 1, Rows: 0.6, Columns: 0.5}
	return learn.WithLiblinear(plain(), []learn.Learner{
		&learn.Logistic{Label: "logistic", Penalties: []float64{30, 3, 1}, Steps: 200},
		bends, additive,
		&learn.Blend{Label: "additive blend", Members: []learn.Learner{bends, additive}},
		&learn.Booster{Label: "booster, depth 2", Depth: 2, Rounds: rounds, Rate: 0.04, MinRows: 20, Ridge: 3, Rows: 0.6, Columns: 0.4},
		&learn.Booster{Label: "booster, depth 3", Depth: 3, Rounds: rounds, Rate: 0.04, MinRows: 20, Ridge: 3, Rows: 0.6, Columns: 0.4},
		&learn.Forest{Label: "golearn forest", Trees: 50, TrialTrees: 10, Leaves: []int{10}, Rows: 3000, Columns: 24},
	})
}

func plain() *learn.Liblinear {
	return &learn.Liblinear{Label: "golearn liblinear", Penalties: []float64{100, 30, 3, 1}}
}

// HandoverLearners race for a target with two classes on handovers.
func HandoverLearners() []learn.Learner {
	bends := &learn.Logistic{Label: "logistic with bends", Knots: 6, Penalties: []float64{100, 30, 10}, Steps: 100}
	deep := func(label string, salt uint64) *learn.Booster {
		return &learn.Booster{Label: label, Depth: 3, Rounds: []int{60, 80, 100, 120}, Rate: 0.15, MinRows: 15, Ridge: 10, Rows: 0.65, Columns: 0.6, Salt: salt}
	}
	one, two, three := deep("booster, depth 3", 0), deep("booster, depth 3, second draw", 1), deep("booster, depth 3, third draw", 2)
	return learn.WithLiblinear(plain(), []learn.Learner{
		bends,
		&learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{100, 200, 300, 500, 800}, Rate: 0.05, MinRows: 20, Ridge: 3, Rows: 0.6, Columns: 0.4},
		one, two, three,
		&learn.Blend{Label: "blend of depth 3", Members: []learn.Learner{one, two, three}},
		&learn.Blend{Label: "blend of all", Members: []learn.Learner{bends, one, two, three}},
		&learn.Forest{Label: "golearn forest", Trees: 60, TrialTrees: 30, Leaves: []int{10}, Rows: 3000, Columns: 30},
	})
}

// SequenceLearners race for the next activity.
func SequenceLearners() []learn.Learner {
	linear := &learn.Logistic{Label: "logistic", Penalties: []float64{30}, Steps: 40}
	additive := &learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{40, 80, 120}, Rate: 0.15, MinRows: 20, Ridge: 5, Rows: 0.5, Columns: 0.4}
	return []learn.Learner{
		linear, additive,
		&learn.Blend{Label: "additive blend", Members: []learn.Learner{linear, additive}},
		&learn.Booster{Label: "booster, depth 3", Depth: 3, Rounds: []int{10, 20, 30}, Rate: 0.2, MinRows: 20, Ridge: 5, Rows: 0.5, Columns: 0.3},
		&learn.Forest{Label: "golearn forest", Trees: 40, TrialTrees: 8, Leaves: []int{5}, Rows: 5000, Columns: 24},
	}
}

// LedgerSequenceLearners race for the next activity of journeys in a ledger, of which a race shall take less than a minute on tens of thousands of rows and up to
// fifty classes: cheaper ones than [SequenceLearners].
func LedgerSequenceLearners() []learn.Learner {
	linear := &learn.Logistic{Label: "logistic", Penalties: []float64{30}, Steps: 25}
	additive := &learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{30, 60}, Rate: 0.2, MinRows: 20, Ridge: 5, Rows: 0.4, Columns: 0.3}
	return []learn.Learner{
		linear, additive,
		&learn.Blend{Label: "additive blend", Members: []learn.Learner{linear, additive}},
		&learn.Booster{Label: "booster, depth 3", Depth: 3, Rounds: []int{10, 20}, Rate: 0.25, MinRows: 20, Ridge: 5, Rows: 0.4, Columns: 0.2},
		&learn.Forest{Label: "golearn forest", Trees: 20, TrialTrees: 4, Leaves: []int{5}, Rows: 2000, Columns: 24},
	}
}

// CloseLearners race for a target with two classes at the close of journeys.
func CloseLearners() []learn.Learner {
	bends := &learn.Logistic{Label: "logistic with bends", Knots: 5, Penalties: []float64{1000, 300, 100}, Steps: 50}
	additive := &learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{100, 200, 300}, Rate: 0.1, MinRows: 20, Ridge: 3, Rows: 0.6, Columns: 0.4}
	return []learn.Learner{
		&learn.Logistic{Label: "logistic", Penalties: []float64{300, 100, 30}, Steps: 50},
		bends, additive,
		&learn.Blend{Label: "additive blend", Members: []learn.Learner{bends, additive}},
		&learn.Booster{Label: "booster, depth 3", Depth: 3, Rounds: []int{40, 60, 80, 120}, Rate: 0.1, MinRows: 15, Ridge: 10, Rows: 0.65, Columns: 0.5},
		&learn.Forest{Label: "golearn forest", Trees: 20, TrialTrees: 4, Leaves: []int{10}, Rows: 2000, Columns: 24},
	}
}
