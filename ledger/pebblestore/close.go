package pebblestore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

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
	floor := binary.BigEndian.AppendUint64(nil, head.Position)
	if err := s.guarded(func() error { return s.db.Set(metaFloor, floor, pebble.Sync) }); err != nil {
		return err
	}
	if err := s.db.Flush(); err != nil {
		return s.ioError("close ledger", err)
	}
	s.settled = true
	return nil
}

// dropLogs removes the logs that a settled ledger left behind, all but the newest: the next open would, and until then they take several
// times the space of a small ledger. What cannot be removed stays.
func (s *Store) dropLogs() {
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return
	}
	logs := slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".log") })
	slices.SortFunc(logs, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	for _, name := range logs[:max(0, len(logs)-1)] {
		if err := s.opts.FS.Remove(s.opts.FS.PathJoin(s.dir, name)); err != nil {
			s.opts.Logger.Debug("an old log stays", "file", name, "error", err)
		}
	}
}

// closePebble closes the database, except one that panicked while it held its own locks: that is left as it is, directory lock and all,
// until the process ends, since a Close of it would never return.
func (s *Store) closePebble() (err error) {
	if s.wrecked.Load() {
		return s.failure()
	}
	defer func() {
		if p := recover(); p != nil {
			err = s.ioError("close ledger", fmt.Errorf("%v", p))
		}
	}()
	err = s.db.Close()
	if err == nil && s.settled {
		s.dropLogs()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return s.ioError("close ledger", err)
}
