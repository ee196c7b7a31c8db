package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
)

// What happens to ids that come again is EventStoreDB's promise here, not Baton's own: bytes are never compared, and an event is
// known by its UUID within its stream.
//
//	any, stream exists         all there: success, with the old numbers; the first one not there: written; a later one not there: wrong version
//	a revision below current   the events after it are these: success; they are not: wrong version
//	the current revision       written, even if the ids are in the stream
//	a revision above           wrong version
//
// EventStoreDB looks at recently written events for the first row; here the index has all of them. An id is looked up by what the event's
// metadata says it is, so the same UUID under other metadata is found by its place (second row) and not by the first.
//
// The usual append has new ids. It is tried as it is, with one call of the intake; whatever that answers instead of success is looked
// into by deciding on the stream's current revision r and appending under the expectation r, again and again until nobody came between.

// appending is one append under way.
type appending struct {
	s        *Server
	stream   string
	expect   ledger.Expect
	actor    string
	proposed []esdb.Stored
	events   []ledger.Event // what is kept of them
}

// answer is what became of an append.
type answer struct {
	wrong              bool
	revision, position uint64 // of the last event; of the stream where wrong
}

// maxTries bounds the deciding where many write to one stream.
const maxTries = 100

func (a *appending) run(ctx context.Context) (answer, error) {
	if len(a.events) > 0 && !a.repeats() {
		out, again, err := a.write(ctx, a.expect, a.events)
		if !again {
			return out, err
		}
	}
	for range maxTries {
		out, again, err := a.decide(ctx)
		if !again {
			return out, err
		}
	}
	return answer{}, ledger.Errorf(ledger.CodeUnavailable, "append", "try again", "others wrote to stream %.80q each time in %d tries", a.stream, maxTries)
}

