package pebblestore

import (
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// Hashes reads stored hashes of the Merkle tree. Those that follow each other in it are read as they lie on disk.
func (s *Store) Hashes(ctx context.Context, at []ledger.TreeIndex) ([]ledger.Hash, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.reads.Done()
	out := make([]ledger.Hash, len(at))
	for i := 0; i < len(at); {
		n := run(at[i:])
		var err error
		if n < fewHashes {
			n, err = 1, s.hash(at[i], &out[i])
		} else {
			err = s.hashes(at[i], out[i:i+n])
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		i += n
	}
	return out, ctx.Err()
}

// fewHashes cost less one by one than an iterator does.
const fewHashes = 8

// run counts the hashes at the beginning that are side by side.
func run(at []ledger.TreeIndex) int {
	n := 1
	for n < len(at) && at[n].Level == at[0].Level && at[n].Index == at[0].Index+uint64(n) {
		n++
	}
	return n
}

func (s *Store) hash(at ledger.TreeIndex, out *ledger.Hash) error {
	var key [10]byte
	value, closer, err := s.db.Get(treeKey(key[:0], at))
	if err == pebble.ErrNotFound {
		return noHash(at)
	}
	if err != nil {
		return s.readError(err)
	}
	err = s.copyHash(at, value, out)
	if e := closer.Close(); err == nil {
		err = s.readError(e)
	}
	return err
}

// hashes reads a run of hashes of one level.
func (s *Store) hashes(at ledger.TreeIndex, out []ledger.Hash) error {
	end := ledger.TreeIndex{Level: at.Level, Index: at.Index + uint64(len(out))}
	it, done, err := s.iterator(treeKey(nil, at), treeKey(nil, end))
	if err != nil {
		return err
	}
	defer done()
	var key []byte
	for i, ok := 0, it.First(); i < len(out); i, ok = i+1, it.Next() {
		if key = treeKey(key[:0], at); !ok || string(it.Key()) != string(key) {
			if err := s.readError(it.Error()); err != nil {
				return err
			}
			return noHash(at)
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return s.readError(err)
		}
		if err := s.copyHash(at, value, &out[i]); err != nil {
			return err
		}
		at.Index++
	}
	return nil
}

func (s *Store) copyHash(at ledger.TreeIndex, value []byte, out *ledger.Hash) error {
	if len(value) != len(out) {
		return s.damaged("the hash at level %d, index %d has %d bytes", at.Level, at.Index, len(value))
	}
	copy(out[:], value)
	return nil
}

func noHash(at ledger.TreeIndex) error {
	return ledger.Errorf(ledger.CodeNotFound, "read tree", "", "the tree has no hash at level %d, index %d", at.Level, at.Index)
}

// Leaves yields leaf hashes by index; it ends at the first that is missing.
func (s *Store) Leaves(ctx context.Context, from, to uint64) iter.Seq2[ledger.Hash, error] {
	return func(yield func(ledger.Hash, error) bool) {
		if from >= to {
			return
		}
		it, done, err := s.iterator(positionKey(nil, keyLeaf, from+1), positionKey(nil, keyLeaf, to+1))
		if err != nil {
			yield(ledger.Hash{}, err)
			return
		}
		defer done()
		var key []byte
		for ok := it.First(); ok; ok = it.Next() {
			from++
			key = positionKey(key[:0], keyLeaf, from)
			if string(it.Key()) != string(key) {
				return
			}
			if err = ctx.Err(); err == nil && len(it.Value()) != len(ledger.Hash{}) {
				err = s.damaged("the leaf hash of position %d has %d bytes", from, len(it.Value()))
			}
			if err != nil {
				yield(ledger.Hash{}, err)
				return
			}
			if !yield(ledger.Hash(it.Value()), nil) {
				return
			}
		}
		if err := s.readError(it.Error()); err != nil {
			yield(ledger.Hash{}, err)
		}
	}
}

// PutTree writes interior hashes and named values in one step, not synced: the next group's sync covers them, and all of it can be made
// again from the leaves. A nil Value removes the name. CodeDiskFull where there is no room; nothing was written then.
func (s *Store) PutTree(_ context.Context, nodes []ledger.TreeNode, values []ledger.NamedValue) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.reads.Done()
	if s.readOnly {
		return ledger.Errorf(ledger.CodeUnsupported, "write tree", "open the ledger for writing", "the ledger is open read-only")
	}
	if err := s.failure(); err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer b.Close()
	for i := range nodes {
		if err := b.Set(treeKey(nil, nodes[i].At), nodes[i].Hash[:], nil); err != nil {
			return s.ioError("write tree", err)
		}
	}
	for _, v := range values {
		key := append([]byte{keyValue}, v.Name...)
		var err error
		if v.Value == nil {
			err = b.Delete(key, nil)
		} else {
			err = b.Set(key, v.Value, nil)
		}
		if err != nil {
			return s.ioError("write tree", err)
		}
	}
	if err := s.treeSpace(b.Len()); err != nil {
		return err
	}
	return s.guarded(func() error { return s.db.Apply(b, pebble.NoSync) })
}

// Value reads a named value; nil where there is none.
func (s *Store) Value(_ context.Context, name []byte) ([]byte, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.reads.Done()
	return s.get(append([]byte{keyValue}, name...))
}

// Values yields named values by name.
func (s *Store) Values(ctx context.Context, prefix []byte) iter.Seq2[ledger.NamedValue, error] {
	return func(yield func(ledger.NamedValue, error) bool) {
		lower := append([]byte{keyValue}, prefix...)
		it, done, err := s.iterator(lower, upper(lower))
		if err != nil {
			yield(ledger.NamedValue{}, err)
			return
		}
		defer done()
		for ok := it.First(); ok; ok = it.Next() {
			if err := ctx.Err(); err != nil {
				yield(ledger.NamedValue{}, err)
				return
			}
			v := ledger.NamedValue{Name: append([]byte(nil), it.Key()[1:]...), Value: append([]byte{}, it.Value()...)}
			if !yield(v, nil) {
				return
			}
		}
		if err := s.readError(it.Error()); err != nil {
			yield(ledger.NamedValue{}, err)
		}
	}
}
