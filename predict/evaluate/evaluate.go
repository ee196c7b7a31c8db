// Package evaluate measures what learning from a table or a log is worth, by conventions that are stated and leak nothing.
//
// A [Task] is one data set, one target and one split into training and test parts: folds of a table, or a cut through a log.
// [Run] races the learners inside each training part (package race), makes a model of every learner with the setting it won by there,
// and scores the test part once with each. What is reported as chosen is the model that the training part chose; the figures of the
// others stand beside it and decide nothing.
//
// # Conventions
//
// Table: folds as scikit-learn's StratifiedKFold(shuffle=True, random_state=seed) makes them; inside each training part four shuffled folds.
//
// Next activity ("tax", after Tax et al. 2017): cases in file order, the first two thirds train, the last third tests; a row is a
// prefix of two or more events, its class the activity that follows, or the end of the case. Accuracy is given over all rows, and over those whose
// true class is not the end (accuracy_without_end), by the same model. Inside the training part: the last half of its cases in two parts, each
// judged by what was learned from the cases before.
//
// Simulator churn: a row is the close of a simulated journey, its label the feedback about churn thirty days later. The last quarter of the closes tests; what was
// known when it begins trains. The simulator's own probability, without its noise, is a baseline on the same rows that nobody can beat.
//
// Handover within a horizon ("time:2/3"): a row is a change of party between consecutive events of a case; it is positive when the party
// changes again within the horizon. The cut is the time of the row at two thirds of all rows by time. Rows at or after the cut test; rows before it
// train, but only those whose horizon had passed by the cut: a label is used when it was known. Inside the training part the same holds for each of
// its parts.
package evaluate

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/race"
	"github.com/baton-ledger/baton/predict/table"
)

// Task is one data set with a target and splits.
type Task struct {
	Name       string
	Convention string
	Primary    string // the figure that comes first: auc, accuracy
	Frame      *table.Frame
	Labels     table.Labels
	Classes    []string
	End        int32 // the class that ends a case; -1: none
	Splits     []Split
	Seed       uint64
	OneHot     int // table.Options.OneHot where it is not the default
	Baselines  []Baseline
	// Ideal names the baseline that nobody can beat, where the truth is known; the chosen learner's first figure shall be no more than Within below it.
	Ideal  string
	Within float64
}

// Split is a training part and a test part: rows of the frame. Inner are the race's folds, of places in Train.
type Split struct {
	Train, Test []int
	Inner       []race.Fold
}

// Baseline is a rule that learners must beat. It gives probabilities of all classes for test rows.
type Baseline struct {
	Name    string
	Predict func(train, test []int) [][]float64
}

// Say is told what is being done, for people who wait.
type Say func(format string, args ...any)

// run is one task in work.
type run struct {
	task     *Task
	learners []learn.Learner
	features table.Options
	report   *Report
	parts    map[string][]part // by learner: one a split
	chosen   []part
}

// part is what one model did on one test part.
type part struct {
	learner, setting string
	predictions      []measure.Prediction
	seconds          float64 // to learn
	scoring          []int64 // nanoseconds of each row
}

// Run measures a task with the given learners.
func Run(ctx context.Context, task *Task, learners []learn.Learner, say Say) (*Report, error) {
	r := &run{task: task, learners: learners, features: table.Defaults(), parts: map[string][]part{}}
	r.features.Seed, r.features.OneHot = task.Seed, cmp.Or(task.OneHot, r.features.OneHot)
	r.report = &Report{Task: task.Name, Convention: task.Convention, Rows: task.Frame.Rows, Classes: len(task.Classes), Seed: task.Seed, Splits: len(task.Splits)}
	for i, s := range task.Splits {
		say("%s: part %d of %d, %d rows train, %d test", task.Name, i+1, len(task.Splits), len(s.Train), len(s.Test))
		if err := r.split(ctx, s); err != nil {
			return nil, err
		}
	}
	r.finish()
	return r.report, nil
}

