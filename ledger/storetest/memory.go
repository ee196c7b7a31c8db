package storetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Memory is the [Model] behind a mutex, with clock and hashes: the smallest engine there is. It is what the suite itself is tried on, and a
// ledger for tests that need one which takes events with the place they have elsewhere.
type Memory struct {
	mu      sync.Mutex
	model   Model
	marks   []mark // index is position-1
	heads   map[string]ledger.Hash
	tagKey  []byte
	changed chan struct{}
	closed  bool
	defect  string
}

// mark is what the model does not know of an event.
type mark struct {
	at         time.Time
	prev, leaf ledger.Hash
	head       ledger.Hash // of its stream, after it
}

// NewMemory makes an empty engine. defect names a mistake that it makes, so that a test can be seen to find it; "" is none.
func NewMemory(tagKey []byte, defect string) *Memory {
	return &Memory{heads: map[string]ledger.Hash{}, tagKey: tagKey, changed: make(chan struct{}), defect: defect}
}

// Reopened is the ledger of an engine that was closed, open again.
func (m *Memory) Reopened() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := NewMemory(m.tagKey, m.defect)
	again.model, again.marks, again.heads = m.model, m.marks, m.heads
	if m.defect == "forgets ids when it is closed" && m.model.ids != nil {
		again.model.ids = map[idKey]int{}
	}
	return again
}

var errClosed = &ledger.Error{Code: ledger.CodeClosed, Err: errors.New("closed"), Hint: "open it again"}

// Capabilities implements [ledger.Store].
func (m *Memory) Capabilities() ledger.Capabilities {
	return ledger.Capabilities{Engine: "memory", GaplessPositions: true, ExactRetry: true, Leaves: true}
}

// Append implements [ledger.Appender].
func (m *Memory) Append(ctx context.Context, b ledger.Batch) ([]ledger.Receipt, error) {
	r := m.AppendAll(ctx, []ledger.Batch{b})[0]
	return r.Receipts, r.Err
}

// AppendAll implements [ledger.Appender].
func (m *Memory) AppendAll(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]ledger.Result, len(batches))
	for i, b := range batches {
		if results[i].Err = ctx.Err(); results[i].Err == nil && m.closed {
			results[i].Err = errClosed
		}
		if results[i].Err == nil {
			results[i] = m.write(b)
		}
	}
	m.wake()
	return results
}

// wake tells those who wait that something has changed.
func (m *Memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *Memory) write(b ledger.Batch) (result ledger.Result) {
	stored := ledger.Batch{Stream: b.Stream, Expect: b.Expect}
	for _, e := range b.Events {
		if record, err := ledger.EncodeRecord(b.Stream, &e); err == nil && m.defect != "keeps the caller's memory" {
			_, e, _ = ledger.DecodeRecord(record)
		}
		if _, old := m.model.ids[idKey{b.Stream, e.Source, e.ID}]; old && m.defect == "white space is no content" {
			e.Data = bytes.TrimSpace(e.Data)
		}
		stored.Events = append(stored.Events, e)
	}
	if m.defect == "ignores the expected revision" {
		stored.Expect = ledger.Any
	}
	if m.defect == "writes a part" && len(stored.Events) > 2 {
		stored.Events = stored.Events[:2]
	}
	result.Receipts, result.Err = m.model.Append(stored)
	var e *ledger.Error
	if errors.As(result.Err, &e) {
		e.Hint = "look again"
	}
	now := time.Now().UTC()
	if m.defect == "clock goes back" {
		now = time.Unix(1e9-int64(len(m.marks)), 0).UTC()
	}
	for len(m.marks) < len(m.model.Events) {
		m.mark(now)
	}
	for i := range result.Receipts {
		r := &result.Receipts[i]
		r.RecordedTime, r.LeafHash = m.marks[r.Position-1].at, m.marks[r.Position-1].leaf
		if m.defect == "no word of duplicates" {
			r.Duplicate = false
		}
	}
	return result
}

// mark adds what the model does not know of its next event.
func (m *Memory) mark(at time.Time) {
	r := m.model.Events[len(m.marks)]
	tag := ledger.StreamTag(m.tagKey, r.Stream)
	if r.PrevHead = m.heads[r.Stream]; r.Revision == 1 {
		r.PrevHead = ledger.SeedHead(tag)
	}
	if m.defect == "begins its chain anew" && r.Revision == 4 {
		r.PrevHead = ledger.SeedHead(tag)
	}
	r.RecordedTime = at
	r.Record, _ = ledger.EncodeRecord(r.Stream, &r.Event)
	l := ledger.LeafOf(&r, tag)
	leaf, head, _ := l.Hashes(nil)
	m.marks = append(m.marks, mark{at: at, prev: r.PrevHead, leaf: leaf, head: head})
	m.heads[r.Stream] = head
}

