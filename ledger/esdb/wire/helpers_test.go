package wire_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// served is a ledger in memory behind the protocol, and the official Go client of it.
type served struct {
	*esdb.Client
	store *pebblestore.Store
	addr  string
	stop  func()
}

func serve(t testing.TB, change ...func(*wire.Options)) *served {
	t.Helper()
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), CacheMB: 1, MemtableMB: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	o := wire.Options{Source: store, Find: store, Append: ledger.Intake(store.AppendAll, ledger.Validate)}
	for _, c := range change {
		c(&o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- wire.New(o).Serve(ctx, l) }()
	stopped := false
	s := &served{store: store, addr: l.Addr().String()}
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.Client = dial(t, "esdb://"+s.addr+"?tls=false")
	t.Cleanup(s.stop)
	return s
}

func dial(t testing.TB, url string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(url)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// event makes an event that no other is like.
func event(typ string) esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: typ, ContentType: esdb.ContentTypeJson, Data: []byte(`{"a": 1}`), Metadata: []byte(`{"m":  "verbatim"}`)}
}

func (s *served) add(t testing.TB, stream string, expect esdb.ExpectedRevision, events ...esdb.EventData) (*esdb.WriteResult, error) {
	t.Helper()
	return s.AppendToStream(within(t), stream, esdb.AppendToStreamOptions{ExpectedRevision: expect}, events...)
}

func (s *served) mustAdd(t testing.TB, stream string, expect esdb.ExpectedRevision, events ...esdb.EventData) *esdb.WriteResult {
	t.Helper()
	w, err := s.add(t, stream, expect, events...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// within is a context that ends before the test's patience does.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func codeOf(err error) esdb.ErrorCode {
	var e *esdb.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return -1
}

// all drains a read.
func all(t testing.TB, r *esdb.ReadStream, err error) (events []*esdb.RecordedEvent) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		e, err := r.Recv()
		if err != nil {
			if err.Error() != "EOF" {
				t.Fatal(err)
			}
			return events
		}
		events = append(events, e.Event)
	}
}
