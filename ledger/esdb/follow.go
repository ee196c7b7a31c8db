package esdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	for failures := 0; ; failures++ {
		before := s.cursor.Load()
		err := s.followOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if code := ledger.CodeOf(err); code != ledger.CodeUnavailable && code != ledger.CodeNotKnown && code != ledger.CodeForbidden {
			s.log.Error("the copy of EventStoreDB cannot go on", "error", err, "hint", ledger.HintOf(err))
			s.die(err)
			return
		}
		if s.cursor.Load() != before {
			failures = 0
		}
		s.log.Warn("subscribing to EventStoreDB again", "error", err)
		if wait(ctx, min(longPause, firstPause<<min(failures, 10))) != nil {
			return
		}
	}
}

// followOnce goes on from the cursor until the subscription is lost.
func (s *Store) followOnce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, err := s.client.subscribe(ctx, s.cursor.Load())
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
func gather(in <-chan news) (s step, err error) {
	n, ok := <-in
	for bytes := 0; ; {
		switch {
		case !ok:
			return s, away("follow EventStoreDB", errors.New("the subscription was lost"))
		case n.err != nil:
			return s, n.err
		case n.event != nil:
			s.events, s.at = append(s.events, *n.event), &n.event.at
			bytes += len(n.event.Data) + len(n.event.Metadata)
		case n.passed != nil:
			s.at = n.passed
		}
		if s.caughtUp = s.caughtUp || n.caughtUp; len(s.events) == stepEvents || bytes >= stepBytes {
			return s, nil
		}
		select {
		case n, ok = <-in:
		default:
			return s, nil
		}
	}
}

// apply mirrors a step and moves the cursor in the same write.
func (s *Store) apply(ctx context.Context, st step) error {
	events := make([]ledger.Recorded, 0, len(st.events))
	for i := range st.events {
		e := &st.events[i]
		switch {
		case e.Stream == CheckpointStream || e.Stream == IndexStream:
			s.board.seen(e)
		case inLedger(e.Stream):
			r := recorded(&e.Stored)
			s.returned(e)
			events = append(events, r)
		}
	}
	if st.at != nil {
		value := ledger.NamedValue{Name: cursorName, Value: encodeCursor(*st.at)}
		receipts, err := s.Mirror.Mirror(ctx, events, []ledger.NamedValue{value})
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

// recorded makes a ledger's event of a stored one, of whatever it is: nothing that is in EventStoreDB may hold the mirror up, and every node
// must make the same of it.
func recorded(s *Stored) ledger.Recorded {
	e, at, header := decode(s)
	r := ledger.Recorded{Event: e, Stream: s.Stream, Revision: s.Number + 1, RecordedTime: at}
	if header != nil {
		r.Record = ledger.JoinRecord(header, s.Data)
		return r
	}
	r.RecordedTime = time.Unix(0, 0) // the ledger's last one will be taken; the server's own clock is not the record's
	var err error
	if r.Record, err = ledger.EncodeRecord(r.Stream, &r.Event); err != nil {
		r = squeezed(r, s)
	}
	return r
}

// squeezed is for foreign events that no record can hold as they are: a stream's name that ends in a dash gets an ending, and what does not
// fit into the header is represented by its digest.
func squeezed(r ledger.Recorded, s *Stored) ledger.Recorded {
	if strings.HasSuffix(r.Stream, "-") {
		r.Stream += "(empty)"
	}
	digest := sha256.Sum256(s.Metadata)
	bounded := func(text string) string { return text[:min(len(text), ledger.MaxFacet)] }
	r.Event = ledger.Event{ID: s.ID.String(), Source: ForeignSource, Type: bounded(s.Type), Time: s.Created, ContentType: r.ContentType, Data: s.Data,
		Ext: []ledger.Attr{{Name: MetadataExt + "digest", Value: hex.EncodeToString(digest[:])}}}
	record, err := ledger.EncodeRecord(r.Stream, &r.Event)
	if err != nil { // a stream's name of many kilobytes
		digest := sha256.Sum256([]byte(r.Stream))
		r.Stream = bounded(r.Stream) + "~" + hex.EncodeToString(digest[:])
		record, _ = ledger.EncodeRecord(r.Stream, &r.Event) // every part is bounded now
	}
	r.Record = record
	return r
}

// end is the place of the last event of the ledger in the all-stream, the zero place where there is none.
func (c *Client) end(ctx context.Context) (cursor, error) {
	o := eventstore.ReadAllOptions{Direction: eventstore.Backwards, From: eventstore.End{}}
	for {
		page, err := c.all(ctx, o, 512)
		if err != nil || len(page) == 0 {
			return cursor{}, err
		}
		for i := range page {
			if inLedger(page[i].Stream) {
				return page[i].at, nil
			}
		}
		last := page[len(page)-1].at
		if o.From == eventstore.AllPosition(last) {
			return cursor{}, nil
		}
		o.From = last
	}
}
