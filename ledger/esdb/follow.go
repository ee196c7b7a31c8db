package esdb

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
)

// Bounds of one step of the mirror.
const (
	stepEvents = 1000
	stepBytes  = 4 << 20
)

// follow mirrors until the context ends, again after every lost subscription. Only evidence ends it: an event that does not continue its
// stream, or a mirror that cannot be written.
func (s *Store) follow(ctx context.Context) {
	defer close(s.done)
	var refused time.Time // since when the place to go on from is not known
	for failures := 0; ; failures++ {
		before := s.cursor.Load()
		err := s.followOnce(ctx)
		switch past := errors.Is(err, errPast); {
		case ctx.Err() != nil:
			return
		case !past:
			refused = time.Time{}
		case refused.IsZero():
			refused = time.Now()
		}
		if !passing(err) && (refused.IsZero() || time.Since(refused) > patience) {
			s.log.Error("the copy of EventStoreDB cannot go on", "error", err, "hint", ledger.HintOf(err))
			s.die(err)
			return
		}
		if s.cursor.Load() != before {
			failures = 0
		}
		if failures == 0 {
			s.log.Warn("subscribing to EventStoreDB again", "error", err)
		}
		if ledger.Pause(ctx, min(longPause, firstPause<<min(failures, 10))) != nil {
			return
		}
	}
}

// passing reports whether an error may go away by itself: a server that is away, or a user whose rights were changed.
func passing(err error) bool {
	code := ledger.CodeOf(err)
	return code == ledger.CodeUnavailable || code == ledger.CodeNotKnown || code == ledger.CodeForbidden
}

// errPast is a refused place. The node of a cluster that answers may be behind the others, so it is asked for a while.
var errPast = errors.New("EventStoreDB does not know the place up to which this node has followed it")

// followOnce goes on from the cursor until the subscription is lost.
func (s *Store) followOnce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from := s.cursor.Load()
	in, err := s.client.subscribe(ctx, from)
	if from != nil && errors.Is(err, ledger.CodeInvalid) {
		return evidence("%w: its newest events were removed, or it was restored from an older backup: %w", errPast, err)
	}
	if err != nil {
		return err
	}
	if s.reached(s.target) {
		s.caughtUp()
	}
	for {
		step, err := gather(in)
		if e := s.apply(ctx, step); e != nil {
			return e
		}
		if err != nil {
			return err
		}
	}
}

// step is what was there at once.
type step struct {
	events   []logged
	at       *cursor
	caughtUp bool
}

// gather waits for news and takes what else there is. What came before an error is given with it.
func gather(in *feed) (s step, err error) {
	n, ok := in.next()
	if !ok {
		return s, away("follow EventStoreDB", errors.New("the subscription was lost"))
	}
	for bytes := 0; ok; n, ok = in.ready() {
		switch {
		case n.err != nil:
			return s, n.err
		case n.event != nil:
			s.events, s.at = append(s.events, *n.event), &n.event.at
			bytes += len(n.event.Data) + len(n.event.Metadata)
		case n.passed != nil:
			s.at = n.passed
		}
		if s.caughtUp = s.caughtUp || n.caughtUp; len(s.events) == stepEvents || bytes >= stepBytes {
			break
		}
	}
	return s, nil
}

// apply mirrors a step and moves the cursor in the same write.
func (s *Store) apply(ctx context.Context, st step) error {
	events := make([]ledger.Recorded, 0, len(st.events))
	for i := range st.events {
		e := &st.events[i]
		switch {
		case e.Stream == CheckpointStream || e.Stream == IndexStream:
			s.board.seen(e)
		case e.isTombstone():
			s.log.Error("a stream was deleted inside EventStoreDB: nodes that have its events keep them, others cannot be made any more", "stream", e.Stream)
		case inLedger(e.Stream):
			r := recorded(&e.Stored)
			s.returned(e)
			events = append(events, r)
		}
	}
	if st.at != nil {
		receipts, err := s.Mirror.Mirror(ctx, events, []ledger.NamedValue{{Name: cursorName, Value: encodeCursor(*st.at)}, s.board.mark()})
		if err != nil {
			return err
		}
		s.cursor.Store(st.at)
		if len(receipts) > 0 {
			s.progress(receipts[len(receipts)-1].Position)
		}
	}
	if st.caughtUp || s.reached(s.target) {
		s.caughtUp()
	}
	return nil
}

func (s *Store) reached(at cursor) bool {
	c := s.cursor.Load()
	return at == (cursor{}) || c != nil && c.Commit >= at.Commit
}

// progress tells how far a mirror is that has not caught up.
func (s *Store) progress(events uint64) {
	select {
	case <-s.caught:
	default:
		if s.tell != nil {
			s.tell(events)
		}
	}
}

func (s *Store) caughtUp() {
	select {
	case <-s.caught:
	default:
		close(s.caught)
	}
}

// returned notes that an event which this node is appending came back, and whether as this node wrote it.
func (s *Store) returned(e *logged) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.pending[e.ID]; w != nil {
		_, at, ours := Decode(&e.Stored)
		w.own = ours && at.Equal(w.recorded)
	}
}

// inLedger reports whether a stream's events are the ledger's: all but EventStoreDB's own and those in which nodes share their checkpoints. A
// Baton ledger takes the whole cluster.
func inLedger(stream string) bool {
	return !strings.HasPrefix(stream, "$") && stream != CheckpointStream && stream != IndexStream
}

// isTombstone reports whether an event says that its stream was deleted for ever: EventStoreDB puts it at the last number that there is.
func (e *logged) isTombstone() bool {
	return e.Type == "$streamDeleted" && (e.Number == math.MaxInt64 || e.Number == math.MaxInt32)
}

// end is the place of the last event of the ledger in the all-stream, the zero place where there is none.
func (c *Client) end(ctx context.Context) (at cursor, err error) {
	isIt := func(e *logged) bool { return inLedger(e.Stream) && !e.isTombstone() }
	o := eventstore.ReadAllOptions{Direction: eventstore.Backwards, From: eventstore.End{}}
	for {
		page, err := c.all(ctx, o, 512, isIt)
		if err != nil || len(page) == 0 {
			return cursor{}, err
		}
		last := &page[len(page)-1]
		if isIt(last) {
			return last.at, nil
		}
		if o.From == eventstore.AllPosition(last.at) {
			return cursor{}, nil
		}
		o.From = last.at
	}
}
