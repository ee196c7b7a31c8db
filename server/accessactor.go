package server

import (
	"context"
	"errors"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Actor is the stage of the intake that says who sent an event: the name of the key that the request came with, where the producer names nobody.
// Who states another is refused, unless an operator speaks for others. What does not come through the API with a key (commands of this machine,
// import, NATS) goes on as it is.
//
// The actor is a part of what a retry is compared by. An event that was recorded without one, before there were keys, and is sent again with a
// key is that event all the same: it is offered once more as it was sent. An id in use never gets free, so that can write nothing.
func Actor(next ledger.Append) ledger.Append {
	return func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
		p, ok := PrincipalOf(ctx)
		if !ok || p.Name == "" {
			return next(ctx, batches)
		}
		results := make([]ledger.Result, len(batches))
		var good, bare []ledger.Batch // as they go on, and as they were sent
		var at []int
		for i := range batches {
			named, err := p.named(&batches[i])
			if err != nil {
				results[i].Err = err
				continue
			}
			good, bare, at = append(good, named), append(bare, batches[i]), append(at, i)
		}
		if len(good) == 0 {
			return results
		}
		for i, r := range next(ctx, good) {
			if errors.Is(r.Err, ledger.CodeIDConflict) {
				if again := next(ctx, bare[i:i+1])[0]; again.Err == nil {
					r = again
				}
			}
			results[at[i]] = r
		}
		return results
	}
}

// ownSources is how the sources of what Baton says itself begin. The ids of its events are known beforehand: whoever took one would keep, say, a deadline
// from being recorded.
const ownSources = "baton/"

// named returns a copy of a batch whose events have an actor.
func (p Principal) named(b *ledger.Batch) (ledger.Batch, error) {
	out := *b
	out.Events = append([]ledger.Event(nil), b.Events...)
	for i := range out.Events {
		e := &out.Events[i]
		if p.Role < Operator && strings.HasPrefix(e.Source, ownSources) && e.Source != ledger.HandoffSource && e.Source != ledger.AnswerSource {
			return out, ledger.Errorf(ledger.CodeForbidden, "append", "name a source of your own, or send with a key of role operator",
				"event %d of %d (id %.80q) has the source %.80q, which is Baton's own", i+1, len(out.Events), e.ID, e.Source)
		}
		switch {
		case e.Actor == "":
			e.Actor = p.Name
		case e.Actor != p.Name && p.Role < Operator:
			return out, ledger.Errorf(ledger.CodeForbidden, "append", "leave actor out, or send with a key of role operator, which may speak for others",
				"event %d of %d (id %.80q) has the actor %.80q, the key is %s's", i+1, len(out.Events), e.ID, e.Actor, p.Name)
		}
	}
	return out, nil
}
