package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
)

// TestCommandsSignWhileTheyWrite: what a command has written is covered by a checkpoint before the command ends, however long that takes.
func TestCommandsSignWhileTheyWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "D")
	t.Setenv("BATON_DATA", dir)
	cfg, err := config.Load(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{in: &bytes.Buffer{}, out: io.Discard, err: io.Discard, cfg: cfg}
	s, err := a.open(t.Context(), "test", writing)
	if err != nil {
		t.Fatal(err)
	}
	if r := s.append(t.Context(), []ledger.Batch{killBatch("0-0")})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); s.node.notary.Latest().Size < 1; {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("no checkpoint covers the event")
		}
	}
	if err := s.end(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
