package trust

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/table"
	"github.com/baton-ledger/baton/predict/train"
)

// Settings are what a gate asks for.
type Settings struct {
	Outcomes int      `json:"outcomes"` // at least, and in each arm of the hold-out
	ECE      float64  `json:"ece"`      // at most, its upper bound
	Segments []string `json:"segments"` // features whose values divide the moments
}

// segmentRows is the least outcomes of a segment that is judged, in each arm where arms are.
const segmentRows = 30

// Criterion is one of the things asked for.
type Criterion struct {
	Name     string `json:"name"`
	Measured string `json:"measured"`
	Needed   string `json:"needed"`
	Met      bool   `json:"met"`
}

// Segment is a part of the moments, by the value of a feature.
type Segment struct {
	Feature  string  `json:"feature"`
	Value    string  `json:"value"`
	Outcomes int     `json:"outcomes"`
	Worse    float64 `json:"worse"`     // log loss less that of the rate of all
	Low      float64 `json:"worse_low"` // bound that is above 0 where it is harmed, corrected for the number of segments
	Harmed   bool    `json:"harmed"`
	Uplift   *Uplift `json:"uplift,omitempty"` // interval corrected likewise
}

// Gate is the answer to whether a version may go up at a point: a function of the ledger up to a position.
type Gate struct {
	Model    Model       `json:"model"`
	Target   string      `json:"target"`
	Point    string      `json:"point"`
	From     Level       `json:"from"`
	To       Level       `json:"to"`
	ReadTo   uint64      `json:"read_to"` // position
	Settings Settings    `json:"settings"`
	Met      bool        `json:"met"`
	Criteria []Criterion `json:"criteria"`
	Figures  Figures     `json:"figures"`
	Segments []Segment   `json:"segments"`
	Uplift   *Uplift     `json:"uplift,omitempty"`

	Policy *policy.Table `json:"policy,omitempty"` // of a model of actions: intent to treat
}

// Evaluate asks whether a version may go to a level at a point. Moments are those of [Judge] with [OutOfSample] to the position to.
func Evaluate(ctx context.Context, r ledger.Reader, l *Ladder, m *registry.Loaded, list []Moment, point string, goal Level, to uint64, s Settings) (*Gate, error) {
	from, since := l.Level(m.Hash, point, 0)
	g := &Gate{Model: ModelOf(m.Registered), Target: m.Target, Point: point, From: from, To: goal, ReadTo: to, Settings: s, Segments: []Segment{}}
	known := Select(list, point, 0)
	g.Figures = figures(known, Seed(m.Hash))
	g.calibrated()
	if m.Actor != nil {
		if err := g.judgeActions(ctx, m, known); err != nil {
			return nil, err
		}
	} else {
		g.beatsRate()
		g.judgeSegments(known, segments(m, known, s.Segments))
	}
	switch {
	case goal == Default && m.Target == train.NextActivity:
		g.add(false, "uplift", "not measured: no next activity is good or bad", "a target of which it can be told; next-activity stays advisory")
	case goal == Default:
		shown := Select(list, point, since) // since it is advisory here: before, nothing was shown
		if m.Actor != nil {                 // a handoff at which another model chose too counts once
			shown = slices.CompactFunc(shown, func(a, b Moment) bool { return a.Position == b.Position })
		}
		of, err := arms(ctx, r, m.Hash, shown, to)
		if err != nil {
			return nil, err
		}
		g.judgeUplift(shown, segments(m, shown, s.Segments), of)
	}
	g.Met = !slices.ContainsFunc(g.Criteria, func(c Criterion) bool { return !c.Met })
	return g, nil
}

// Seed makes the draws of a model's intervals the same each time.
func Seed(hash string) uint64 {
	b, err := hex.DecodeString(fmt.Sprintf("%.16s", hash))
	if err != nil || len(b) < 8 {
		return 1
	}
	return binary.BigEndian.Uint64(b)
}

func (g *Gate) add(met bool, name, measured, needed string) {
	g.Criteria = append(g.Criteria, Criterion{name, measured, needed, met})
}

func (g *Gate) calibrated() {
	f, s := g.Figures, g.Settings
	g.add(f.Outcomes >= s.Outcomes, "outcomes", fmt.Sprintf("%d of %d journeys", f.Outcomes, f.Journeys), fmt.Sprintf("at least %d", s.Outcomes))
	g.add(f.Outcomes > 0 && f.ECEUpper <= s.ECE, "calibration error", fmt.Sprintf("%.4f, up to %.4f", f.ECE, f.ECEUpper), fmt.Sprintf("up to %g at most", s.ECE))
}

