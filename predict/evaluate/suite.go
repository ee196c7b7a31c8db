package evaluate

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/table"
)

// goal is a figure of the suite with what it stands beside: the best reference of shared/golearn.md, and the stretch.
type goal struct {
	figure             string
	reference, stretch float64
}

// suiteTask is a row of the public suite.
type suiteTask struct {
	name  string
	make  func(dir string) (*Task, []learn.Learner, error)
	goals []goal
	run   func(ctx context.Context, say Say) (*Report, error) // instead of make, with its own goals
	made  bool                                                // in process: it reads no files
}

// public is the suite over public data: the IBM Telco table, the Italian help desk's log and that of BPI Challenge 2013; and over simulated journeys, whose truth is known.
var public = []suiteTask{
	{name: "telco churn", make: telco, goals: []goal{{"auc", .8467, .850}, {"log_loss", .4145, .410}, {"ece", 0, .025}}},
	{name: "helpdesk next activity", make: helpdesk, goals: []goal{{"accuracy", .8203, .822}, {"accuracy_without_end", .7065, .712}}},
	{name: "bpi 2013 next activity", make: bpiNext, goals: []goal{{"accuracy", .6566, .660}, {"accuracy_without_end", .5766, .580}}},
	{name: "bpi 2013 next activity, without the group", make: bpiNextWithout, goals: []goal{{"accuracy", .6566, .660}, {"accuracy_without_end", .5766, .580}}},
	{name: "bpi 2013 handover within 24h", make: bpiHandover, goals: []goal{{"auc", .7354, .745}, {"log_loss", .5862, .580}}},
	{name: "simulator churn", make: simulatorChurn, made: true}, // its goal is the truth
	{name: "simulator next best action", made: true, run: func(ctx context.Context, say Say) (*Report, error) {
		return RunNextAction(ctx, NextActionOptions{Seed: 42, Journeys: 24_000}, say)
	}},
}

// SuiteReport is what the suite measured.
type SuiteReport struct {
	Suite   string    `json:"suite"`
	Tasks   []*Report `json:"tasks"`
	Seconds float64   `json:"seconds"`
}

// Suite measures all tasks of the public suite whose names hold one of only, or all where it is empty. The data lies in dir.
func Suite(ctx context.Context, dir string, only []string, say Say) (*SuiteReport, error) {
	begin := time.Now()
	info, err := os.Stat(dir)
	there := err == nil && info.IsDir()
	out := &SuiteReport{Suite: "public"}
	for _, s := range public {
		if len(only) > 0 && !slices.ContainsFunc(only, func(part string) bool { return strings.Contains(s.name, part) }) {
			continue
		}
		if s.run != nil {
			r, err := s.run(ctx, say)
			if err != nil {
				return nil, err
			}
			out.Tasks = append(out.Tasks, r)
			continue
		}
		if !there && !s.made {
			return nil, ledger.Errorf(ledger.CodeNotFound, "evaluate", "say --data-dir with the folder that has telco_churn.csv.gz, helpdesk.csv.gz and bpi13_incidents.xes.gz",
				"there is no folder %s with the public data", dir)
		}
		task, learners, err := s.make(dir)
		if err != nil {
			return nil, err
		}
		r, err := Run(ctx, task, learners, say)
		if err != nil {
			return nil, err
		}
		for _, g := range s.goals {
			r.aim(g.figure, g.reference, g.stretch)
		}
		if v := r.candidate(task.Ideal).Figure(task.Primary); task.Ideal != "" {
			r.aim(task.Primary, v, v-task.Within)
		}
		out.Tasks = append(out.Tasks, r)
	}
	if len(out.Tasks) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "evaluate", "leave --only out", "the suite has no task like %q", only)
	}
	out.Seconds = time.Since(begin).Seconds()
	return out, nil
}

func telco(dir string) (*Task, []learn.Learner, error) {
	text, err := table.OpenCSV(filepath.Join(dir, "telco_churn.csv.gz"))
	if err != nil {
		return nil, nil, err
	}
	t, err := Table(text, TableOptions{Name: "telco churn", Label: "Churn", Positive: "Yes", Drop: []string{"customerID"}, Folds: 5, Seed: 42})
	return t, TableLearners(), err
}

func helpdesk(dir string) (*Task, []learn.Learner, error) {
	l, err := ReadLog(filepath.Join(dir, "helpdesk.csv.gz"), LogOptions{Case: "CaseID", Activity: "ActivityID", Time: "CompleteTimestamp"})
	if err != nil {
		return nil, nil, err
	}
	t, err := NextActivity(l, "helpdesk next activity", 42)
	return t, SequenceLearners(), err
}

func bpi(dir string) (*Log, error) {
	return ReadLog(filepath.Join(dir, "bpi13_incidents.xes.gz"), LogOptions{Case: "concept:name",
		Activity: "concept:name+lifecycle:transition", Time: "time:timestamp", Party: "org:group"})
}

func bpiNext(dir string) (*Task, []learn.Learner, error) {
	l, err := bpi(dir)
	if err != nil {
		return nil, nil, err
	}
	t, err := NextActivity(l, "bpi 2013 next activity", 42)
	return t, SequenceLearners(), err
}

// bpiNextWithout leaves out which group has the work, which the references of this task do not seem to have known.
func bpiNextWithout(dir string) (*Task, []learn.Learner, error) {
	l, err := ReadLog(filepath.Join(dir, "bpi13_incidents.xes.gz"), LogOptions{Case: "concept:name",
		Activity: "concept:name+lifecycle:transition", Time: "time:timestamp"})
	if err != nil {
		return nil, nil, err
	}
	t, err := NextActivity(l, "bpi 2013 next activity, without the group", 42)
	return t, SequenceLearners(), err
}

func bpiHandover(dir string) (*Task, []learn.Learner, error) {
	l, err := bpi(dir)
	if err != nil {
		return nil, nil, err
	}
	t, err := Handover(l, "bpi 2013 handover within 24h", 24*time.Hour, 2.0/3, 42)
	return t, HandoverLearners(), err
}

func simulatorChurn(string) (*Task, []learn.Learner, error) {
	t, err := SimulatorChurn(42, churnJourneys)
	return t, CloseLearners(), err
}
