package webhook

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// Keys of the database. Names have no zero byte; positions are big-endian, so that they sort.
//
//	e NAME                   account of an endpoint, JSON
//	d NAME 0 POSITION        delivery, JSON
//	s NAME 0 STATE POSITION  nothing: the deliveries in a state (p, d, x)
type state struct{ db *pebble.DB }

// openState opens the database. A read-only one that does not exist is empty, and nothing is made.
func openState(dir string, fsys vfs.FS, readOnly bool, log *slog.Logger) (*state, error) {
	if fsys == nil {
		fsys = vfs.Default
	}
	if readOnly {
		if _, err := fsys.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			fsys, readOnly = vfs.NewMem(), false
		}
	}
	if !readOnly {
		if err := fsys.MkdirAll(dir, 0o755); err != nil {
			return nil, failed(err)
		}
	}
	db, err := pebble.Open(dir, &pebble.Options{FS: fsys, ReadOnly: readOnly, FormatMajorVersion: pebble.FormatNewest, MemTableSize: 4 << 20,
		CacheSize: 4 << 20, Logger: quiet{log}, EventListener: &pebble.EventListener{
			// Without these Pebble ends the process on damage; the read that met it answers an error anyway.
			DataCorruption:  func(i pebble.DataCorruptionInfo) { log.Error("webhook state is damaged", "info", i.String()) },
			BackgroundError: func(err error) { log.Error("webhook state", "error", err) },
		}})
	if err != nil {
		return nil, failed(err)
	}
	return &state{db}, nil
}

type quiet struct{ log *slog.Logger }

func (q quiet) Infof(format string, args ...any)  { q.log.Debug(fmt.Sprintf(format, args...)) }
func (q quiet) Errorf(format string, args ...any) { q.log.Error(fmt.Sprintf(format, args...)) }
func (q quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func failed(err error) error {
	if err == nil {
		return nil
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: "webhooks", Err: err, Hint: "see to the disk of the data directory"}
}

func accountKey(name string) []byte { return append([]byte{'e'}, name...) }

func deliveryKey(name string, position uint64) []byte {
	return binary.BigEndian.AppendUint64(append(append([]byte{'d'}, name...), 0), position)
}

var stateByte = map[State]byte{Pending: 'p', Delivered: 'd', Dead: 'x'}

func indexPrefix(name string, s State) []byte {
	return append(append([]byte{'s'}, name...), 0, stateByte[s])
}

func indexKey(name string, s State, position uint64) []byte {
	return binary.BigEndian.AppendUint64(indexPrefix(name, s), position)
}

// get decodes the JSON at a key; found is false where there is none.
func get[T any](r pebble.Reader, key []byte, to *T) (found bool, err error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, failed(err)
	}
	defer closer.Close()
	if err := json.Unmarshal(value, to); err != nil {
		return false, ledger.Errorf(ledger.CodeCorrupt, "webhooks",
			"move the folder webhooks out of the data directory: endpoints begin anew", "stored state: %w", err)
	}
	return true, nil
}

func (s *state) delivery(name string, position uint64) (d Delivery, found bool, err error) {
	found, err = get(s.db, deliveryKey(name, position), &d)
	return d, found, err
}

// change collects what one step writes. The first error stays.
type change struct {
	batch *pebble.Batch
	err   error
}

func (s *state) change() *change { return &change{batch: s.db.NewBatch()} }

func (c *change) set(key []byte, v any) {
	b, err := json.Marshal(v)
	if err == nil {
		err = c.batch.Set(key, b, nil)
	}
	c.err = errors.Join(c.err, err)
}

// put stores a delivery and moves it from the index of the state it was in, "" for a new one.
func (c *change) put(name string, d *Delivery, was State) {
	c.set(deliveryKey(name, d.Position), d)
	if was == d.State {
		return
	}
	if was != "" {
		c.err = errors.Join(c.err, c.batch.Delete(indexKey(name, was, d.Position), nil))
	}
	c.err = errors.Join(c.err, c.batch.Set(indexKey(name, d.State, d.Position), nil, nil))
}

func (c *change) drop(name string, s State, position uint64) {
	c.err = errors.Join(c.err, c.batch.Delete(deliveryKey(name, position), nil), c.batch.Delete(indexKey(name, s, position), nil))
}

func (c *change) commit(sync bool) error {
	defer c.batch.Close()
	if c.err != nil {
		return failed(c.err)
	}
	return failed(c.batch.Commit(&pebble.WriteOptions{Sync: sync}))
}

// positions yields positions below a prefix, after one of them or before it where they are wanted newest first; 0 is from the beginning.
func (s *state) positions(prefix []byte, after uint64, newest bool) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		low, high := prefix, append(append([]byte(nil), prefix...), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		if after > 0 && newest {
			high = binary.BigEndian.AppendUint64(append([]byte(nil), prefix...), after)
		} else if after > 0 {
			low = binary.BigEndian.AppendUint64(append([]byte(nil), prefix...), after+1)
		}
		it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
		if err != nil {
			yield(0, failed(err))
			return
		}
		defer it.Close()
		first, next := it.First, it.Next
		if newest {
			first, next = it.Last, it.Prev
		}
		for ok := first(); ok; ok = next() {
			key := it.Key()
			if len(key) == len(prefix)+8 && !yield(binary.BigEndian.Uint64(key[len(prefix):]), nil) {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(0, failed(err))
		}
	}
}
