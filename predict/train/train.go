package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/evaluate"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/race"
	"github.com/baton-ledger/baton/predict/table"
)

// Options say what is trained. Learners may be nil.
type Options struct {
	Name     string
	Target   string
	Moments  []string // of features.Moments
	Seed     uint64
	Fields   []string // of the context that are columns; nil: the usual ones of features.Survey; empty: none
	Holdout  float64  // part of the examples, the last ones by time, that figures are of
	Learners []learn.Learner

	WithFollowed bool // take also moments whose suggestion was followed before the label was known

	Progress func(step string, done, total uint64) // may be nil
}

// Figures are what the model showed on the examples that were held out, and what was there.
type Figures struct {
	Rows      int     `json:"rows"`
	BaseRate  float64 `json:"base_rate"` // how often the label was 1
	AUC       float64 `json:"auc"`       // 0 where one class was missing
	AUCSE     float64 `json:"auc_se"`
	LogLoss   float64 `json:"log_loss"`
	LogLossSE float64 `json:"log_loss_se"`
	BaseLoss  float64 `json:"base_log_loss"` // of saying the training rows' rate each time
	Brier     float64 `json:"brier"`
	ECE       float64 `json:"ece"`

	Accuracy           float64 `json:"accuracy,omitempty"`             // of next-activity: the most probable one came; then base_rate is that of always saying the most frequent one
	AccuracyWithoutEnd float64 `json:"accuracy_without_end,omitempty"` // of the examples that an activity followed
}

// first is the figure that comes first, in words.
func (f *Figures) first() string {
	if f.Accuracy > 0 {
		return fmt.Sprintf("accuracy %.4f", f.Accuracy)
	}
	return fmt.Sprintf("AUC %.4f", f.AUC)
}

// Said is what the model said of an example that was held out.
type Said struct {
	Position uint64
	P        float64 // of the second class; of next-activity: of the one that came
	Label    int32
}

// Result is a trained model with what it comes from.
type Result struct {
	Model        *model.Model
	File         []byte
	Figures      Figures
	Held         []Said // the examples held out, by time
	Examples     int    // with a label
	Unknown      int    // without one yet
	SelfCaused   int    // left out: a suggestion was followed before the label was known
	TrainRows    int
	Events       int
	Journeys     int
	From, Cut    time.Time // of the training examples, and where those held out begin
	To           time.Time // last time anything occurred
	First, Last  uint64    // positions of the first and last event of a journey
	RaceSeconds  float64
	TotalSeconds float64
}

// smallest numbers of rows that anything is learned from, and judged by.
const (
	fewestTrain = 60
	fewestHeld  = 20
)

// Run trains a model. What is asked for and cannot be had (too few examples, one outcome alone) is CodeInvalid.
func Run(ctx context.Context, r ledger.Reader, o Options) (*Result, error) {
	begin := time.Now()
	target, err := ParseTarget(o.Target)
	if err != nil {
		return nil, err
	}
	if o.Learners == nil {
		o.Learners = evaluate.HandoverLearners()
		if target.Kind == NextActivity {
			o.Learners = evaluate.LedgerSequenceLearners()
		}
	}
	say := func(step string) func(done, total uint64) {
		return func(done, total uint64) {
			if o.Progress != nil {
				o.Progress(step, done, total)
			}
		}
	}
	p := &pass{target: target, moments: map[string]bool{}, withFollowed: o.WithFollowed}
	for _, m := range o.Moments {
		p.moments[m] = true
	}
	if err := p.read(ctx, r, say("looking for examples")); err != nil {
		return nil, err
	}
	s, err := p.split(o)
	if err != nil {
		return nil, err
	}
	if err := s.rows(ctx, r, say("computing features")); err != nil {
		return nil, err
	}
	say(fmt.Sprintf("racing %d learners on %d examples", len(o.Learners), len(s.train)))(0, 0)
	out := &Result{Examples: len(s.list), Unknown: len(p.examples) - len(s.list) - s.selfCaused, SelfCaused: s.selfCaused, TrainRows: len(s.train), Events: p.events, Journeys: len(p.journeys),
		From: s.list[s.train[0]].at, Cut: s.cut, To: p.last, First: p.first, Last: p.position}
	if err := s.learn(ctx, o, out); err != nil {
		return nil, err
	}
	out.TotalSeconds = time.Since(begin).Seconds()
	return out, nil
}

// set is the examples with a known label, by time, and their rows.
type set struct {
	target      Target
	classes     []string
	spec        *features.Spec
	list        []example
	train, held []int
	selfCaused  int       // left out of list
	cut         time.Time // when the first held out example is asked
	frame       *table.Frame
	labels      table.Labels
}

