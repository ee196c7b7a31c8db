package overlay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// find reads the ladder, and the files of those versions that may be asked.
func (f *Overlay) find(ctx context.Context) error {
	ladder, err := trust.Read(ctx, f.o.Store, f.o.Model)
	if err != nil {
		return err
	}
	f.ladder = ladder
	f.load(ctx)
	return nil
}

// load reads the files that are not there yet. Only those of versions that may be asked from now on are missed: the others have at most old moments left.
func (f *Overlay) load(ctx context.Context) {
	f.tried = time.Now()
	speakers := f.ladder.Speakers(0)
	if len(speakers) == 0 {
		_, err := registry.Find(ctx, f.o.Store, f.o.Model, "")
		f.cannot(err)
		return
	}
	var problem error
	for _, m := range f.ladder.Versions {
		speaks := slices.ContainsFunc(speakers, func(s registry.Registered) bool { return s.Hash == m.Hash })
		if m.Kind == registry.KindExternal {
			s, err := ScorerOf("", m, f.o.Ask)
			if err == nil {
				f.outside[m.Hash], err = s, f.silent[m.Hash]
			}
			if err != nil && speaks {
				problem = cmp.Or(problem, err)
			}
			continue
		}
		loaded, err := f.models[m.Hash], error(nil)
		if loaded == nil {
			loaded, err = registry.Load(f.o.Models, m)
		}
		if err != nil && speaks {
			problem = cmp.Or(problem, err)
		}
		if err != nil || f.models[m.Hash] != nil {
			continue
		}
		f.models[m.Hash] = loaded
		f.o.Logger.Info("a model can be asked", "model", m.Name, "version", m.Version, "hash", m.Hash, "target", m.Target)
	}
	if problem != nil {
		f.cannot(problem)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Model, f.status.Scoring, f.status.Problem = trust.ModelOf(speakers[0]), true, ""
	f.status.Levels, f.status.Lowered = f.levels(), f.lowered()
}

// levels counts the points on each level.
func (f *Overlay) levels() map[string]int {
	counts := map[string]int{}
	for _, l := range trust.Levels {
		counts[string(l)] = 0
	}
	for _, m := range f.ladder.Versions {
		for _, point := range f.ladder.Points(m.Hash) {
			level, _ := f.ladder.Level(m.Hash, point, 0)
			counts[string(level)]++
		}
	}
	return counts
}

// lowered tells of the newest step that the monitor took with the newest version and nobody has followed up there.
func (f *Overlay) lowered() string {
	if len(f.ladder.Versions) == 0 {
		return ""
	}
	newest := f.ladder.Versions[len(f.ladder.Versions)-1]
	last := map[string]trust.Step{}
	for _, s := range f.ladder.Steps {
		if s.Model.Hash == newest.Hash {
			last[s.Point] = s
		}
	}
	found := trust.Step{}
	for _, s := range last {
		if s.Actor == Source && s.Position > found.Position {
			found = s
		}
	}
	if found.Position == 0 {
		return ""
	}
	return fmt.Sprintf("model %s, version %d was lowered from %s to %s at %s: %s", found.Model.Name, found.Model.Version, found.From, found.To, found.Point, found.Why)
}

// cannot notes why a version is not asked; others go on.
func (f *Overlay) cannot(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.Problem != err.Error() {
		f.o.Logger.Warn("no suggestions are made", "model", f.o.Model, "error", err, "hint", ledger.HintOf(err))
	}
	f.status.Scoring, f.status.Problem = false, err.Error()
	f.status.Levels, f.status.Lowered = f.levels(), f.lowered()
	if n := len(f.ladder.Versions); n > 0 {
		f.status.Model = trust.ModelOf(f.ladder.Versions[n-1])
	}
}

// scorer is what a version is asked by, nil where it cannot be.
func (f *Overlay) scorer(hash string) Scorer {
	if m := f.models[hash]; m != nil {
		return fileScorer{m}
	}
	return f.outside[hash]
}

// answered notes whether another program answered, so that the status names one that does not.
func (f *Overlay) answered(ctx context.Context, hash string, err error) {
	before := f.silent[hash]
	if f.outside[hash] == nil || err == nil && before == nil || err != nil && before != nil && err.Error() == before.Error() {
		return
	}
	if err == nil {
		delete(f.silent, hash)
	} else {
		f.silent[hash] = err
	}
	f.load(ctx)
}
