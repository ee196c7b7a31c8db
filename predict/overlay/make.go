package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/trust"
)

// atOnce is how many suggestions go into one append.
const atOnce = 256

// suggestAll makes the suggestions of all moments that wait.
func (f *Overlay) suggestAll(ctx context.Context) error {
	if len(f.waiting) == 0 {
		return nil
	}
	if f.Status().Problem != "" && time.Since(f.tried) > 5*time.Second {
		f.load(ctx) // a file may have been put back
	}
	list := slices.SortedFunc(maps.Values(f.waiting), func(a, b moment) int { return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.hash, b.hash)) })
	clear(f.waiting)
	var group []ledger.Event
	for _, m := range list {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e, ok := f.make(ctx, m)
		if !ok {
			continue
		}
		if len(group) == atOnce || slices.ContainsFunc(group, func(o ledger.Event) bool { return o.Subject == e.Subject }) {
			f.write(ctx, group)
			group = nil
		}
		group = append(group, e)
	}
	f.write(ctx, group)
	return ctx.Err()
}

// make scores a moment inside the budget, where the version is asked at its point.
func (f *Overlay) make(ctx context.Context, m moment) (e ledger.Event, ok bool) {
	if f.scorer(m.hash) == nil {
		f.count(Failed, 0)
		return e, false
	}
	if time.Now().After(m.until) {
		f.count(Late, 0)
		f.complain(Late, "a suggestion would be over already and is not made", nil, "journey", m.journey, "position", m.position)
		return e, false
	}
	begin := time.Now()
	inner, cancel := context.WithTimeout(ctx, f.o.Budget)
	defer cancel()
	s, err := f.ask(inner, m)
	took := time.Since(begin)
	switch {
	case ctx.Err() != nil:
		return e, false
	case errors.Is(err, context.DeadlineExceeded) || inner.Err() != nil:
		f.answered(ctx, m.hash, ledger.Errorf(ledger.CodeUnavailable, "score", "make the scorer faster, or the budget larger; handoffs go on", "no answer within the budget of %s", f.o.Budget))
		f.count(Late, took)
		f.complain(Late, "scoring took longer than its budget: no suggestion is made", nil, "journey", m.journey, "position", m.position, "budget", f.o.Budget, "took", took)
		return e, false
	case err != nil:
		f.answered(ctx, m.hash, err)
		f.count(Failed, took)
		f.complain(Failed, "a journey cannot be scored", err, "journey", m.journey, "position", m.position)
		return e, false
	case len(f.o.Points) > 0 && !slices.Contains(f.o.Points, s.point):
		return e, false
	}
	f.answered(ctx, m.hash, nil)
	asked := f.ladder.At(s.point, m.position)
	i := slices.IndexFunc(asked, func(a trust.Asked) bool { return a.Model.Hash == m.hash })
	if i < 0 {
		return e, false // another version has its place here
	}
	if e, err = suggest(s, manner{asked[i].Level, f.o.HoldOut, f.o.TTL, f.o.Explore}); err != nil {
		f.count(Failed, took)
		f.complain(Failed, "a suggestion cannot be written", err, "journey", m.journey, "position", m.position)
		return e, false
	}
	f.observe(took)
	return e, true
}

// ask scores, and takes a panic for an answer: the server goes on.
func (f *Overlay) ask(ctx context.Context, m moment) (s *Score, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ledger.Errorf(ledger.CodeInternal, "score", "", "%v", p)
		}
	}()
	return OfScorer(ctx, f.o.Store, f.scorer(m.hash), m.journey, m.position)
}

// write appends suggestions of different journeys, each with the revision that its overlay has now.
func (f *Overlay) write(ctx context.Context, events []ledger.Event) {
	for try := 0; len(events) > 0 && ctx.Err() == nil; try++ {
		batches := make([]ledger.Batch, len(events))
		for i, e := range events {
			stream := ledger.OverlayStream(e.Subject)
			head, err := f.o.Store.StreamHead(ctx, stream)
			if err != nil {
				head.Revision = 0 // then the append says what is wrong
			}
			batches[i] = ledger.Batch{Stream: stream, Expect: ledger.Expect(head.Revision), Events: []ledger.Event{e}}
		}
		var again []ledger.Event
		for i, r := range f.o.Append(ctx, batches) {
			switch code := ledger.CodeOf(r.Err); {
			case code == "":
				f.count(Offered, 0)
			case code == ledger.CodeStaleRevision && try < 5:
				again = append(again, events[i])
			case code == ledger.CodeIDConflict: // it was made before, with another time to live
			default:
				f.count(Failed, 0)
				f.complain("writing", "a suggestion cannot be recorded", r.Err, "id", events[i].ID, "journey", events[i].Subject)
			}
		}
		events = again
	}
}

func (f *Overlay) count(outcome string, took time.Duration) {
	f.mu.Lock()
	f.status.Counts[outcome]++
	f.mu.Unlock()
	if f.o.Observe != nil {
		f.o.Observe(outcome, took)
	}
}

func (f *Overlay) observe(took time.Duration) {
	if f.o.Observe != nil {
		f.o.Observe("", took)
	}
}

// complain logs the first of a kind, and then one in ten seconds: the counts say how many there were.
func (f *Overlay) complain(kind, what string, err error, args ...any) {
	if time.Since(f.said[kind]) < 10*time.Second {
		return
	}
	f.said[kind] = time.Now()
	if err != nil {
		args = append(args, "error", err, "hint", ledger.HintOf(err))
	}
	f.o.Logger.Warn(what, append(args, "so_far", fmt.Sprint(f.Status().Counts))...)
}
