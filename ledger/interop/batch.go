package interop

import (
	"github.com/baton-ledger/baton/ledger"
)

// A window is what is read before it is written: enough that an engine shares its syncs over many journeys, small enough to hold.
const (
	windowEvents = 4096
	windowBytes  = 8 << 20
	chunkBytes   = 4 << 20 // of one batch; the ledger's own limit is twice that
)

// chunk is one batch to be: events of one stream, in order, with the rows they came from.
type chunk struct {
	stream, caseID string
	events         []ledger.Event
	rows           []int64
	bytes          int
	ids            map[[2]string]bool // of events that name themselves; ours cannot repeat
}

// group is a window ready to be written, and what the file has said up to its end.
type group struct {
	chunks []*chunk
	counts counts
}

// batcher gathers the events of a window by stream. A stream has one chunk in a window at most, so that chunks of one stream are never
// in one call of Append, where a later one could be written although an earlier one failed. In order, where events come as events and
// the order between streams is part of what they say, a chunk is a run of events of one stream instead.
type batcher struct {
	inOrder bool
	chunks  []*chunk
	open    map[string]*chunk
	events  int
	bytes   int
	ready   func() error // asked before anything is sent
	send    func(group) error
}

func newBatcher(ready func() error, send func(group) error) *batcher {
	return &batcher{open: map[string]*chunk{}, ready: ready, send: send}
}

// add puts the events of one row into the window. They stay in one chunk, so that a row is written whole or not at all.
func (b *batcher) add(stream, caseID string, row int64, events []ledger.Event, at counts) error {
	size := 0
	for i := range events {
		size += len(events[i].Data)
	}
	c := b.chunk(stream)
	if c != nil && (len(c.events)+len(events) > ledger.MaxBatchEvents || c.bytes+size > chunkBytes) {
		if err := b.flush(at); err != nil {
			return err
		}
		c = nil
	}
	if c == nil {
		c = &chunk{stream: stream, caseID: caseID}
		b.open[stream], b.chunks = c, append(b.chunks, c)
	}
	for i := range events {
		c.events, c.rows = append(c.events, events[i]), append(c.rows, row)
	}
	c.bytes += size
	b.events, b.bytes = b.events+len(events), b.bytes+size
	return nil
}

// addNamed adds an event that came with an id of its own. The same id again waits for the next window: the engine then says
// whether it is a retry or a conflict.
func (b *batcher) addNamed(stream string, row int64, e ledger.Event, at counts) error {
	key := [2]string{e.Source, e.ID}
	if c := b.chunk(stream); c != nil && c.ids[key] {
		if err := b.flush(at); err != nil {
			return err
		}
	}
	if err := b.add(stream, e.Subject, row, []ledger.Event{e}, at); err != nil {
		return err
	}
	c := b.open[stream]
	if c.ids == nil {
		c.ids = map[[2]string]bool{}
	}
	c.ids[key] = true
	return b.boundary(at)
}

// chunk is the one that an event of a stream goes into, nil where that is a new one.
func (b *batcher) chunk(stream string) *chunk {
	c := b.open[stream]
	if b.inOrder && c != nil && c != b.chunks[len(b.chunks)-1] {
		return nil
	}
	return c
}

// boundary is where a window may end: after a whole case where cases come whole.
func (b *batcher) boundary(at counts) error {
	if b.events < windowEvents && b.bytes < windowBytes {
		return nil
	}
	return b.flush(at)
}

func (b *batcher) flush(at counts) error {
	if err := b.ready(); err != nil || b.events == 0 {
		return err
	}
	g := group{chunks: b.chunks, counts: at}
	b.chunks, b.open, b.events, b.bytes = nil, map[string]*chunk{}, 0, 0
	return b.send(g)
}
