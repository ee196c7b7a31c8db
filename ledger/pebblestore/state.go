package pebblestore

import (
	"context"
	"encoding/binary"
	"iter"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// Head is the last durable place.
func (s *Store) Head(context.Context) (ledger.Head, error) {
	if s.closing.Load() {
		return ledger.Head{}, errClosed
	}
	return *s.durable.Load(), nil
}

// Wait returns the durable head as soon as it is past a position.
func (s *Store) Wait(ctx context.Context, after uint64) (ledger.Head, error) {
	for {
		s.mu.Lock()
		changed, closing := s.changed, s.closing.Load()
		head := *s.durable.Load()
		s.mu.Unlock()
		if head.Position > after {
			return head, nil
		}
		if closing {
			return ledger.Head{}, errClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ledger.Head{}, ctx.Err()
		}
	}
}

// StreamHead is the durable state of one stream.
func (s *Store) StreamHead(_ context.Context, stream string) (ledger.StreamHead, error) {
	h, err := s.durableHead(stream)
	return h.public(stream), err
}

// loadHead reads a stream's head as applied, durable or not.
func (s *Store) loadHead(stream string) (head, error) {
	b, err := s.get(headKey(nil, stream))
	if err != nil || b == nil {
		return head{}, err
	}
	h, ok := parseHead(b)
	if !ok {
		return head{}, s.damaged("the head of stream %q has %d bytes, not %d", stream, len(b), headSize)
	}
	return h, nil
}

func (s *Store) durableHead(stream string) (head, error) {
	if err := s.enter(); err != nil {
		return head{}, err
	}
	defer s.reads.Done()
	h, err := s.loadHead(stream)
	if err != nil {
		return head{}, err
	}
	return s.back(h)
}

// back takes a head to what is durable: a group that is being synced may have moved it on.
func (s *Store) back(h head) (head, error) {
	durable := s.durable.Load().Position
	switch {
	case h.last <= durable:
		return h, nil
	case h.first > durable:
		return head{}, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: streamKey(nil, h.first, 1), UpperBound: streamKey(nil, h.first, h.revision+1)})
	if err != nil {
		return head{}, s.readError(err)
	}
	defer it.Close()
	for ok := it.Last(); ok; ok = it.Prev() {
		position, revision := binary.BigEndian.Uint64(it.Value()), binary.BigEndian.Uint64(it.Key()[9:])
		value, err := s.get(positionKey(nil, keyRecord, position))
		if err != nil {
			return head{}, err
		}
		p, _, ok := parsePlace(value)
		if !ok {
			return head{}, s.damaged("position %d is missing", position)
		}
		if position <= durable {
			h.last, h.revision, h.recorded = position, revision, p.recorded
			return h, nil
		}
		h.hash = p.prev // the head after the event before this one
	}
	return head{}, s.readError(it.Error())
}

// Streams yields the heads of streams by name.
func (s *Store) Streams(ctx context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return func(yield func(ledger.StreamHead, error) bool) {
		lower := headKey(nil, prefix)
		end := upper(lower)
		if after != "" && strings.Compare(after, prefix) >= 0 {
			lower = append(headKey(nil, after), 0)
		}
		it, done, err := s.iterator(lower, end)
		if err != nil {
			yield(ledger.StreamHead{}, err)
			return
		}
		defer done()
		for ok := it.First(); ok; ok = it.Next() {
			name := string(it.Key()[1:])
			h, ok := parseHead(it.Value())
			if !ok {
				err = s.damaged("the head of stream %q has %d bytes, not %d", name, len(it.Value()), headSize)
			} else if h, err = s.back(h); err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(ledger.StreamHead{}, err)
				return
			}
			if h.revision > 0 && !yield(h.public(name), nil) {
				return
			}
		}
		if err := s.readError(it.Error()); err != nil {
			yield(ledger.StreamHead{}, err)
		}
	}
}

// Checkpoint makes a consistent copy of the database in a directory that does not exist yet, while the store goes on; tables are linked
// where the file system can.
func (s *Store) Checkpoint(dir string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.reads.Done()
	if err := s.opts.FS.MkdirAll(s.opts.FS.PathDir(dir), 0o755); err != nil {
		return s.ioError("copy ledger", err)
	}
	return s.ioError("copy ledger", s.db.Checkpoint(dir, pebble.WithFlushedWAL()))
}
