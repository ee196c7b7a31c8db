package notary_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

func (w *world) guard(store notary.Source, copies ...string) error {
	return notary.Guard(w.t.Context(), store, w.keys, w.dir, copies)
}

func TestGuardPasses(t *testing.T) {
	w := newWorld(t)
	must(t, w.guard(w.store)) // new
	must(t, notary.Guard(t.Context(), w.store, notary.Keys{}, t.TempDir(), nil))
	w.write(5, 2)
	must(t, w.guard(w.store)) // the first second
	w.sealed(5, 2)
	must(t, w.guard(w.store))
	w.write(3, 2)
	must(t, w.guard(w.store)) // ahead of the checkpoint
	wantCode(t, notary.Guard(t.Context(), w.store, notary.Keys{}, w.dir, nil), ledger.CodeInvalid)
}

// TestGuardInsideOpen: the engine asks before it opens for writing.
func TestGuardInsideOpen(t *testing.T) {
	w := newWorld(t)
	w.sealed(10, 3)
	w.close()
	reopen := func() error {
		s, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: w.keys.TagKey, FS: w.fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1,
			Guard: func(ctx context.Context, ro *pebblestore.Store) error {
				return notary.Guard(ctx, ro, w.keys, w.dir, nil)
			}})
		if err == nil {
			must(t, s.Close())
		}
		return err
	}
	must(t, reopen())
	must(t, os.Remove(w.checkpointFile()))
	wantCode(t, reopen(), ledger.CodeCorrupt)
}

// TestGuardRollback puts an older copy of the ledger in the place of the newer one: the checkpoint outside tells, and is kept.
func TestGuardRollback(t *testing.T) {
	w := newWorld(t)
	w.sealed(10, 3)
	w.close()
	old := vfs.NewMem()
	if ok, err := vfs.Clone(w.fs, old, "ledger", "ledger", vfs.CloneSync); !ok || err != nil {
		t.Fatal(ok, err)
	}
	w.open()
	newer := w.sealed(7, 3)
	w.close()

	w.fs = old
	w.open()
	err := w.guard(w.store)
	wantCode(t, err, ledger.CodeCorrupt)
	var fork *notary.Fork
	if !errors.As(err, &fork) || fork.Size != 17 || fork.Head != 10 || fork.Note != newer.Note || !strings.Contains(err.Error(), "positions 11 to 17") {
		t.Errorf("evidence %+v", fork)
	}
	_, err = notary.Open(t.Context(), w.options())
	wantCode(t, err, ledger.CodeCorrupt)
	if readFile(t, w.checkpointFile()) != newer.Note {
		t.Error("the newer checkpoint was replaced")
	}
	r := w.verify(w.store)
	if r.OK || r.Problems[0].Position != 11 || r.Verdicts.Completeness.Verdict != notary.VerdictFailed {
		t.Errorf("verify says %+v", r.Problems)
	}

	// The rolled-back ledger goes on and is as long again: now it is another history.
	w.write(20, 2)
	err = w.guard(w.store)
	wantCode(t, err, ledger.CodeCorrupt)
	if !errors.As(err, &fork) || fork.Head != 30 || fork.Root == newer.Root {
		t.Errorf("evidence of a fork %+v", fork)
	}
	if r := w.verify(w.store); r.OK || r.Verdicts.Integrity.Verdict != notary.VerdictFailed {
		t.Errorf("verify says %+v", r)
	}
	// Deleted altogether.
	w.close()
	w.fs = vfs.NewMem()
	w.open()
	wantCode(t, w.guard(w.store), ledger.CodeCorrupt)
}

func TestGuardRefuses(t *testing.T) {
	w := newWorld(t)
	w.sealed(10, 3)
	note := readFile(t, w.checkpointFile())
	restore := func() { must(t, os.WriteFile(w.checkpointFile(), []byte(note), 0o644)) }

	must(t, os.Remove(w.checkpointFile()))
	wantCode(t, w.guard(w.store), ledger.CodeCorrupt)
	if r := w.verify(w.store); r.OK || r.Verdicts.Origin.Verdict != notary.VerdictFailed {
		t.Errorf("verify without the checkpoint: %+v", r)
	}
	for name, text := range map[string]string{
		"of another key": otherCheckpoint(t), "empty": "", "cut": note[:len(note)-9],
		"of a changed size": strings.Replace(note, "\n10\n", "\n11\n", 1), "of a changed map": strings.Replace(note, "streams 10", "streams 9", 1),
	} {
		must(t, os.WriteFile(w.checkpointFile(), []byte(text), 0o644))
		if err := w.guard(w.store); err == nil || ledger.HintOf(err) == "" || !strings.Contains(err.Error(), w.checkpointFile()) {
			t.Errorf("a checkpoint %s: %v", name, err)
		}
		if r := w.verify(w.store); r.OK || r.Problems[len(r.Problems)-1].File == "" {
			t.Errorf("verify of a checkpoint %s: %+v", name, r.Problems)
		}
	}
	restore()
	must(t, w.guard(w.store))
	wantCode(t, w.guard(&tampered{Store: w.store, node: func(_ ledger.TreeIndex, h *ledger.Hash) { h[0]++ }}), ledger.CodeCorrupt)
	wantCode(t, w.guard(&tampered{Store: w.store, value: func(name string, v []byte) []byte {
		if name == "checkpoint" {
			return []byte(strings.Replace(note, "\n10\n", "\n9\n", 1))
		}
		return v
	}}), ledger.CodeCorrupt)
}

// TestGuardCopies: a copy that is ahead tells when ledger and checkpoint were rolled back together.
func TestGuardCopies(t *testing.T) {
	w := newWorld(t)
	copies := []string{filepath.Join(t.TempDir(), "copy"), t.TempDir()}
	o := w.options()
	o.Copies = copies
	n, err := notary.Open(t.Context(), o)
	must(t, err)
	w.write(4, 2)
	must(t, n.Close(t.Context()))
	for _, file := range []string{copies[0], filepath.Join(copies[1], "checkpoint")} {
		if got := readFile(t, file); got != n.Latest().Note {
			t.Errorf("%s holds %q", file, got)
		}
	}
	must(t, w.guard(w.store, copies...))
	w.close()
	must(t, os.Remove(w.checkpointFile()))
	w.fs = vfs.NewMem()
	w.open()
	wantCode(t, w.guard(w.store, copies...), ledger.CodeCorrupt) // the one in the directory is missing
	w.t = t
	must(t, w.guard(w.store)) // and without the copies nobody could tell
	must(t, os.WriteFile(w.checkpointFile(), []byte(n.Latest().Note), 0o644))
	wantCode(t, w.guard(w.store, copies...), ledger.CodeCorrupt)
}

// TestGuardSigned: whoever removes the checkpoint outside and the one inside has left events that nobody signed.
func TestGuardSigned(t *testing.T) {
	w := newWorld(t)
	signed := func(store notary.Source) error { return notary.GuardSigned(t.Context(), store, w.keys, w.dir, nil) }
	must(t, signed(w.store))
	w.sealed(10, 3)
	must(t, signed(w.store))
	removed := &tampered{Store: w.store, value: func(string, []byte) []byte { return nil }}
	must(t, signed(removed)) // the one outside is there
	must(t, os.Remove(w.checkpointFile()))
	wantCode(t, signed(removed), ledger.CodeCorrupt)
	if r := w.verify(removed); r.OK || r.Verdicts.Origin.Verdict != notary.VerdictFailed {
		t.Errorf("verify says %+v", r)
	}
}
