package evaluate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/prefix"
	"github.com/baton-ledger/baton/predict/table"
)

func quiet(string, ...any) {}

// publicData is the folder of the public data sets, where it lies beside the project.
func publicData(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the public data is not beside the project: ", err)
	}
	return dir
}

// TestConventionsCountAsPublished: rows, cuts and the majority are those of the figures we stand beside.
func TestConventionsCountAsPublished(t *testing.T) {
	dir := publicData(t)
	for _, c := range []struct {
		make              func(string) (*Task, []learn.Learner, error)
		train, test       int
		majority, without float64
	}{
		{helpdesk, 6645, 3261, .3934, .6438},
		{bpiNextWithout, 45416, 12563, .2156, .2697},
		{bpiHandover, 4871, 3153, 0, 0},
	} {
		task, _, err := c.make(dir)
		if err != nil {
			t.Fatal(err)
		}
		s := task.Splits[0]
		if len(s.Train) != c.train || len(s.Test) != c.test {
			t.Errorf("%s: %d train and %d test, expected %d and %d", task.Name, len(s.Train), len(s.Test), c.train, c.test)
		}
		if task.End < 0 {
			continue
		}
		list := task.predictions(task.majority(s.Train, s.Test), s.Test)
		all, without := measure.Of(list).Accuracy, measure.Of(task.withoutEnd(list)).Accuracy
		if math.Abs(all-c.majority) > 5e-5 || math.Abs(without-c.without) > 5e-5 {
			t.Errorf("%s: the majority has %.4f and %.4f, expected %.4f and %.4f", task.Name, all, without, c.majority, c.without)
		}
	}
}

