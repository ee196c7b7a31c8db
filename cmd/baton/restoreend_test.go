package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRestoreEndsAtOnce: a restore that is killed while it removes its stage is over. Half a stage would keep every command out, restore included.
func TestRestoreEndsAtOnce(t *testing.T) {
	dir := t.TempDir()
	stage := filepath.Join(dir, stageDir)
	for round := range 2 { // what the first one left is no obstacle to the second
		for _, name := range []string{readyFile, "checkpoint", "keys/notary.key"} {
			path := filepath.Join(stage, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := mayOpen(dir, writing); err == nil {
			t.Fatal("half a restore may be opened")
		}
		if err := endStage(dir, stage); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := os.Stat(filepath.Join(dir, doneDir, readyFile)); err != nil {
			t.Errorf("nothing is removed yet: %v", err)
		}
		if err := mayOpen(dir, writing); err != nil {
			t.Errorf("a restore that is over keeps others out: %v", err)
		}
	}
}
