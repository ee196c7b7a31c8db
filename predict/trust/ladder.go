// Package trust says how far a model is believed at a point, and what it has to show for it.
//
// # The ladder
//
// A version of a model is at each point on one of four levels:
//
//	off       it is not asked
//	shadow    what it says is recorded and shown to nobody
//	advisory  it is shown
//	default   it is shown, and its action is chosen beforehand
//
// A newly registered version is in shadow at every point; it inherits nothing. Its predecessor goes on suggesting wherever it is advisory or default, until the
// new one is promoted there. The level is a fold of the events model.shadowed, model.promoted, model.demoted and model.retired in the
// stream model-<name>, which hold the evidence that they were decided by.
//
// The point "*" stands for all points that have no level of their own. A step down at "*" also lowers points that were higher.
//
// # What is measured
//
// [Judge] reads the ledger up to a position and scores the moments that the model was not trained on, each as of itself. Gates ([Evaluate]), the
// monitor ([Monitor]) and drift ([Drift]) are functions of that alone: the same position gives the same figures.
package trust

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/registry"
)

// Level is a rung of the ladder.
type Level string

// The levels, lowest first.
const (
	Off      Level = "off"
	Shadow   Level = "shadow"
	Advisory Level = "advisory"
	Default  Level = "default"
)

// Levels lists them, lowest first.
var Levels = []Level{Off, Shadow, Advisory, Default}

// Everywhere is the point that stands for all without a level of their own.
const Everywhere = "*"

// rank is the place of a level, -1 for what is none.
func (l Level) rank() int { return slices.Index(Levels, l) }

// Shown says whether a receiver sees what a model on this level says.
func (l Level) Shown() bool { return l.rank() >= Advisory.rank() }

// Under says whether a level is lower than another.
func (l Level) Under(o Level) bool { return l.rank() < o.rank() }

// Next is the level above, and Below the one under it; both stay at their end.
func (l Level) Next() Level  { return Levels[min(l.rank()+1, len(Levels)-1)] }
func (l Level) Below() Level { return Levels[max(l.rank()-1, 0)] }

// ParseLevel reads a level. The error is CodeInvalid.
func ParseLevel(text string) (Level, error) {
	if l := Level(text); l.rank() >= 0 {
		return l, nil
	}
	return "", ledger.Errorf(ledger.CodeInvalid, "level", "say off, shadow, advisory or default", "there is no level %q", text)
}

// Model names a version of a model as events do.
type Model struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

// ModelOf names a registered one.
func ModelOf(m registry.Registered) Model { return Model{m.Name, m.Version, m.Hash} }

// Step is the data of a change of level.
type Step struct {
	Model    Model           `json:"model"`
	Point    string          `json:"point"` // sender>receiver@channel, or *
	From     Level           `json:"from"`
	To       Level           `json:"to"`
	Why      string          `json:"why"`
	Evidence json.RawMessage `json:"evidence,omitempty"` // the figures that decided, and the position they were read up to
	Actor    string          `json:"actor"`

	Position uint64    `json:"position,omitempty"` // of the event; not in its data
	Revision uint64    `json:"revision,omitempty"`
	At       time.Time `json:"at,omitzero"`
}

// Ladder is the levels of all versions of a name.
type Ladder struct {
	Name     string
	Versions []registry.Registered // oldest first
	Steps    []Step                // oldest first
	Revision uint64                // of the stream, as far as it was read
}

// Read folds the stream of a model.
func Read(ctx context.Context, r ledger.Reader, name string) (*Ladder, error) {
	l := &Ladder{Name: name}
	for e, err := range r.ReadStream(ctx, registry.Prefix+name, ledger.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		l.Add(&e)
	}
	return l, nil
}

// Add takes the next event of the stream. What others wrote into it changes nothing.
func (l *Ladder) Add(e *ledger.Recorded) {
	l.Revision = e.Revision
	if m, ok := registry.Parse(e); ok {
		l.Versions = append(l.Versions, m)
		return
	}
	var s Step
	family, verb := ledger.SplitType(e.Type)
	if e.Source != registry.Source || family != "model" || verb == "registered" || json.Unmarshal(e.Data, &s) != nil || s.To.rank() < 0 || s.Model.Name != l.Name {
		return
	}
	s.Position, s.Revision, s.At = e.Position, e.Revision, e.RecordedTime
	l.Steps = append(l.Steps, s)
}

// Level is that of a version at a point, as of a position (0: the end), and the position of the step or registration that led to it.
func (l *Ladder) Level(hash, point string, position uint64) (level Level, since uint64) {
	level = Off
	for _, m := range l.Versions {
		if m.Hash == hash && (position == 0 || m.Position < position) {
			level, since = Shadow, m.Position
		}
	}
	if since == 0 {
		return Off, 0
	}
	own := false
	for _, s := range l.Steps {
		switch {
		case s.Model.Hash != hash || position > 0 && s.Position >= position:
		case s.Point == point:
			level, since, own = s.To, s.Position, point != Everywhere
		case s.Point == Everywhere && (!own || s.To.rank() < level.rank()):
			level, since = s.To, s.Position
		}
	}
	return level, since
}

// Asked is a version that is asked at a moment, and the level on which.
type Asked struct {
	Model registry.Registered
	Level Level
}

// At says who is asked at a point, as of a position: the newest version that is shown there, and the newest of all where it is in shadow.
func (l *Ladder) At(point string, position uint64) (list []Asked) {
	newest := true
	for _, m := range slices.Backward(l.Versions) {
		if position > 0 && m.Position >= position {
			continue
		}
		level, _ := l.Level(m.Hash, point, position)
		if level.Shown() {
			return append(list, Asked{m, level})
		}
		if newest && level == Shadow {
			list = append(list, Asked{m, level})
		}
		newest = false
	}
	return list
}

// Speakers are the versions that could be asked at some point, as of a position: the newest, and those that were ever promoted before it.
func (l *Ladder) Speakers(position uint64) (list []registry.Registered) {
	newest := true
	for _, m := range slices.Backward(l.Versions) {
		if position > 0 && m.Position >= position {
			continue
		}
		promoted := slices.ContainsFunc(l.Steps, func(s Step) bool {
			return s.Model.Hash == m.Hash && s.To.Shown() && (position == 0 || s.Position < position)
		})
		if newest || promoted {
			list = append(list, m)
		}
		newest = false
	}
	return list
}

// Points are those at which a version has a level of its own, by name, and "*" first.
func (l *Ladder) Points(hash string) []string {
	list := []string{}
	for _, s := range l.Steps {
		if s.Model.Hash == hash && s.Point != Everywhere && !slices.Contains(list, s.Point) {
			list = append(list, s.Point)
		}
	}
	slices.Sort(list)
	return append([]string{Everywhere}, list...)
}
