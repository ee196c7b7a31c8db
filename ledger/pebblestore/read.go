package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// reopenAfter is how many events a read takes from one iterator.
const reopenAfter = 8192

// enter counts a read in, so that Close waits for it; it fails once the store is closing.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return &ledger.Error{Code: ledger.CodeClosed, Op: "read", Err: errors.New("the ledger is closed"), Hint: "open it again"}
	}
	s.reads.Add(1)
	return nil
}

// Read yields events by position, up to what was durable when it began.
func (s *Store) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		to := s.durable.Load().Position
		if o.To > 0 {
			to = min(to, o.To)
		}
		for next := max(o.From, 1); next <= to; {
			last := min(to, next+reopenAfter-1)
			for r, err := range s.readPart(ctx, next, last, o.HeaderOnly) {
				if !yield(r, err) || err != nil {
					return
				}
			}
			next = last + 1
		}
	}
}

// readPart reads positions first to last, each of which must be there.
func (s *Store) readPart(ctx context.Context, first, last uint64, headerOnly bool) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		it, done, err := s.iterator(positionKey(nil, keyRecord, first), positionKey(nil, keyRecord, last+1))
		if err != nil {
			yield(ledger.Recorded{}, err)
			return
		}
		defer done()
		next := first
		for ok := it.First(); ok; ok = it.Next() {
			r, err := s.recorded(it, headerOnly)
			if err == nil && r.Position != next {
				err = s.damaged("position %d is missing", next)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(ledger.Recorded{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
			next++
		}
		if err := s.readError(it.Error()); err != nil {
			yield(ledger.Recorded{}, err)
		} else if next != last+1 {
			yield(ledger.Recorded{}, s.damaged("position %d is missing", next))
		}
	}
}

// iterator opens an iterator that Close waits for; done must be called.
func (s *Store) iterator(lower, upper []byte) (it *pebble.Iterator, done func(), err error) {
	if err := s.enter(); err != nil {
		return nil, nil, err
	}
	it, err = s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		s.reads.Done()
		return nil, nil, s.readError(err)
	}
	return it, func() { it.Close(); s.reads.Done() }, nil
}

// recorded decodes the record the iterator is at.
func (s *Store) recorded(it *pebble.Iterator, headerOnly bool) (ledger.Recorded, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return ledger.Recorded{}, s.readError(err)
	}
	if len(it.Key()) != 9 {
		return ledger.Recorded{}, s.damaged("a record's key has %d bytes", len(it.Key()))
	}
	return s.decode(binary.BigEndian.Uint64(it.Key()[1:]), value, headerOnly)
}

// decode makes a Recorded of a stored value, copying what it keeps.
func (s *Store) decode(position uint64, value []byte, headerOnly bool) (r ledger.Recorded, err error) {
	p, record, ok := parsePlace(value)
	if !ok {
		return r, s.damaged("the record at position %d has no place", position)
	}
	r.Position, r.Revision, r.RecordedTime, r.PrevHead = position, p.revision, nanos(p.recorded), p.prev
	if headerOnly {
		var header []byte
		if header, _, err = ledger.SplitRecord(record); err == nil {
			r.Stream, r.Event, err = ledger.DecodeHeader(header)
		}
	} else {
		r.Record = bytes.Clone(record)
		r.Stream, r.Event, err = ledger.DecodeRecord(r.Record)
	}
	if err != nil {
		return ledger.Recorded{}, s.damaged("position %d: %w", position, err)
	}
	return r, nil
}

// ReadStream yields a stream's events by revision.
func (s *Store) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		head, err := s.durableHead(stream)
		if err != nil {
			yield(ledger.Recorded{}, err)
			return
		}
		to := head.revision
		if o.To > 0 {
			to = min(to, o.To)
		}
		for next := max(o.From, 1); next <= to; {
			last := min(to, next+reopenAfter-1)
			for r, err := range s.streamPart(ctx, stream, &head, next, last, o.HeaderOnly) {
				if !yield(r, err) || err != nil {
					return
				}
			}
			next = last + 1
		}
	}
}

// streamPart reads revisions first to last: their positions from the index, then each record with one seek of one iterator.
func (s *Store) streamPart(ctx context.Context, stream string, h *head, first, last uint64, headerOnly bool) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		positions, err := s.positions(h, first, last)
		if err != nil {
			yield(ledger.Recorded{}, err)
			return
		}
		it, done, err := s.iterator([]byte{keyRecord}, []byte{keyRecord + 1})
		if err != nil {
			yield(ledger.Recorded{}, err)
			return
		}
		defer done()
		var key []byte
		for i, position := range positions {
			key = positionKey(key[:0], keyRecord, position)
			if !it.SeekGE(key) || !bytes.Equal(it.Key(), key) {
				if err = s.readError(it.Error()); err == nil {
					err = s.damaged("position %d is missing", position)
				}
				yield(ledger.Recorded{}, err)
				return
			}
			r, err := s.recorded(it, headerOnly)
			if err == nil && r.Revision != first+uint64(i) {
				err = s.damaged("the index says position %d is revision %d, its record says %d", position, first+uint64(i), r.Revision)
			}
			if err == nil && r.Stream != stream {
				err = s.damaged("the index of stream %q leads to position %d, which is of stream %q", stream, position, r.Stream)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(ledger.Recorded{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Store) positions(h *head, first, last uint64) ([]uint64, error) {
	it, done, err := s.iterator(streamKey(nil, h.first, first), streamKey(nil, h.first, last+1))
	if err != nil {
		return nil, err
	}
	defer done()
	out := make([]uint64, 0, last-first+1)
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, s.readError(err)
		}
		revision := binary.BigEndian.Uint64(it.Key()[9:])
		if revision != first+uint64(len(out)) || len(value) != 8 {
			return nil, s.damaged("the index lacks revision %d of the stream that begins at position %d", first+uint64(len(out)), h.first)
		}
		out = append(out, binary.BigEndian.Uint64(value))
	}
	if err := it.Error(); err != nil {
		return nil, s.readError(err)
	}
	if uint64(len(out)) != last-first+1 {
		return nil, s.damaged("the index lacks revision %d of the stream that begins at position %d", first+uint64(len(out)), h.first)
	}
	return out, nil
}

// firstReceipt finds an applied event by id; a nil record where there is none.
func (s *Store) firstReceipt(st *stream, e *entry) (ledger.Receipt, []byte, error) {
	at, err := s.get(idKey(nil, st.head.first, e.tag))
	if err != nil || at == nil {
		return ledger.Receipt{}, nil, err
	}
	if len(at) != 8 {
		return ledger.Receipt{}, nil, s.damaged("an id index entry has %d bytes, not 8", len(at))
	}
	position := binary.BigEndian.Uint64(at)
	value, err := s.get(positionKey(nil, keyRecord, position))
	if err != nil {
		return ledger.Receipt{}, nil, err
	}
	p, record, ok := parsePlace(value)
	leaf, err := s.get(positionKey(nil, keyLeaf, position))
	if err != nil || !ok || len(leaf) != len(ledger.Hash{}) {
		return ledger.Receipt{}, nil, errors.Join(err, s.damaged("position %d, named by the id index, is missing", position))
	}
	return ledger.Receipt{Stream: st.name, ID: e.event.ID, Position: position, Revision: p.revision,
		RecordedTime: nanos(p.recorded), LeafHash: ledger.Hash(leaf)}, record, nil
}

// get copies a value out; nil where there is none.
func (s *Store) get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, s.readError(err)
	}
	out := append(make([]byte, 0, len(value)), value...)
	return out, s.readError(closer.Close())
}
