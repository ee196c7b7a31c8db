package trust

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/table"
	"github.com/baton-ledger/baton/predict/train"
)

// SuggestionSource is the source of the events that record what a model says.
const SuggestionSource = "baton/overlay"

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
}

// Range says which moments. Zero members take in all.
type Range struct {
	Since    time.Time // they are asked from then on
	From, To uint64    // positions; labels count that were known at To
}

// OutOfSample are the moments that a model was not trained on, as known at a position: those from its training's cut on.
func OutOfSample(m registry.Registered, to uint64) Range { return Range{Since: m.Data.Cut, To: to} }

// Judge scores the moments of a range, oldest position first. It reads the ledger twice, whether or not the model was asked at the time.
func Judge(ctx context.Context, r ledger.Reader, m *registry.Loaded, in Range) (list []Moment, err error) {
	if in.To == 0 {
		head, err := r.Head(ctx)
		if err != nil {
			return nil, err
		}
		in.To = head.Position
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
	x, p := make([]float64, m.Model.Features.Width()), make([]float64, 2)
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
		one.Handoff, one.Point = PointOf(b.Journey(), &e)
		m.Model.Features.Encode(x, one.Row)
		m.Model.Score(p, x)
		one.P = p[1]
		list = append(list, one)
	}
	return list, nil
}

// PointOf names the handoff that a moment is about, and its point.
func PointOf(j *ledger.Journey, last *ledger.Recorded) (handoff, point string) {
	switch features.Moment(last) {
	case "offered":
		handoff = last.ID
	case "accepted":
		handoff = last.Facets.Handoff
	}
	if i := j.Find(handoff); i >= 0 {
		point = j.Handoffs[i].Point()
	}
	return handoff, point
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

// arm is what became of the suggestion of a moment: shown, or held out.
type arm struct {
	Position uint64 `json:"position"`
	Policy   Level  `json:"policy"`
	HoldOut  bool   `json:"hold_out"`
	Model    Model  `json:"model"`
}

// arms reads, by the position of the moment, the suggestions of a model on a level that is shown, in the journeys of the moments.
func arms(ctx context.Context, r ledger.Reader, hash string, list []Moment, to uint64) (map[uint64]arm, error) {
	var journeys []string
	for _, m := range list {
		journeys = append(journeys, m.Journey)
	}
	slices.Sort(journeys)
	out := map[uint64]arm{}
	for _, journey := range slices.Compact(journeys) {
		for e, err := range r.ReadStream(ctx, ledger.OverlayStream(journey), ledger.ReadOptions{}) {
			if err != nil {
				return nil, err
			}
			if to > 0 && e.Position > to {
				break
			}
			var a arm
			if e.Source == SuggestionSource && e.Type == ledger.Type("suggestion", "offered") && json.Unmarshal(e.Data, &a) == nil && a.Model.Hash == hash && a.Policy.Shown() {
				out[a.Position] = a
			}
		}
	}
	return out, nil
}
