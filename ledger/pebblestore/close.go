package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"

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
	return s.ioError("close ledger", s.db.Flush())
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
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return s.ioError("close ledger", err)
}
