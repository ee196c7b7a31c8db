package notary_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// leaves is a TreeStore over given leaf hashes, for the mathematics alone: a real engine writes leaves with events only. Interior
// nodes and values are in Pebble.
type leaves struct {
	leaves []ledger.Hash
	db     *pebble.DB
}

func newLeaves(t testing.TB) *leaves {
	db, err := pebble.Open("tree", &pebble.Options{FS: vfs.NewMem(), Logger: silent{}})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return &leaves{db: db}
}

type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(string, ...any)          {}
func (silent) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func (s *leaves) add(h ledger.Hash) { s.leaves = append(s.leaves, h) }

func nodeKey(at ledger.TreeIndex) []byte {
	return binary.BigEndian.AppendUint64([]byte{'n', byte(at.Level)}, at.Index)
}

func (s *leaves) Hashes(_ context.Context, at []ledger.TreeIndex) ([]ledger.Hash, error) {
	out := make([]ledger.Hash, len(at))
	for i, a := range at {
		if a.Level == 0 {
			out[i] = s.leaves[a.Index]
			continue
		}
		v, closer, err := s.db.Get(nodeKey(a))
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeNotFound, "read tree", "", "level %d index %d: %w", a.Level, a.Index, err)
		}
		copy(out[i][:], v)
		closer.Close()
	}
	return out, nil
}

func (s *leaves) Leaves(_ context.Context, from, to uint64) iter.Seq2[ledger.Hash, error] {
	return func(yield func(ledger.Hash, error) bool) {
		for ; from < min(to, uint64(len(s.leaves))); from++ {
			if !yield(s.leaves[from], nil) {
				return
			}
		}
	}
}

func (s *leaves) PutTree(_ context.Context, nodes []ledger.TreeNode, values []ledger.NamedValue) error {
	b := s.db.NewBatch()
	for i := range nodes {
		b.Set(nodeKey(nodes[i].At), nodes[i].Hash[:], nil)
	}
	for _, v := range values {
		b.Set(append([]byte{'v'}, v.Name...), v.Value, nil)
	}
	return b.Commit(pebble.NoSync)
}

func (s *leaves) Value(_ context.Context, name []byte) ([]byte, error) {
	v, closer, err := s.db.Get(append([]byte{'v'}, name...))
	if err == pebble.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(v), closer.Close()
}

func (s *leaves) Values(context.Context, []byte) iter.Seq2[ledger.NamedValue, error] {
	panic("not used")
}
