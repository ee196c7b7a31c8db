package esdb

import (
	"context"
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

func openBoard(ctx context.Context, s *Store) (*Board, error) {
	b := &Board{store: s, changed: make(chan struct{})}
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	return b, b.refreshIndex(ctx)
}

// refresh reads the newest checkpoint.
func (b *Board) refresh(ctx context.Context) error {
	last, err := b.store.client.stream(ctx, CheckpointStream, eventstore.ReadStreamOptions{Direction: eventstore.Backwards, From: eventstore.End{}}, 1)
	if err == nil && len(last) > 0 {
		b.seen(&last[0])
	}
	return err
}

// seen takes what the follower meets in the streams of the board.
func (b *Board) seen(e *logged) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Stream != CheckpointStream || e.Number < b.next {
		return
	}
	b.next = e.Number + 1
	if e.Type == checkpointType {
		b.note = string(e.Data)
		close(b.changed)
		b.changed = make(chan struct{})
	}
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
		if err = b.refresh(ctx); err == nil {
			err = ledger.Errorf(ledger.CodeStaleRevision, "post checkpoint", "let one node sign; the others take its checkpoints over",
				"another node has posted checkpoint %d", place)
		}
	}
	return err
}
