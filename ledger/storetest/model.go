package storetest

import (
	"errors"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Model is the reference: what an engine's answers must be, in memory and without any thought of speed. It knows neither
// clock nor hash of its own: recorded times and leaf hashes are left zero.
type Model struct {
	Events  []ledger.Recorded // index is position-1
	streams map[string][]int  // indexes into Events
	ids     map[idKey]int
}

type idKey struct{ stream, source, id string }

// Append is what [ledger.Appender] promises. What is present is looked at first, in the order of the events, and the expected
// revision after that.
func (m *Model) Append(b ledger.Batch) ([]ledger.Receipt, error) {
	current, present, seen := m.streams[b.Stream], 0, map[idKey]bool{}
	for i := range b.Events {
		key := idKey{b.Stream, b.Events[i].Source, b.Events[i].ID}
		if seen[key] {
			return nil, &ledger.Error{Code: ledger.CodeInvalid, Err: errors.New("an id twice in one batch")}
		}
		seen[key] = true
	}
	for i := range b.Events {
		e := &b.Events[i]
		at, ok := m.ids[idKey{b.Stream, e.Source, e.ID}]
		if !ok {
			continue
		}
		stored, offered := ledger.RetryDigest(b.Stream, &m.Events[at].Event), ledger.RetryDigest(b.Stream, e)
		if stored != offered {
			return nil, &ledger.Error{Code: ledger.CodeIDConflict, Err: &ledger.IDConflict{Stream: b.Stream, Source: e.Source, ID: e.ID,
				Position: uint64(at + 1), Stored: stored, Offered: offered}}
		}
		present++
	}
	switch {
	case present > 0 && present < len(b.Events):
		return nil, &ledger.Error{Code: ledger.CodePartialBatch}
	case present == 0 && !b.Expect.Holds(uint64(len(current))):
		return nil, &ledger.Error{Code: ledger.CodeStaleRevision,
			Err: &ledger.StaleRevision{Stream: b.Stream, Expected: b.Expect, Current: uint64(len(current))}}
	case present == 0:
		m.write(b)
	}
	receipts := make([]ledger.Receipt, len(b.Events))
	for i, e := range b.Events {
		r := &m.Events[m.ids[idKey{b.Stream, e.Source, e.ID}]]
		receipts[i] = ledger.Receipt{Stream: b.Stream, ID: e.ID, Position: r.Position, Revision: r.Revision, Duplicate: present > 0}
	}
	return receipts, nil
}

func (m *Model) write(b ledger.Batch) {
	if m.ids == nil {
		m.streams, m.ids = map[string][]int{}, map[idKey]int{}
	}
	for _, e := range b.Events {
		at := len(m.Events)
		m.ids[idKey{b.Stream, e.Source, e.ID}] = at
		m.streams[b.Stream] = append(m.streams[b.Stream], at)
		m.Events = append(m.Events, ledger.Recorded{Event: e, Stream: b.Stream, Position: uint64(at + 1), Revision: uint64(len(m.streams[b.Stream]))})
	}
}

// Read is what [ledger.Reader.Read] yields.
func (m *Model) Read(o ledger.ReadOptions) []ledger.Recorded { return within(m.Events, o) }

// ReadStream is what [ledger.Reader.ReadStream] yields.
func (m *Model) ReadStream(stream string, o ledger.ReadOptions) (out []ledger.Recorded) {
	for _, at := range m.streams[stream] {
		out = append(out, m.Events[at])
	}
	return within(out, o)
}

func within(events []ledger.Recorded, o ledger.ReadOptions) []ledger.Recorded {
	from, to := max(o.From, 1), uint64(len(events))
	if o.To > 0 {
		to = min(to, o.To)
	}
	if from > to {
		return nil
	}
	return events[from-1 : to]
}

// StreamHead is what [ledger.Reader.StreamHead] answers.
func (m *Model) StreamHead(stream string) ledger.StreamHead {
	h, at := ledger.StreamHead{Stream: stream, Revision: uint64(len(m.streams[stream]))}, m.streams[stream]
	if len(at) > 0 {
		h.First, h.Last = uint64(at[0]+1), uint64(at[len(at)-1]+1)
	}
	return h
}

// Streams is what [ledger.Reader.Streams] yields.
func (m *Model) Streams(prefix, after string) (out []ledger.StreamHead) {
	for name := range m.streams {
		if strings.HasPrefix(name, prefix) && name > after {
			out = append(out, m.StreamHead(name))
		}
	}
	slices.SortFunc(out, func(a, b ledger.StreamHead) int { return strings.Compare(a.Stream, b.Stream) })
	return out
}
