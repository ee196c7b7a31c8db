package trust

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/table"
	"github.com/baton-ledger/baton/predict/train"
)

// SuggestionSource is the source of the events that record what a model says.
const SuggestionSource = ledger.SuggestionSource

// Moment is a handoff moment as a model sees it: scored as it stood, with what came of it where that is known.
type Moment struct {
	Position uint64
	Journey  string
	Handoff  string
	Point    string
	At       time.Time
	P        float64 // of label 1
	Known    bool
	Label    int32
	Row      []table.Value

	// Of a model with more than two classes: what it says, P is its probability and Label whether that came; what came, and the probability that was given to it.
	Says, Came string
	PCame      float64

	decision *policy.Decision // of a model of actions
}

// outcome is what came, and the probability that was given to it.
func (m *Moment) outcome() (class string, p float64) {
	switch {
	case m.Says != "":
		return m.Came, m.PCame
	case m.Label == 1:
		return "1", m.P
	}
	return "0", 1 - m.P
}

// Range says which moments. Zero members take in all.
type Range struct {
	Since    time.Time // they are asked from then on
	From, To uint64    // positions; labels count that were known at To
}

// OutOfSample are the moments that a model was not trained on, as known at a position: those from its training's cut on.
func OutOfSample(m registry.Registered, to uint64) Range { return Range{Since: m.Data.Cut, To: to} }

// Judge scores the moments of a range, oldest position first. It reads the ledger twice, once with data, whether or not the model was asked at the time. Of a model of actions
// moments are the logged decisions; see decisions. Of another program's they are those that it was asked at, with what it answered. The error is CodeUnsupported where
// the ledger does not tell what a target of a name of its own came to.
func Judge(ctx context.Context, r ledger.Reader, m *registry.Loaded, in Range) (list []Moment, err error) {
	if in.To == 0 {
		head, err := r.Head(ctx)
		if err != nil {
			return nil, err
		}
		in.To = head.Position
	}
	if m.Actor != nil {
		return decisions(ctx, r, m, in)
	}
	if _, err := train.ParseTarget(m.Target); err != nil && m.Kind == registry.KindExternal {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "judge", "declare handover-within:24h, outcome:X or churn to have it judged", "not measured: the ledger does not tell what came of target %.80q of model %s", m.Target, m.Name)
	}
	labels, err := train.Labels(ctx, r, m.Target, m.Moments, in.To)
	if err != nil {
		return nil, err
	}
	at := make(map[uint64]train.Label, len(labels))
	for _, l := range labels {
		if l.Position >= in.From && !l.At.Before(in.Since) {
			at[l.Position] = l
		}
	}
	builders := map[string]*features.Builder{}
	score := scoring(m)
	for e, err := range r.Read(ctx, ledger.ReadOptions{To: in.To}) {
		if err != nil {
			return nil, err
		}
		if !features.Counts(&e) {
			continue
		}
		_, id := ledger.SplitStream(e.Stream)
		b := builders[id]
		if b == nil {
			b = m.Spec.New()
			builders[strings.Clone(id)] = b
		}
		b.Add(&e)
		l, ok := at[e.Position]
		if !ok {
			continue
		}
		one := Moment{Position: e.Position, Journey: strings.Clone(id), At: l.At, Known: !l.Known.IsZero(), Label: l.Of, Row: b.Row(nil)}
		one.Handoff, one.Point = features.PointOf(b.Journey(), &e)
		score(&one, l)
		list = append(list, one)
	}
	if m.Kind == registry.KindExternal {
		return answers(ctx, r, m.Hash, list, in.To)
	}
	return list, nil
}

// scoring is what fills in what a model says of a moment. Another program's answers are filled in later.
func scoring(m *registry.Loaded) func(*Moment, train.Label) {
	if m.Kind == registry.KindExternal {
		return func(*Moment, train.Label) {}
	}
	x, p := make([]float64, m.Model.Features.Width()), make([]float64, len(m.Model.Classes))
	return func(one *Moment, l train.Label) {
		m.Model.Features.Encode(x, one.Row)
		if m.Model.Score(p, x); m.Target != train.NextActivity {
			one.P = p[1]
			return
		}
		top := measure.Top(p)
		one.Says, one.P, one.Label = m.Model.Classes[top], p[top], 0
		if !one.Known {
			return
		}
		came := slices.Index(m.Model.Classes, l.Next)
		if came < 0 {
			came = slices.Index(m.Model.Classes, train.Other)
		}
		if one.Came = train.Other; came >= 0 {
			one.Came, one.PCame = m.Model.Classes[came], p[came]
		}
		if came == top {
			one.Label = 1
		}
	}
}

// Select keeps the moments of a point, all for "*", whose label is known, and whose position lies behind a place.
func Select(list []Moment, point string, after uint64) (out []Moment) {
	for _, m := range list {
		if m.Known && m.Position > after && (point == Everywhere || m.Point == point) {
			out = append(out, m)
		}
	}
	return out
}
