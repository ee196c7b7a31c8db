package relay_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
)

// TestAnotherHistoryIsNotPublished: a ledger that was restored from an older backup, and is longer than the stream again, holds other events at
// positions that the stream has.
func TestAnotherHistoryIsNotPublished(t *testing.T) {
	b := newBench(t)
	b.write(10)
	b.must(b.store.Checkpoint(filepath.Join(b.dir, "backup")))
	b.write(5)
	b.must(b.relay().CatchUp(b.ctx, b.store))

	restored, err := pebblestore.Open(b.ctx, filepath.Join(b.dir, "backup"),
		pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), MinFreeMB: -1, CacheMB: 16, MemtableMB: 8})
	b.must(err)
	t.Cleanup(func() { restored.Close() })
	b.append, b.events = ledger.Intake(restored.AppendAll, ledger.Validate), 100
	b.write(20)
	if err := b.relay().Run(b.ctx, restored, nil); ledger.CodeOf(err) != ledger.CodeCorrupt || ledger.HintOf(err) == "" {
		t.Fatalf("the relay ended with %v", err)
	}
	if _, err := relay.Check(b.ctx, b.nc, restored, ledgerID); ledger.CodeOf(err) != ledger.CodeCorrupt {
		t.Errorf("relay check said %v", err)
	}
	if last := b.check(); last.Published != 15 || !last.Clean() {
		t.Errorf("something was published into the stream of another history: %+v", last)
	}
}
