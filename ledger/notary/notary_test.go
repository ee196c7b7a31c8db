package notary_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// TestRun: a running notary covers what is written, as it is written, and its checkpoints are consistent with each other.
func TestRun(t *testing.T) {
	w := newWorld(t)
	n := w.notary()
	if cp := n.Latest(); cp.Size != 0 || readFile(t, w.checkpointFile()) != cp.Note {
		t.Errorf("a new ledger has no checkpoint of size 0: %+v", cp)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	var seen []notary.Checkpoint
	for range 20 {
		w.write(50, 11)
		want := uint64(w.n)
		cp, err := n.Checkpoint(t.Context())
		must(t, err)
		if cp.Size < want {
			t.Errorf("a forced checkpoint covers %d of %d events", cp.Size, want)
		}
		seen = append(seen, cp)
	}
	w.write(1, 1)
	for n.Latest().Streams.Size < uint64(w.n) { // Run gets there by itself
		_, err := w.store.Wait(t.Context(), n.Latest().Size)
		if n.Latest().Size < uint64(w.n) {
			must(t, err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
	must(t, n.Close(t.Context()))
	must(t, n.Close(t.Context()))
	_, err := n.Checkpoint(t.Context())
	if ledger.CodeOf(err) != ledger.CodeClosed {
		t.Errorf("checkpoint after Close: %v", err)
	}
	last := n.Latest()
	for _, cp := range seen {
		p, err := notary.Consistency(t.Context(), w.store, cp.Size, last.Size)
		must(t, err)
		must(t, notary.CheckConsistency(p, cp.Size, cp.Root, last.Size, last.Root))
	}
	if r := w.verify(w.store); !r.OK || r.Uncovered != 0 {
		t.Errorf("verify: %+v", r)
	}
}

// TestCopyOutOfReach: the ledger goes on without a copy that cannot be written, and says so.
func TestCopyOutOfReach(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	away := filepath.Join(t.TempDir(), "not mounted")
	o.Copies = []string{filepath.Join(away, "checkpoint")}
	n, err := notary.Open(t.Context(), o)
	must(t, err)
	w.write(9, 2)
	cp, err := n.Checkpoint(t.Context())
	wantCode(t, err, ledger.CodeUnavailable)
	if cp.Size != 9 || n.Latest() != cp || readFile(t, w.checkpointFile()) != cp.Note {
		t.Errorf("checkpoint %+v", cp)
	}
	must(t, os.Mkdir(away, 0o755))
	must(t, n.Close(t.Context()))
	if readFile(t, o.Copies[0]) != cp.Note {
		t.Error("the copy was not made up for")
	}
}

// TestForeignCheckpointIsNotReplaced: what is found outside is evidence.
func TestForeignCheckpointIsNotReplaced(t *testing.T) {
	w := newWorld(t)
	n := w.notary()
	foreign := otherCheckpoint(t)
	must(t, os.WriteFile(w.checkpointFile(), []byte(foreign), 0o644))
	w.write(3, 1)
	_, err := n.Checkpoint(t.Context())
	wantCode(t, err, ledger.CodeInvalid)
	wantCode(t, n.Run(t.Context()), ledger.CodeInvalid) // it ends, rather than try again
	if readFile(t, w.checkpointFile()) != foreign {
		t.Error("it was replaced")
	}
}

// faulty is a real store that fails at one of the notary's writes, before it or after it.
type faulty struct {
	*pebblestore.Store
	mu     sync.Mutex
	after  int  // writes until the failing one
	landed bool // the failing one is written nevertheless
	power  func()
}

var errFault = errors.New("the disk failed")

func (s *faulty) PutTree(ctx context.Context, nodes []ledger.TreeNode, values []ledger.NamedValue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after--; s.after >= 0 {
		return s.Store.PutTree(ctx, nodes, values)
	}
	if s.landed {
		if err := s.Store.PutTree(ctx, nodes, values); err != nil {
			return err
		}
	}
	if s.power != nil {
		s.power()
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Err: errFault}
}

// TestFaults fails each write of the notary in turn, once so that it did not persist and once so that it did, and once more with the
// power going at that moment, with none, half or all of what was not synced. Every time the next start must find everything right and go on.
func TestFaults(t *testing.T) {
	for after := range 7 {
		for _, landed := range []bool{false, true} {
			for _, kept := range []int{-1, 0, 50, 100} { // percent of unsynced data that survives; -1: no power loss
				if !faultCase(t, after, landed, kept) && after < 5 {
					t.Errorf("write %d was never reached", after)
				}
			}
		}
	}
}

func faultCase(t *testing.T, after int, landed bool, kept int) (reached bool) {
	mem := vfs.NewCrashableMem()
	w := &world{t: t, dir: t.TempDir(), fs: mem}
	var err error
	w.keys, err = notary.LoadKeys(w.dir, "", "")
	must(t, err)
	w.open()
	store := &faulty{Store: w.store, after: after, landed: landed}
	var outside []byte
	if kept >= 0 {
		store.power = func() {
			w.fs = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: newRand(uint64(after))})
			outside, _ = os.ReadFile(w.checkpointFile()) // none before the first
		}
	}
	o := w.options()
	o.Store = store
	run := func() error {
		n, err := notary.Open(t.Context(), o)
		if err != nil {
			return err
		}
		for range 2 {
			w.write(30, 13)
			if _, err := n.Checkpoint(t.Context()); err != nil {
				return err
			}
		}
		return n.Close(t.Context())
	}
	if err := run(); err == nil {
		return false
	} else if !errors.Is(err, errFault) {
		t.Fatalf("write %d: %v", after, err)
	}
	if kept >= 0 {
		w.close()
		w.open()
		if outside != nil { // as it was when the power went
			must(t, os.WriteFile(w.checkpointFile(), outside, 0o644))
		}
	}
	must(t, w.guard(w.store))
	if r := w.verify(w.store); !r.OK {
		t.Errorf("write %d, landed %v, kept %d: before the restart: %+v", after, landed, kept, r.Problems)
	}
	w.write(5, 3)
	n := w.notary()
	must(t, n.Close(t.Context()))
	head, err := w.store.Head(t.Context())
	must(t, err)
	if r := w.verify(w.store); !r.OK || r.Uncovered != 0 || n.Latest().Size != head.Position {
		t.Errorf("write %d, landed %v, kept %d: after the restart: %+v", after, landed, kept, r.Problems)
	}
	return true
}

// TestMapIsHeldAgainstTheCheckpoint: a checkpoint outside that is ahead of the stored map is redone, not believed.
func TestMapIsHeldAgainstTheCheckpoint(t *testing.T) {
	w := newWorld(t)
	w.sealed(40, 7)
	o := w.options()
	var map0 string
	o.Store = &tampered{Store: w.store, value: func(name string, v []byte) []byte {
		if strings.HasPrefix(name, "map/") {
			map0 = name
			return nil // as if none of it had survived
		}
		return v
	}}
	_, err := notary.Open(t.Context(), o)
	must(t, err)
	o.Store = &tampered{Store: w.store, value: func(name string, v []byte) []byte {
		if name == "map/state" && v != nil {
			v = append([]byte(nil), v...)
			v[20]++
		}
		return v
	}}
	_, err = notary.Open(t.Context(), o)
	wantCode(t, err, ledger.CodeCorrupt)
	if map0 == "" {
		t.Error("the map was not read")
	}
}
