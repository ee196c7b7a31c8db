// Package pebblestore is the embedded engine: a ledger in one Pebble database on this machine's disk.
//
// # Writing
//
// Callers encode and hash their events themselves, then queue them. One goroutine, the writer, takes everything queued, decides each batch
// (idempotency, expected revision), places its events and applies the whole group as one Pebble batch without waiting for the
// disk. A second goroutine, the syncer, waits for the group's fdatasync, moves the durable head and answers the callers. So while
// one group is being synced the next is being built, and any number of concurrent writers share a sync.
//
//	caller   encode, hash ─▶ queue                                       ◀─ receipts
//	writer                   take all ─▶ decide, place ─▶ apply (no wait)
//	syncer                                                 wait for sync ─▶ durable head ─▶ answer
//
// Two invariants: the writer alone decides, against state that includes every group it has applied, synced or not; and nobody sees or
// is told of an event before the syncer has passed its group. A duplicate found by the writer is answered through the same syncer, so
// that its first receipt is as durable as the first time. The simpler design, one goroutine that applies with sync, is right too and
// leaves the disk idle while it builds; one mutex around an ordinary Apply gives each writer a sync of its own.
//
// When a sync fails nobody knows what is on disk: the store answers CodeUnavailable from then on, and a reopen finds out.
//
// # Reading
//
// Reads are bounded by the durable head. A long read reopens its iterator every few thousand events, so that a slow reader does
// not keep old tables alive.
//
// # Opening
//
// A read-write open of Pebble replays and deletes its logs, and with them evidence. So Open first opens read-only, checks the format,
// looks for holes and asks Options.Guard; only then does it open for writing. A hole can only come from a lost log file: it
// lies above the floor, the highest position known to be in tables, so the search is short however long the ledger is.
package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// formatVersion is written into every database; another one is refused.
const formatVersion = "1"

