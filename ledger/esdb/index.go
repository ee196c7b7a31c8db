package esdb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
)

// IndexStream holds the map from positions to events, with their leaf hashes: in chunks, each one event of it. Leaf hashes are level 0 of the
// Merkle tree, so tree and map are in EventStoreDB itself, and every node that makes them again from the events can prove its own equal.
// Where it is not, the first difference names the event that was changed or removed.
const IndexStream = "checkpoint-index"

// Bounds of one chunk. EventStoreDB takes a megabyte by default.
const (
	chunkEntries = 8192
	chunkBytes   = 512 << 10
)

// indexed is what the index says of one position.
type indexed struct {
	stream   string
	revision uint64
	leaf     ledger.Hash
}

// indexEnd is where the index ends: how many chunks, and the last position in them.
type indexEnd struct{ chunks, size uint64 }

// encodeChunk writes entries from a position on: version (1 byte), first position, number of entries (uvarints); then for each the number of
// its stream in the chunk (uvarint, a new one is followed by the name's length and the name), revision (uvarint), leaf hash.
func encodeChunk(from uint64, entries []indexed) []byte {
	out := binary.AppendUvarint(binary.AppendUvarint([]byte{1}, from), uint64(len(entries)))
	numbers := make(map[string]uint64)
	for _, e := range entries {
		n, old := numbers[e.stream]
		if !old {
			n = uint64(len(numbers))
			numbers[e.stream] = n
		}
		out = binary.AppendUvarint(out, n)
		if !old {
			out = append(binary.AppendUvarint(out, uint64(len(e.stream))), e.stream...)
		}
		out = append(binary.AppendUvarint(out, e.revision), e.leaf[:]...)
	}
	return out
}

func decodeChunk(b []byte) (from uint64, entries []indexed, err error) {
	bad := ledger.Errorf(ledger.CodeCorrupt, "read index", "find out who wrote to the stream "+IndexStream, "a chunk of %d bytes cannot be read", len(b))
	r := bytes.NewReader(b)
	version, _ := r.ReadByte()
	from, err1 := binary.ReadUvarint(r)
	n, err2 := binary.ReadUvarint(r)
	if version != 1 || err1 != nil || err2 != nil || n > uint64(len(b)) || from == 0 {
		return 0, nil, bad
	}
	var names []string
	for range n {
		e, err := readEntry(r, &names)
		if err != nil {
			return 0, nil, bad
		}
		entries = append(entries, e)
	}
	return from, entries, nil
}

func readEntry(r *bytes.Reader, names *[]string) (e indexed, err error) {
	number, err := binary.ReadUvarint(r)
	if err != nil || number > uint64(len(*names)) {
		return e, errors.Join(err, errors.New("unknown stream"))
	}
	if number == uint64(len(*names)) {
		n, err := binary.ReadUvarint(r)
		if err != nil || n > uint64(r.Len()) {
			return e, errors.Join(err, errors.New("no name"))
		}
		name := make([]byte, n)
		_, _ = r.Read(name)
		*names = append(*names, string(name))
	}
	e.stream = (*names)[number]
	if e.revision, err = binary.ReadUvarint(r); err != nil || r.Len() < len(e.leaf) {
		return e, errors.Join(err, errors.New("cut"))
	}
	_, _ = r.Read(e.leaf[:])
	return e, nil
}

// refreshIndex reads where the index ends.
func (b *Board) refreshIndex(ctx context.Context) error {
	last, err := b.store.client.stream(ctx, IndexStream, eventstore.ReadStreamOptions{Direction: eventstore.Backwards, From: eventstore.End{}}, 1)
	if err != nil || len(last) == 0 {
		return err
	}
	from, entries, err := decodeChunk(last[0].Data)
	b.index = indexEnd{last[0].Number + 1, from + uint64(len(entries)) - 1}
	return err
}

