package pebblestore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// group is what shares one sync. batch is nil where nothing was to be written (duplicates, refusals): it is still answered in its turn.
type group struct {
	requests []queued
	batch    *pebble.Batch
	head     ledger.Head // after the group
	err      error       // the whole group failed
}

// writer decides and places. Its state is ahead of the disk by the groups that are being synced.
type writer struct {
	store    *Store
	heads    *heads
	position uint64
	recorded int64
	pending  map[pendingKey]pendingEvent // of the group being built, not yet readable in the database
	dirty    []*stream
	scratch  []byte
	key      []byte
}

type pendingKey struct {
	stream *stream
	tag    idTag
}

type pendingEvent struct {
	receipt ledger.Receipt
	record  []byte
}

func newWriter(s *Store) *writer {
	h := s.durable.Load()
	w := &writer{store: s, heads: newHeads(s), position: h.Position, pending: map[pendingKey]pendingEvent{}}
	if h.Position > 0 {
		w.recorded = h.RecordedTime.UnixNano()
	}
	return w
}

// run builds groups until the queue is closed.
func (w *writer) run(groups chan<- *group) {
	defer close(groups)
	for {
		requests := w.store.queue.take(nil)
		if len(requests) == 0 {
			return
		}
		groups <- w.build(requests)
	}
}

// build decides every request of a group and applies what is to be written. It does not wait for the disk.
func (w *writer) build(requests []queued) *group {
	g := &group{requests: requests}
	if g.err = w.refusal(requests); g.err != nil {
		return g
	}
	batch := w.store.db.NewBatch()
	if !w.store.opts.Mirror {
		w.recorded = max(w.recorded, w.store.opts.Now().UnixNano())
	}
	for _, q := range requests {
		r := q.request
		if r.mirrored != nil {
			r.result.Receipts, r.result.Err = w.mirror(batch, r)
		} else {
			r.result.Receipts, r.result.Err = w.decide(batch, r)
		}
	}
	for _, st := range w.dirty {
		w.key = headKey(w.key[:0], st.name)
		w.scratch = st.head.append(w.scratch[:0])
		w.must(batch.Set(w.key, w.scratch, nil))
		st.dirty = false
	}
	w.dirty = w.dirty[:0]
	if floor, ok := w.store.floor.take(); ok {
		w.must(batch.Set(metaFloor, floor, nil))
	}
	g.head = ledger.Head{Position: w.position, RecordedTime: nanos(w.recorded)}
	if batch.Empty() {
		w.must(batch.Close())
		return g
	}
	g.err = w.store.apply(batch)
	g.batch = batch
	w.store.floor.applied(w.position)
	clear(w.pending)
	w.heads.trim()
	return g
}

// refusal says why nothing can be written now: a failure before, or no space. It is looked at before anything is placed.
func (w *writer) refusal(requests []queued) error {
	if err := w.store.failure(); err != nil {
		return err
	}
	bytes := 0
	for _, q := range requests {
		bytes += q.request.bytes
	}
	return w.store.space(bytes)
}

// decide answers one request, adding to the batch what it writes.
func (w *writer) decide(batch *pebble.Batch, r *request) ([]ledger.Receipt, error) {
	st, err := w.heads.get(r.batch.Stream)
	if err != nil {
		return nil, err
	}
	if st.head.last > w.position {
		return nil, w.store.damaged("the head of stream %q is at position %d, the ledger ends at position %d", st.name, st.head.last, w.position)
	}
	receipts, present, err := w.known(st, r)
	switch {
	case err != nil:
		return nil, err
	case present == len(r.entries):
		return receipts, nil
	case present > 0:
		return nil, partial(r, receipts, present)
	case !r.batch.Expect.Holds(st.head.revision):
		return nil, &ledger.Error{Code: ledger.CodeStaleRevision, Op: "append",
			Err:  &ledger.StaleRevision{Stream: st.name, Expected: r.batch.Expect, Current: st.head.revision},
			Hint: "read the stream again and decide on its current state"}
	}
	for i := range r.entries {
		receipts[i] = w.place(batch, st, &r.entries[i])
	}
	w.touch(st)
	return receipts, nil
}

// touch notes that a stream's head is to be written with the group.
func (w *writer) touch(st *stream) {
	if !st.dirty {
		st.dirty = true
		w.dirty = append(w.dirty, st)
	}
}

