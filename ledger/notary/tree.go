package notary

import (
	"context"
	"encoding/binary"
	"math"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/baton-ledger/baton/ledger"
)

// treeSizeName is the named value that says for how many leaves the interior nodes are written (8 bytes, big-endian). It moves
// in the same atomic step as the nodes, so after a crash it is never ahead of them.
var treeSizeName = []byte("tree/size")

// treeBatch is how many leaves are folded into one atomic write of interior nodes.
const treeBatch = 8192

// TreeSize is the number of leaves whose interior nodes are stored.
func TreeSize(ctx context.Context, store ledger.TreeStore) (uint64, error) {
	b, err := store.Value(ctx, treeSizeName)
	if err != nil || b == nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, ledger.Errorf(ledger.CodeCorrupt, "read tree", verifyHint, "value %q has %d bytes, not 8", treeSizeName, len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}

// Extend writes the interior nodes that the leaves up to size complete, in batches, and returns the root of the tree of that size.
// Leaves already covered are not read again. The writes need no sync: what a power loss takes is made again from the leaves.
func Extend(ctx context.Context, store ledger.TreeStore, size uint64) (ledger.Hash, error) {
	done, err := TreeSize(ctx, store)
	if err != nil || size <= done {
		if err != nil {
			return ledger.Hash{}, err
		}
		return Root(ctx, store, size)
	}
	f, err := readFrontier(ctx, store, done)
	if err != nil {
		return ledger.Hash{}, err
	}
	nodes := make([]ledger.TreeNode, 0, treeBatch+64)
	for f.size < size {
		nodes = nodes[:0]
		visit := func(n ledger.TreeNode) { nodes = append(nodes, n) }
		if err := f.grow(ctx, store, min(size, f.size+treeBatch), visit); err != nil {
			return ledger.Hash{}, err
		}
		value := ledger.NamedValue{Name: treeSizeName, Value: binary.BigEndian.AppendUint64(nil, f.size)}
		if err := store.PutTree(ctx, nodes, []ledger.NamedValue{value}); err != nil {
			return ledger.Hash{}, err
		}
	}
	return f.root(), nil
}

// Root is the root of the tree of the first size leaves. It writes nothing: leaves past [TreeSize] are folded in memory.
func Root(ctx context.Context, store ledger.TreeStore, size uint64) (ledger.Hash, error) {
	done, err := TreeSize(ctx, store)
	if err != nil {
		return ledger.Hash{}, err
	}
	f, err := readFrontier(ctx, store, min(size, done))
	if err != nil {
		return ledger.Hash{}, err
	}
	if err := f.grow(ctx, store, size, nil); err != nil {
		return ledger.Hash{}, err
	}
	return f.root(), nil
}

// readFrontier reads the edges of the tree of a size, which must not be past TreeSize.
func readFrontier(ctx context.Context, store ledger.TreeStore, size uint64) (*frontier, error) {
	f := &frontier{size: size}
	if size == 0 {
		return f, nil
	}
	var err error
	f.edges, err = store.Hashes(ctx, edgesOf(size))
	return f, err
}

// grow appends the stored leaves up to size. A leaf that is not there is named.
func (f *frontier) grow(ctx context.Context, store ledger.TreeStore, size uint64, visit func(ledger.TreeNode)) error {
	if f.size >= size {
		return nil
	}
	for leaf, err := range store.Leaves(ctx, f.size, size) {
		if err != nil {
			return err
		}
		f.append(leaf, visit)
	}
	if f.size != size {
		return ledger.Errorf(ledger.CodeCorrupt, "read tree", verifyHint,
			"leaf hashes end before position %d, %d are expected", f.size+1, size)
	}
	return nil
}

// hashReader gives tlog its hashes: tlog numbers all hashes of a tree in one sequence, a TreeStore by level and index.
func hashReader(ctx context.Context, store ledger.TreeStore) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		at := make([]ledger.TreeIndex, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			at[i] = ledger.TreeIndex{Level: level, Index: uint64(n)}
		}
		hashes, err := store.Hashes(ctx, at)
		if err != nil {
			return nil, err
		}
		out := make([]tlog.Hash, len(hashes))
		for i, h := range hashes {
			out[i] = tlog.Hash(h)
		}
		return out, nil
	})
}

// Inclusion proves that the tree of a size has the leaf at an index (position - 1): the hashes beside the path from the leaf to the
// root, from the bottom up (RFC 6962, 2.1.1). Size is at most [TreeSize].
func Inclusion(ctx context.Context, store ledger.TreeStore, index, size uint64) ([]ledger.Hash, error) {
	if index >= size || size > math.MaxInt64 {
		return nil, ledger.Errorf(ledger.CodeNotFound, "prove inclusion", "ask for a position from 1 to the checkpoint's size",
			"position %d is not in the tree of %d events", index+1, size)
	}
	p, err := tlog.ProveRecord(int64(size), int64(index), hashReader(ctx, store))
	return ours(p), err
}

// Consistency proves that the tree of size older is the beginning of the tree of size newer (RFC 6962, 2.1.2). Newer is at most
// [TreeSize].
func Consistency(ctx context.Context, store ledger.TreeStore, older, newer uint64) ([]ledger.Hash, error) {
	if older > newer || newer > math.MaxInt64 {
		return nil, ledger.Errorf(ledger.CodeNotFound, "prove consistency", "name the smaller size first",
			"a tree of %d events is not the beginning of one of %d", older, newer)
	}
	if older == 0 {
		return nil, nil // every tree begins with the empty one
	}
	p, err := tlog.ProveTree(int64(newer), int64(older), hashReader(ctx, store))
	return ours(p), err
}

func ours(hashes []tlog.Hash) []ledger.Hash {
	out := make([]ledger.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = ledger.Hash(h)
	}
	return out
}

func theirs(hashes []ledger.Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = tlog.Hash(h)
	}
	return out
}
