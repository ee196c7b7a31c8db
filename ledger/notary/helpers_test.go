package notary_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// world is a data directory with its keys and an open ledger in memory.
type world struct {
	t     *testing.T
	dir   string
	fs    vfs.FS
	keys  notary.Keys
	store *pebblestore.Store
	n     int // events written, for ids
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), fs: vfs.NewMem()}
	var err error
	w.keys, err = notary.LoadKeys(w.dir, "", "")
	must(t, err)
	w.open()
	return w
}

func (w *world) open() {
	var err error
	w.store, err = pebblestore.Open(w.t.Context(), "ledger", pebblestore.Options{TagKey: w.keys.TagKey, FS: w.fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
	must(w.t, err)
	w.t.Cleanup(func() { w.store.Close() })
}

func (w *world) close() { must(w.t, w.store.Close()) }

// write appends n events, spread over streams journey-0 to journey-<streams-1>.
func (w *world) write(n, streams int) {
	w.t.Helper()
	appendFn := ledger.Intake(w.store.AppendAll, ledger.Validate)
	var batches []ledger.Batch
	for range n {
		id := fmt.Sprint(w.n)
		batches = append(batches, ledger.Batch{Stream: fmt.Sprintf("journey-%d", w.n%streams), Expect: ledger.Any, Events: []ledger.Event{{
			ID: id, Source: "test", Type: ledger.Type("interaction", "recorded"), Subject: fmt.Sprint(w.n % streams),
			Data: []byte(`{"activity":"act ` + id + `"}`)}}})
		w.n++
	}
	for _, r := range appendFn(context.Background(), batches) {
		must(w.t, r.Err)
	}
}

func (w *world) options() notary.Options {
	return notary.Options{Store: w.store, Keys: w.keys, Dir: w.dir, Interval: time.Millisecond}
}

func (w *world) notary() *notary.Notary {
	w.t.Helper()
	n, err := notary.Open(w.t.Context(), w.options())
	must(w.t, err)
	return n
}

// sealed writes n events over streams and a checkpoint of all of them.
func (w *world) sealed(n, streams int) notary.Checkpoint {
	w.t.Helper()
	w.write(n, streams)
	notary := w.notary()
	must(w.t, notary.Close(w.t.Context()))
	return notary.Latest()
}

func (w *world) verify(store interface {
	notary.Source
	ledger.Auditor
}, copies ...string) notary.Report {
	w.t.Helper()
	r, err := notary.Verify(w.t.Context(), notary.VerifyOptions{Store: store, Keys: notary.Keys{Verifier: w.keys.Verifier, TagKey: w.keys.TagKey}, Dir: w.dir, Copies: copies})
	must(w.t, err)
	if r.OK != (len(r.Problems) == 0) {
		w.t.Errorf("ok is %v with %d problems", r.OK, len(r.Problems))
	}
	return r
}

func (w *world) checkpointFile() string { return filepath.Join(w.dir, notary.CheckpointFile) }

func (w *world) events() (all []ledger.Recorded) {
	for r, err := range w.store.Read(context.Background(), ledger.ReadOptions{}) {
		must(w.t, err)
		all = append(all, r)
	}
	return all
}

// tampered is a real store seen through a hand that changes what is read from it.
type tampered struct {
	*pebblestore.Store
	record func(*ledger.Recorded)                    // changes events, by position and by stream
	leaf   func(index uint64, h *ledger.Hash)        // changes leaf hashes
	node   func(at ledger.TreeIndex, h *ledger.Hash) // changes interior hashes
	value  func(name string, v []byte) []byte        // changes named values
	heads  func(h *ledger.StreamHead) (keep bool)    // changes stream heads
	head   uint64                                    // the ledger ends here, 0 is where it does
}

func (s *tampered) Head(ctx context.Context) (ledger.Head, error) {
	h, err := s.Store.Head(ctx)
	if s.head > 0 {
		h.Position = s.head
	}
	return h, err
}

func (s *tampered) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		for r, err := range s.Store.Read(ctx, o) {
			if s.head > 0 && r.Position > s.head {
				return
			}
			if s.record != nil && err == nil {
				s.record(&r)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (s *tampered) Leaves(ctx context.Context, from, to uint64) iter.Seq2[ledger.Hash, error] {
	return func(yield func(ledger.Hash, error) bool) {
		for h, err := range s.Store.Leaves(ctx, from, to) {
			if s.head > 0 && from >= s.head {
				return
			}
			if s.leaf != nil {
				s.leaf(from, &h)
			}
			from++
			if !yield(h, err) {
				return
			}
		}
	}
}

func (s *tampered) Hashes(ctx context.Context, at []ledger.TreeIndex) ([]ledger.Hash, error) {
	hashes, err := s.Store.Hashes(ctx, at)
	for i := range hashes {
		switch {
		case at[i].Level == 0 && s.leaf != nil:
			s.leaf(at[i].Index, &hashes[i])
		case at[i].Level > 0 && s.node != nil:
			s.node(at[i], &hashes[i])
		}
	}
	return hashes, err
}

func (s *tampered) Value(ctx context.Context, name []byte) ([]byte, error) {
	v, err := s.Store.Value(ctx, name)
	if s.value != nil {
		v = s.value(string(name), v)
	}
	return v, err
}

func (s *tampered) Streams(ctx context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return func(yield func(ledger.StreamHead, error) bool) {
		for h, err := range s.Store.Streams(ctx, prefix, after) {
			if s.heads != nil && err == nil && !s.heads(&h) {
				continue
			}
			if !yield(h, err) {
				return
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, ledger.HintOf(err))
	}
}

// wantCode requires an error of a code with a hint.
func wantCode(t testing.TB, err error, code ledger.Code) {
	t.Helper()
	if !errors.Is(err, code) || ledger.HintOf(err) == "" {
		t.Fatalf("got error %v (hint %q), want code %s with a hint", err, ledger.HintOf(err), code)
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return string(b)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
