// Package pebblestore is the embedded engine: a ledger in one Pebble database on this machine's disk.
//
// # Writing
//
// Callers encode and hash their events themselves, then queue them. One goroutine, the writer, takes everything queued, decides each batch
// (idempotency, expected revision), places its events and applies the whole group as one Pebble batch without waiting for the
// disk. A second goroutine, the syncer, waits for the group's fdatasync, moves the durable head and answers the callers. So while
// one group is being synced the next is gathered, or built where it is large, and any number of concurrent writers share a sync.
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
// When a sync fails nobody knows what is on disk: the store answers CodeUnavailable (CodeDiskFull where that was the cause) from then on,
// to duplicates too, and a reopen finds out. Two failures inside Pebble cannot be caught and end the process, which loses nothing that was
// answered: beginning a new log, and writing the manifest. So that a full disk rarely gets that far, appends are refused while there
// is still Options.MinFreeMB of room.
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
// A ledger cut short at its end opens without the guard: only somebody outside can know that there was more. For the same reason the guard is
// asked about an empty ledger where there is none, and tables or logs without the file that names the manifest are damage, not a
// place for a new ledger. What each kind of damage to each file leads to is in damage_test.go.
package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// formatVersion is written into every database; another one is refused.
const formatVersion = "1"

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
	settled bool           // set by Close: everything is in tables
	wrecked atomic.Bool    // Pebble panicked in a write and may hold its locks for ever
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
	if err := makeDir(o.FS, dir); err != nil {
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
	there, err := exists(o.FS, dir)
	switch {
	case err != nil:
	case there:
		err = check(ctx, dir, lock, o)
	default:
		err = checkEmpty(ctx, o)
	}
	if err != nil {
		return nil, err
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

// OpenReadOnly opens an existing ledger and changes nothing on disk but its lock file, which it does without where the directory cannot be
// written. Appends answer CodeUnsupported.
func OpenReadOnly(ctx context.Context, dir string, o Options) (*Store, error) {
	o.defaults()
	if there, err := exists(o.FS, dir); err != nil {
		return nil, err
	} else if !there {
		return nil, ledger.Errorf(ledger.CodeNotFound, "open ledger", "name a data directory with --data, or make a ledger with `baton import` or `baton demo`",
			"there is no ledger in %s", dir)
	}
	lock, err := lockDir(dir, o.FS)
	if unwritable(err) {
		lock, err = lockDir(dir, unlocked{o.FS}) // who cannot make a lock here cannot write here either
	}
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

func lockDir(dir string, fs vfs.FS) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return nil, &ledger.Error{Code: ledger.CodeLocked, Op: "open ledger", Err: fmt.Errorf("%s is held by another process: %w", dir, err),
			Hint: "stop the process that holds it, or reach it through its API"}
	}
	return lock, nil
}

// makeDir makes a directory that survives power loss: the entries of new directories are synced, each in its parent.
func makeDir(fs vfs.FS, dir string) error {
	var parents []string
	for at := dir; ; at = fs.PathDir(at) {
		if _, err := fs.Stat(at); err == nil || fs.PathDir(at) == at {
			break
		}
		parents = append(parents, fs.PathDir(at))
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, parent := range parents {
		f, err := fs.OpenDir(parent)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
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

func openError(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return &ledger.Error{Code: ledger.CodeDiskFull, Op: "open ledger", Err: err, Hint: "free some disk space"}
	}
	return &ledger.Error{Code: ledger.CodeCorrupt, Op: "open ledger", Err: fmt.Errorf("%s cannot be read: %w", dir, err),
		Hint: "keep the directory as evidence, and restore a backup or the newest copy"}
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
	s.queue.ready, s.queue.enough = sync.NewCond(&s.queue.mu), enoughEvents
	go s.writer.run(groups)
	go s.sync(groups)
	return nil
}

// Capabilities of the embedded engine: all of them.
func (s *Store) Capabilities() ledger.Capabilities {
	return ledger.Capabilities{Engine: "pebble", GaplessPositions: true, ExactRetry: true, Leaves: true, Durable: true}
}