// beatsRate asks for more than the rate of labels, or of classes, says.
func (g *Gate) beatsRate() {
	f := g.Figures
	g.add(f.Journeys > 1 && f.WorseUp < 0, "log loss against the rate", fmt.Sprintf("%.4f against %.4f: %+.4f (%+.4f to %+.4f)", f.LogLoss, f.BaseLoss, f.Worse, f.WorseLow, f.WorseUp),
		"below 0, the whole interval")
}

// part is a segment's moments.
type part struct {
	feature, value string
	list           []Moment
}

// segments divides the moments by each of the features, largest numbers of rows not first but by name: the order is the same each time.
func segments(m *registry.Loaded, list []Moment, features []string) (out []part) {
	columns := m.Spec.Columns()
	for _, name := range features {
		i := slices.IndexFunc(columns, func(c table.Column) bool { return c.Name == name && c.Kind == table.Category })
		if i < 0 {
			continue
		}
		by := map[string][]Moment{}
		for _, one := range list {
			by[one.Row[i].Text] = append(by[one.Row[i].Text], one)
		}
		for _, value := range slices.Sorted(maps.Keys(by)) {
			if len(by[value]) >= segmentRows && len(by[value]) < len(list) {
				out = append(out, part{name, value, by[value]})
			}
		}
	}
	return out
}

// judgeSegments looks for parts in which the model is worse than the rate of all moments, 5 % in one direction divided by the number of segments (Bonferroni).
func (g *Gate) judgeSegments(all []Moment, parts []part) {
	z := quantile(1 - 0.05/float64(max(len(parts), 1)))
	base := rates(all)
	var harmed []string
	for _, p := range parts {
		f := figuresBeside(p.list, base)
		one := Segment{Feature: p.feature, Value: p.value, Outcomes: len(p.list), Worse: f.mean, Low: f.mean - z*f.se}
		if one.Harmed = one.Low > 0; one.Harmed {
			harmed = append(harmed, fmt.Sprintf("%s %q", p.feature, p.value))
		}
		g.Segments = append(g.Segments, one)
	}
	measured := fmt.Sprintf("none of %d segments", len(parts))
	if len(harmed) > 0 {
		measured = fmt.Sprintf("%d of %d: %s", len(harmed), len(parts), strings.Join(harmed, ", "))
	}
	g.add(len(harmed) == 0 && len(all) > 0, "segments worse than the rate", measured, "none")
}

// judgeUplift compares the arms of the hold-out, as a whole and in each segment.
func (g *Gate) judgeUplift(list []Moment, parts []part, of map[uint64]arm) {
	u := uplift(list, of, g.Target)
	g.Uplift = &u
	n := g.Settings.Outcomes
	g.add(u.Shown >= n && u.Held >= n, "outcomes with it shown, held out", fmt.Sprintf("%d, %d", u.Shown, u.Held), fmt.Sprintf("at least %d each", n))
	g.add(u.Shown >= n && u.Held >= n && u.Low > 0, "uplift", fmt.Sprintf("%+.4f (%+.4f to %+.4f)", u.Uplift, u.Low, u.High), "above 0, the whole interval")
	tried, harmed := 0, []string{}
	found := make([]*Uplift, len(parts))
	for i, p := range parts {
		if one := uplift(p.list, of, g.Target); min(one.Shown, one.Held) >= segmentRows {
			found[i] = &one
			tried++
		}
	}
	z := quantile(1 - 0.025/float64(max(tried, 1)))
	for i, p := range parts {
		one := found[i]
		if one == nil {
			continue
		}
		one.Low, one.High = one.Uplift-z*one.se, one.Uplift+z*one.se
		if one.High < 0 {
			harmed = append(harmed, fmt.Sprintf("%s %q", p.feature, p.value))
		}
		at := slices.IndexFunc(g.Segments, func(s Segment) bool { return s.Feature == p.feature && s.Value == p.value })
		if at < 0 {
			g.Segments, at = append(g.Segments, Segment{Feature: p.feature, Value: p.value, Outcomes: len(p.list)}), len(g.Segments)
		}
		g.Segments[at].Uplift = one
		g.Segments[at].Harmed = g.Segments[at].Harmed || one.High < 0
	}
	measured := fmt.Sprintf("none of %d segments", tried)
	if len(harmed) > 0 {
		measured = fmt.Sprintf("%d of %d: %s", len(harmed), tried, strings.Join(harmed, ", "))
	}
	g.add(len(harmed) == 0, "segments with less good outcomes", measured, "none")
}