func (p *pass) split(o Options) (*set, error) {
	s := &set{target: p.target}
	for _, x := range p.examples {
		switch {
		case x.known.IsZero() || x.known.After(p.last):
		case !p.withFollowed && p.selfCaused(&x):
			s.selfCaused++
		default:
			s.list = append(s.list, x)
		}
	}
	slices.SortStableFunc(s.list, func(a, b example) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.position, b.position)) })
	fail := func(what string, args ...any) error {
		return ledger.Errorf(ledger.CodeInvalid, "train", "wait for more journeys to come to their end, or choose another --target or a smaller --holdout",
			"%d handoff moments, %d of them with a known label: %s", len(p.examples), len(s.list), fmt.Sprintf(what, args...))
	}
	if len(s.list) < fewestTrain+fewestHeld {
		return nil, fail("at least %d are needed", fewestTrain+fewestHeld)
	}
	s.cut = s.list[int(float64(len(s.list))*(1-o.Holdout))].at
	s.name(p.target)
	seen := make([]int, len(s.classes))
	for i, x := range s.list {
		switch {
		case !x.at.Before(s.cut):
			s.held = append(s.held, i)
		case !x.known.After(s.cut):
			s.train = append(s.train, i)
			seen[x.label]++
		}
	}
	if len(s.train) < fewestTrain || len(s.held) < fewestHeld {
		return nil, fail("%d were known when the last %d begin, %d are needed", len(s.train), len(s.held), fewestTrain)
	}
	if most := slices.Max(seen); len(s.train)-most < 10 || slices.Min(seen) < 10 && len(seen) == 2 && p.target.Kind != NextActivity {
		return nil, fail("%d of the training examples have one outcome and %d the other, 10 of each are needed: there is nothing to tell apart", most, len(s.train)-most)
	}
	if list := p.survey.Unknown(o.Fields); len(list) > 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "train", "name fields of the context as `baton journey` shows them, or leave --fields out", "no journey has the field %.100q", list[0])
	}
	s.spec = p.survey.Spec(s.cut, o.Fields)
	return s, nil
}

// rows reads the journeys again and takes the rows.
func (s *set) rows(ctx context.Context, r ledger.Reader, say func(done, total uint64)) error {
	at, end := make(map[uint64]int, len(s.list)), uint64(0)
	for i, x := range s.list {
		at[x.position] = i
		end = max(end, x.position)
	}
	rows := make([][]table.Value, len(s.list))
	builders := map[string]*features.Builder{}
	for e, err := range r.Read(ctx, ledger.ReadOptions{To: end}) {
		if err != nil {
			return err
		}
		if !features.Counts(&e) {
			continue
		}
		_, id := ledger.SplitStream(e.Stream)
		b := builders[id]
		if b == nil {
			b = s.spec.New()
			builders[id] = b
		}
		b.Add(&e)
		if i, ok := at[e.Position]; ok {
			rows[i] = b.Row(nil)
		}
		if e.Position%4096 == 0 {
			say(e.Position, end)
		}
	}
	s.frame, s.labels = table.New(s.spec.Columns()...), table.Labels{Classes: len(s.classes)}
	for i, x := range s.list {
		if rows[i] == nil {
			return ledger.Errorf(ledger.CodeUnavailable, "train", "run it again", "the event at position %d was there and is not read again", x.position)
		}
		s.frame.Append(rows[i])
		s.labels.Of, s.labels.Group = append(s.labels.Of, x.label), append(s.labels.Group, x.journey)
	}
	return nil
}

// learn races the learners on the training rows, makes the model of the chosen one and judges it by those held out.
func (s *set) learn(ctx context.Context, o Options, out *Result) error {
	begin := time.Now()
	folds, how := s.folds(o.Seed)
	d := race.Data{Frame: s.frame, Rows: s.train, Labels: s.labels, Classes: s.classes, Folds: folds}
	ro := race.Options{Learners: o.Learners, Features: table.Defaults(), Seed: o.Seed}
	ro.Features.Seed, ro.Features.MinGroups = o.Seed, 2
	result, err := race.Run(ctx, d, ro)
	if err != nil {
		return err
	}
	if out.Model, err = result.Train(ctx, d, ro, result.Chosen); err != nil {
		return err
	}
	out.RaceSeconds = time.Since(begin).Seconds()
	s.judge(out, o.Seed)
	c := &out.Model.Card
	c.Name, c.Target = o.Name, o.Target
	c.From, c.To = stamp(out.From), stamp(s.cut)
	c.Reads = &model.Reads{Features: features.Version, Moments: o.Moments, Asked: s.spec.Asked}
	c.Validation = fmt.Sprintf("%s, %s; then %d later examples from %s on: %s, log loss %.4f, expected calibration error %.4f", how, c.Validation,
		out.Figures.Rows, c.To, out.Figures.first(), out.Figures.LogLoss, out.Figures.ECE)
	c.Limits, c.References = s.limits(), s.references(out)
	out.File, err = out.Model.Bytes()
	return err
}