func (r *run) split(ctx context.Context, s Split) error {
	t := r.task
	d := race.Data{Frame: t.Frame, Rows: s.Train, Labels: t.Labels, Classes: t.Classes, Folds: s.Inner}
	o := race.Options{Learners: r.learners, Features: r.features, Seed: t.Seed}
	begin := time.Now()
	result, err := race.Run(ctx, d, o)
	if err != nil {
		return err
	}
	raced := time.Since(begin).Seconds()
	r.report.TrainRows, r.report.TestRows = r.report.TrainRows+len(s.Train), r.report.TestRows+len(s.Test)
	for _, b := range t.Baselines {
		r.parts[b.Name] = append(r.parts[b.Name], part{learner: b.Name, predictions: t.predictions(b.Predict(s.Train, s.Test), s.Test)})
	}
	for i, c := range result.Candidates {
		begin := time.Now()
		m, err := result.Train(ctx, d, o, i)
		if err != nil {
			return err
		}
		seconds := time.Since(begin).Seconds()
		p := t.score(m, s.Test)
		p.learner, p.setting, p.seconds = c.Learner.Name(), m.Card.Setting, seconds
		r.parts[p.learner] = append(r.parts[p.learner], p)
		if i == result.Chosen {
			p.seconds += raced
			r.chosen = append(r.chosen, p)
			r.report.addModel(m)
		}
	}
	return nil
}

// score asks a model for all rows of a test part.
func (t *Task) score(m *model.Model, rows []int) (p part) {
	matrix := m.Features.Matrix(t.Frame, rows)
	vectors := make([]float64, matrix.Width())
	all := make([][]float64, len(rows))
	for i := range rows {
		all[i] = make([]float64, len(t.Classes))
	}
	for i := range rows {
		matrix.Row(i, vectors)
		begin := time.Now()
		m.Score(all[i], vectors)
		p.scoring = append(p.scoring, time.Since(begin).Nanoseconds())
	}
	p.predictions = t.predictions(all, rows)
	return p
}

func (t *Task) predictions(p [][]float64, rows []int) []measure.Prediction {
	list := make([]measure.Prediction, len(rows))
	for i, row := range rows {
		list[i] = measure.Prediction{P: p[i], Y: t.Labels.Of[row], Case: int32(row)}
		if t.Labels.Group != nil {
			list[i].Case = t.Labels.Group[row]
		}
	}
	return list
}

// finish turns parts into figures.
func (r *run) finish() {
	names := []string{}
	for _, b := range r.task.Baselines {
		names = append(names, b.Name)
	}
	for _, l := range r.learners {
		names = append(names, l.Name())
	}
	for _, name := range names {
		r.report.Candidates = append(r.report.Candidates, r.outcome(r.parts[name]))
	}
	r.report.Chosen = r.outcome(r.chosen)
	r.report.Chosen.Picked = map[string]int{}
	for _, p := range r.chosen {
		r.report.Chosen.Picked[p.learner]++
	}
	r.report.Chosen.Learner = mostOften(r.report.Chosen.Picked)
	var all []measure.Prediction
	for _, p := range r.chosen {
		all = append(all, p.predictions...)
	}
	r.report.Reliability = measure.Reliability(all)
}

func mostOften(count map[string]int) string {
	best := ""
	for _, name := range slices.Sorted(mapsKeys(count)) {
		if best == "" || count[name] > count[best] {
			best = name
		}
	}
	return best
}

// outcome gives the figures of one learner over all parts.
func (r *run) outcome(parts []part) Outcome {
	var folds, without []measure.Figures
	o := Outcome{Learner: parts[0].learner, Setting: parts[0].setting}
	var scoring []int64
	for _, p := range parts {
		folds = append(folds, measure.Of(p.predictions))
		without = append(without, measure.Of(r.task.withoutEnd(p.predictions)))
		o.TrainSeconds += p.seconds / float64(len(parts))
		scoring = append(scoring, p.scoring...)
	}
	if slices.Sort(scoring); len(scoring) > 0 {
		o.ScoreNanoseconds = float64(scoring[len(scoring)/2])
	}
	mean, se := measure.OverFolds(folds)
	meanWithout, seWithout := measure.OverFolds(without)
	if len(parts) == 1 {
		se = measure.Bootstrap(parts[0].predictions, r.task.Seed)
		seWithout = measure.Bootstrap(r.task.withoutEnd(parts[0].predictions), r.task.Seed)
	}
	o.fill(r.task, mean, se)
	if r.task.End >= 0 {
		o.AccuracyWithoutEnd, o.SEs["accuracy_without_end"] = number(meanWithout.Accuracy), finiteOr0(seWithout.Accuracy)
	}
	return o
}

func (t *Task) withoutEnd(list []measure.Prediction) (out []measure.Prediction) {
	for _, p := range list {
		if p.Y != t.End {
			out = append(out, p)
		}
	}
	return out
}

func finiteOr0(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