// TestLogisticOnTelcoIsTheReferences: on the same folds, scikit-learn's logistic regression has AUC .8452 and log loss .4174.
func TestLogisticOnTelcoIsTheReferences(t *testing.T) {
	task, _, err := telco(publicData(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), task, []learn.Learner{&learn.Logistic{Label: "logistic", Penalties: []float64{1}, Steps: 200}}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if auc, loss := r.Chosen.Figure("auc"), r.Chosen.Figure("log_loss"); math.Abs(auc-.8452) > .0006 || math.Abs(loss-.4174) > .0006 {
		t.Errorf("AUC %.4f, log loss %.4f", auc, loss)
	}
}

// log draws cases whose party changes at known moments.
func log(cases int) *Log {
	rng := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &Log{Parties: true, Attributes: []string{"tier"}}
	for c := range cases {
		at := begin.Add(time.Duration(c) * time.Hour)
		one := Case{ID: fmt.Sprint(c)}
		for e := range 2 + rng.IntN(6) {
			one.Events = append(one.Events, prefix.Event{Activity: string(rune('a' + (e+rng.IntN(2))%4)), Time: at, Party: fmt.Sprint("group ", rng.IntN(4)),
				Attributes: []string{[]string{"gold", "iron"}[c%2]}})
			at = at.Add(time.Duration(1+rng.IntN(30)) * time.Hour)
		}
		l.Cases = append(l.Cases, one)
	}
	return l
}

// TestHandoverLabelsWereKnown: no training label hangs on an event at or after the cut. All events from the cut on are changed, and neither
// training rows nor their labels change.
func TestHandoverLabelsWereKnown(t *testing.T) {
	const horizon = 24 * time.Hour
	l := log(300)
	task, err := Handover(l, "t", horizon, 0.6, 1)
	if err != nil {
		t.Fatal(err)
	}
	moments := l.handovers(horizon)
	cut := time.Time{}
	for _, row := range task.Splits[0].Test {
		if at := moments[row].at; cut.IsZero() || at.Before(cut) {
			cut = at
		}
	}
	type seen struct {
		row   string
		label int32
	}
	rows := func(task *Task) map[string]seen {
		out, values := map[string]seen{}, make([]table.Value, len(task.Frame.Columns))
		for _, row := range task.Splits[0].Train {
			task.Frame.Read(row, values)
			m := moments[row]
			out[fmt.Sprint(m.c, m.e)] = seen{fmt.Sprint(values), task.Labels.Of[row]}
		}
		return out
	}
	before := rows(task)
	for c := range l.Cases {
		for e := range l.Cases[c].Events {
			if event := &l.Cases[c].Events[e]; !event.Time.Before(cut) {
				event.Activity, event.Attributes = "misleading", []string{"lead"}
			}
		}
	}
	if task, err = Handover(l, "t", horizon, 0.6, 1); err != nil {
		t.Fatal(err)
	}
	after := rows(task)
	if len(before) < 50 || len(before) != len(after) {
		t.Fatalf("%d training rows, then %d", len(before), len(after))
	}
	for key, want := range before {
		if after[key] != want {
			t.Errorf("row %s was %v, is %v", key, want, after[key])
		}
	}
	for _, row := range task.Splits[0].Train {
		if moments[row].at.Add(horizon).After(cut) {
			t.Errorf("a training label of %s was not known at the cut, %s", moments[row].at, cut)
		}
	}
}

// TestRunOnATable goes the whole way with small learners, and its JSON keeps the contract.
func TestRunOnATable(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	b.WriteString("id,size,kind,empty,constant,left\n")
	for i := range 400 {
		v, kind := rng.NormFloat64(), []string{"a", "b"}[rng.IntN(2)]
		left := "no"
		if rng.Float64() < model.Logistic(2*v) {
			left = "yes"
		}
		fmt.Fprintf(&b, "%d,%.3f,%s,,1,%s\n", i, v, kind, left)
	}
	text, err := table.ReadCSV(bufio.NewReader(strings.NewReader(b.String())))
	if err != nil {
		t.Fatal(err)
	}
	task, err := Table(text, TableOptions{Name: "table", Label: "left", Drop: []string{"id"}, Folds: 4, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	small := []learn.Learner{&learn.Logistic{Label: "logistic", Penalties: []float64{1}, Steps: 50},
		&learn.Booster{Label: "booster", Depth: 2, Rounds: []int{10, 30}, Rate: 0.1, MinRows: 10, Ridge: 1, Rows: 1, Columns: 1},
		&learn.Forest{Label: "forest", Trees: 4, TrialTrees: 2, Leaves: []int{10}, Rows: 100, Columns: 3}}
	r, err := Run(t.Context(), task, small, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if auc := r.Chosen.Figure("auc"); auc < .8 || r.Chosen.SE <= 0 || r.TestRows != 400 || len(r.Models) != 4 {
		t.Errorf("AUC %g ± %g of %d rows, %d models", auc, r.Chosen.SE, r.TestRows, len(r.Models))
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Task   string
		Chosen struct {
			Learner    string
			AUC        float64
			LogLoss    float64 `json:"log_loss"`
			ECE, SE    float64
			NoAccuracy *float64 `json:"accuracy_without_end"`
		}
		Candidates []struct{ Learner string }
	}
	if err := json.Unmarshal(data, &contract); err != nil {
		t.Fatal(err)
	}
	c := contract.Chosen
	if c.Learner != "logistic" || c.AUC == 0 || c.LogLoss == 0 || c.ECE == 0 || c.SE == 0 || c.NoAccuracy != nil || len(contract.Candidates) != 3 {
		t.Errorf("the contract has %+v", contract)
	}
}

func TestRunOnALog(t *testing.T) {
	task, err := NextActivity(log(240), "log", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range task.Splits[0].Train { // prefixes of cases 0 to 159
		if task.Labels.Group[row] >= 160 {
			t.Fatalf("case %d trains", task.Labels.Group[row])
		}
	}
	r, err := Run(t.Context(), task, []learn.Learner{&learn.Booster{Label: "booster", Depth: 1, Rounds: []int{20, 40}, Rate: 0.2, MinRows: 5, Ridge: 1, Rows: 1, Columns: 1}}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, c := range r.Candidates {
		names = append(names, c.Learner)
	}
	if !slices.Equal(names, []string{"majority", "markov, three back with back-off", "booster"}) || r.Chosen.AccuracyWithoutEnd == nil || r.Chosen.AUC != nil {
		t.Errorf("candidates %q, chosen %+v", names, r.Chosen)
	}
	if r.Chosen.Figure("accuracy") <= r.Candidates[0].Figure("accuracy") {
		t.Errorf("the booster has %g, the majority %g", r.Chosen.Figure("accuracy"), r.Candidates[0].Figure("accuracy"))
	}
}

func TestWhatCannotBeEvaluated(t *testing.T) {
	frame := func(text string) *table.Text {
		out, err := table.ReadCSV(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	o := TableOptions{Label: "y", Folds: 2}
	with := func(change func(*TableOptions)) TableOptions { c := o; change(&c); return c }
	rows := "x,y\n" + strings.Repeat("1,a\n2,b\n", 10)
	for name, c := range map[string]struct {
		text string
		o    TableOptions
	}{
		"one class":         {"x,y\n1,a\n2,a\n", o},
		"no rows":           {"x,y\n", o},
		"no such label":     {rows, with(func(o *TableOptions) { o.Label = "z" })},
		"no such positive":  {rows, with(func(o *TableOptions) { o.Positive = "z" })},
		"no such drop":      {rows, with(func(o *TableOptions) { o.Drop = []string{"z"} })},
		"nothing left":      {rows, with(func(o *TableOptions) { o.Drop = []string{"x"} })},
		"too many folds":    {rows, with(func(o *TableOptions) { o.Folds = 9 })},
		"one fold":          {rows, with(func(o *TableOptions) { o.Folds = 1 })},
		"three, unpositive": {rows + "1,c\n", o},
	} {
		if _, err := Table(frame(c.text), c.o); ledger.CodeOf(err) != ledger.CodeInvalid || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Handover(&Log{Cases: log(3).Cases}, "t", time.Hour, .5, 1); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Errorf("no parties: %v", err)
	}
	if _, err := NextActivity(log(1), "t", 1); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Errorf("one case: %v", err)
	}
	if _, err := Suite(t.Context(), filepath.Join(t.TempDir(), "none"), nil, quiet); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Errorf("no data: %v", err)
	}
}
