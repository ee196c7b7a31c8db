package evaluate_test

import (
	"strings"
	"testing"

	"github.com/baton-ledger/baton/predict/evaluate"
	"github.com/baton-ledger/baton/predict/learn"
)

// TestSimulatorChurn: the truth is ahead of what is learned and both of the rate; no training row is of the test part, and none knows its label too late.
func TestSimulatorChurn(t *testing.T) {
	task, err := evaluate.SimulatorChurn(5, 1600)
	if err != nil {
		t.Fatal(err)
	}
	s := task.Splits[0]
	if len(s.Train) < 500 || len(s.Test) < 300 || s.Train[len(s.Train)-1] >= s.Test[0] || len(s.Train)+len(s.Test) >= task.Frame.Rows {
		t.Fatalf("%d train, %d test of %d rows: those whose label came after the cut must be in neither", len(s.Train), len(s.Test), task.Frame.Rows)
	}
	booster := &learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{60}, Rate: 0.1, MinRows: 20, Ridge: 3, Rows: 0.6, Columns: 0.4}
	r, err := evaluate.Run(t.Context(), task, []learn.Learner{booster}, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	rate, truth := r.Candidates[0], r.Candidates[1]
	if !strings.HasPrefix(truth.Learner, "truth") || !(*truth.LogLoss < *r.Chosen.LogLoss && *r.Chosen.LogLoss < *rate.LogLoss) {
		t.Errorf("log loss of the truth %.4f, learned %.4f, the rate %.4f", *truth.LogLoss, *r.Chosen.LogLoss, *rate.LogLoss)
	}
	if *truth.AUC < 0.75 || *r.Chosen.AUC < 0.7 || *r.Chosen.AUC > *truth.AUC+truth.SE {
		t.Errorf("AUC of the truth %.4f, learned %.4f", *truth.AUC, *r.Chosen.AUC)
	}
	again, err := evaluate.SimulatorChurn(5, 1600)
	if err != nil {
		t.Fatal(err)
	}
	other, err := evaluate.Run(t.Context(), again, []learn.Learner{booster}, func(string, ...any) {})
	if err != nil || other.Models[0].Hash != r.Models[0].Hash {
		t.Errorf("the same seed gives another model: %v", err)
	}
}

// TestSimulatorChurnTooFew says so.
func TestSimulatorChurnTooFew(t *testing.T) {
	if _, err := evaluate.SimulatorChurn(5, 20); err == nil || !strings.Contains(err.Error(), "close and a label") {
		t.Error(err)
	}
}
