package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// Hash is a SHA-256 digest.
type Hash [sha256.Size]byte

// String is the digest in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether nothing was hashed yet: no digest is zero.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText makes hashes hexadecimal in JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return fmt.Errorf("a digest has %d hexadecimal digits, not %d", 2*len(h), len(b))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// leafVersion is the first byte of every leaf.
const leafVersion = 1

// Leaf is what the Merkle log commits to for one event: its record and its place, without personal data. The stream is present as a
// keyed tag and as a chained head seeded with that tag, so that nobody without the key can guess a stream's name from a leaf.
type Leaf struct {
	Position     uint64
	Revision     uint64
	RecordedTime time.Time
	StreamTag    Hash // HMAC-SHA-256 of the stream's name
	Record       Hash // SHA-256 of the record's bytes
	Type         string
	PrevHead     Hash
}

// StreamTag is HMAC-SHA-256 of a stream's name under the ledger's tag key.
func StreamTag(key []byte, stream string) Hash {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(stream))
	return Hash(m.Sum(nil))
}

// SeedHead is the chained head of a stream before its first event: SHA-256 of its tag.
func SeedHead(tag Hash) Hash { return sha256.Sum256(tag[:]) }

// Append encodes the leaf, after whatever buf holds: version, position, revision and recorded time (ns since the Unix epoch) as 8
// bytes each, tag, record digest, type with a 2-byte length, previous head. Integers are big-endian.
func (l *Leaf) Append(buf []byte) []byte {
	buf = append(buf, leafVersion)
	buf = binary.BigEndian.AppendUint64(buf, l.Position)
	buf = binary.BigEndian.AppendUint64(buf, l.Revision)
	buf = binary.BigEndian.AppendUint64(buf, uint64(l.RecordedTime.UnixNano()))
	buf = append(buf, l.StreamTag[:]...)
	buf = append(buf, l.Record[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(l.Type)))
	buf = append(buf, l.Type...)
	return append(buf, l.PrevHead[:]...)
}

// ParseLeaf decodes what Append made.
func ParseLeaf(b []byte) (Leaf, error) {
	const fixed = 1 + 3*8 + 2*sha256.Size + 2
	if len(b) < fixed+sha256.Size || b[0] != leafVersion {
		return Leaf{}, Errorf(CodeCorrupt, "parse leaf", "", "not a version %d leaf of %d bytes or more: %d bytes", leafVersion, fixed+sha256.Size, len(b))
	}
	l := Leaf{
		Position:     binary.BigEndian.Uint64(b[1:]),
		Revision:     binary.BigEndian.Uint64(b[9:]),
		RecordedTime: time.Unix(0, int64(binary.BigEndian.Uint64(b[17:]))).UTC(),
		StreamTag:    Hash(b[25:57]),
		Record:       Hash(b[57:89]),
	}
	n := int(binary.BigEndian.Uint16(b[89:]))
	if len(b) != fixed+n+sha256.Size {
		return Leaf{}, Errorf(CodeCorrupt, "parse leaf", "", "leaf says its type has %d bytes, %d remain", n, len(b)-fixed-sha256.Size)
	}
	l.Type = string(b[fixed : fixed+n])
	l.PrevHead = Hash(b[fixed+n:])
	return l, nil
}

// Hashes gives the leaf's RFC 6962 hash, SHA-256(0x00, leaf), and the stream's head after it, SHA-256(previous head, leaf without
// previous head). buf is scratch space, returned grown.
func (l *Leaf) Hashes(buf []byte) (leaf, head Hash, scratch []byte) {
	buf = append(append(buf[:0], l.PrevHead[:]...), 0)
	const at = sha256.Size // where the RFC 6962 prefix byte is
	buf = l.Append(buf)
	leaf = sha256.Sum256(buf[at:])
	// The head is over (previous head, leaf without it): close the gap of the prefix byte by moving the 32 bytes before it.
	end := len(buf) - sha256.Size
	copy(buf[1:at+1], l.PrevHead[:])
	head = sha256.Sum256(buf[1:end])
	return leaf, head, buf
}

// LeafOf is the leaf of a recorded event that was read with its record.
func LeafOf(r *Recorded, tag Hash) Leaf {
	return Leaf{Position: r.Position, Revision: r.Revision, RecordedTime: r.RecordedTime, StreamTag: tag,
		Record: sha256.Sum256(r.Record), Type: r.Type, PrevHead: r.PrevHead}
}