// Options of a store. TagKey is required; the rest has good zero values.
type Options struct {
	TagKey     []byte           // 32 bytes, keys the stream tags in leaves
	FS         vfs.FS           // nil: the disk
	CacheMB    int              // block cache, default 256
	MemtableMB int              // default 64
	MinFreeMB  int              // appends are refused below this much free disk space, default 64; -1 never
	Now        func() time.Time // nil: time.Now
	// Guard is run on a read-only open of an existing ledger before it is opened for writing; its error refuses the ledger.
	Guard  func(ctx context.Context, ro *Store) error
	Logger *slog.Logger // nil: none
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheMB == 0 {
		o.CacheMB = 256
	}
	if o.MemtableMB == 0 {
		o.MemtableMB = 64
	}
	if o.MinFreeMB == 0 {
		o.MinFreeMB = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Store is an open ledger. It implements ledger.Store, ledger.TreeStore and ledger.Auditor and is safe for concurrent use.
type Store struct {
	db       *pebble.DB
	lock     *pebble.Lock
	dir      string
	opts     Options
	readOnly bool

	durable atomic.Pointer[ledger.Head]
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when durable moves, and at the end
	broken  error         // why nothing can be written any more

	queue   queue
	writer  *writer
	floor   floor
	done    chan struct{} // closed when writer and syncer have ended
	closing atomic.Bool
	reads   sync.WaitGroup // iterators that are open: the database closes after them
}

var (
	_ ledger.Store     = (*Store)(nil)
	_ ledger.TreeStore = (*Store)(nil)
	_ ledger.Auditor   = (*Store)(nil)
)

// Open opens the ledger in dir for writing, or makes one. Errors: CodeLocked (another process has it), CodeCorrupt (damage, a hole),
// CodeUnsupported (format), and whatever Options.Guard says.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	o.defaults()
	if err := o.FS.MkdirAll(dir, 0o755); err != nil {
		return nil, openError(dir, err)
	}
	lock, err := lockDir(dir, o.FS)
	if err != nil {
		return nil, err
	}
	s, err := openLocked(ctx, dir, lock, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func openLocked(ctx context.Context, dir string, lock *pebble.Lock, o Options) (*Store, error) {
	if exists(o.FS, dir) {
		if err := check(ctx, dir, lock, o); err != nil {
			return nil, err
		}
	}
	s, err := open(dir, lock, o, false)
	if err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.lock = lock
	return s, nil
}

// OpenReadOnly opens an existing ledger and changes nothing on disk. Appends answer CodeUnsupported.
func OpenReadOnly(ctx context.Context, dir string, o Options) (*Store, error) {
	o.defaults()
	if !exists(o.FS, dir) {
		return nil, ledger.Errorf(ledger.CodeNotFound, "open ledger", "name a data directory with --data, or make a ledger with `baton import` or `baton demo`",
			"there is no ledger in %s", dir)
	}
	lock, err := lockDir(dir, o.FS)
	if err != nil {
		return nil, err
	}
	s, err := openInspected(ctx, dir, lock, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.lock = lock
	return s, nil
}

func openInspected(ctx context.Context, dir string, lock *pebble.Lock, o Options) (*Store, error) {
	s, err := open(dir, lock, o, true)
	if err != nil {
		return nil, err
	}
	if err := s.inspect(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// check looks at a ledger without changing it, under the lock that the read-write open will use.
func check(ctx context.Context, dir string, lock *pebble.Lock, o Options) error {
	ro, err := openInspected(ctx, dir, lock, o)
	if err != nil {
		return err
	}
	if o.Guard != nil {
		err = o.Guard(ctx, ro)
	}
	return errors.Join(err, ro.Close())
}

func lockDir(dir string, fs vfs.FS) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return nil, &ledger.Error{Code: ledger.CodeLocked, Op: "open ledger", Err: fmt.Errorf("%s is held by another process: %w", dir, err),
			Hint: "stop the process that holds it, or reach it through its API"}
	}
	return lock, nil
}

func exists(fs vfs.FS, dir string) bool {
	desc, err := pebble.Peek(dir, fs)
	return err == nil && desc.Exists
}

func open(dir string, lock *pebble.Lock, o Options, readOnly bool) (*Store, error) {
	if len(o.TagKey) != 32 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "open ledger", "give the key made on first run", "the tag key has %d bytes, not 32", len(o.TagKey))
	}
	s := &Store{dir: dir, opts: o, readOnly: readOnly, changed: make(chan struct{}), done: make(chan struct{})}
	p := s.pebbleOptions()
	p.Lock = lock
	db, err := openPebble(dir, p)
	if err != nil {
		return nil, openError(dir, err)
	}
	s.db = db
	return s, nil
}

// openPebble turns Pebble's panics over damaged files into errors.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer o.Cache.Unref()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", pebble.ErrCorruption, p)
		}
	}()
	return pebble.Open(dir, o)
}

func (s *Store) pebbleOptions() *pebble.Options {
	p := &pebble.Options{
		FS:                          s.opts.FS,
		Cache:                       pebble.NewCache(int64(s.opts.CacheMB) << 20),
		MemTableSize:                uint64(s.opts.MemtableMB) << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       20,
		LBaseMaxBytes:               256 << 20,
		FormatMajorVersion:          pebble.FormatNewest,
		ReadOnly:                    s.readOnly,
		ErrorIfNotExists:            s.readOnly,
		Logger:                      pebbleLog{s.opts.Logger},
		EventListener:               s.events(),
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].FilterType = pebble.TableFilter
	}
	return p
}

func openError(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return &ledger.Error{Code: ledger.CodeDiskFull, Op: "open ledger", Err: err, Hint: "free some disk space"}
	}
	return &ledger.Error{Code: ledger.CodeCorrupt, Op: "open ledger", Err: fmt.Errorf("%s cannot be read: %w", dir, err),
		Hint: "keep the directory as evidence, and restore a backup or the newest copy"}
}

