package notary_test

import (
	"context"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/fsck"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

// served is a ledger as a tlog-tiles log: what an HTTP server of these paths would answer.
type served struct {
	w     *world
	store notary.Source
	cp    notary.Checkpoint
}

func (s served) ReadCheckpoint(context.Context) ([]byte, error) { return []byte(s.cp.Note), nil }

func (s served) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return s.get(ctx, layout.TilePath(level, index, p))
}

func (s served) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	return s.get(ctx, layout.EntriesPath(index, p))
}

func (s served) get(ctx context.Context, path string) ([]byte, error) {
	tile, err := notary.ParseTilePath(path)
	if err != nil {
		return nil, err
	}
	return notary.ReadTile(ctx, s.store, s.w.keys.TagKey, tile)
}

// fsckErr has tessera's checker, which shares no code with ours, read the whole log. It hangs when every worker has met a mismatch: hence
// more workers than there are bad tiles, and a deadline.
func (s served) fsckErr(t *testing.T) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	bundle := func(b []byte) ([][]byte, error) {
		var entries api.EntryBundle
		if err := entries.UnmarshalText(b); err != nil {
			return nil, err
		}
		var out [][]byte
		for _, e := range entries.Entries {
			out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return out, nil
	}
	return fsck.New(s.cp.Origin, s.w.keys.Verifier, s, bundle, fsck.Opts{N: 16}).Check(ctx)
}

func TestFsck(t *testing.T) {
	w := newWorld(t)
	good := func(n int) {
		cp := w.sealed(n, 97)
		if err := (served{w, w.store, cp}).fsckErr(t); err != nil {
			t.Errorf("size %d: %v", cp.Size, err)
		}
	}
	for _, n := range []int{1, 255, 256, 300} { // sizes 1, 256, 512 and 812
		good(n)
	}
	cp, err := notary.Stored(t.Context(), w.store, w.keys.Verifier)
	must(t, err)
	for name, store := range map[string]tampered{
		"record": {record: func(r *ledger.Recorded) {
			if r.Position == 700 {
				r.Record = r.Record[1:]
			}
		}},
		"leaf hash": {leaf: func(i uint64, h *ledger.Hash) {
			if i == 800 {
				h[9]++
			}
		}},
		"node": {node: func(at ledger.TreeIndex, h *ledger.Hash) {
			if at == (ledger.TreeIndex{Level: 8, Index: 2}) {
				h[9]++
			}
		}},
	} {
		store.Store = w.store
		if err := (served{w, &store, cp}).fsckErr(t); err == nil {
			t.Errorf("a changed %s is not found", name)
		}
	}
	good(1 << 16) // the first size with a third level of tiles is 65,536
}

func TestTilePaths(t *testing.T) {
	for _, n := range []uint64{0, 7, 255, 256, 999, 1000, 1234067, 999999999999} {
		for _, level := range []uint64{0, 1, 5} {
			if got, want := (notary.Tile{Level: int(level), Index: n, Width: 256}).Path(), layout.TilePath(level, n, 0); got != want {
				t.Errorf("path %s, want %s", got, want)
			}
			tile, err := notary.ParseTilePath(layout.TilePath(level, n, 8))
			must(t, err)
			if tile != (notary.Tile{Level: int(level), Index: n, Width: 8}) {
				t.Errorf("parsed %+v", tile)
			}
		}
		if got, want := (notary.Tile{Level: notary.Entries, Index: n, Width: 3}).Path(), layout.EntriesPath(n, 3); got != want {
			t.Errorf("path %s, want %s", got, want)
		}
	}
	for _, bad := range []string{"", "tile/", "tile/0", "tile/0/", "tile/0/1", "tile/00/001", "tile/8/001", "tile/-1/001", "tile/0/x000/001",
		"tile/0/001/001", "tile/0/x001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001.p/1/x", "tile/entry/001", "/tile/0/001"} {
		_, err := notary.ParseTilePath(bad)
		wantCode(t, err, ledger.CodeInvalid)
	}
	w := newWorld(t)
	w.sealed(5, 1)
	for _, beyond := range []string{"tile/0/000", "tile/entries/000", "tile/entries/000.p/6", "tile/1/000.p/1"} {
		if _, err := (served{w, w.store, notary.Checkpoint{}}).get(t.Context(), beyond); ledger.CodeOf(err) != ledger.CodeNotFound {
			t.Errorf("%s: %v", beyond, err)
		}
	}
}
