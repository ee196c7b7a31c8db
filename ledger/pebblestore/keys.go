package pebblestore

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// The key space, frozen by docs/adr/0001. Integers are big-endian, so byte order is numeric order.
//
//	r position                → place (48 bytes: revision, recorded time, previous head), record
//	l position                → leaf hash
//	s first position, revision → position         a stream's number is the position of its first event
//	i first position, id tag  → position          id tag: first 16 bytes of SHA-256(len(source), source, id)
//	h stream name             → first, last, revision, recorded time, head
//	t level, index            → interior hash     written by the notary
//	v name                    → value             written by the notary
//	m name                    → value             the engine's own: format, floor
//
// Numbering streams by their first position keeps the index entries of journeys that live at the same time side by side, whatever
// their names, and makes keys short.
const (
	keyRecord = 'r'
	keyLeaf   = 'l'
	keyStream = 's'
	keyID     = 'i'
	keyHead   = 'h'
	keyTree   = 't'
	keyValue  = 'v'
	keyMeta   = 'm'
)

const placeSize = 8 + 8 + sha256.Size

var (
	metaFormat = []byte("mformat")
	metaFloor  = []byte("mfloor")
)

func positionKey(buf []byte, prefix byte, position uint64) []byte {
	return binary.BigEndian.AppendUint64(append(buf, prefix), position)
}

func streamKey(buf []byte, first, revision uint64) []byte {
	return binary.BigEndian.AppendUint64(positionKey(buf, keyStream, first), revision)
}

// idTag identifies (source, id) within a stream.
type idTag [16]byte

func tagOf(source, id string) idTag {
	var scratch [2 + 2*ledger.MaxID]byte
	b := binary.BigEndian.AppendUint16(scratch[:0], uint16(len(source)))
	b = append(append(b, source...), id...)
	sum := sha256.Sum256(b)
	return idTag(sum[:16])
}

// print is the part of a tag that the head cache keeps in memory.
func (t idTag) print() uint64 { return binary.BigEndian.Uint64(t[:]) }

func idKey(buf []byte, first uint64, tag idTag) []byte {
	return append(positionKey(buf, keyID, first), tag[:]...)
}

func headKey(buf []byte, stream string) []byte { return append(append(buf, keyHead), stream...) }

func treeKey(buf []byte, at ledger.TreeIndex) []byte {
	if at.Level == 0 {
		return positionKey(buf, keyLeaf, at.Index+1)
	}
	return binary.BigEndian.AppendUint64(append(buf, keyTree, byte(at.Level)), at.Index)
}

// upper is the first key after all keys with this prefix.
func upper(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

// place is what the ledger adds to a record.
type place struct {
	revision uint64
	recorded int64 // ns since the Unix epoch
	prev     ledger.Hash
}

func (p *place) append(buf []byte) []byte {
	buf = binary.BigEndian.AppendUint64(buf, p.revision)
	buf = binary.BigEndian.AppendUint64(buf, uint64(p.recorded))
	return append(buf, p.prev[:]...)
}

func parsePlace(value []byte) (p place, record []byte, ok bool) {
	if len(value) < placeSize {
		return place{}, nil, false
	}
	p.revision = binary.BigEndian.Uint64(value)
	p.recorded = int64(binary.BigEndian.Uint64(value[8:]))
	p.prev = ledger.Hash(value[16:placeSize])
	return p, value[placeSize:], true
}

// head is the state of a stream as the engine keeps it; the zero head is a stream that does not exist.
type head struct {
	first, last, revision uint64
	recorded              int64
	hash                  ledger.Hash
}

const headSize = 4*8 + sha256.Size

func (h *head) append(buf []byte) []byte {
	for _, n := range [...]uint64{h.first, h.last, h.revision, uint64(h.recorded)} {
		buf = binary.BigEndian.AppendUint64(buf, n)
	}
	return append(buf, h.hash[:]...)
}

func parseHead(b []byte) (h head, ok bool) {
	if len(b) != headSize {
		return head{}, false
	}
	h.first, h.last = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	h.revision, h.recorded = binary.BigEndian.Uint64(b[16:]), int64(binary.BigEndian.Uint64(b[24:]))
	h.hash = ledger.Hash(b[32:])
	return h, true
}

func (h *head) public(stream string) ledger.StreamHead {
	out := ledger.StreamHead{Stream: stream, Revision: h.revision, First: h.first, Last: h.last, Head: h.hash}
	if h.revision > 0 {
		out.RecordedTime = nanos(h.recorded)
	}
	return out
}

func nanos(ns int64) time.Time { return time.Unix(0, ns).UTC() }
