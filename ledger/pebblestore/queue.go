package pebblestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/baton-ledger/baton/ledger"
)

// Bounds of one group: larger ones share a sync among more writers, and keep the first of them waiting.
const (
	groupEvents = 4096
	groupBytes  = 8 << 20
)

// While a group is on its way to the disk the next one waits until it has landed, or has this many events, enough to be worth a sync of
// its own. Without that, writers who wait for their answers come back in dribs and drabs: 64 of them made groups of ten, each with a
// sync, where they now make two that take turns.
const enoughEvents = 256

// entry is one event, encoded by its caller.
type entry struct {
	event  *ledger.Event
	tag    idTag
	record []byte
	digest ledger.Hash // SHA-256 of record
}

// request is one batch on its way: entries go in, result comes out before the call's done is closed.
type request struct {
	batch   *ledger.Batch
	entries []entry
	bytes   int
	result  ledger.Result

	mirrored *mirrored // of Mirror: what it writes; batch is nil then
}

// call is what one caller waits for: one or more batches.
type call struct {
	requests []*request
	left     int // requests not yet answered; the syncer's
	done     chan struct{}
}

// queue holds the requests that wait for the writer.
type queue struct {
	mu      sync.Mutex
	ready   *sync.Cond
	waiting []queued
	closed  bool
	taken   int // index of the first of waiting that is not taken yet
	events  int // of those that are not taken yet
	flying  int // groups that were taken and have not landed
	enough  int // enoughEvents, but for tests
}

type queued struct {
	call    *call
	request *request
}

// push queues a call's requests in order.
func (q *queue) push(c *call) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	for _, r := range c.requests {
		q.waiting = append(q.waiting, queued{c, r})
		q.events += len(r.entries)
	}
	q.ready.Signal()
	return nil
}

// take waits for requests and returns as many as a group may hold, in order; none once the queue is closed and empty. Each group
// that it returns must land.
func (q *queue) take(buf []queued) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && (len(q.waiting) == q.taken || q.flying > 0 && q.events < q.enough) {
		q.ready.Wait()
	}
	events, bytes := 0, 0
	rest := q.waiting[q.taken:]
	for len(rest) > 0 && events < groupEvents && bytes < groupBytes {
		events += len(rest[0].request.entries)
		bytes += rest[0].request.bytes
		buf, rest = append(buf, rest[0]), rest[1:]
		q.taken++
	}
	q.events -= events
	if len(buf) > 0 {
		q.flying++
	}
	if len(rest) <= q.taken { // moving the rest down costs no more than taking did
		n := copy(q.waiting, rest)
		clear(q.waiting[n:])
		q.waiting, q.taken = q.waiting[:n], 0
	}
	return buf
}

// landed says that a group has been answered.
func (q *queue) landed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flying--
	q.ready.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}

var errClosed = &ledger.Error{Code: ledger.CodeClosed, Op: "append", Err: errors.New("the ledger is closed"), Hint: "open it again"}

// Append writes one batch. See [ledger.Appender].
func (s *Store) Append(ctx context.Context, b ledger.Batch) ([]ledger.Receipt, error) {
	r := s.AppendAll(ctx, []ledger.Batch{b})[0]
	return r.Receipts, r.Err
}

// AppendAll writes batches in order; all of them usually share one sync. A context that ends while the batches are queued does not take
// them back: the answer is then the context's error, a retry finds out what was written, and the events must not be changed any more.
func (s *Store) AppendAll(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	results := make([]ledger.Result, len(batches))
	c := &call{requests: make([]*request, 0, len(batches)), done: make(chan struct{})}
	at := make([]int, 0, len(batches))
	for i := range batches {
		r, err := s.encode(ctx, &batches[i])
		if err != nil {
			results[i].Err = err
			continue
		}
		c.requests, at = append(c.requests, r), append(at, i)
	}
	c.left = len(c.requests)
	if c.left == 0 {
		return results
	}
	err := error(nil)
	if e := s.queue.push(c); e != nil {
		err = e
	} else {
		select {
		case <-c.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	for i, r := range c.requests {
		if err != nil {
			results[at[i]].Err = err
		} else {
			results[at[i]] = r.result
		}
	}
	return results
}

func (s *Store) encode(ctx context.Context, b *ledger.Batch) (*request, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.readOnly {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "append", "open the ledger for writing", "the ledger is open read-only")
	}
	if s.opts.Mirror {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "append", "append to the store that it is a copy of", "the ledger is a copy")
	}
	return newRequest(b)
}

// newRequest encodes and hashes a batch's events.
func newRequest(b *ledger.Batch) (*request, error) {
	r := &request{batch: b, entries: make([]entry, len(b.Events))}
	seen := map[idTag]struct{}{}
	for i := range b.Events {
		e := &b.Events[i]
		record, err := ledger.EncodeRecord(b.Stream, e)
		if err != nil {
			return nil, err
		}
		r.entries[i] = entry{event: e, tag: tagOf(e.Source, e.ID), record: record, digest: sha256.Sum256(record)}
		r.bytes += len(record)
		if seen[r.entries[i].tag] = struct{}{}; len(seen) <= i {
			return nil, ledger.Errorf(ledger.CodeInvalid, "append", "give each event an id of its own",
				"event %d: id %q of source %q is in the batch twice", i+1, e.ID, e.Source)
		}
	}
	return r, nil
}
