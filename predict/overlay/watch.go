package overlay

import (
	"context"
	"encoding/json"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/predict/trust"
)

// watch looks after the versions that are shown, when as many moments have come as the monitor waits for. Only the last look that is due is taken: what an older one would
// have found, it finds too, or it has passed. A look is a function of the ledger up to its position, and its step hangs on the revision of the model's
// stream: two nodes write one.
func (f *Overlay) watch(ctx context.Context) error {
	to := f.due
	if f.due = 0; to == 0 {
		return nil
	}
	for _, v := range f.ladder.Speakers(0) {
		m := f.models[v.Hash]
		if f.outside[v.Hash] != nil {
			if _, err := train.ParseTarget(v.Target); err != nil {
				continue // nobody can tell what came of a target of its own name
			}
			m, _ = trust.Open("", v) // it has no file
		}
		points := f.shown(v.Hash)
		if m == nil || len(points) == 0 {
			continue
		}
		list, err := trust.Judge(ctx, f.o.Store, m, trust.OutOfSample(v, to))
		if err != nil {
			return err
		}
		for _, point := range points {
			level, since := f.ladder.Level(v.Hash, point, 0)
			if w := f.o.Monitor.Watch(m, list, point, since, to); w.Breach() {
				f.demote(ctx, v.Hash, trust.Step{Model: trust.ModelOf(v), Point: point, From: level, To: level.Below(), Why: w.Why, Actor: Source}, w)
			}
		}
	}
	return nil
}

// shown are the points at which a version is shown by a level of its own.
func (f *Overlay) shown(hash string) (points []string) {
	for _, point := range f.ladder.Points(hash) {
		if level, _ := f.ladder.Level(hash, point, 0); level.Shown() {
			points = append(points, point)
		}
	}
	return points
}

// demote writes a step down. Where somebody else has written in between, the next look decides anew.
func (f *Overlay) demote(ctx context.Context, hash string, s trust.Step, w trust.Watched) {
	evidence, err := json.Marshal(w)
	if err != nil {
		f.complain("watching", "what was found cannot be written", err)
		return
	}
	s.Evidence = evidence
	before := f.ladder.Revision
	_, err = trust.Write(ctx, f.o.Append, f.ladder, s)
	switch ledger.CodeOf(err) {
	case "":
		f.o.Logger.Warn("a model is lowered", "model", s.Model.Name, "version", s.Model.Version, "point", s.Point, "from", s.From, "to", s.To, "why", s.Why)
	case ledger.CodeStaleRevision, ledger.CodeIDConflict:
	default:
		f.complain("watching", "a model is to be lowered, and that cannot be recorded", err, "point", s.Point, "why", s.Why)
	}
	if err := f.find(ctx); err != nil {
		f.complain("watching", "the ladder cannot be read", err)
	}
	if level, _ := f.ladder.Level(hash, s.Point, 0); err == nil && f.ladder.Revision > before && level == s.To && f.o.Demoted != nil {
		f.o.Demoted(s)
	}
}
