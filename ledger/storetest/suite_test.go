package storetest_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/storetest"
)

// memory is the model behind a mutex: the smallest engine there is. defect names a mistake it makes, so that the suite can be seen to find it.
type memory struct {
	mu      sync.Mutex
	model   storetest.Model
	times   []time.Time
	changed chan struct{}
	closed  bool
	defect  string
}

func newMemory(defect string) *memory { return &memory{changed: make(chan struct{}), defect: defect} }

var errClosed = &ledger.Error{Code: ledger.CodeClosed, Err: errors.New("closed"), Hint: "open it again"}

func (m *memory) Capabilities() ledger.Capabilities {
	return ledger.Capabilities{Engine: "memory", GaplessPositions: true, ExactRetry: true}
}

func (m *memory) Append(ctx context.Context, b ledger.Batch) ([]ledger.Receipt, error) {
	r := m.AppendAll(ctx, []ledger.Batch{b})[0]
	return r.Receipts, r.Err
}

func (m *memory) AppendAll(ctx context.Context, batches []ledger.Batch) []ledger.Result {
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
	close(m.changed)
	m.changed = make(chan struct{})
	return results
}

func (m *memory) write(b ledger.Batch) (result ledger.Result) {
	stored := ledger.Batch{Stream: b.Stream, Expect: b.Expect}
	for _, e := range b.Events {
		if record, err := ledger.EncodeRecord(b.Stream, &e); err == nil && m.defect != "keeps the caller's memory" {
			_, e, _ = ledger.DecodeRecord(record)
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
		now = time.Unix(1e9-int64(len(m.times)), 0).UTC()
	}
	for len(m.times) < len(m.model.Events) {
		m.times = append(m.times, now)
	}
	for i := range result.Receipts {
		r := &result.Receipts[i]
		r.RecordedTime = m.times[r.Position-1]
		if m.defect == "no word of duplicates" {
			r.Duplicate = false
		}
	}
	return result
}

// events copies what the model reads, so that what is yielded is the caller's.
func (m *memory) events(ctx context.Context, o ledger.ReadOptions, read func() []ledger.Recorded) iter.Seq2[ledger.Recorded, error] {
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

func (m *memory) recorded(r ledger.Recorded, headerOnly bool) ledger.Recorded {
	m.mu.Lock()
	r.RecordedTime = m.times[r.Position-1]
	m.mu.Unlock()
	if m.defect == "yields its own memory" {
		r.Record, _ = ledger.EncodeRecord(r.Stream, &r.Event)
		return r
	}
	r.Record, _ = ledger.EncodeRecord(r.Stream, &r.Event)
	if _, r.Event, _ = ledger.DecodeRecord(r.Record); headerOnly {
		r.Data, r.Record = nil, nil
	}
	return r
}

func (m *memory) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	if m.defect == "begins one late" && o.From > 3 {
		o.From++
	}
	return m.events(ctx, o, func() []ledger.Recorded { return m.model.Read(o) })
}

func (m *memory) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return m.events(ctx, o, func() []ledger.Recorded { return m.model.ReadStream(stream, o) })
}

func (m *memory) Head(context.Context) (h ledger.Head, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.Position = uint64(len(m.times)); h.Position > 0 {
		h.RecordedTime = m.times[h.Position-1]
	}
	if m.closed && m.defect != "has a head when closed" {
		return ledger.Head{}, errClosed
	}
	return h, nil
}

func (m *memory) StreamHead(_ context.Context, stream string) (ledger.StreamHead, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ledger.StreamHead{}, errClosed
	}
	return m.timed(m.model.StreamHead(stream)), nil
}

func (m *memory) timed(h ledger.StreamHead) ledger.StreamHead {
	if h.Last > 0 {
		h.RecordedTime = m.times[h.Last-1]
	}
	return h
}

func (m *memory) Streams(_ context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return func(yield func(ledger.StreamHead, error) bool) {
		m.mu.Lock()
		heads, closed := m.model.Streams(prefix, after), m.closed
		for i := range heads {
			heads[i] = m.timed(heads[i])
		}
		m.mu.Unlock()
		if closed {
			yield(ledger.StreamHead{}, errClosed)
		}
		for _, h := range heads {
			if closed || !yield(h, nil) {
				return
			}
		}
	}
}

func (m *memory) Wait(ctx context.Context, after uint64) (ledger.Head, error) {
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

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

const defectEnv = "STORETEST_DEFECT"

// TestMemory runs the suite on the smallest engine, which is right unless the environment names a defect.
func TestMemory(t *testing.T) {
	defect := os.Getenv(defectEnv)
	storetest.Run(t, func(*testing.T) ledger.Store { return newMemory(defect) })
}

// TestDefectsAreFound runs the suite again, in processes of their own, on engines that make one mistake each.
func TestDefectsAreFound(t *testing.T) {
	if os.Getenv(defectEnv) != "" {
		t.Skip("this is one of those processes")
	}
	for defect, foundBy := range map[string]string{
		"keeps the caller's memory":     "Verbatim",
		"ignores the expected revision": "Expect",
		"writes a part":                 "Retry",
		"clock goes back":               "RecordedTime",
		"no word of duplicates":         "Retry",
		"yields its own memory":         "ValuesStay",
		"begins one late":               "ResumeAfterEveryEvent",
		"has a head when closed":        "Closed",
	} {
		t.Run(defect, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=TestMemory/^"+foundBy+"$", "-test.timeout=30s")
			c.Env = append(os.Environ(), defectEnv+"="+defect)
			out, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestMemory/"+foundBy) {
				t.Errorf("the suite did not find it: %v\n%s", err, out)
			}
		})
	}
}