// Copy appends events with the place and the recorded time that they have elsewhere. It stops at the first that does not continue the
// ledger or its stream; those before it are there.
func (m *Memory) Copy(ctx context.Context, events []ledger.Recorded) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.wake()
	for i := range events {
		if err := ctx.Err(); err != nil {
			return err
		}
		if m.closed {
			return errClosed
		}
		r := &events[i]
		if position, revision := uint64(len(m.marks)+1), m.model.StreamHead(r.Stream).Revision+1; r.Position != position || r.Revision != revision {
			return ledger.Errorf(ledger.CodeInvalid, "copy", "copy from the head on", "position %d, revision %d of %q; the next is position %d, revision %d",
				r.Position, r.Revision, r.Stream, position, revision)
		}
		stream, e, err := ledger.DecodeRecord(bytes.Clone(r.Record))
		if err != nil {
			return err
		}
		if receipts, err := m.model.Append(ledger.Batch{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}); err != nil || receipts[0].Duplicate {
			return ledger.Errorf(ledger.CodeInvalid, "copy", "", "position %d: event %q is in %q already (%v)", r.Position, e.ID, stream, err)
		}
		m.mark(r.RecordedTime)
	}
	return nil
}

// events copies what the model reads, so that what is yielded is the caller's.
func (m *Memory) events(ctx context.Context, o ledger.ReadOptions, read func() []ledger.Recorded) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		m.mu.Lock()
		found, closed := read(), m.closed
		m.mu.Unlock()
		if closed {
			yield(ledger.Recorded{}, errClosed)
			return
		}
		for i := range found {
			if err := ctx.Err(); err != nil {
				yield(ledger.Recorded{}, err)
				return
			}
			if r := m.recorded(found[i], o.HeaderOnly); !yield(r, nil) {
				return
			}
		}
	}
}

func (m *Memory) recorded(r ledger.Recorded, headerOnly bool) ledger.Recorded {
	m.mu.Lock()
	r.RecordedTime, r.PrevHead = m.marks[r.Position-1].at, m.marks[r.Position-1].prev
	m.mu.Unlock()
	r.Record, _ = ledger.EncodeRecord(r.Stream, &r.Event)
	if m.defect == "yields its own memory" {
		return r
	}
	if _, r.Event, _ = ledger.DecodeRecord(r.Record); headerOnly {
		r.Data, r.Record = nil, nil
	}
	return r
}

// Read implements [ledger.Reader].
func (m *Memory) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	if m.defect == "begins one late" && o.From > 3 {
		o.From++
	}
	return m.events(ctx, o, func() []ledger.Recorded { return m.model.Read(o) })
}

// ReadStream implements [ledger.Reader].
func (m *Memory) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return m.events(ctx, o, func() []ledger.Recorded { return m.model.ReadStream(stream, o) })
}

// Head implements [ledger.Reader].
func (m *Memory) Head(context.Context) (h ledger.Head, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.Position = uint64(len(m.marks)); h.Position > 0 {
		h.RecordedTime = m.marks[h.Position-1].at
	}
	if m.closed && m.defect != "has a head when closed" {
		return ledger.Head{}, errClosed
	}
	return h, nil
}

// StreamHead implements [ledger.Reader].
func (m *Memory) StreamHead(_ context.Context, stream string) (ledger.StreamHead, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ledger.StreamHead{}, errClosed
	}
	return m.whole(m.model.StreamHead(stream)), nil
}

// whole adds to a head what the model does not know.
func (m *Memory) whole(h ledger.StreamHead) ledger.StreamHead {
	if h.Last > 0 {
		h.RecordedTime, h.Head = m.marks[h.Last-1].at, m.marks[h.Last-1].head
	}
	return h
}

// Streams implements [ledger.Reader].
func (m *Memory) Streams(_ context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return func(yield func(ledger.StreamHead, error) bool) {
		m.mu.Lock()
		heads, closed := m.model.Streams(prefix, after), m.closed
		for i := range heads {
			heads[i] = m.whole(heads[i])
		}
		m.mu.Unlock()
		if closed {
			yield(ledger.StreamHead{}, errClosed)
			return
		}
		for _, h := range heads {
			if !yield(h, nil) {
				return
			}
		}
	}
}

// Wait implements [ledger.Tailer].
func (m *Memory) Wait(ctx context.Context, after uint64) (ledger.Head, error) {
	for {
		m.mu.Lock()
		changed, closed := m.changed, m.closed
		m.mu.Unlock()
		if closed {
			return ledger.Head{}, errClosed
		}
		if h, err := m.Head(ctx); err != nil || h.Position > after {
			return h, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ledger.Head{}, ctx.Err()
		}
	}
}

// Close implements [ledger.Store].
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.wake()
	return nil
}
