package notary

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/baton-ledger/baton/ledger"
)

// frontier is the right edge of a Merkle tree: the roots of its complete subtrees, largest first. It is all that appending
// needs, log2(size) hashes.
type frontier struct {
	size  uint64
	edges []ledger.Hash
}

// emptyRoot is the root of the tree without leaves, SHA-256 of nothing (RFC 6962, 2.1).
var emptyRoot = ledger.Hash(sha256.Sum256(nil))

// append adds a leaf and shows visit every interior node that it completes, from the bottom up.
func (f *frontier) append(leaf ledger.Hash, visit func(ledger.TreeNode)) {
	h, index, level := leaf, f.size, 0
	for ; index&1 == 1; index >>= 1 {
		last := len(f.edges) - 1
		h = nodeHash(f.edges[last], h)
		f.edges = f.edges[:last]
		level++
		if visit != nil {
			visit(ledger.TreeNode{At: ledger.TreeIndex{Level: level, Index: index >> 1}, Hash: h})
		}
	}
	f.edges = append(f.edges, h)
	f.size++
}

// root folds the edges from the right, as RFC 6962 does: the left subtree of every node is the largest complete one.
func (f *frontier) root() ledger.Hash {
	if f.size == 0 {
		return emptyRoot
	}
	h := f.edges[len(f.edges)-1]
	for i := len(f.edges) - 2; i >= 0; i-- {
		h = nodeHash(f.edges[i], h)
	}
	return h
}

// edgesOf lists where the edges of a tree of a size are, largest first: one for each bit of the size.
func edgesOf(size uint64) []ledger.TreeIndex {
	at := make([]ledger.TreeIndex, 0, bits.OnesCount64(size))
	for level := bits.Len64(size) - 1; level >= 0; level-- {
		if size>>level&1 == 1 {
			at = append(at, ledger.TreeIndex{Level: level, Index: size>>level - 1})
		}
	}
	return at
}

func nodeHash(left, right ledger.Hash) ledger.Hash {
	return ledger.Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}