// extend writes chunks until the index covers a size. A chunk that another node has written meanwhile is held against the mirror.
func (b *Board) extend(ctx context.Context, size uint64) error {
	for b.index.size < size {
		from := b.index.size + 1
		entries, err := b.entries(ctx, from, size)
		if err != nil {
			return err
		}
		data := encodeChunk(from, entries)
		event := Stored{ID: nameID(indexType, data), Type: indexType, ContentType: Binary, Data: data}
		switch err := b.store.client.add(ctx, IndexStream, b.index.chunks, []Stored{event}); {
		case err == nil:
			b.index = indexEnd{b.index.chunks + 1, b.index.size + uint64(len(entries))}
		case errors.Is(err, errWrong):
			if err := b.takeOver(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// entries makes a chunk's entries from the mirror.
func (b *Board) entries(ctx context.Context, from, to uint64) (out []indexed, err error) {
	to = min(to, from+chunkEntries-1)
	size := 0
	for r, err := range b.store.Read(ctx, ledger.ReadOptions{From: from, To: to, HeaderOnly: true}) {
		if err != nil {
			return nil, err
		}
		out = append(out, indexed{stream: r.Stream, revision: r.Revision})
		if size += len(r.Stream) + 48; size > chunkBytes {
			break
		}
	}
	i := 0
	for h, err := range b.store.Leaves(ctx, from-1, from-1+uint64(len(out))) {
		if err != nil {
			return nil, err
		}
		out[i].leaf = h
		i++
	}
	if i != len(out) || i == 0 {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "index", "remove the folder of the mirror: it is made again", "the mirror has %d of %d leaves from position %d on", i, len(out), from)
	}
	return out, nil
}

// provenName is the named value of the mirror that says how many chunks it was found equal to.
var provenName = []byte("esdb/index")

// prove holds the mirror against every chunk of the index that it was not held against before. CodeCorrupt names the first event that is not
// what it was when the index was written.
func (b *Board) prove(ctx context.Context) error {
	v, err := b.store.Value(ctx, provenName)
	if err != nil {
		return err
	}
	done := indexEnd{}
	if len(v) == 16 {
		done = indexEnd{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}
	}
	return b.compareFrom(ctx, done)
}

// takeOver is prove for what came after the index's end as it was known.
func (b *Board) takeOver(ctx context.Context) error { return b.compareFrom(ctx, b.index) }

func (b *Board) compareFrom(ctx context.Context, done indexEnd) error {
	for {
		page, err := b.store.client.stream(ctx, IndexStream, eventstore.ReadStreamOptions{Direction: eventstore.Forwards, From: eventstore.Revision(done.chunks)}, 16)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			b.index = done
			value := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, done.chunks), done.size)
			return b.store.PutTree(ctx, nil, []ledger.NamedValue{{Name: provenName, Value: value}})
		}
		for i := range page {
			from, entries, err := decodeChunk(page[i].Data)
			if err == nil && (page[i].Number != done.chunks || from != done.size+1) {
				err = ledger.Errorf(ledger.CodeCorrupt, "read index", "find out who wrote to or truncated the stream "+IndexStream,
					"chunk %d begins at position %d, chunk %d at position %d is expected", page[i].Number, from, done.chunks, done.size+1)
			}
			if err == nil {
				err = b.compare(ctx, from, entries)
			}
			if err != nil {
				return err
			}
			done = indexEnd{done.chunks + 1, done.size + uint64(len(entries))}
		}
	}
}

// compare holds the mirror against entries of the index.
func (b *Board) compare(ctx context.Context, from uint64, entries []indexed) error {
	last := from + uint64(len(entries)) - 1
	if err := b.store.await(ctx, last); err != nil {
		return err
	}
	i := 0
	for h, err := range b.store.Leaves(ctx, from-1, last) {
		if err != nil {
			return err
		}
		if h != entries[i].leaf {
			break
		}
		i++
	}
	if i == len(entries) {
		return nil
	}
	return b.differs(ctx, from+uint64(i), &entries[i])
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

// await waits until the mirror has a position.
func (s *Store) await(ctx context.Context, position uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSlow)
	defer cancel()
	h, err := s.Wait(ctx, position-1)
	if err != nil && context.Cause(ctx) == errSlow {
		h, err = s.Head(context.WithoutCancel(ctx))
		if err == nil && h.Position < position {
			err = evidence("the ledger ends at position %d, the index reaches %d or more: the newest events were removed inside EventStoreDB", h.Position, position)
		}
	}
	return err
}
