package evaluate

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/table"
)

func TestScratch(t *testing.T) {
	if os.Getenv("SCRATCH") == "" {
		t.Skip()
	}
	var task *Task
	var learners []learn.Learner
	dir := "/work/shared/data/"
	switch os.Getenv("SCRATCH") {
	case "telco":
		text, err := table.OpenCSV(dir + "telco_churn.csv.gz")
		if err != nil {
			t.Fatal(err)
		}
		task, err = Table(text, TableOptions{Name: "telco", Label: "Churn", Positive: "Yes", Drop: []string{"customerID"}, Folds: 5, Seed: 42})
		if err != nil {
			t.Fatal(err)
		}
		learners = TableLearners()
	case "helpdesk":
		l, err := ReadLog(dir+"helpdesk.csv.gz", LogOptions{Case: "CaseID", Activity: "ActivityID", Time: "CompleteTimestamp"})
		if err != nil {
			t.Fatal(err)
		}
		task, err = NextActivity(l, "helpdesk", 42)
		if err != nil {
			t.Fatal(err)
		}
		learners = SequenceLearners()
	case "bpi":
		l, err := ReadLog(dir+"bpi13_incidents.xes.gz", LogOptions{Case: "concept:name", Activity: "concept:name+lifecycle:transition", Time: "time:timestamp", Party: "org:group"})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(l.Attributes)
		task, err = NextActivity(l, "bpi", 42)
		if err != nil {
			t.Fatal(err)
		}
		learners = SequenceLearners()
	case "handover":
		l, err := ReadLog(dir+"bpi13_incidents.xes.gz", LogOptions{Case: "concept:name", Activity: "concept:name+lifecycle:transition", Time: "time:timestamp", Party: "org:group"})
		if err != nil {
			t.Fatal(err)
		}
		task, err = Handover(l, "handover", 24*time.Hour, 2./3, 42)
		if err != nil {
			t.Fatal(err)
		}
		learners = HandoverLearners()
	}
	if only := os.Getenv("ONLY"); only != "" {
		learners = slices.DeleteFunc(learners, func(l learn.Learner) bool { return strings.Contains(l.Name(), only) })
	}
	r, err := Run(t.Context(), task, learners, func(f string, a ...any) { fmt.Printf(f+"\n", a...) })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(r.Candidates, r.Chosen) {
		fmt.Printf("%-22s acc %.4f %.4f auc %.4f ll %.4f ap %.4f ece %.4f brier %.4f se %.4f train %.2fs score %.0fns %s %v\n", c.Learner, c.Figure("accuracy"), c.Figure("accuracy_without_end"), c.Figure("auc"), c.Figure("log_loss"), c.Figure("average_precision"), c.Figure("ece"), c.Figure("brier"), c.SE, c.TrainSeconds, c.ScoreNanoseconds, c.Setting, c.Picked)
	}
	for _, m := range r.Models {
		fmt.Println(m.Learner, m.Setting, m.Why, m.Calibration.Method, m.Calibration.LossBefore, m.Calibration.LossAfter, m.Bytes)
		for _, i := range m.Inside {
			fmt.Printf("    %s %s %.4f %.5f±%.5f\n", i.Learner, i.Setting, i.LogLoss, i.Behind, i.BehindSE)
		}
	}
}
