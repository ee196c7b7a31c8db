package esdb

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
)

// Board is where the nodes share checkpoints, and the index that they were made over. A checkpoint is posted by compare-and-set: it goes to the
// place after the one that its poster has seen, or it is refused. So there is one list of checkpoints however many nodes sign, and what a
// node shows after a post is on it. Before a checkpoint of some size is posted the index covers that size.
type Board struct {
	store *Store

	posting sync.Mutex // one post at a time
	mu      sync.Mutex
	note    string        // newest checkpoint, "" where there is none
	next    uint64        // events of the checkpoint stream, as far as they were seen
	changed chan struct{} // closed and replaced when note changes
	index   indexEnd
}

// boardName is the named value of the mirror that says how many events of the checkpoint stream were seen.
var boardName = []byte("esdb/board")

// openBoard reads the board as it is now. It must reach what this node has seen of it before.
func openBoard(ctx context.Context, s *Store) (*Board, error) {
	b := &Board{store: s, changed: make(chan struct{})}
	v, err := s.Value(ctx, boardName)
	if err != nil {
		return nil, err
	}
	var before uint64
	if len(v) == 8 {
		before = binary.BigEndian.Uint64(v)
	}
	return b, s.reaches(ctx, CheckpointStream, before, b.refresh)
}

// mark is what the mirror keeps of the board.
func (b *Board) mark() ledger.NamedValue {
	_, next, _ := b.Last()
	return ledger.NamedValue{Name: boardName, Value: binary.BigEndian.AppendUint64(nil, next)}
}

// refresh reads the newest checkpoint, past whatever else somebody wrote there, and gives how many events the stream has.
func (b *Board) refresh(ctx context.Context) (count uint64, err error) {
	o := eventstore.ReadStreamOptions{Direction: eventstore.Backwards, From: eventstore.End{}}
	for {
		page, err := b.store.client.stream(ctx, CheckpointStream, o, 16)
		if err != nil || len(page) == 0 {
			return count, err
		}
		count = max(count, page[0].Number+1)
		for i := range page {
			if page[i].Type == checkpointType {
				b.take(count, string(page[i].Data))
				return count, nil
			}
		}
		last := page[len(page)-1].Number
		if last == 0 {
			b.take(count, "")
			return count, nil
		}
		o.From = eventstore.Revision(last - 1)
	}
}

// seen takes what the follower meets in the checkpoint stream.
func (b *Board) seen(e *logged) {
	switch {
	case e.Stream != CheckpointStream:
	case e.Type == checkpointType:
		b.take(e.Number+1, string(e.Data))
	default:
		b.take(e.Number+1, "")
	}
}

// take notes that the checkpoint stream has count events, the newest of them with this note, "" for none.
func (b *Board) take(count uint64, note string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if count <= b.next {
		return
	}
	b.next = count
	if note != "" {
		b.note = note
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

// chunks is how many events of the index were seen.
func (b *Board) chunks() uint64 {
	b.posting.Lock()
	defer b.posting.Unlock()
	return b.index.chunks
}

// Last is the newest checkpoint that was seen, "" where there is none, and the place that the next one is posted to. changed is closed when
// there is a newer one.
func (b *Board) Last() (note string, place uint64, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.note, b.next, b.changed
}

// Post posts the checkpoint of the ledger's first size events to a place. CodeStaleRevision: another node has posted there, and Last says what.
func (b *Board) Post(ctx context.Context, place, size uint64, note string) error {
	b.posting.Lock()
	defer b.posting.Unlock()
	if err := b.extend(ctx, size); err != nil {
		return err
	}
	event := Stored{Stream: CheckpointStream, ID: nameID(checkpointType, []byte(note)), Type: checkpointType, ContentType: Binary, Data: []byte(note), Number: place}
	err := b.store.client.add(ctx, CheckpointStream, place, []Stored{event})
	switch {
	case err == nil:
		b.seen(&logged{Stored: event})
	case errors.Is(err, errWrong):
		if _, err = b.refresh(ctx); err == nil {
			err = ledger.Errorf(ledger.CodeStaleRevision, "post checkpoint", "let one node sign; the others take its checkpoints over",
				"another node has posted checkpoint %d", place)
		}
	}
	return err
}
