package esdb

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Bounds of one append of a copy. EventStoreDB takes a megabyte by default, metadata included.
const (
	copyEvents = 500
	copyBytes  = 700 << 10
)

// copyPatience is how long a copy waits for an EventStoreDB that is away, or for the mirror.
const copyPatience = 2 * time.Minute

// Copy appends events with the place and the recorded time that they have elsewhere, in order, continuing at the head. Nobody else may write
// meanwhile: what somebody else wrote in between has the position of another event, and nothing can be put before it any more.
//
// EventStoreDB appends to one stream at a time, so consecutive events of one stream are one append, which expects the revision before its first
// event. Each append is answered before the next is sent. Several on their way would be faster, but nothing in the protocol says in which
// order the server commits those of different streams, and a wrong order could not be corrected. What overlaps is the mirror, which
// follows while the window is written.
//
//	no answer       it may be written: it is sent again, with the same UUIDs and expectation, and is written once
//	killed          the appends before it are there, whole; a store that is opened then has them in its mirror
//	another writer  in the same stream its append or ours is refused; in others the positions show it when the window ends
//
// Errors: CodeInvalid where an event does not continue the ledger, or somebody else wrote; CodeUnsupported for what EventStoreDB cannot keep
// as it is; and those of [Store.Append].
func (s *Store) Copy(ctx context.Context, events []ledger.Recorded) error {
	if len(events) == 0 {
		return ctx.Err()
	}
	if s.closing.Load() {
		return errClosed
	}
	if err := s.continues(ctx, events); err != nil {
		return err
	}
	for rest := events; len(rest) > 0; {
		run, err := firstRun(rest)
		if err != nil {
			return err
		}
		if err := s.place(ctx, &rest[0], run); err != nil {
			return err
		}
		rest = rest[len(run):]
	}
	return s.arrived(ctx, events)
}

// Copyable refuses the names of streams that would not be streams of the ledger in EventStoreDB, or would have another name in the mirror.
func Copyable(stream string) error {
	if inLedger(stream) && keptName(stream) == stream {
		return nil
	}
	return ledger.Errorf(ledger.CodeUnsupported, "copy to EventStoreDB", "keep this ledger in the embedded engine",
		"a stream of EventStoreDB with the name %.600q would not be one of the ledger with this name", stream)
}

func copyError(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "copy to EventStoreDB", "keep writers away from it until all is copied; begin again with an empty EventStoreDB", format, args...)
}

// continues checks that events go on where the ledger and their streams end.
func (s *Store) continues(ctx context.Context, events []ledger.Recorded) error {
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	next := make(map[string]uint64)
	for i := range events {
		r := &events[i]
		if err := Copyable(r.Stream); err != nil {
			return err
		}
		if r.RecordedTime.After(s.now().Add(maxAhead)) || r.RecordedTime.Unix() < 0 {
			return ledger.Errorf(ledger.CodeUnsupported, "copy to EventStoreDB", "keep this ledger in the embedded engine until that time has come",
				"position %d was recorded at %s: times before 1970, or so far ahead of EventStoreDB's clock, are not kept", r.Position, r.RecordedTime.Format(time.RFC3339))
		}
		if next[r.Stream] == 0 {
			h, err := s.StreamHead(ctx, r.Stream)
			if err != nil {
				return err
			}
			next[r.Stream] = h.Revision + 1
		}
		if position := head.Position + uint64(i) + 1; r.Position != position || r.Revision != next[r.Stream] {
			return copyError("event %.80q has position %d and revision %d of stream %q; EventStoreDB goes on with position %d and revision %d",
				r.ID, r.Position, r.Revision, r.Stream, position, next[r.Stream])
		}
		next[r.Stream]++
	}
	return nil
}

// firstRun is what of events can be one append: those of the first one's stream.
func firstRun(events []ledger.Recorded) (run []Stored, err error) {
	bytes := 0
	for i := range events {
		r := &events[i]
		if r.Stream != events[0].Stream || len(run) == copyEvents {
			break
		}
		e, err := exactly(r)
		if err != nil {
			return nil, err
		}
		if bytes += len(e.Data) + len(e.Metadata) + 256; i > 0 && bytes > copyBytes {
			break
		}
		run = append(run, e)
	}
	return run, nil
}

// exactly is Encode of an event whose record must come back as it is.
func exactly(r *ledger.Recorded) (Stored, error) {
	e, err := Encode(r.Stream, &r.Event, r.RecordedTime)
	if err != nil {
		return e, err
	}
	record, err := ledger.EncodeRecord(r.Stream, &r.Event)
	if err == nil && !bytes.Equal(record, r.Record) {
		err = ledger.Errorf(ledger.CodeUnsupported, "copy to EventStoreDB", "use the version of Baton that wrote it",
			"position %d, stream %q, id %.80q: this version would write the record otherwise than it is", r.Position, r.Stream, r.ID)
	}
	return e, err
}

// place appends a run where its first event says, again until it is answered.
func (s *Store) place(ctx context.Context, first *ledger.Recorded, run []Stored) error {
	until := time.Now().Add(copyPatience)
	for {
		err := s.client.add(ctx, first.Stream, first.Revision-1, run)
		switch {
		case errors.Is(err, errWrong):
			return copyError("position %d: stream %q is not at revision %d any more: somebody else writes to EventStoreDB", first.Position, first.Stream, first.Revision-1)
		case !errors.Is(err, ledger.CodeUnavailable) || time.Now().After(until):
			return err
		}
		if err := ledger.Pause(ctx, notLeaderIn); err != nil {
			return err
		}
	}
}

// arrived waits until the mirror has events, and looks whether they have the places that they were to have, and are the last.
func (s *Store) arrived(ctx context.Context, events []ledger.Recorded) error {
	last := events[len(events)-1].Position
	head, err := s.follows(ctx, last)
	if err != nil {
		return err
	}
	i := 0
	for r, err := range s.Read(ctx, ledger.ReadOptions{From: events[0].Position, To: last, HeaderOnly: true}) {
		if err != nil {
			return err
		}
		if want := &events[i]; r.Stream != want.Stream || r.Revision != want.Revision || r.ID != want.ID {
			return copyError("position %d is revision %d of stream %q (event %.80q), and was to be revision %d of stream %q (event %.80q): somebody else writes to EventStoreDB",
				r.Position, r.Revision, r.Stream, r.ID, want.Revision, want.Stream, want.ID)
		}
		i++
	}
	if i != len(events) || head.Position > last {
		return copyError("EventStoreDB has %d events after %d were copied: somebody else writes to it", head.Position, last)
	}
	return nil
}

// follows waits until the mirror has a position.
func (s *Store) follows(ctx context.Context, position uint64) (ledger.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, copyPatience)
	defer cancel()
	if err := s.wait(ctx, position-1); err != nil {
		return ledger.Head{}, slow(err)
	}
	return s.Head(ctx)
}