// repeats reports whether one id stands twice in the append, which the intake would refuse.
func (a *appending) repeats() bool {
	seen := make(map[[2]string]bool, len(a.events))
	for i := range a.events {
		key := [2]string{a.events[i].Source, a.events[i].ID}
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// write appends; again says that it is for decide to say what the answer is.
func (a *appending) write(ctx context.Context, expect ledger.Expect, events []ledger.Event) (out answer, again bool, err error) {
	result := a.s.opts.Append(ctx, []ledger.Batch{{Stream: a.stream, Expect: expect, Events: events}})[0]
	for _, code := range []ledger.Code{ledger.CodeStaleRevision, ledger.CodeIDConflict, ledger.CodePartialBatch} {
		if errors.Is(result.Err, code) {
			return answer{}, true, nil
		}
	}
	if result.Err != nil {
		return answer{}, false, result.Err
	}
	for _, r := range result.Receipts {
		if r.Stream != a.stream { // this protocol has no answer for what is kept elsewhere
			return answer{}, false, &ledger.Error{Code: ledger.CodeViolation, Op: "append", Err: &ledger.Broken{Notices: result.Notices},
				Hint: "it is kept in " + r.Stream + "; see `baton contracts inbox`"}
		}
		if r.Duplicate {
			return answer{}, true, nil
		}
	}
	last := result.Receipts[len(result.Receipts)-1]
	return answer{revision: last.Revision, position: last.Position}, false, nil
}

// decide answers by the table above, on the stream as it is now.
func (a *appending) decide(ctx context.Context) (out answer, again bool, err error) {
	head, err := a.s.opts.Source.StreamHead(ctx, a.stream)
	if err != nil {
		return answer{}, false, err
	}
	wrong := answer{wrong: true, revision: head.Revision, position: head.Last}
	switch {
	case a.expect == ledger.StreamExists && head.Revision == 0:
		return wrong, false, nil
	case a.expect < 0:
		out, present, err := a.present(ctx)
		if err != nil || present == len(a.proposed) && present > 0 {
			return out, false, err
		}
		if present > 0 {
			return wrong, false, nil
		}
	case uint64(a.expect) < head.Revision:
		out, err := a.placedAfter(ctx, uint64(a.expect))
		if out.wrong {
			out = wrong
		}
		return out, false, err
	case uint64(a.expect) > head.Revision:
		return wrong, false, nil
	}
	if len(a.proposed) == 0 {
		return answer{revision: head.Revision, position: head.Last}, false, nil
	}
	events, renamed, err := a.placeable(ctx, head.Revision)
	if err != nil {
		return answer{}, false, err
	}
	expect := a.expect
	if renamed { // the new ids name revisions
		expect = ledger.Expect(head.Revision)
	}
	return a.write(ctx, expect, events)
}

// present counts the events that the stream has, up to the first that it has not. out is the last one's place.
func (a *appending) present(ctx context.Context) (out answer, n int, err error) {
	for i := range a.proposed {
		r, ok, err := a.find(ctx, &a.proposed[i], &a.events[i])
		if err != nil || !ok {
			return answer{}, i, err
		}
		out = answer{revision: r.Revision, position: r.Position}
	}
	return out, len(a.proposed), nil
}

// find looks for the event of the stream that has a proposed one's UUID: under the id that it would be kept by, or as a foreign one.
func (a *appending) find(ctx context.Context, s *esdb.Stored, e *ledger.Event) (ledger.Receipt, bool, error) {
	keys := [][2]string{{e.Source, e.ID}, {esdb.ForeignSource, s.ID.String()}}
	if keys[0] == keys[1] {
		keys = keys[:1]
	}
	for _, key := range keys {
		r, ok, err := a.s.opts.Find.Find(ctx, a.stream, key[0], key[1])
		if err != nil {
			return r, false, err
		}
		if !ok {
			continue
		}
		same, err := a.s.hasUUID(ctx, r.Position, s)
		if err != nil || same {
			return r, same, err
		}
	}
	return ledger.Receipt{}, false, nil
}

// hasUUID reports whether the event at a position is seen by clients with the UUID of s.
func (s *Server) hasUUID(ctx context.Context, position uint64, proposed *esdb.Stored) (bool, error) {
	for r, err := range s.opts.Source.Read(ctx, ledger.ReadOptions{From: position, To: position}) {
		if err != nil {
			return false, err
		}
		seen, err := rendered(&r)
		return err == nil && seen.ID == proposed.ID, err
	}
	return false, ledger.Errorf(ledger.CodeInternal, "append", "", "position %d is in the index and cannot be read", position)
}

// placedAfter holds the events after a revision against the proposed ones. All the same is success, with the last one's place.
func (a *appending) placedAfter(ctx context.Context, revision uint64) (out answer, err error) {
	next := 0
	o := ledger.ReadOptions{From: revision + 1, To: revision + uint64(len(a.proposed))}
	if o.To < o.From { // nothing proposed: it is the revision that is wrong
		return answer{wrong: true}, nil
	}
	for r, err := range a.s.opts.Source.ReadStream(ctx, a.stream, o) {
		if err != nil {
			return answer{}, err
		}
		seen, err := rendered(&r)
		if err != nil {
			return answer{}, err
		}
		if seen.ID != a.proposed[next].ID {
			return answer{wrong: true}, nil
		}
		next++
		out = answer{revision: r.Revision, position: r.Position}
	}
	out.wrong = next < len(a.proposed)
	return out, nil
}

// placeable gives the events with ids that are free in the stream at a revision: an id that comes again is followed by "@" and the revision
// it gets, and the UUID is kept apart. An id that stands for other content makes a foreign event of the new one.
func (a *appending) placeable(ctx context.Context, revision uint64) (events []ledger.Event, renamed bool, err error) {
	taken := map[[2]string]bool{}
	used := func(e *ledger.Event) (bool, ledger.Receipt, error) {
		r, ok, err := a.s.opts.Find.Find(ctx, a.stream, e.Source, e.ID)
		return ok || taken[[2]string{e.Source, e.ID}], r, err
	}
	for i := range a.events {
		e, s := a.events[i], &a.proposed[i]
		inUse, first, err := used(&e)
		if err == nil && inUse && e.Source != esdb.ForeignSource && first.Position > 0 {
			var same bool
			if same, err = a.s.hasUUID(ctx, first.Position, s); err == nil && !same {
				e = foreign(s, a.actor)
				inUse, _, err = used(&e)
			}
		}
		for ; err == nil && inUse; inUse, _, err = used(&e) {
			id := fmt.Sprintf("%s@%d", e.ID, revision+uint64(i)+1)
			e = verbatim(e, s)
			e.ID, renamed = id, true
		}
		if err != nil {
			return nil, false, err
		}
		taken[[2]string{e.Source, e.ID}] = true
		events = append(events, e)
	}
	return events, renamed, nil
}