// known looks up which events of a request the stream has already, and compares their content. receipts has an entry for each event, zero for
// new ones.
func (w *writer) known(st *stream, r *request) (receipts []ledger.Receipt, present int, err error) {
	receipts = make([]ledger.Receipt, len(r.entries))
	for i := range r.entries {
		e := &r.entries[i]
		if !st.mayHave(e.tag) {
			continue
		}
		first, record, err := w.first(st, e)
		if err != nil {
			return nil, 0, err
		}
		if record == nil {
			continue
		}
		if !ledger.SameContent(record, st.name, e.event) {
			return nil, 0, conflict(st, e, first, record)
		}
		first.Duplicate = true
		receipts[i] = first
		present++
	}
	return receipts, present, nil
}

// first finds the event that has an entry's id: its receipt and record, or a nil record where there is none.
func (w *writer) first(st *stream, e *entry) (ledger.Receipt, []byte, error) {
	if p, ok := w.pending[pendingKey{st, e.tag}]; ok {
		return p.receipt, p.record, nil
	}
	return w.store.firstReceipt(st, e)
}

// place gives one event its position and revision and adds its keys to the batch.
func (w *writer) place(batch *pebble.Batch, st *stream, e *entry) ledger.Receipt {
	w.position++
	h := &st.head
	if h.revision == 0 {
		h.first = w.position
	}
	p := place{revision: h.revision + 1, recorded: w.recorded, prev: h.hash}
	leaf := ledger.Leaf{Position: w.position, Revision: p.revision, RecordedTime: nanos(w.recorded), StreamTag: st.tag,
		Record: e.digest, Type: e.event.Type, PrevHead: p.prev}
	var leafHash ledger.Hash
	leafHash, h.hash, w.scratch = leaf.Hashes(w.scratch)
	h.last, h.revision, h.recorded = w.position, p.revision, p.recorded
	w.set(batch, st, e, &p, leafHash)
	w.heads.add(st, e.tag)
	receipt := ledger.Receipt{Stream: st.name, ID: e.event.ID, Position: w.position, Revision: p.revision,
		RecordedTime: leaf.RecordedTime, LeafHash: leafHash}
	w.pending[pendingKey{st, e.tag}] = pendingEvent{receipt, e.record}
	return receipt
}

// set adds an event's four keys: record, leaf, stream index, id index.
func (w *writer) set(batch *pebble.Batch, st *stream, e *entry, p *place, leaf ledger.Hash) {
	d := batch.SetDeferred(9, placeSize+len(e.record))
	positionKey(d.Key[:0], keyRecord, w.position)
	copy(d.Value[len(p.append(d.Value[:0])):], e.record)
	w.must(d.Finish())
	w.key = positionKey(w.key[:0], keyLeaf, w.position)
	w.must(batch.Set(w.key, leaf[:], nil))
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], w.position)
	w.key = streamKey(w.key[:0], st.head.first, p.revision)
	w.must(batch.Set(w.key, at[:], nil))
	w.key = idKey(w.key[:0], st.head.first, e.tag)
	w.must(batch.Set(w.key, at[:], nil))
}

// must is for operations on a batch in memory, which fail only for a defect.
func (w *writer) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("pebblestore: building a batch: %v", err))
	}
}

func partial(r *request, receipts []ledger.Receipt, present int) error {
	for i := range receipts {
		if !receipts[i].Duplicate {
			return ledger.Errorf(ledger.CodePartialBatch, "append", "send only the events that are not there yet",
				"%d of %d events are already in stream %q, event %d (id %q) is not; nothing was written",
				present, len(receipts), r.batch.Stream, i+1, r.entries[i].event.ID)
		}
	}
	return nil
}

func conflict(st *stream, e *entry, first ledger.Receipt, record []byte) error {
	stored, hint := ledger.Hash{}, "give the changed event an id of its own; what is recorded stays"
	if _, old, err := ledger.DecodeRecord(record); err == nil {
		stored = ledger.RetryDigest(st.name, &old)
		if sameJSON(old.Data, e.event.Data) {
			hint = "a retry sends the same attributes and the same bytes of data; its JSON says what is recorded already, so leave it"
		}
	}
	return &ledger.Error{Code: ledger.CodeIDConflict, Op: "append", Hint: hint,
		Err: &ledger.IDConflict{Stream: st.name, Source: e.event.Source, ID: e.event.ID, Position: first.Position,
			Stored: stored, Offered: ledger.RetryDigest(st.name, e.event)}}
}

// sameJSON reports whether two texts are one JSON value, whatever their white space and order of members.
func sameJSON(a, b []byte) bool {
	decode := func(text []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return v, d.Decode(&v)
	}
	x, errX := decode(a)
	y, errY := decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}
