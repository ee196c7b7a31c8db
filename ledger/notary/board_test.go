package notary_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// board is a list of checkpoints in memory.
type board struct {
	mu      sync.Mutex
	notes   []string
	changed chan struct{}
}

func newBoard() *board { return &board{changed: make(chan struct{})} }

func (b *board) Last() (note string, place uint64, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.notes); n > 0 {
		note = b.notes[n-1]
	}
	return note, uint64(len(b.notes)), b.changed
}

func (b *board) Post(_ context.Context, place, _ uint64, note string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if place != uint64(len(b.notes)) {
		return ledger.Errorf(ledger.CodeStaleRevision, "post", "", "taken")
	}
	b.notes = append(b.notes, note)
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

// slowStore cannot be read at first, as one that is away.
type slowStore struct {
	*tampered
	mu    sync.Mutex
	fails int
}

func (s *slowStore) Wait(ctx context.Context, after uint64) (ledger.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails > 0 {
		s.fails--
		return ledger.Head{}, ledger.Errorf(ledger.CodeUnavailable, "wait", "", "away")
	}
	return s.Store.Wait(ctx, after)
}

// TestAdoptTriesAgain: a node that could not take a checkpoint over does so later, though no other is posted.
func TestAdoptTriesAgain(t *testing.T) {
	w, b := newWorld(t), newBoard()
	o := w.options()
	o.Board = b
	signer, err := notary.Open(t.Context(), o)
	must(t, err)
	copied, err := pebblestore.Open(t.Context(), "copy", pebblestore.Options{TagKey: w.keys.TagKey, FS: vfs.NewMem(), MinFreeMB: -1, Mirror: true})
	must(t, err)
	defer copied.Close()
	store := &slowStore{tampered: &tampered{Store: copied}}
	reader, err := notary.Open(t.Context(), notary.Options{Store: store, Keys: notary.Keys{Verifier: w.keys.Verifier, TagKey: w.keys.TagKey}, Dir: t.TempDir(), Board: b, Interval: time.Millisecond})
	must(t, err)
	w.write(10, 2)
	_, err = copied.Mirror(t.Context(), w.events(), nil)
	must(t, err)
	store.fails = 3
	_, err = signer.Checkpoint(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- reader.Adopt(ctx) }()
	for end := time.Now().Add(10 * time.Second); reader.Latest().Note != signer.Latest().Note; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the checkpoint is never taken over")
		}
	}
	cancel()
	<-done
	if reader.Signs() {
		t.Error("a node without the key says that it signs")
	}
}
