package notary

import (
	"context"
	"crypto/sha256"
	"math"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/baton-ledger/baton/ledger"
)

// verifyHint is what to do about anything that is not what was written.
const verifyHint = "run `baton verify` to see how far the damage reaches, and keep the directory as evidence"

// LeafHash is the RFC 6962 hash of a leaf's bytes, SHA-256(0x00, leaf).
func LeafHash(leaf []byte) ledger.Hash { return ledger.Hash(tlog.RecordHash(leaf)) }

// CheckInclusion verifies an inclusion proof: the tree of that size and root has that leaf hash at index. The log may be anyone's.
func CheckInclusion(hashes []ledger.Hash, size uint64, root ledger.Hash, index uint64, leaf ledger.Hash) error {
	const op, hint = "check inclusion", "ask for the leaf, the proof and the checkpoint again: one of the three is not of this log"
	if index >= size || size > math.MaxInt64 {
		return ledger.Errorf(ledger.CodeInvalid, op, hint, "index %d is not in a tree of %d leaves", index, size)
	}
	if err := tlog.CheckRecord(theirs(hashes), int64(size), tlog.Hash(root), int64(index), tlog.Hash(leaf)); err != nil {
		return ledger.Errorf(ledger.CodeCorrupt, op, hint, "leaf hash %s is not at index %d of the tree of size %d with root %s: %w",
			leaf, index, size, root, err)
	}
	return nil
}

// CheckConsistency verifies a consistency proof: the tree (older, olderRoot) is the beginning of (newer, newerRoot).
func CheckConsistency(hashes []ledger.Hash, older uint64, olderRoot ledger.Hash, newer uint64, newerRoot ledger.Hash) error {
	const op, hint = "check consistency", "keep both checkpoints: if the proof is genuine, this log has shown two histories"
	if older > newer || newer > math.MaxInt64 {
		return ledger.Errorf(ledger.CodeInvalid, op, "name the smaller size first", "sizes %d and %d are not in order", older, newer)
	}
	var err error
	switch {
	case older == 0 && (olderRoot != emptyRoot || len(hashes) > 0):
		err = ledger.Errorf(ledger.CodeCorrupt, "", "", "the empty tree has root %s and needs no proof", emptyRoot)
	case older > 0:
		err = tlog.CheckTree(theirs(hashes), int64(newer), tlog.Hash(newerRoot), int64(older), tlog.Hash(olderRoot))
	}
	if err != nil {
		return ledger.Errorf(ledger.CodeCorrupt, op, hint, "tree of size %d with root %s is not the beginning of size %d with root %s: %w",
			older, olderRoot, newer, newerRoot, err)
	}
	return nil
}

// Proof is a portable proof that one event is in the ledger: with the public key it can be checked anywhere, without Baton. The
// leaf binds position, revision, recorded time, type and the digest of the record.
type Proof struct {
	Leaf       []byte        `json:"leaf"`       // the leaf's bytes, see ledger.Leaf
	Index      uint64        `json:"index"`      // in the tree; the position is one more
	Hashes     []ledger.Hash `json:"hashes"`     // inclusion proof, from the bottom up
	Checkpoint string        `json:"checkpoint"` // the signed note that the proof leads to
}

// Source is what proofs are made from: records and the tree beside them.
type Source interface {
	ledger.Reader
	ledger.TreeStore
}

// Prove makes the proof of the event at a position under a checkpoint of this ledger, [Stored] or [Notary.Latest]. The proof is
// checked before it is given: a record that is not what the tree commits to is CodeCorrupt.
func Prove(ctx context.Context, store Source, tagKey []byte, cp Checkpoint, position uint64) (Proof, error) {
	if position == 0 || position > cp.Size {
		return Proof{}, ledger.Errorf(ledger.CodeNotFound, "prove", "wait for the next checkpoint (one second), or ask for an earlier position",
			"position %d is not covered by the checkpoint of size %d", position, cp.Size)
	}
	leaf, err := leafAt(ctx, store, tagKey, position)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Leaf: leaf, Index: position - 1, Checkpoint: cp.Note}
	if p.Hashes, err = Inclusion(ctx, store, p.Index, cp.Size); err != nil {
		return Proof{}, err
	}
	return p, CheckInclusion(p.Hashes, cp.Size, cp.Root, p.Index, LeafHash(leaf))
}

// leafAt reads an event and gives its leaf's bytes.
func leafAt(ctx context.Context, store ledger.Reader, tagKey []byte, position uint64) ([]byte, error) {
	for r, err := range store.Read(ctx, ledger.ReadOptions{From: position, To: position}) {
		if err != nil {
			return nil, err
		}
		leaf := ledger.LeafOf(&r, ledger.StreamTag(tagKey, r.Stream))
		return leaf.Append(nil), nil
	}
	return nil, ledger.Errorf(ledger.CodeNotFound, "read leaf", "ask for a position from 1 to the head", "there is no event at position %d", position)
}

// Verify checks the proof against the log's public key and returns the leaf and the checkpoint that it proves.
func (p *Proof) Verify(v note.Verifier) (ledger.Leaf, Checkpoint, error) {
	cp, err := ParseCheckpoint([]byte(p.Checkpoint), v)
	if err != nil {
		return ledger.Leaf{}, Checkpoint{}, err
	}
	leaf, err := ledger.ParseLeaf(p.Leaf)
	if err != nil {
		return ledger.Leaf{}, Checkpoint{}, err
	}
	if leaf.Position != p.Index+1 {
		return ledger.Leaf{}, Checkpoint{}, ledger.Errorf(ledger.CodeCorrupt, "check proof", "ask for the proof again",
			"the leaf says position %d, the proof index %d", leaf.Position, p.Index)
	}
	return leaf, cp, CheckInclusion(p.Hashes, cp.Size, cp.Root, p.Index, LeafHash(p.Leaf))
}

// CheckRecord verifies that a leaf commits to a record's bytes.
func CheckRecord(leaf ledger.Leaf, record []byte) error {
	if digest := ledger.Hash(sha256.Sum256(record)); digest != leaf.Record {
		return ledger.Errorf(ledger.CodeCorrupt, "check record", "ask for the record again, byte for byte",
			"record at position %d has SHA-256 %s, its leaf commits to %s", leaf.Position, digest, leaf.Record)
	}
	return nil
}