// inspect reads what must hold of any ledger that is opened: a known format, a head, no hole above the floor.
func (s *Store) inspect(ctx context.Context) error {
	format, err := s.get(metaFormat)
	if err != nil {
		return err
	}
	last, recorded, err := s.lastRecord()
	switch {
	case err != nil:
		return err
	case format == nil && last == 0:
		// A crash between making the database and its first sync leaves it empty: nothing was acknowledged.
	case format == nil:
		return ledger.Errorf(ledger.CodeUnsupported, "open ledger", "name the directory of a Baton ledger", "%s is a database, but not a Baton ledger", s.dir)
	case string(format) != formatVersion:
		return ledger.Errorf(ledger.CodeUnsupported, "open ledger", "use the build that wrote it, or a newer one",
			"%s has format %q, this build reads format %q", s.dir, format, formatVersion)
	}
	if err := s.findHole(ctx, last); err != nil {
		return err
	}
	s.durable.Store(&ledger.Head{Position: last, RecordedTime: recorded})
	return nil
}

func (s *Store) start() error {
	if err := s.inspect(context.Background()); err != nil {
		return err
	}
	if err := s.db.Set(metaFormat, []byte(formatVersion), pebble.Sync); err != nil {
		return s.ioError("open ledger", err)
	}
	s.writer = newWriter(s)
	groups := make(chan *group, 4)
	s.queue.ready = sync.NewCond(&s.queue.mu)
	go s.writer.run(groups)
	go s.sync(groups)
	return nil
}

// lastRecord is the highest position and its recorded time.
func (s *Store) lastRecord() (uint64, time.Time, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyRecord}, UpperBound: []byte{keyRecord + 1}})
	if err != nil {
		return 0, time.Time{}, s.readError(err)
	}
	defer it.Close()
	if !it.Last() {
		return 0, time.Time{}, s.readError(it.Error())
	}
	p, _, ok := parsePlace(it.Value())
	if !ok || len(it.Key()) != 9 {
		return 0, time.Time{}, s.damaged("the last record has no place")
	}
	return binary.BigEndian.Uint64(it.Key()[1:]), nanos(p.recorded), nil
}

// findHole requires every leaf from the floor to the head to be there.
func (s *Store) findHole(ctx context.Context, last uint64) error {
	from, err := s.loadFloor()
	if err != nil {
		return err
	}
	if from > last {
		return s.damaged("the ledger ends at position %d, but once reached %d", last, from)
	}
	next := from + 1
	for _, err := range s.Leaves(ctx, from, last) {
		if err != nil {
			return err
		}
		next++
	}
	if next != last+1 {
		return s.damaged("position %d is missing, the ledger ends at %d", next, last)
	}
	return nil
}

// Capabilities of the embedded engine: all of them.
func (s *Store) Capabilities() ledger.Capabilities {
	return ledger.Capabilities{Engine: "pebble", GaplessPositions: true, ExactRetry: true, Leaves: true, Durable: true}
}

// Close answers what is queued, moves everything into tables and closes. A second Close does nothing.
func (s *Store) Close() error {
	if s.closing.Swap(true) {
		return nil
	}
	var err error
	if !s.readOnly {
		s.queue.close()
		<-s.done
		err = s.settle()
	}
	s.mu.Lock()
	close(s.changed)
	s.mu.Unlock()
	s.reads.Wait()
	return errors.Join(err, s.closePebble())
}

// settle flushes the memtable and notes the floor, so that the logs left behind hold nothing of value.
func (s *Store) settle() error {
	if s.failure() != nil {
		return nil
	}
	if err := s.db.Flush(); err != nil {
		return s.ioError("close ledger", err)
	}
	head := s.durable.Load()
	if err := s.db.Set(metaFloor, binary.BigEndian.AppendUint64(nil, head.Position), pebble.Sync); err != nil {
		return s.ioError("close ledger", err)
	}
	return s.db.Flush()
}
