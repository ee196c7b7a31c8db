package pebblestore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
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

// sum is a digest of a set of index entries that does not depend on their order: the sum of their SHA-256 digests, as four numbers.
type sum struct {
	parts   [4]uint64
	entries int64
}

func (m *sum) add(key, value []byte, scratch []byte) []byte {
	scratch = append(append(scratch[:0], key...), value...)
	h := sha256.Sum256(scratch)
	for i := range m.parts {
		m.parts[i] += binary.BigEndian.Uint64(h[8*i:])
	}
	m.entries++
	return scratch
}

// auditIndexes makes, from the records alone, the digest of every index there should be, and compares it with the index there is.
func (s *Store) auditIndexes(ctx context.Context) []ledger.Finding {
	streams, ids := ledger.Finding{Name: "index streams"}, ledger.Finding{Name: "index ids"}
	var wantStreams, wantIDs sum
	first := map[ledger.Hash]uint64{}
	var key, scratch []byte
	value := make([]byte, 8)
	for r, err := range s.Read(ctx, ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			streams.Problem, ids.Problem = err.Error(), err.Error()
			return []ledger.Finding{streams, ids}
		}
		name := ledger.Hash(sha256.Sum256([]byte(r.Stream)))
		if r.Revision == 1 {
			first[name] = r.Position
		}
		binary.BigEndian.PutUint64(value, r.Position)
		key = streamKey(key[:0], first[name], r.Revision)
		scratch = wantStreams.add(key, value, scratch)
		key = idKey(key[:0], first[name], tagOf(r.Source, r.ID))
		scratch = wantIDs.add(key, value, scratch)
	}
	s.compareIndex(ctx, &streams, keyStream, wantStreams)
	s.compareIndex(ctx, &ids, keyID, wantIDs)
	return []ledger.Finding{streams, ids}
}

func (s *Store) compareIndex(ctx context.Context, f *ledger.Finding, prefix byte, want sum) {
	var got sum
	var scratch []byte
	durable := s.durable.Load().Position
	it, done, err := s.iterator([]byte{prefix}, []byte{prefix + 1})
	if err != nil {
		f.Problem = err.Error()
		return
	}
	defer done()
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		value := it.Value()
		if len(value) == 8 && binary.BigEndian.Uint64(value) > durable {
			continue // a group that is being synced
		}
		scratch = got.add(it.Key(), value, scratch)
	}
	f.Entries = got.entries
	if err := errors.Join(it.Error(), ctx.Err()); err != nil {
		f.Problem = err.Error()
	} else if got != want {
		f.Problem = fmt.Sprintf("the index has %d entries, %d are expected of the records, and they are not the same", got.entries, want.entries)
		f.Position = s.firstUnindexed(ctx, prefix)
	}
}

// firstUnindexed names the first record that an index does not lead to; 0 where every record is found and the index has more.
func (s *Store) firstUnindexed(ctx context.Context, prefix byte) uint64 {
	for r, err := range s.Read(ctx, ledger.ReadOptions{HeaderOnly: true}) {
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
