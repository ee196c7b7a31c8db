package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// TestMetrics: the engine's numbers move with what is written, and a closed store has none.
func TestMetrics(t *testing.T) {
	s, err := Open(t.Context(), "ledger", Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	before := s.Metrics()
	if r := s.AppendAll(t.Context(), []ledger.Batch{{Stream: "journey-J", Expect: ledger.Any, Events: []ledger.Event{{ID: "1", Source: "s", Type: "t", Data: make([]byte, 1<<16)}}}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	after := s.Metrics()
	if after.WALBytes < before.WALBytes+1<<16 || after.MemtableBytes == 0 || after.DiskBytes == 0 {
		t.Errorf("before %+v\nafter 64 KiB %+v", before, after)
	}
	if err := s.Writable(); err != nil {
		t.Errorf("a good store: %v", err)
	}
	_ = s.fail(errNoDisk)
	if err := s.Writable(); ledger.CodeOf(err) != ledger.CodeUnavailable {
		t.Errorf("a broken one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Logf("close of a broken store: %v", err)
	}
	if m := s.Metrics(); m != (Metrics{}) {
		t.Errorf("closed: %+v", m)
	}
}

var errNoDisk = ledger.Errorf(ledger.CodeUnavailable, "write", "", "the disk is gone")
