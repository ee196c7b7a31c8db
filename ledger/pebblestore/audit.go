package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// Audit reads every block of every live file against its checksum, then the indexes against the records.
func (s *Store) Audit(ctx context.Context) iter.Seq2[ledger.Finding, error] {
	return func(yield func(ledger.Finding, error) bool) {
		if err := s.enter(); err != nil {
			yield(ledger.Finding{}, err)
			return
		}
		defer s.reads.Done()
		names, err := s.liveFiles()
		if err != nil {
			yield(ledger.Finding{}, err)
			return
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				yield(ledger.Finding{}, err)
				return
			}
			f := s.auditFile(ctx, name)
			if f.Problem != "" && s.retired(name) {
				continue
			}
			if !yield(f, nil) {
				return
			}
		}
		for _, f := range s.auditIndexes(ctx) {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// liveFiles lists the tables the database says it has (there or not), its manifest, and the logs that may hold something: those of a
// ledger that was closed cleanly hold nothing of value.
func (s *Store) liveFiles() ([]string, error) {
	tables, err := s.db.SSTables()
	if err != nil {
		return nil, s.readError(err)
	}
	var names []string
	for _, level := range tables {
		for _, t := range level {
			names = append(names, fmt.Sprintf("%s.sst", t.FileNum))
		}
	}
	all, err := s.opts.FS.List(s.dir)
	if err != nil {
		return nil, s.ioError("audit", err)
	}
	desc, err := pebble.Peek(s.dir, s.opts.FS)
	if err != nil {
		return nil, s.readError(err)
	}
	floor, err := s.loadFloor()
	if err != nil {
		return nil, err
	}
	settled := floor == s.durable.Load().Position
	for _, name := range all {
		if name == filepath.Base(desc.ManifestFilename) || strings.HasSuffix(name, ".log") && !settled {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// retired reports whether a file that was live has been replaced in the meantime, as happens in a ledger that is being written.
func (s *Store) retired(name string) bool {
	if s.readOnly {
		return false
	}
	names, err := s.liveFiles()
	return err == nil && !slices.Contains(names, name)
}

func (s *Store) auditFile(ctx context.Context, name string) ledger.Finding {
	f := ledger.Finding{Name: name}
	file, err := s.opts.FS.Open(s.opts.FS.PathJoin(s.dir, name))
	if err != nil {
		f.Problem = err.Error()
		return f
	}
	if info, err := file.Stat(); err == nil {
		f.Bytes = info.Size()
	}
	if strings.HasSuffix(name, ".sst") {
		err = s.auditTable(ctx, file)
	} else {
		err = errors.Join(auditLog(file, name), file.Close())
	}
	if err != nil {
		f.Problem = err.Error()
	}
	return f
}

// auditTable checks every block of a table. It closes the file.
func (s *Store) auditTable(ctx context.Context, file vfs.File) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("table cannot be read: %v", p)
		}
	}()
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	o := s.pebbleOptions()
	defer o.Cache.Unref()
	o.EnsureDefaults()
	r, err := sstable.NewReader(ctx, readable, o.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// auditLog reads a log or the manifest to its end. An end that is merely cut short is what a power loss leaves; whether anything that
// was acknowledged is missing is for the checkpoint to say.
func auditLog(file io.Reader, name string) error {
	number := uint64(0)
	if _, err := fmt.Sscanf(strings.TrimPrefix(name, "MANIFEST-"), "%d", &number); err != nil {
		return fmt.Errorf("file name has no number")
	}
	r := numbered(record.NewReader, file, number)
	for {
		part, err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, part)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, record.ErrUnexpectedEOF):
			return nil
		default:
			return err
		}
	}
}

// numbered calls make with a file number of the type it wants, which Pebble keeps internal.
func numbered[N ~uint64](make func(io.Reader, N) *record.Reader, file io.Reader, number uint64) *record.Reader {
	return make(file, N(number))
}

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

// auditIndexes makes, from the records alone, the digest of every index there should be, and compares it with the index there is. All of
// it is about the positions up to the head when it begins: what comes after may be written meanwhile.
func (s *Store) auditIndexes(ctx context.Context) []ledger.Finding {
	streams, ids, heads := ledger.Finding{Name: "index streams"}, ledger.Finding{Name: "index ids"}, ledger.Finding{Name: "index heads"}
	var wantStreams, wantIDs sum
	to := s.durable.Load().Position
	want := map[[2]uint64]*head{} // by hashes of the stream's name; without the chained head, which is for the notary
	var key, scratch []byte
	value := make([]byte, 8)
	for r, err := range s.upTo(ctx, to) {
		if err != nil {
			streams.Problem, ids.Problem, heads.Problem = err.Error(), err.Error(), err.Error()
			return []ledger.Finding{streams, ids, heads}
		}
		name := nameHashes([]byte(r.Stream))
		h := want[name]
		if h == nil {
			h = &head{first: r.Position}
			want[name] = h
		}
		h.last, h.revision, h.recorded = r.Position, r.Revision, r.RecordedTime.UnixNano()
		binary.BigEndian.PutUint64(value, r.Position)
		key = streamKey(key[:0], h.first, r.Revision)
		scratch = wantStreams.add(key, value, scratch)
		key = idKey(key[:0], h.first, tagOf(r.Source, r.ID))
		scratch = wantIDs.add(key, value, scratch)
	}
	s.compareIndex(ctx, &streams, keyStream, wantStreams, to)
	s.compareIndex(ctx, &ids, keyID, wantIDs, to)
	s.compareHeads(ctx, &heads, want, to)
	return []ledger.Finding{streams, ids, heads, s.strayKeys(to)}
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

func (s *Store) compareIndex(ctx context.Context, f *ledger.Finding, prefix byte, want sum, to uint64) {
	var got sum
	var scratch []byte
	it, done, err := s.iterator([]byte{prefix}, []byte{prefix + 1})
	if err != nil {
		f.Problem = err.Error()
		return
	}
	defer done()
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		value := it.Value()
		if !s.readOnly && len(value) == 8 && binary.BigEndian.Uint64(value) > to {
			continue // written since
		}
		scratch = got.add(it.Key(), value, scratch)
	}
	f.Entries = got.entries
	if err := errors.Join(it.Error(), ctx.Err()); err != nil {
		f.Problem = err.Error()
	} else if got != want {
		f.Problem = fmt.Sprintf("the index has %d entries, %d are expected of the records, and they are not the same", got.entries, want.entries)
		f.Position = s.firstUnindexed(ctx, prefix, to)
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
