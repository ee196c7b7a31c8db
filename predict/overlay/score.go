// Package overlay says what a model thinks of a journey, and writes it down as a suggestion that can be made again from the ledger.
//
// # What is written
//
// suggestion.offered goes to overlay-<journey>, with the id suggestion/<first 16 digits of the model's hash>/<position of the handoff event>. Everything in it is a
// function of the journey and of the model's ladder up to that event, and of the model's file: the row of features and its digest, the probability, the reasons, the policy. Two nodes that write it
// write the same event. Its time is the later of the handoff event's occurred and recorded time; expires_at lies the time to live after that.
//
// # Reproducing
//
// [Reproduce] reads the suggestion, the model it names by hash and the journey up to its position, makes the event again and compares all of it, bit for
// bit. The numbers are the same on one processor architecture; another one may fuse a multiplication with an addition.
package overlay

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/table"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/predict/trust"
)

// Reason says why a probability is what it is, in one feature.
type Reason struct {
	Code     string           `json:"code"`     // the column
	Text     string           `json:"text"`     // its value, in words
	Effect   string           `json:"effect"`   // raises, lowers
	Weight   float64          `json:"weight"`   // contribution, on Scale of the score
	Evidence []features.Place `json:"evidence"` // events it comes from; empty: that there are none
}

// ModelRef names a model as events do.
type ModelRef = trust.Model

// Class is one of more than two, and how probable it is.
type Class struct {
	Activity    string  `json:"activity"`
	Probability float64 `json:"probability"`
}

// Score is what a model says of a journey at a position.
type Score struct {
	Journey     string            `json:"journey"`
	Model       ModelRef          `json:"model"`
	Target      string            `json:"target"`
	Says        string            `json:"says"` // what has the probability
	Probability float64           `json:"probability"`
	Base        float64           `json:"base"`  // of the explanation: base and all weights add up to the raw output
	Scale       string            `json:"scale"` // of base and weights: log-odds, or probability
	Reasons     []Reason          `json:"reasons"`
	Features    features.Snapshot `json:"features"`
	Next        []Class           `json:"next,omitempty"`     // of next-activity: the three most probable, of which the first is what is said
	Choice      *policy.Answer    `json:"choice,omitempty"`   // of a model that chooses actions: all that it says of them
	External    *External         `json:"external,omitempty"` // of a model of another program
	Outside     bool              `json:"outside,omitempty"`  // the last event is no moment of the sort the model was trained at

	last    ledger.Recorded // the last event that counts
	says    string          // of a choice: what a good end is
	handoff string          // that it is about, and its point
	point   string
}

// most is how many reasons are given, and least how large one is at least beside the largest.
const (
	most  = 3
	least = 0.1
)

// Of scores a journey as of a position of the ledger, 0 for its end.
func Of(ctx context.Context, r ledger.Reader, m *registry.Loaded, journey string, position uint64) (*Score, error) {
	return OfScorer(ctx, r, fileScorer{m}, journey, position)
}

// OfScorer is Of for any scorer. What another program does wrong is an error as package external names it.
func OfScorer(ctx context.Context, r ledger.Reader, m Scorer, journey string, position uint64) (*Score, error) {
	b := m.spec().New()
	var last ledger.Recorded
	for e, err := range features.Events(ctx, r, journey, position) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		b.Add(&e)
		if category, _ := ledger.SplitStream(e.Stream); category == ledger.CategoryJourney {
			last = e
		}
	}
	if last.Revision == 0 {
		_, err := m.spec().AsOf(ctx, r, journey, position)
		return nil, cmp.Or(err, error(ledger.Errorf(ledger.CodeUnavailable, "predict", "ask again", "journey %q has only just begun", journey)))
	}
	at := Score{Journey: journey, last: last}
	at.handoff, at.point = features.PointOf(b.Journey(), &last)
	s, err := m.score(ctx, b, &at)
	if err != nil {
		return nil, err
	}
	s.last, s.handoff, s.point = at.last, at.handoff, at.point
	s.Outside = !slices.Contains(m.registered().Moments, features.Moment(&last))
	return s, nil
}

// LastMoment is the position of a journey's last event of the sort that the model was trained at, 0 where it has none.
func LastMoment(ctx context.Context, r ledger.Reader, m *registry.Loaded, journey string) (position uint64, err error) {
	for e, err := range r.ReadStream(ctx, ledger.JourneyStream(journey), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			return 0, err
		}
		if slices.Contains(m.Moments, features.Moment(&e)) {
			position = e.Position
		}
	}
	return position, nil
}

// score asks the model about a builder as it stands.
func score(m *registry.Loaded, journey string, b *features.Builder) *Score {
	if m.Actor != nil {
		return choose(m, journey, b)
	}
	row := b.Row(nil)
	x, p := make([]float64, m.Model.Features.Width()), make([]float64, len(m.Model.Classes))
	m.Model.Features.Encode(x, row)
	m.Model.Score(p, x)
	class, says, next := 1, m.Says, []Class(nil)
	if m.Target == train.NextActivity {
		class = measure.Top(p)
		says, next = "the next activity is "+m.Model.Classes[class], likely(m.Model.Classes, p)
	}
	s := &Score{Journey: journey, Model: trust.ModelOf(m.Registered), Target: m.Target, Says: says, Next: next, Probability: p[class],
		Scale: string(m.Model.Function.Scale), Features: b.Snapshot(row)}
	members, columns := make([]float64, len(x)), make([]float64, len(row))
	s.Base = m.Model.Explain(members, x, class)
	m.Model.Features.ByColumn(columns, members)
	s.Reasons = reasons(m.Spec, b, row, columns)
	return s
}

// likely are the three most probable classes, equals in the model's order.
func likely(classes []string, p []float64) []Class {
	list := make([]Class, len(p))
	for i := range p {
		list[i] = Class{classes[i], p[i]}
	}
	slices.SortStableFunc(list, func(a, b Class) int { return cmp.Compare(b.Probability, a.Probability) })
	return list[:min(most, len(list))]
}

// reasons are the largest contributions, largest first, equals in the order of the columns.
func reasons(spec *features.Spec, b *features.Builder, row []table.Value, weights []float64) []Reason {
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(math.Abs(weights[j]), math.Abs(weights[i])) })
	columns, list := spec.Columns(), []Reason{}
	for _, i := range order[:min(most, len(order))] {
		if weights[i] == 0 || math.Abs(weights[i]) < least*math.Abs(weights[order[0]]) {
			break
		}
		reason := Reason{Code: columns[i].Name, Text: spec.Words(i, row[i]), Effect: "raises", Weight: weights[i], Evidence: b.Evidence(i)}
		if weights[i] < 0 {
			reason.Effect = "lowers"
		}
		if reason.Evidence == nil {
			reason.Evidence = []features.Place{}
		}
		list = append(list, reason)
	}
	return list
}

// Sentence is a reason for people.
func (r Reason) Sentence() string { return fmt.Sprintf("%s: %s it", r.Text, r.Effect) }
