package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/storetest"
)

// overWire is the suite's view of nodes, each on an EventStoreDB of its own.
func overWire() storetest.Engine {
	type where struct {
		site *site
		fs   vfs.FS
	}
	places := map[ledger.Store]where{}
	at := func(t *testing.T, w where) ledger.Store {
		s := w.site.node(t, w.fs)
		places[s] = w
		return s
	}
	return storetest.Engine{
		Open: func(t *testing.T) ledger.Store { return at(t, where{newSite(t), vfs.NewMem()}) },
		Options: []storetest.Option{storetest.TagKey(tagKey), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
			must(t, s.Close())
			return at(t, places[s])
		})},
	}
}

// embedded is the suite's view of Pebble.
func embedded(fs vfs.FS, dir func(t *testing.T) string) storetest.Engine {
	places := map[ledger.Store]string{}
	at := func(t *testing.T, dir string) ledger.Store {
		s, err := pebblestore.Open(context.Background(), dir, pebblestore.Options{TagKey: tagKey, FS: fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		places[s] = dir
		return s
	}
	return storetest.Engine{
		Open: func(t *testing.T) ledger.Store { return at(t, dir(t)) },
		Options: []storetest.Option{storetest.TagKey(tagKey), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
			must(t, s.Close())
			return at(t, places[s])
		})},
	}
}

// TestTogether runs one list of operations on Pebble in memory and on disk, and over the protocol.
func TestTogether(t *testing.T) {
	n := 0
	storetest.Together(t, map[string]storetest.Engine{
		"pebble in memory": embedded(vfs.NewMem(), func(*testing.T) string { n++; return fmt.Sprint("ledger", n) }),
		"pebble on disk":   embedded(vfs.Default, func(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger") }),
		"esdb":             overWire(),
	})
}

// TestConformance runs the suite over the real protocol.
func TestConformance(t *testing.T) {
	e := overWire()
	storetest.Run(t, e.Open, e.Options...)
}

// TestConformanceShared runs the suite in one ledger that all tests share. With BATON_TEST_ESDB=esdb://… that is a cluster, whose events stay: name
// one that is for tests. Its tag key is read from its founding; where it has none it is founded.
func TestConformanceShared(t *testing.T) {
	url, key := os.Getenv("BATON_TEST_ESDB"), tagKey
	if url == "" {
		url = newSite(t).url
	} else {
		client, err := esdb.Dial(url, nil)
		must(t, err)
		f, err := client.Founding(within(t, 30*time.Second))
		if errors.Is(err, ledger.CodeNotFound) {
			f, err = client.Found(within(t, 30*time.Second), esdb.Founding{PublicKey: "none: a cluster for tests", TagKey: tagKey})
		}
		must(t, err)
		must(t, client.Close())
		key = f.TagKey
	}
	fs := vfs.NewMem() // one mirror: later tests go on from where it is
	open := func(t *testing.T) ledger.Store {
		s, err := openNodeWith(url, fs, key)
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		return s
	}
	storetest.Run(t, open, storetest.Shared(), storetest.TagKey(key), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
		must(t, s.Close())
		return open(t)
	}))
}

// TestTwoNodesRace: two nodes append the same events, and different ones under the same ids, to the same streams at once. Of each id one content
// is there, its first writer was told that it is fresh, the other one that it is a duplicate or in conflict, and both nodes have the same ledger.
func TestTwoNodesRace(t *testing.T) {
	site := newSite(t)
	nodes := []*esdb.Store{site.node(t, vfs.NewMem()), site.node(t, vfs.NewMem())}
	const rounds = 60
	ctx := within(t, 60*time.Second)
	type answer struct {
		receipts []ledger.Receipt
		err      error
	}
	answers := make([][2]answer, rounds)
	for i := range rounds {
		var racing sync.WaitGroup
		for n, s := range nodes {
			b := batch(fmt.Sprint("journey-", i%3), fmt.Sprint("id", i), fmt.Sprint("second", i))
			if i%2 == 1 { // the same id with other content
				b.Events[1].Data = fmt.Appendf(nil, `{"node":%d}`, n)
			}
			racing.Go(func() { answers[i][n].receipts, answers[i][n].err = s.Append(ctx, b) })
		}
		racing.Wait()
	}
	for i, a := range answers {
		fresh, conflicts := 0, 0
		for _, x := range a {
			var conflict *ledger.IDConflict
			switch {
			case errors.As(x.err, &conflict):
				conflicts++
				if conflict.ID != fmt.Sprint("second", i) {
					t.Errorf("round %d: conflict names %q", i, conflict.ID)
				}
			case x.err != nil:
				t.Errorf("round %d: %v", i, x.err)
			case !x.receipts[0].Duplicate && !x.receipts[1].Duplicate:
				fresh++
			}
		}
		if fresh != 1 || conflicts != i%2 {
			t.Errorf("round %d: %d fresh, %d conflicts: %+v", i, fresh, conflicts, a)
		}
	}
	if a, b := leaves(t, nodes[0], 2*rounds), leaves(t, nodes[1], 2*rounds); fmt.Sprint(a) != fmt.Sprint(b) || len(a) != 2*rounds {
		t.Error("the nodes differ")
	}
	for _, s := range nodes {
		if h, _ := s.Head(ctx); h.Position != 2*rounds {
			t.Errorf("head %d", h.Position)
		}
	}
}

// TestExpectationOfTwoNodes: of two nodes that append after the same revision one succeeds, and the other learns where the stream is.
func TestExpectationOfTwoNodes(t *testing.T) {
	site := newSite(t)
	nodes := []*esdb.Store{site.node(t, vfs.NewMem()), site.node(t, vfs.NewMem())}
	ctx := within(t, 60*time.Second)
	for i := range 30 {
		errs := make([]error, 2)
		var racing sync.WaitGroup
		for n, s := range nodes {
			b := batch("journey-1", fmt.Sprint(n, "/", i))
			b.Expect = ledger.Expect(i)
			racing.Go(func() { _, errs[n] = s.Append(ctx, b) })
		}
		racing.Wait()
		var stale *ledger.StaleRevision
		if (errs[0] == nil) == (errs[1] == nil) || !errors.As(errors.Join(errs...), &stale) || stale.Current != uint64(i)+1 {
			t.Fatalf("round %d: %v, %v", i, errs[0], errs[1])
		}
	}
}
