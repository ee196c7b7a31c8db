package pebblestore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// fatal is what pebbleLog.Fatalf panics with.
type fatal string

func (f fatal) Error() string { return string(f) }

// pebbleLog carries Pebble's messages to slog. Fatalf must not return: in the writer the panic is caught and breaks the store; in one
// of Pebble's own goroutines it ends the process, which is what keeps the record right.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.log.Error(fmt.Sprintf(format, args...))
	panic(fatal(fmt.Sprintf(format, args...)))
}

// failure is why nothing can be written any more, nil while all is well.
func (s *Store) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// fail breaks the store: what is on disk is not known any more. The first cause stays.
func (s *Store) fail(cause error) error {
	code, hint := ledger.CodeUnavailable, "see to the disk, then restart: a retry finds out what was written"
	switch {
	case errors.Is(cause, syscall.ENOSPC):
		code, hint = ledger.CodeDiskFull, "free some disk space, then restart: a retry finds out what was written"
	case errors.Is(cause, ledger.CodeCorrupt):
		code, hint = ledger.CodeCorrupt, ledger.HintOf(cause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = &ledger.Error{Code: code, Op: "append", Err: fmt.Errorf("writing to disk failed: %w", cause), Hint: hint}
	}
	return s.broken
}

func (s *Store) ioError(op string, err error) error {
	if err == nil {
		return nil
	}
	code, hint := ledger.CodeUnavailable, "see to the disk and try again"
	if errors.Is(err, syscall.ENOSPC) {
		code, hint = ledger.CodeDiskFull, "free some disk space and try again"
	}
	return &ledger.Error{Code: code, Op: op, Err: err, Hint: hint}
}

// readError says of a failed read whether the bytes are damaged or cannot be had.
func (s *Store) readError(err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		text, _, _ := strings.Cut(err.Error(), "\n") // the rest is Pebble's own detail
		return s.damaged("%s", text)
	}
	return s.ioError("read ledger", err)
}

func (s *Store) damaged(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeCorrupt, "read ledger", "keep the directory as evidence; `baton verify` shows how far the damage reaches", format, args...)
}

// space refuses a group when the disk is nearly full, before anything of it is placed: reads go on, and appends do again as soon as there
// is room. Pebble itself, when it meets a full disk, cannot go on without a restart.
func (s *Store) space(bytes int) error { return s.room("append", uint64(s.opts.MinFreeMB)<<20, bytes) }

// treeSpace refuses writes of the notary later than appends: what was appended before the disk filled up is still to be covered.
func (s *Store) treeSpace(bytes int) error {
	return s.room("write tree", uint64(s.opts.MinFreeMB)<<20/4, bytes)
}

func (s *Store) room(op string, least uint64, bytes int) error {
	if s.opts.MinFreeMB < 0 {
		return nil
	}
	usage, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return nil // a file system that cannot say is not full
	}
	if least += 4 * uint64(bytes); usage.AvailBytes >= least {
		return nil
	}
	return ledger.Errorf(ledger.CodeDiskFull, op, "free some disk space and try again; nothing was written, reads go on",
		"the disk of %s has %d MiB left, it takes %d to %s", s.dir, usage.AvailBytes>>20, least>>20, op)
}
