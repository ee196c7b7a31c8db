package esdb

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"

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
	if version != 1 || err1 != nil || err2 != nil || n == 0 || n > uint64(len(b)) || from == 0 {
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

// extend writes chunks until the index covers a size. A chunk that another node has written meanwhile is held against the mirror.
func (b *Board) extend(ctx context.Context, size uint64) error {
	for b.index.size < size {
		before, from := b.index, b.index.size+1
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
			if b.index.chunks == before.chunks { // whoever answered is behind, or the index is
				if err := cmp.Or(b.store.reaches(ctx, IndexStream, before.chunks, nil), ledger.Pause(ctx, notLeaderIn)); err != nil {
					return err
				}
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
