package migrate

import (
	"context"
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/baton-ledger/baton/ledger"
)

// tree is the right edge of a Merkle tree: the roots of its complete subtrees, largest first.
type tree struct {
	size    uint64
	edges   []ledger.Hash
	scratch []byte
}

// add appends the leaf of an event as it was read, with the chained head that its store gives it.
func (t *tree) add(r *ledger.Recorded, tag ledger.Hash) {
	l := ledger.LeafOf(r, tag)
	h, _, scratch := l.Hashes(t.scratch)
	t.scratch = scratch
	for index := t.size; index&1 == 1; index >>= 1 {
		h = node(t.edges[len(t.edges)-1], h)
		t.edges = t.edges[:len(t.edges)-1]
	}
	t.edges = append(t.edges, h)
	t.size++
}

// root is the tree's root by RFC 6962, 2.1: SHA-256 of nothing for no leaves.
func (t *tree) root() ledger.Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	h := t.edges[len(t.edges)-1]
	for i := len(t.edges) - 2; i >= 0; i-- {
		h = node(t.edges[i], h)
	}
	return h
}

func node(left, right ledger.Hash) ledger.Hash {
	return ledger.Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}

// prove reads both sides to the end, computes both roots, and names the first event that differs.
func (r *run) prove(ctx context.Context) error {
	var from, to tree
	var first *Difference
	streams, total := uint64(0), r.report.Events
	r.o.Progress(Progress{Prove, 0, total})
	for p, err := range r.pairs(ctx, 1, total) {
		if err != nil {
			return err
		}
		if d := p.difference(); d != nil && first == nil {
			first = d
		}
		if p.from.Revision == 1 {
			streams++
		}
		tag := ledger.StreamTag(r.o.TagKey, p.from.Stream)
		from.add(&p.from, tag)
		if p.to.Stream != p.from.Stream {
			tag = ledger.StreamTag(r.o.TagKey, p.to.Stream)
		}
		to.add(&p.to, tag)
		if from.size == total || from.size%progressEvents == 0 {
			r.o.Progress(Progress{Prove, from.size, total})
		}
	}
	r.report.Streams, r.report.RootFrom, r.report.RootTo = streams, from.root(), to.root()
	r.report.Equal = r.report.RootFrom == r.report.RootTo
	const hint = "run `baton verify` on both, remove the destination and copy into an empty ledger"
	if first != nil {
		return &ledger.Error{Code: ledger.CodeCorrupt, Op: "migrate", Err: first, Hint: hint}
	}
	if !r.report.Equal {
		return ledger.Errorf(ledger.CodeCorrupt, "migrate", hint, "the root is %v at the source and %v at the destination", r.report.RootFrom, r.report.RootTo)
	}
	return nil
}
