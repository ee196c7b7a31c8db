package pebblestore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/storetest"
)

var conformanceKey = []byte("0123456789abcdef0123456789abcdef")

// conform runs the suite on stores that begin in a directory of their own on a file system.
func conform(t *testing.T, place func(t *testing.T) (vfs.FS, string)) {
	type where struct {
		fs  vfs.FS
		dir string
	}
	places := map[ledger.Store]where{}
	at := func(t *testing.T, w where) ledger.Store {
		s, err := pebblestore.Open(context.Background(), w.dir, pebblestore.Options{TagKey: conformanceKey, FS: w.fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
		if err != nil {
			t.Fatal(err)
		}
		places[s] = w
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		return s
	}
	storetest.Run(t, func(t *testing.T) ledger.Store {
		fs, dir := place(t)
		return at(t, where{fs, dir})
	}, storetest.TagKey(conformanceKey), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		return at(t, places[s])
	}))
}

func TestConformanceInMemory(t *testing.T) {
	conform(t, func(*testing.T) (vfs.FS, string) { return vfs.NewMem(), "ledger" })
}

func TestConformanceOnDisk(t *testing.T) {
	conform(t, func(t *testing.T) (vfs.FS, string) { return vfs.Default, filepath.Join(t.TempDir(), "ledger") })
}