func (s *set) limits() []string {
	list := []string{"it was trained at the moments named in reads and says nothing of others",
		"it is calibrated for the time of its training: where the world drifts, so do its probabilities"}
	if s.selfCaused > 0 {
		list = append(list, fmt.Sprintf("%d moments whose suggestion was followed before their label was known are left out", s.selfCaused))
	}
	if s.target.Kind != "handover-within" {
		list = append(list, "journeys that had not come to their end by the cut are left out; slow ones are too rare in training")
	}
	return list
}

// folds are parts that lie later than what is trained on. Where labels come so late that next to nothing would be left to train on, whole journeys are
// held back.
func (s *set) folds(seed uint64) ([]race.Fold, string) {
	at, known := make([]float64, len(s.train)), make([]float64, len(s.train))
	for i, row := range s.train {
		at[i], known[i] = float64(s.list[row].at.UnixNano())/1e9, float64(s.list[row].known.UnixNano())/1e9
	}
	folds := race.Forward(at, known, 0.5, 3)
	usable := len(folds) == 3
	for _, f := range folds {
		of := make([]int, len(s.classes))
		for _, i := range f.Train {
			of[s.labels.Of[s.train[i]]]++
		}
		usable = usable && len(f.Train) >= len(s.train)/5 && len(f.Train)-slices.Max(of) >= 10
	}
	if usable {
		return folds, "folds in time"
	}
	return s.byJourney(seed), "folds of whole journeys, as labels come too late for folds in time"
}

func (s *set) byJourney(seed uint64) []race.Fold {
	const parts = 5
	place, y := map[int32]int{}, []int32{}
	for _, row := range s.train {
		g := s.labels.Group[row]
		if _, ok := place[g]; !ok {
			place[g] = len(y)
			y = append(y, 0)
		}
		y[place[g]] = max(y[place[g]], s.labels.Of[row])
	}
	part := make([]int, len(y))
	for f, fold := range race.Shuffled(y, parts, seed) {
		for _, j := range fold.Test {
			part[j] = f
		}
	}
	out := make([]race.Fold, parts)
	for i, row := range s.train {
		for f := range out {
			if part[place[s.labels.Group[row]]] == f {
				out[f].Test = append(out[f].Test, i)
			} else {
				out[f].Train = append(out[f].Train, i)
			}
		}
	}
	return out
}

// judge scores the examples that were held out.
func (s *set) judge(out *Result, seed uint64) {
	m := out.Model
	x, row := make([]float64, m.Features.Width()), make([]table.Value, len(s.frame.Columns))
	rates := make([]float64, len(s.classes))
	for _, i := range s.train {
		rates[s.labels.Of[i]] += 1 / float64(len(s.train))
	}
	usual := int32(1) // what base_rate is of
	if s.target.Kind == NextActivity {
		usual = int32(measure.Top(rates))
	}
	list, going := make([]measure.Prediction, len(s.held)), []measure.Prediction{}
	f := &out.Figures
	for k, i := range s.held {
		s.frame.Read(i, row)
		m.Features.Encode(x, row)
		p := make([]float64, len(s.classes))
		m.Score(p, x)
		y, said := s.labels.Of[i], p[1]
		if s.target.Kind == NextActivity {
			said = p[y]
		}
		list[k] = measure.Prediction{P: p, Y: y, Case: s.labels.Group[i]}
		if s.classes[y] != End {
			going = append(going, list[k])
		}
		out.Held = append(out.Held, Said{s.list[i].position, said, y})
		if y == usual {
			f.BaseRate += 1 / float64(len(s.held))
		}
		f.BaseLoss += measure.Loss(rates, y) / float64(len(s.held))
	}
	got, se := measure.Of(list), measure.Bootstrap(list, seed)
	f.Rows, f.LogLoss, f.LogLossSE, f.Brier, f.ECE = got.Rows, got.LogLoss, finite(se.LogLoss), got.Brier, got.ECE
	f.AUC, f.AUCSE = finite(got.AUC), finite(se.AUC)
	if s.target.Kind == NextActivity {
		f.Accuracy, f.AccuracyWithoutEnd = got.Accuracy, finite(measure.Of(going).Accuracy)
	}
}

func finite(v float64) float64 {
	if v != v {
		return 0
	}
	return v
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
