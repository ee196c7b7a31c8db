package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/notary"
)

// TestSoak lets two nodes work on one site, each with writers and a notary, while the server restarts, nodes are closed and opened over the mirror
// they had, and a foreign client writes. Then every acknowledged event is there exactly once, both nodes and a fresh one have the same leaves,
// the checkpoints are one consistent list, and audits find nothing. BATON_TEST_SOAK=10m lasts longer than the two seconds of every run.
func TestSoak(t *testing.T) {
	lasts := 2 * time.Second
	if text := os.Getenv("BATON_TEST_SOAK"); text != "" {
		var err error
		lasts, err = time.ParseDuration(text)
		must(t, err)
	}
	w := newSoak(t)
	ctx, cancel := context.WithTimeout(context.Background(), lasts)
	defer cancel()
	var working sync.WaitGroup
	for i := range w.nodes {
		working.Go(func() { w.live(ctx, i) })
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(100+rng.IntN(300)) * time.Millisecond):
			w.site.stop()
			w.site.start()
		}
	}
	working.Wait()
	w.judge()
}

type soak struct {
	t     *testing.T
	site  *site
	url   string // stays through restarts
	keys  notary.Keys
	nodes [2]struct {
		fs  vfs.FS
		dir string
	}
	mu    sync.Mutex
	acked map[string]ledger.Receipt // by id
}

func newSoak(t *testing.T) *soak {
	w := &soak{t: t, site: newSite(t), keys: signers(t), acked: map[string]ledger.Receipt{}}
	w.url = w.site.url
	found(t, w.url)
	for i := range w.nodes {
		w.nodes[i].fs, w.nodes[i].dir = vfs.NewMem(), t.TempDir()
	}
	return w
}

// live opens a node, works for a while and closes it, again and again.
func (w *soak) live(ctx context.Context, node int) {
	for life := 0; ctx.Err() == nil; life++ {
		s, err := openNode(w.url, w.nodes[node].fs)
		if errors.Is(err, ledger.CodeUnavailable) {
			continue
		}
		if err != nil {
			w.t.Errorf("node %d, life %d: %v", node, life, err)
			return
		}
		alive, cancel := context.WithTimeout(ctx, 700*time.Millisecond)
		w.work(alive, s, node, life)
		cancel()
		if err := errors.Join(s.Failure(), s.Close()); err != nil {
			w.t.Errorf("node %d, life %d: %v", node, life, err)
			return
		}
	}
}

func (w *soak) work(ctx context.Context, s *esdb.Store, node, life int) {
	var working sync.WaitGroup
	defer working.Wait()
	n, err := notary.Open(ctx, notary.Options{Store: s, Keys: w.keys, Dir: w.nodes[node].dir, Board: s.Board(), Interval: 10 * time.Millisecond})
	switch {
	case err == nil:
		working.Go(func() { w.part(ctx, n.Run) })
		working.Go(func() { w.part(ctx, n.Adopt) })
	case ctx.Err() == nil && !errors.Is(err, ledger.CodeUnavailable):
		w.t.Errorf("node %d, life %d: %v", node, life, err)
	}
	for writer := range 3 {
		working.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d/%d/%d/%d", node, life, writer, i)
				if i%5 == 4 {
					id = fmt.Sprintf("shared/%d/%d", life, i) // of all writers of all nodes
				}
				w.append(ctx, s, id, i)
			}
		})
	}
}

func (w *soak) part(ctx context.Context, run func(context.Context) error) {
	if err := whileAway(ctx, run); err != nil && ctx.Err() == nil {
		w.t.Errorf("a notary ended: %v", err)
	}
}

func (w *soak) append(ctx context.Context, s *esdb.Store, id string, i int) {
	receipts, err := persist(ctx, s, batch(fmt.Sprint("journey-", i%7), id))
	if err != nil && ctx.Err() == nil {
		w.t.Errorf("append %s: %v", id, err)
	}
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := receipts[0]
	if before, ok := w.acked[id]; ok && (before.Position != r.Position || !before.Duplicate && !r.Duplicate) {
		w.t.Errorf("%s was acknowledged as %+v and as %+v", id, before, r)
	}
	if !r.Duplicate || w.acked[id].Position == 0 {
		w.acked[id] = r
	}
}

func (w *soak) judge() {
	t := w.t
	fresh := w.site.node(t, vfs.NewMem())
	all := map[string]ledger.Recorded{}
	for _, r := range events(t, fresh) {
		if _, twice := all[r.ID]; twice {
			t.Errorf("%s is there twice", r.ID)
		}
		all[r.ID] = r
	}
	for id, r := range w.acked {
		if all[id].Position != r.Position || all[id].Revision != r.Revision {
			t.Errorf("%s was acknowledged at %d, and is at %d", id, r.Position, all[id].Position)
		}
	}
	total := uint64(len(all))
	want := fmt.Sprint(leaves(t, fresh, total))
	for i := range w.nodes {
		s := openAt(t, w.url, w.nodes[i].fs)
		if fmt.Sprint(leaves(t, s, total)) != want {
			t.Errorf("node %d has other leaves", i)
		}
		verified(t, s, i)
	}
	list := posted(t, w.site, w.keys)
	consistent(t, list, fresh)
	t.Logf("%d events, %d acknowledged, %d checkpoints", total, len(w.acked), len(list))
}
