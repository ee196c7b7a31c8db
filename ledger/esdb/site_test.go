package esdb_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

var tagKey = []byte("0123456789abcdef0123456789abcdef")

// site is an EventStoreDB of its own, which is the wire over an embedded ledger, with the nodes that work on it.
type site struct {
	t      testing.TB
	url    string
	addr   string
	record *pebblestore.Store // what the server keeps
	stop   func()             // ends the server, not the record
}

func newSite(t testing.TB) *site {
	t.Helper()
	record, err := pebblestore.Open(context.Background(), "record", pebblestore.Options{TagKey: tagKey, FS: vfs.NewMem(), CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, record: record, addr: "127.0.0.1:0"}
	s.start()
	t.Cleanup(func() {
		s.stop()
		if err := record.Close(); err != nil {
			t.Errorf("close the record: %v", err)
		}
	})
	return s
}

// start serves the record, at the same address as before where there was one.
func (s *site) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.url = "esdb://" + s.addr + "?tls=false"
	ctx, cancel := context.WithCancel(context.Background())
	server := wire.New(wire.Options{Source: s.record, Find: s.record, Append: ledger.Intake(s.record.AppendAll, ledger.Validate)})
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
}

// node opens a node on the site, with a mirror on a file system.
func (s *site) node(t testing.TB, fs vfs.FS) *esdb.Store {
	t.Helper()
	n, err := s.open(fs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return n
}

func (s *site) open(fs vfs.FS) (*esdb.Store, error) { return openNode(s.url, fs) }

func openNode(url string, fs vfs.FS) (*esdb.Store, error) { return openNodeWith(url, fs, tagKey) }

func openNodeWith(url string, fs vfs.FS, key []byte, change ...func(*esdb.Options)) (*esdb.Store, error) {
	ctx := context.Background()
	client, err := esdb.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	mirror, err := pebblestore.Open(ctx, "mirror", pebblestore.Options{TagKey: key, FS: fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1, Mirror: true})
	if err != nil {
		return nil, err
	}
	o := esdb.Options{Client: client, Mirror: mirror}
	for _, f := range change {
		f(&o)
	}
	n, err := esdb.Open(ctx, o)
	if err != nil {
		_ = mirror.Close()
		_ = client.Close()
	}
	return n, err
}
