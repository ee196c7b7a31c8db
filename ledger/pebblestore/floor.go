package pebblestore

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// floor tracks a position that is certainly in tables, so that opening need not look below it for holes. Pebble announces a new log
// before it retires the memtable, so what is certain when a flush begins is the position at the log change before the last.
type floor struct {
	position          atomic.Uint64 // applied by the writer
	rotated, previous atomic.Uint64 // position at the last two log changes
	flushing, flushed atomic.Uint64
	written           uint64 // the writer's: the newest floor stored
}

// applied is called by the writer after each group.
func (f *floor) applied(position uint64) { f.position.Store(position) }

// take gives a new floor to store, if there is one.
func (f *floor) take() ([]byte, bool) {
	now := f.flushed.Load()
	if now <= f.written {
		return nil, false
	}
	f.written = now
	return binary.BigEndian.AppendUint64(nil, now), true
}

func (s *Store) loadFloor() (uint64, error) {
	v, err := s.get(metaFloor)
	if err != nil || v == nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, s.damaged("the floor has %d bytes, not 8", len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// events listens to Pebble.
func (s *Store) events() *pebble.EventListener {
	l := &pebble.EventListener{
		WALCreated: func(pebble.WALCreateInfo) { s.floor.previous.Store(s.floor.rotated.Swap(s.floor.position.Load())) },
		FlushBegin: func(pebble.FlushInfo) { s.floor.flushing.Store(s.floor.previous.Load()) },
		FlushEnd: func(i pebble.FlushInfo) {
			if i.Err == nil {
				s.floor.flushed.Store(s.floor.flushing.Load())
			}
		},
		BackgroundError: func(err error) { s.opts.Logger.Error("background work of the ledger failed", "error", firstLine(err)) },
		// The default ends the process from a background goroutine.
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			s.opts.Logger.Error("the ledger's files are damaged", "file", filepath.Base(i.Path), "error", firstLine(i.Details))
			s.fail(s.damaged("file %s is damaged: %v", i.Path, i.Details))
		},
	}
	l.EnsureDefaults(pebbleLog{s.opts.Logger})
	return l
}

// firstLine is what an error says, without the stack that Pebble's errors carry and slog would print.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
