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

// where is a directory on a file system.
type where struct {
	fs  vfs.FS
	dir string
}

// inMemory and onDisk are places for a ledger that is not there yet.
func inMemory(*testing.T) where { return where{vfs.NewMem(), "ledger"} }
func onDisk(t *testing.T) where { return where{vfs.Default, filepath.Join(t.TempDir(), "ledger")} }

// engine is the suite's view of stores that are opened in the places that place gives.
func engine(place func(t *testing.T) where) storetest.Engine {
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
	return storetest.Engine{
		Open: func(t *testing.T) ledger.Store { return at(t, place(t)) },
		Options: []storetest.Option{storetest.TagKey(conformanceKey), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return at(t, places[s])
		})},
	}
}

func TestConformanceInMemory(t *testing.T) {
	e := engine(inMemory)
	storetest.Run(t, e.Open, e.Options...)
}

func TestConformanceOnDisk(t *testing.T) {
	e := engine(onDisk)
	storetest.Run(t, e.Open, e.Options...)
}

// TestConformanceShared runs the suite in one ledger for all tests, as it is run on a cluster.
func TestConformanceShared(t *testing.T) {
	one := inMemory(t)
	e := engine(func(*testing.T) where { return one })
	storetest.Run(t, e.Open, append(e.Options, storetest.Shared())...)
}

// TestTogether runs one list of operations in memory, on disk, and in a ledger that all lists share.
func TestTogether(t *testing.T) {
	one := inMemory(t)
	shared := engine(func(*testing.T) where { return one })
	shared.Options = append(shared.Options, storetest.Shared())
	storetest.Together(t, map[string]storetest.Engine{"in memory": engine(inMemory), "on disk": engine(onDisk), "shared": shared})
}
