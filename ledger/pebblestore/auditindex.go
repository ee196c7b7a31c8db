package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"

	"github.com/baton-ledger/baton/ledger"
)

// sum is a digest of a set of index entries that does not depend on their order: the sums of two 64-bit hashes of each under seeds
// drawn for this process, so that nobody can have prepared entries that cancel out. It is many times faster than a cryptographic hash.
type sum struct {
	parts   [2]uint64
	entries int64
}

var sumSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func (m *sum) add(key, value []byte, scratch []byte) []byte {
	scratch = append(append(scratch[:0], key...), value...)
	for i := range m.parts {
		m.parts[i] += maphash.Bytes(sumSeeds[i], scratch)
	}
	m.entries++
	return scratch
}

// expected is what the indexes must be, made from the records alone.
type expected struct {
	streams, ids sum
	heads        map[[2]uint64]*head // by hashes of the stream's name; without the chained head, which is for the notary
	err          error               // of the read
}

func expect(ctx context.Context, records iter.Seq2[ledger.Recorded, error]) (w expected) {
	w.heads = map[[2]uint64]*head{}
	var key, scratch []byte
	value := make([]byte, 8)
	for r, err := range records {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			w.err = err
			return w
		}
		name := nameHashes([]byte(r.Stream))
		h := w.heads[name]
		if h == nil {
			h = &head{first: r.Position}
			w.heads[name] = h
		}
		h.last, h.revision, h.recorded = r.Position, r.Revision, r.RecordedTime.UnixNano()
		binary.BigEndian.PutUint64(value, r.Position)
		key = streamKey(key[:0], h.first, r.Revision)
		scratch = w.streams.add(key, value, scratch)
		key = idKey(key[:0], h.first, tagOf(r.Source, r.ID))
		scratch = w.ids.add(key, value, scratch)
	}
	return w
}

// auditIndexes compares the indexes there should be with those there are. All of it is about the positions up to the head when the audit
// begins: what comes after may be written meanwhile.
func (s *Store) auditIndexes(ctx context.Context, want *expected, streams, ids indexRead, to uint64) []ledger.Finding {
	heads := ledger.Finding{Name: "index heads"}
	if want.err != nil {
		for _, f := range []*ledger.Finding{&streams.Finding, &ids.Finding, &heads} {
			f.Problem, f.Entries = want.err.Error(), 0
		}
		return []ledger.Finding{streams.Finding, ids.Finding, heads}
	}
	s.compareIndex(ctx, &streams, keyStream, want.streams, to)
	s.compareIndex(ctx, &ids, keyID, want.ids, to)
	s.compareHeads(ctx, &heads, want.heads, to)
	return []ledger.Finding{streams.Finding, ids.Finding, heads, s.strayKeys(to)}
}

func nameHashes(name []byte) [2]uint64 {
	return [2]uint64{maphash.Bytes(sumSeeds[0], name), maphash.Bytes(sumSeeds[1], name)}
}

// upTo reads the headers of positions 1 to to.
func (s *Store) upTo(ctx context.Context, to uint64) iter.Seq2[ledger.Recorded, error] {
	if to == 0 { // which ReadOptions takes for the head
		return func(func(ledger.Recorded, error) bool) {}
	}
	return s.Read(ctx, ledger.ReadOptions{To: to, HeaderOnly: true})
}

// indexRead is an index as it is on disk.
type indexRead struct {
	ledger.Finding
	sum sum
}

func (s *Store) indexSum(ctx context.Context, name string, prefix byte, to uint64) (r indexRead) {
	r.Name = name
	var scratch []byte
	it, done, err := s.iterator([]byte{prefix}, []byte{prefix + 1})
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	defer done()
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		value := it.Value()
		if !s.readOnly && len(value) == 8 && binary.BigEndian.Uint64(value) > to {
			continue // written since
		}
		scratch = r.sum.add(it.Key(), value, scratch)
	}
	r.Entries = r.sum.entries
	if err := errors.Join(it.Error(), ctx.Err()); err != nil {
		r.Problem = err.Error()
	}
	return r
}

func (s *Store) compareIndex(ctx context.Context, r *indexRead, prefix byte, want sum, to uint64) {
	if r.Problem == "" && r.sum != want {
		r.Problem = fmt.Sprintf("the index has %d entries, %d are expected of the records, and they are not the same", r.sum.entries, want.entries)
		r.Position = s.firstUnindexed(ctx, prefix, to)
	}
}

// compareHeads looks at heads as they are stored: StreamHead and Streams mend one that is past the ledger's head.
func (s *Store) compareHeads(ctx context.Context, f *ledger.Finding, want map[[2]uint64]*head, to uint64) {
	it, done, err := s.iterator([]byte{keyHead}, []byte{keyHead + 1})
	if err != nil {
		f.Problem = err.Error()
		return
	}
	defer done()
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		f.Entries++
		name := it.Key()[1:]
		at := nameHashes(name)
		w, known := want[at]
		delete(want, at)
		h, ok := parseHead(it.Value())
		if ok && !s.readOnly && h.last > to {
			continue // written since
		}
		if h.hash = (ledger.Hash{}); (!ok || !known || h != *w) && f.Problem == "" {
			f.Problem = fmt.Sprintf("the head of stream %.200q is not where its records end", name)
			if known {
				f.Position = w.last
			}
		}
	}
	if err := errors.Join(it.Error(), ctx.Err()); err != nil {
		f.Problem = err.Error()
	} else if len(want) > 0 && f.Problem == "" {
		f.Problem = fmt.Sprintf("%d streams have records and no head", len(want))
	}
}

// strayKeys looks for keys that nothing of the ledger's own wrote. What others write is not read, but what is not the record does not
// belong beside it.
func (s *Store) strayKeys(to uint64) ledger.Finding {
	f := ledger.Finding{Name: "other keys"}
	gaps := [][2][]byte{{nil, {keyHead}}, {{keyID + 1}, positionKey(nil, keyLeaf, 1)}, {[]byte("m"), metaFloor}, {after(metaFloor), metaFormat},
		{after(metaFormat), positionKey(nil, keyRecord, 1)}, {{keyTree + 1}, {keyValue}}, {{keyValue + 1}, nil}}
	if s.readOnly {
		gaps = append(gaps, [2][]byte{positionKey(nil, keyLeaf, to+1), {keyLeaf + 1}})
	}
	for _, gap := range gaps {
		it, done, err := s.iterator(gap[0], gap[1])
		if err != nil {
			f.Problem = err.Error()
			return f
		}
		if it.First() {
			f.Problem = fmt.Sprintf("the database has a key that is not of the ledger: %.100q", it.Key())
		} else if err := it.Error(); err != nil {
			f.Problem = err.Error()
		}
		if done(); f.Problem != "" {
			return f
		}
	}
	return f
}

func after(key []byte) []byte { return append(append([]byte(nil), key...), 0) }

// firstUnindexed names the first record that an index does not lead to; 0 where every record is found and the index has more.
func (s *Store) firstUnindexed(ctx context.Context, prefix byte, to uint64) uint64 {
	for r, err := range s.upTo(ctx, to) {
		if err != nil {
			return r.Position
		}
		h, err := s.loadHead(r.Stream)
		if err != nil {
			return r.Position
		}
		key := streamKey(nil, h.first, r.Revision)
		if prefix == keyID {
			key = idKey(nil, h.first, tagOf(r.Source, r.ID))
		}
		at, err := s.get(key)
		if err != nil || len(at) != 8 || binary.BigEndian.Uint64(at) != r.Position {
			return r.Position
		}
	}
	return 0
}
