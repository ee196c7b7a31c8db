package pebblestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
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
		to := s.durable.Load().Position
		s.AuditRecords(ctx, s.upTo(ctx, to), to)(yield)
	}
}

// AuditRecords is Audit with the records that somebody reads anyway. They are taken as they come, beside everything else.
func (s *Store) AuditRecords(ctx context.Context, records iter.Seq2[ledger.Recorded, error], to uint64) iter.Seq2[ledger.Finding, error] {
	return func(yield func(ledger.Finding, error) bool) {
		if err := s.enter(); err != nil {
			yield(ledger.Finding{}, err)
			return
		}
		defer s.reads.Done()
		ctx, cancel := context.WithCancel(ctx)
		var want expected
		var taking sync.WaitGroup
		taking.Go(func() { want = expect(ctx, records) })
		defer taking.Wait()
		defer cancel()
		if !s.auditFiles(ctx, yield) {
			return
		}
		streams, ids := s.indexSum(ctx, "index streams", keyStream, to), s.indexSum(ctx, "index ids", keyID, to)
		taking.Wait()
		for _, f := range s.auditIndexes(ctx, &want, streams, ids, to) {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// auditFiles reads the live files; false where that is the end.
func (s *Store) auditFiles(ctx context.Context, yield func(ledger.Finding, error) bool) bool {
	names, err := s.liveFiles()
	if err != nil {
		yield(ledger.Finding{}, err)
		return false
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			yield(ledger.Finding{}, err)
			return false
		}
		f := s.auditFile(ctx, name)
		if f.Problem != "" && s.retired(name) {
			continue
		}
		if !yield(f, nil) {
			return false
		}
	}
	return true
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
	return errors.Join(checkBlocks(r, file), r.Close())
}

// pieceSize is how much of a table is read at once.
const pieceSize = 512 << 10

// checkBlocks holds every block of a table against its checksum. [sstable.Reader.ValidateBlockChecksums] would read the blocks, which are
// small, one by one and unpack each, and leaves value blocks out.
func checkBlocks(r *sstable.Reader, file vfs.File) error {
	l, err := r.Layout()
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	end := func(h block.Handle) uint64 { return h.Offset + h.Length + block.TrailerLen }
	buf := make([]byte, pieceSize)
	for blocks := blocksOf(l); len(blocks) > 0; {
		from, n := blocks[0].Offset, 1
		for n < len(blocks) && end(blocks[n])-from <= pieceSize {
			n++
		}
		size := end(blocks[n-1]) - from
		if from > uint64(info.Size()) || size > uint64(info.Size())-from {
			return fmt.Errorf("a block at byte %d ends past the end of the table", from)
		}
		buf = slices.Grow(buf[:0], int(size))[:size]
		if got, err := file.ReadAt(buf, int64(from)); got < len(buf) {
			return fmt.Errorf("read at byte %d: %w", from, err)
		}
		for _, h := range blocks[:n] {
			if err := block.ValidateChecksum(r.BlockReader().ChecksumType(), buf[h.Offset-from:end(h)-from], h); err != nil {
				return err
			}
		}
		blocks = blocks[n:]
	}
	return nil
}

// blocksOf lists the blocks of a table that have a checksum, as they lie in the file.
func blocksOf(l *sstable.Layout) []block.Handle {
	all := []block.Handle{l.TopIndex, l.RangeDel, l.RangeKey, l.ValueIndex, l.Properties, l.MetaIndex, l.BlobReferenceIndex}
	for _, h := range l.Data {
		all = append(all, h.Handle)
	}
	for _, h := range l.Filter {
		all = append(all, h.Handle)
	}
	all = slices.Concat(all, l.Index, l.ValueBlock)
	all = slices.DeleteFunc(all, func(h block.Handle) bool { return h.Length == 0 }) // those the table does not have
	slices.SortFunc(all, func(a, b block.Handle) int { return cmp.Compare(a.Offset, b.Offset) })
	return all
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
