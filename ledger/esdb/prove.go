package esdb

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
)

// provenName is the named value of the mirror that says how many chunks it was found equal to.
var provenName = []byte("esdb/index")

// prove holds the mirror against every chunk of the index that it was not held against before. CodeCorrupt names the first event that is not
// what it was when the index was written.
func (b *Board) prove(ctx context.Context) error {
	note, _, _ := b.Last() // before the index is read, which other nodes go on writing
	v, err := b.store.Value(ctx, provenName)
	if err != nil {
		return err
	}
	if len(v) == 16 {
		b.index = indexEnd{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}
	}
	if err := b.store.reaches(ctx, IndexStream, b.index.chunks, nil); err != nil {
		return err
	}
	if err := b.takeOver(ctx); err != nil {
		return err
	}
	return b.covers(note)
}

// covers checks that the index, as it was read, reaches a checkpoint that was on the board before: it did so before that was posted.
func (b *Board) covers(note string) error {
	if size := sizeOf(note); size > b.index.size {
		return evidence("a checkpoint of %d events is on the board, and the index ends at position %d: the stream %s was truncated or removed", size, b.index.size, IndexStream)
	}
	return nil
}

// sizeOf is the number of events that a checkpoint says it is of: its second line. Whether that is true the notary says.
func sizeOf(note string) uint64 {
	_, rest, _ := strings.Cut(note, "\n")
	line, _, _ := strings.Cut(rest, "\n")
	size, _ := strconv.ParseUint(line, 10, 64)
	return size
}

// takeOver holds the mirror against what came after the index's end as it was known, and remembers how far that went.
func (b *Board) takeOver(ctx context.Context) (err error) {
	if b.index, err = b.compareFrom(ctx, b.index); err != nil {
		return err
	}
	value := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, b.index.chunks), b.index.size)
	return b.store.PutTree(ctx, nil, []ledger.NamedValue{{Name: provenName, Value: value}})
}

// compareFrom holds the mirror against the index from a place on, and gives where it ends.
func (b *Board) compareFrom(ctx context.Context, done indexEnd) (indexEnd, error) {
	for {
		page, err := b.store.client.stream(ctx, IndexStream, eventstore.ReadStreamOptions{Direction: eventstore.Forwards, From: eventstore.Revision(done.chunks)}, 4)
		if err != nil || len(page) == 0 {
			return done, err
		}
		for i := range page {
			if done, err = b.compareChunk(ctx, &page[i], done); err != nil {
				return done, err
			}
		}
	}
}

// compareChunk holds the mirror against one event of the index. Events of other types are somebody else's and say nothing.
func (b *Board) compareChunk(ctx context.Context, e *logged, done indexEnd) (indexEnd, error) {
	if e.Number != done.chunks {
		return done, evidence("event %d of the stream %s follows event %d: it was truncated", e.Number, IndexStream, int64(done.chunks)-1)
	}
	if e.Type != indexType {
		b.store.log.Warn("somebody else writes to a stream of Baton's", "stream", IndexStream, "number", e.Number, "type", e.Type)
		return indexEnd{done.chunks + 1, done.size}, nil
	}
	from, entries, err := decodeChunk(e.Data)
	if err != nil {
		return done, err
	}
	if from != done.size+1 {
		return done, evidence("chunk %d of the stream %s begins at position %d, and must at %d: somebody else wrote it", e.Number, IndexStream, from, done.size+1)
	}
	if err := b.compare(ctx, from, entries); err != nil {
		return done, err
	}
	return indexEnd{done.chunks + 1, done.size + uint64(len(entries))}, nil
}

// compare holds the mirror against entries of the index.
func (b *Board) compare(ctx context.Context, from uint64, entries []indexed) error {
	last := from + uint64(len(entries)) - 1
	have, err := b.store.await(ctx, last)
	if err != nil {
		return err
	}
	i := 0
	for h, err := range b.store.Leaves(ctx, from-1, min(last, max(have, from-1))) {
		if err != nil {
			return err
		}
		if h != entries[i].leaf {
			return b.differs(ctx, from+uint64(i), &entries[i])
		}
		i++
	}
	if i < len(entries) {
		return evidence("the ledger ends at position %d: the event at position %d (stream %q, revision %d) and what came after it were removed inside EventStoreDB",
			have, from+uint64(i), entries[i].stream, entries[i].revision)
	}
	return nil
}

// differs names the event at the first position where mirror and index are not the same.
func (b *Board) differs(ctx context.Context, position uint64, want *indexed) error {
	what := fmt.Sprintf("stream %q, revision %d", want.stream, want.revision)
	h, err := b.store.StreamHead(ctx, want.stream)
	if err != nil {
		return err
	}
	found := "nothing"
	for r, err := range b.store.Read(ctx, ledger.ReadOptions{From: position, To: position, HeaderOnly: true}) {
		if err != nil {
			return err
		}
		found = fmt.Sprintf("stream %q, revision %d, id %.80q", r.Stream, r.Revision, r.ID)
		if r.Stream == want.stream && r.Revision == want.revision {
			return evidence("the event at position %d (%s) is not what it was when it was signed: it was changed or redacted inside EventStoreDB", position, found)
		}
	}
	if h.Revision < want.revision {
		return evidence("the event at position %d (%s) was removed inside EventStoreDB; %s is there now", position, what, found)
	}
	return evidence("position %d was %s and is %s now: an event before it was added, removed or moved inside EventStoreDB", position, what, found)
}

func evidence(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeCorrupt, "hold EventStoreDB against its index",
		"keep EventStoreDB as it is, compare with a node whose mirror is older (`baton verify` there), and restore a backup", format, args...)
}

// await waits until the mirror has a position, or has all that there is, and gives its last position.
func (s *Store) await(ctx context.Context, position uint64) (uint64, error) {
	end, err := s.client.end(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		all := s.reached(end) // before the head is read: the cursor moves after it
		h, err := s.Head(ctx)
		if err != nil || h.Position >= position || all {
			return h.Position, err
		}
		if err := s.wait(ctx, h.Position); err != nil {
			return 0, unanswered("follow EventStoreDB", err)
		}
	}
}

// patience is how long a stream is asked for that ends before it should: the node that answers may be behind the others for a moment.
const patience = 2 * time.Second

// reaches checks that a stream has at least as many events as it was seen to have. count is how to count them, nil for the plain way.
func (s *Store) reaches(ctx context.Context, stream string, atLeast uint64, count func(context.Context) (uint64, error)) error {
	if count == nil {
		count = func(ctx context.Context) (uint64, error) { return s.client.count(ctx, stream) }
	}
	for until := time.Now().Add(patience); ; {
		n, err := count(ctx)
		if err != nil || n >= atLeast {
			return err
		}
		if time.Now().After(until) {
			return evidence("the stream %s has %d events, this node has seen %d: it was truncated or removed, or EventStoreDB was restored from an older backup", stream, n, atLeast)
		}
		if err := ledger.Pause(ctx, notLeaderIn); err != nil {
			return err
		}
	}
}
