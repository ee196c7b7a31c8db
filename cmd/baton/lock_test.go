package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// TestLockIsNoLink: the lock file is emptied and written to, which must not reach a file that somebody linked there.
func TestLockIsNoLink(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, "baton.lock")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lockDir(t.Context(), dir, "test"); !errors.Is(err, ledger.CodeUnavailable) || ledger.HintOf(err) == "" {
		t.Errorf("error %v", err)
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "mine" {
		t.Errorf("the other file holds %q, error %v", b, err)
	}
}

// TestLockNamesTheAPI: what a dead process left in the lock file counts for nothing, what a living one says does.
func TestLockNamesTheAPI(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "baton.lock"), []byte(`{"pid":1,"command":"serve","api":"http://127.0.0.1:1"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	held, h, err := lockDir(t.Context(), dir, "first")
	if err != nil || h.API != "" {
		t.Fatalf("a dead process holds the lock: %+v, %v", h, err)
	}
	if err := held.announce("http://127.0.0.1:2"); err != nil {
		t.Fatal(err)
	}
	if _, h, err := lockDir(t.Context(), dir, "second"); err != nil || h.API != "http://127.0.0.1:2" || h.Command != "first" {
		t.Errorf("holder %+v, error %v", h, err)
	}
	if err := errors.Join(held.release()); err != nil {
		t.Fatal(err)
	}
}

// TestDataDirectoryIsItsOwners: API keys say who may read a ledger, and its files must not say otherwise.
func TestDataDirectoryIsItsOwners(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "D")
	l, _, err := lockDir(t.Context(), dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("a new data directory: %v, %v", info.Mode(), err)
	}
}
