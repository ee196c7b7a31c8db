package evaluate

import (
	"iter"
	"maps"
	"math"

	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
)

// Report is what was measured. Its JSON is a contract: docs/cli-json.md.
type Report struct {
	Task        string        `json:"task"`
	Convention  string        `json:"convention"`
	Seed        uint64        `json:"seed"`
	Rows        int           `json:"rows"`
	Classes     int           `json:"classes"`
	Splits      int           `json:"splits"`
	TrainRows   int           `json:"train_rows"` // over all splits
	TestRows    int           `json:"test_rows"`
	Chosen      Outcome       `json:"chosen"`
	Candidates  []Outcome     `json:"candidates"`
	Reliability []measure.Bin `json:"reliability"`
	Models      []ModelNote   `json:"models"`
	Goals       []Goal        `json:"goals,omitempty"`
	NextAction  *NextAction   `json:"next_action,omitempty"` // of the task about choosing actions
}

// Outcome is one learner's figures on the test parts: means over folds, or of the one part.
type Outcome struct {
	Learner            string             `json:"learner"`
	Setting            string             `json:"setting,omitempty"`
	Picked             map[string]int     `json:"picked,omitempty"` // of the chosen: how many splits chose which learner
	AUC                *float64           `json:"auc,omitempty"`
	Accuracy           *float64           `json:"accuracy,omitempty"`
	AccuracyWithoutEnd *float64           `json:"accuracy_without_end,omitempty"`
	LogLoss            *float64           `json:"log_loss,omitempty"`
	Brier              *float64           `json:"brier,omitempty"`
	AveragePrecision   *float64           `json:"average_precision,omitempty"`
	ECE                *float64           `json:"ece,omitempty"`
	SE                 float64            `json:"se"`  // of the task's first figure: auc for two classes, accuracy for more
	SEs                map[string]float64 `json:"ses"` // of each figure
	TrainSeconds       float64            `json:"train_seconds"`
	ScoreNanoseconds   float64            `json:"score_ns"`
}

// ModelNote is what the chosen model of a split says of itself.
type ModelNote struct {
	Learner     string                   `json:"learner"`
	Setting     string                   `json:"setting"`
	Hash        string                   `json:"hash"`
	Bytes       int                      `json:"bytes"`
	Why         string                   `json:"why"`
	Calibration model.Calibration        `json:"calibration"`
	Inside      []model.CandidateFigures `json:"inside"` // all candidates' figures inside the training part
}

// Goal is a figure to stand beside.
type Goal struct {
	Figure    string  `json:"figure"`
	Value     float64 `json:"value"`
	SE        float64 `json:"se"`
	Reference float64 `json:"reference,omitempty"`
	Stretch   float64 `json:"stretch"`
	// Holds says that the value is no more than one standard error worse than the reference; Met that it reaches the stretch.
	Holds bool `json:"holds"`
	Met   bool `json:"stretch_met"`
}

func (o *Outcome) fill(t *Task, mean, se measure.Figures) {
	o.SEs = map[string]float64{"log_loss": finiteOr0(se.LogLoss), "ece": finiteOr0(se.ECE), "brier": finiteOr0(se.Brier), "accuracy": finiteOr0(se.Accuracy)}
	o.LogLoss, o.ECE, o.Brier, o.Accuracy = number(mean.LogLoss), number(mean.ECE), number(mean.Brier), number(mean.Accuracy)
	if len(t.Classes) == 2 {
		o.AUC, o.AveragePrecision = number(mean.AUC), number(mean.AveragePrecision)
		o.SEs["auc"], o.SEs["average_precision"] = finiteOr0(se.AUC), finiteOr0(se.AveragePrecision)
	}
	o.SE = o.SEs[t.Primary]
}

// Figure gives a figure by its name in JSON, NaN where there is none.
func (o *Outcome) Figure(name string) float64 {
	p := map[string]*float64{"auc": o.AUC, "accuracy": o.Accuracy, "accuracy_without_end": o.AccuracyWithoutEnd, "log_loss": o.LogLoss,
		"brier": o.Brier, "average_precision": o.AveragePrecision, "ece": o.ECE}[name]
	if p == nil {
		return math.NaN()
	}
	return *p
}

// candidate finds a learner or baseline by its name; none has no figures.
func (r *Report) candidate(name string) *Outcome {
	for i := range r.Candidates {
		if r.Candidates[i].Learner == name {
			return &r.Candidates[i]
		}
	}
	return &Outcome{}
}

func (r *Report) addModel(m *model.Model) {
	note := ModelNote{Learner: m.Card.Learner, Setting: m.Card.Setting, Why: m.Card.Why, Calibration: m.Calibration, Inside: m.Card.Candidates}
	if data, err := m.Bytes(); err == nil {
		note.Hash, note.Bytes = m.Hash(), len(data)
	}
	note.Calibration.X, note.Calibration.Y = nil, nil
	r.Models = append(r.Models, note)
}

// aim compares the chosen model with a goal; figures that end in loss or ece are better when lower.
func (r *Report) aim(figure string, reference, stretch float64) {
	v, se := r.Chosen.Figure(figure), r.Chosen.SEs[figure]
	g := Goal{Figure: figure, Value: v, SE: se, Reference: reference, Stretch: stretch}
	if lower := figure == "log_loss" || figure == "ece" || figure == "brier"; lower {
		g.Holds, g.Met = reference == 0 || v <= reference+se, v <= stretch
	} else {
		g.Holds, g.Met = v >= reference-se, v >= stretch
	}
	r.Goals = append(r.Goals, g)
}

func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func mapsKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }
