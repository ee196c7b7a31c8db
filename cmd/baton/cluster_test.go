package main

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// eventStore is an EventStoreDB for scripts: its protocol over a ledger in memory, which can be exchanged for one with another past.
type eventStore struct {
	record *pebblestore.Store
	addr   string
	stop   func()
}

var (
	eventStoresMu sync.Mutex
	eventStores   = map[string]*eventStore{} // by the script's folder
)

// eventStoreCommand starts one and puts its connection string into $STORE; with "change N" or "remove N" the event at position N of the ledger is
// another one, or is not there, since its beginning.
func eventStoreCommand(ts *testscript.TestScript, _ bool, args []string) {
	eventStoresMu.Lock()
	defer eventStoresMu.Unlock()
	s := eventStores[ts.Getenv("WORK")]
	if s == nil {
		s = &eventStore{record: emptyRecord(ts), addr: "127.0.0.1:0"}
		s.serve(ts)
		eventStores[ts.Getenv("WORK")] = s
		ts.Defer(func() { s.stop(); ts.Check(s.record.Close()) })
		ts.Setenv("STORE", "esdb://"+s.addr+"?tls=false")
		return
	}
	var position int
	ts.Check(json.Unmarshal([]byte(args[1]), &position))
	s.stop()
	was := s.record
	s.record = anotherPast(ts, was, args[0], position)
	ts.Check(was.Close())
	s.serve(ts)
}

func emptyRecord(ts *testscript.TestScript) *pebblestore.Store {
	record, err := pebblestore.Open(context.Background(), "record", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
	ts.Check(err)
	return record
}

func (s *eventStore) serve(ts *testscript.TestScript) {
	l, err := net.Listen("tcp", s.addr)
	ts.Check(err)
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	server := wire.New(wire.Options{Source: s.record, Find: s.record, Append: ledger.Intake(s.record.AppendAll, ledger.Validate)})
	go func() { done <- server.Serve(ctx, l) }()
	s.stop = func() { cancel(); <-done }
}

// anotherPast copies a record event by event, but for the one at a position of the ledger in it.
func anotherPast(ts *testscript.TestScript, was *pebblestore.Store, what string, position int) *pebblestore.Store {
	record, ctx := emptyRecord(ts), context.Background()
	for r, err := range was.Read(ctx, ledger.ReadOptions{}) {
		ts.Check(err)
		if !strings.HasPrefix(r.Stream, "checkpoint") {
			position--
		}
		if position == 0 {
			position = -1
			if what == "remove" {
				continue
			}
			r.Data = []byte(strings.Replace(string(r.Data), "a", "b", 1))
		}
		_, err := record.Append(ctx, ledger.Batch{Stream: r.Stream, Expect: ledger.Any, Events: []ledger.Event{r.Event}})
		ts.Check(err)
	}
	return record
}
