package projections

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// changes take what a flush writes: a Pebble batch, or a table.
type changes interface {
	Set(key, value []byte, _ *pebble.WriteOptions) error
	Merge(key, value []byte, _ *pebble.WriteOptions) error
	Delete(key []byte, _ *pebble.WriteOptions) error
}

// table collects the changes of one flush of a rebuild, sorts them and hands them to the database as a whole sorted file. Nobody reads
// the database yet, so the log, the memtable's skip list and the flush out of it, more than half of the work, are saved.
type table struct {
	bytes []byte
	ops   []op
}

// op is one change: its kind, and where in the table's bytes key and value are. prefix is the key's first bytes, which decide most
// comparisons.
type op struct {
	prefix     uint64
	at         int
	key, value int32
	kind       byte
}

// Kinds of op.
const (
	opSet = iota
	opMerge
	opDelete
)

func (t *table) Set(key, value []byte, _ *pebble.WriteOptions) error { return t.add(opSet, key, value) }
func (t *table) Merge(key, value []byte, _ *pebble.WriteOptions) error {
	return t.add(opMerge, key, value)
}
func (t *table) Delete(key []byte, _ *pebble.WriteOptions) error { return t.add(opDelete, key, nil) }

func (t *table) add(kind byte, key, value []byte) error {
	var head [8]byte
	copy(head[:], key)
	t.ops = append(t.ops, op{binary.BigEndian.Uint64(head[:]), len(t.bytes), int32(len(key)), int32(len(value)), kind})
	t.bytes = append(append(t.bytes, key...), value...)
	return nil
}

func (t *table) key(o *op) []byte { return t.bytes[o.at : o.at+int(o.key)] }

// ingest writes the file and gives it to the database; the table is empty afterwards. A flush changes a key once, so the order
// within it does not matter.
func (t *table) ingest(ctx context.Context, g *generation) error {
	if len(t.ops) == 0 {
		return nil
	}
	slices.SortFunc(t.ops, func(a, b op) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return bytes.Compare(t.key(&a), t.key(&b))
	})
	path := g.fs.PathJoin(g.dir, fmt.Sprintf("rebuilt-%d.sst", g.tables.Add(1)))
	file, err := g.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(file), g.options.MakeWriterOptions(0, g.db.TableFormat()))
	if err := errors.Join(t.write(w), w.Close()); err != nil {
		return err
	}
	t.bytes, t.ops = t.bytes[:0], t.ops[:0]
	return g.db.Ingest(ctx, []string{path})
}

func (t *table) write(w *sstable.Writer) error {
	for i := range t.ops {
		o := &t.ops[i]
		key, value := t.key(o), t.bytes[o.at+int(o.key):o.at+int(o.key)+int(o.value)]
		var err error
		switch o.kind {
		case opSet:
			err = w.Set(key, value)
		case opMerge:
			err = w.Merge(key, value)
		case opDelete:
			err = w.Delete(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
