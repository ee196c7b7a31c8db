package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// lookup is what a bare writer asks the database before each event.
type lookup int

const (
	ownLookups   lookup = iota // as the engine does: the head of a stream it has not met
	randomLookup               // and the id of each event, among all ids
)

// bareEvent is an event ready to be written: the keys and values of the engine (pebblestore/keys.go), in its sizes. Hashes are
// made beforehand, so the peer has less to do than ours.
type bareEvent struct {
	stream          string
	fresh           bool // the first of its stream
	first, revision uint64
	position        uint64
	tag             [16]byte
	record          []byte // place and record
	leaf            [32]byte
}

func bareEvents(n int) ([]bareEvent, error) {
	t, out := newTraffic(2), make([]bareEvent, n)
	type known struct{ first, revision uint64 }
	streams := map[string]known{}
	for i := range out {
		b := t.next()
		record, err := ledger.EncodeRecord(b.Stream, &b.Events[0])
		if err != nil {
			return nil, err
		}
		s, met := streams[b.Stream]
		if !met {
			s.first = uint64(i + 1)
		}
		s.revision++
		streams[b.Stream] = s
		sum := sha256.Sum256([]byte(b.Events[0].ID))
		out[i] = bareEvent{stream: b.Stream, fresh: !met, first: s.first, revision: s.revision, position: uint64(i + 1),
			tag: [16]byte(sum[:]), record: append(make([]byte, 48), record...), leaf: sum}
	}
	return out, nil
}

func key(prefix byte, n ...uint64) []byte {
	k := []byte{prefix}
	for _, v := range n {
		k = binary.BigEndian.AppendUint64(k, v)
	}
	return k
}

// put writes what the engine writes of an event: record, leaf hash, stream index, id, head.
func (e *bareEvent) put(b *pebble.Batch, ids lookup) error {
	at, id := binary.BigEndian.AppendUint64(nil, e.position), append(key('i', e.first), e.tag[:]...)
	if ids == randomLookup {
		id = append(key('i'), e.tag[:]...)
	}
	return errors.Join(b.Set(key('r', e.position), e.record, nil), b.Set(key('l', e.position), e.leaf[:], nil),
		b.Set(key('s', e.first, e.revision), at, nil), b.Set(id, at, nil),
		b.Set(append([]byte{'h'}, e.stream...), e.record[:64], nil))
}

// look asks the database what the engine would; whatever is found would be a mistake of the benchmark.
func (e *bareEvent) look(db *pebble.DB, ids lookup) error {
	var asked []byte
	switch {
	case ids == randomLookup:
		asked = append(key('i'), e.tag[:]...)
	case e.fresh:
		asked = append([]byte{'h'}, e.stream...)
	default:
		return nil
	}
	_, closer, err := db.Get(asked)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err == nil {
		closer.Close()
		err = errors.New("an event is there before it was written")
	}
	return err
}

// bare opens bare Pebble as the engine would, on a directory of its own.
func (e *Env) bare(f func(db *pebble.DB) (float64, error)) (v float64, err error) {
	dir, err := e.scratch()
	if err != nil {
		return 0, err
	}
	defer remove(dir, &err)
	db, err := pebble.Open(filepath.Join(dir, "bare"), pebblestore.PebbleOptions(pebblestore.Options{}))
	if err != nil {
		return 0, err
	}
	v, err = f(db)
	return v, errors.Join(err, db.Close())
}

// barePebble writes groups as fast as Pebble takes them: the next is built while the one before is synced.
func (e *Env) barePebble(name string, target float64, ids lookup, groups, each int) Side {
	return Side{Name: name, Target: target, Run: func(context.Context) (float64, error) {
		events, err := bareEvents(groups * each)
		if err != nil {
			return 0, err
		}
		return e.bare(func(db *pebble.DB) (float64, error) {
			begin := time.Now()
			err := pipelined(db, events, ids, each)
			return rate(len(events), begin), err
		})
	}}
}

func pipelined(db *pebble.DB, events []bareEvent, ids lookup, each int) (err error) {
	applied, synced := make(chan *pebble.Batch, callers), make(chan error)
	go func() {
		var first error
		for b := range applied {
			first = errors.Join(first, b.SyncWait(), b.Close())
		}
		synced <- first
	}()
	for ; len(events) > 0 && err == nil; events = events[each:] {
		b := db.NewBatch()
		for i := range events[:each] {
			err = errors.Join(err, events[i].look(db, ids), events[i].put(b, ids))
		}
		if err = errors.Join(err, db.ApplyNoSyncWait(b, pebble.Sync)); err == nil {
			applied <- b
		}
	}
	close(applied)
	return errors.Join(err, <-synced)
}

// barePebbleSingles has 64 writers commit one event each time, with Pebble's own group commit.
func (e *Env) barePebbleSingles(name string, target float64) Side {
	return Side{Name: name, Target: target, Run: func(context.Context) (float64, error) {
		events, err := bareEvents(singles)
		if err != nil {
			return 0, err
		}
		return e.bare(func(db *pebble.DB) (float64, error) {
			begin := time.Now()
			err := parallel(writers, singles, func(i int) error {
				b := db.NewBatch()
				return errors.Join(events[i].look(db, ownLookups), events[i].put(b, ownLookups), b.Commit(pebble.Sync), b.Close())
			})
			return rate(singles, begin), err
		})
	}}
}
