package pebblestore

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// mirrored is what one call of Mirror writes: events of any streams, with the place that another store gave them.
type mirrored struct {
	events []ledger.Recorded
	values []ledger.NamedValue
}

// Mirror writes events as another store placed them: each continues its stream, in the order given, and keeps its recorded time (or that of
// the event before it, if that is later: recorded times never decrease with position). The named values, as the cursor in the other
// store, move in the same atomic step. Positions are those of this store, which counts on; an event that states another one is refused.
//
// It is for stores opened with Options.Mirror, which take nothing else. An event whose (source, id) its stream has already, as foreign writers
// may produce, is given the id that [ledger.Again] makes of it. Errors: CodeCorrupt where an event does not continue its stream, and
// nothing is written then.
func (s *Store) Mirror(ctx context.Context, events []ledger.Recorded, values []ledger.NamedValue) ([]ledger.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.readOnly || !s.opts.Mirror {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "mirror", "open the ledger as a mirror", "this ledger is no copy of another store")
	}
	r := &request{mirrored: &mirrored{events, values}, entries: make([]entry, len(events))}
	for i := range events {
		e := &events[i]
		record := e.Record
		if record == nil {
			var err error
			if record, err = ledger.EncodeRecord(e.Stream, &e.Event); err != nil {
				return nil, err
			}
		}
		r.entries[i] = entry{event: &e.Event, tag: tagOf(e.Source, e.ID), record: record, digest: sha256.Sum256(record)}
		r.bytes += len(record)
	}
	c := &call{requests: []*request{r}, left: 1, done: make(chan struct{})}
	if err := s.queue.push(c); err != nil {
		return nil, err
	}
	<-c.done // who mirrors keeps a cursor: an answer that was not waited for would leave it in doubt
	return r.result.Receipts, r.result.Err
}

// mirror places the events of a Mirror.
func (w *writer) mirror(batch *pebble.Batch, r *request) ([]ledger.Receipt, error) {
	if err := w.continues(r.mirrored.events); err != nil {
		return nil, err
	}
	receipts := make([]ledger.Receipt, len(r.entries))
	for i := range r.entries {
		event, e := &r.mirrored.events[i], &r.entries[i]
		st, err := w.heads.get(event.Stream)
		if err == nil {
			e, err = w.renamed(st, e)
		}
		if err != nil { // of reading the database, after some events were placed
			return nil, w.store.fail(err)
		}
		w.recorded = max(w.recorded, event.RecordedTime.UnixNano())
		receipts[i] = w.place(batch, st, e)
		w.touch(st)
	}
	for _, v := range r.mirrored.values {
		w.key = append(append(w.key[:0], keyValue), v.Name...)
		w.must(batch.Set(w.key, v.Value, nil))
	}
	return receipts, nil
}

// continues checks that every event goes on where its stream, and the ledger, ends.
func (w *writer) continues(events []ledger.Recorded) error {
	next := make(map[string]uint64)
	for i := range events {
		e := &events[i]
		if next[e.Stream] == 0 {
			st, err := w.heads.get(e.Stream)
			if err != nil {
				return err
			}
			next[e.Stream] = st.head.revision + 1
		}
		if want := w.position + uint64(i) + 1; e.Position != 0 && e.Position != want {
			return ledger.Errorf(ledger.CodeCorrupt, "mirror", "", "event %q of stream %q has position %d, the copy goes on at %d", e.ID, e.Stream, e.Position, want)
		}
		if e.Revision != next[e.Stream] {
			return ledger.Errorf(ledger.CodeCorrupt, "mirror", "keep the store as it is, and find out who removed or added events",
				"stream %q goes on with revision %d (event %q), revision %d is expected: %s", e.Stream, e.Revision, e.ID, next[e.Stream],
				missing(next[e.Stream], e.Revision))
		}
		next[e.Stream]++
	}
	return nil
}

func missing(want, got uint64) string {
	if got < want {
		return "it is there already"
	}
	if got == want+1 {
		return fmt.Sprintf("revision %d is missing", want)
	}
	return fmt.Sprintf("revisions %d to %d are missing", want, got-1)
}

// renamed gives an event whose id its stream has already an id of its own.
func (w *writer) renamed(st *stream, e *entry) (*entry, error) {
	for st.mayHave(e.tag) {
		_, record, err := w.first(st, e)
		if err != nil || record == nil {
			return e, err
		}
		event := *e.event
		event.ID = ledger.Again(event.ID, st.head.revision+1)
		if record, err = ledger.EncodeRecord(st.name, &event); err != nil {
			return nil, err
		}
		e = &entry{event: &event, tag: tagOf(event.Source, event.ID), record: record, digest: sha256.Sum256(record)}
	}
	return e, nil
}
