package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/migrate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

var _ migrate.Destination = (*esdb.Store)(nil)

// source is an embedded ledger with events in several streams, in runs of one to three.
func source(t *testing.T, events int) *pebblestore.Store {
	t.Helper()
	s, err := pebblestore.Open(context.Background(), "source", pebblestore.Options{TagKey: tagKey, FS: vfs.NewMem(), CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	feed := ledger.Intake(s.AppendAll, ledger.Validate)
	for i := 0; i < events; {
		b := ledger.Batch{Stream: fmt.Sprintf("journey-%d", (i*7)%11), Expect: ledger.Any}
		for range min(1+i%3, events-i) {
			b.Events = append(b.Events, ledger.Event{ID: fmt.Sprintf("e%d", i), Source: "/copy", Type: ledger.Type("interaction", "recorded"), Subject: "j", ContentType: "application/json",
				Data: fmt.Appendf(nil, `{"activity": "a %d" }`, i), Actor: "somebody", Time: time.Unix(int64(i), 5)})
			i++
		}
		if r := feed(context.Background(), []ledger.Batch{b})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return s
}

func copied(t *testing.T, from ledger.Reader, o ledger.ReadOptions) (events []ledger.Recorded) {
	t.Helper()
	for r, err := range from.Read(context.Background(), o) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, r)
	}
	return events
}

// TestCopy copies a ledger into EventStoreDB, over a server that goes away in the middle, and from there into another EventStoreDB.
func TestCopy(t *testing.T) {
	from, site := source(t, 300), newSite(t)
	to := site.node(t, vfs.NewMem())
	o := migrate.Options{TagKey: tagKey, WindowEvents: 50}
	away := false
	o.Progress = func(p migrate.Progress) {
		if p.Part == migrate.Copy && p.Done == 100 && !away {
			away = true
			site.stop()
			time.AfterFunc(200*time.Millisecond, site.start)
		}
	}
	got, err := migrate.Run(t.Context(), from, to, o)
	if err != nil || !got.Equal || got.Copied != 300 || got.Streams != 11 || !away {
		t.Fatalf("%+v, %v", got, err)
	}
	if h, err := site.record.Head(t.Context()); err != nil || h.Position != 300 {
		t.Errorf("the server has %d events, %v: something was written twice", h.Position, err)
	}
	other := newSite(t).node(t, vfs.NewMem())
	o.Progress = nil
	if got, err := migrate.Run(t.Context(), to, other, o); err != nil || !got.Equal || got.Copied != 300 {
		t.Errorf("from there: %+v, %v", got, err)
	}
}

// TestCopyEndedAnywhere ends a copy after every number of appends, as a kill does, and goes on with a new node, with and without its mirror.
func TestCopyEndedAnywhere(t *testing.T) {
	const total = 24
	from := source(t, total)
	events := copied(t, from, ledger.ReadOptions{})
	for cut := range total {
		site, fs := newSite(t), vfs.NewMem()
		to, err := site.open(fs)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Copy(t.Context(), events[:cut]); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(cut)*200*time.Microsecond, cancel) // somewhere within the rest
		if err := to.Copy(ctx, events[cut:]); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if cut%2 == 0 {
			fs = vfs.NewMem()
		}
		got, err := migrate.Run(t.Context(), from, site.node(t, fs), migrate.Options{TagKey: tagKey, WindowEvents: 7})
		if err != nil || !got.Equal || got.Skipped < uint64(cut) || got.Copied+got.Skipped != total {
			t.Fatalf("cut after %d: %+v, %v", cut, got, err)
		}
	}
}

// TestCopyAmongOthers: another writer is found out, before a window and while it is written, in its streams and in others.
func TestCopyAmongOthers(t *testing.T) {
	events := copied(t, source(t, 2000), ledger.ReadOptions{})
	foreign := func(t *testing.T, site *site, stream string) {
		t.Helper()
		feed := ledger.Intake(site.record.AppendAll, ledger.Validate)
		r := feed(t.Context(), []ledger.Batch{{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{{ID: "x" + stream, Source: "/other", Type: "other", Subject: "j"}}}})[0]
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	for name, stream := range map[string]string{"in a stream of it": events[1999].Stream, "in another": "journey-other"} {
		t.Run("before "+name, func(t *testing.T) {
			site := newSite(t)
			to := site.node(t, vfs.NewMem())
			if err := to.Copy(t.Context(), events[:30]); err != nil {
				t.Fatal(err)
			}
			foreign(t, site, stream)
			if err := to.Copy(t.Context(), events[30:60]); !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
				t.Errorf("%v", err)
			}
		})
		t.Run("while "+name, func(t *testing.T) {
			site := newSite(t)
			to := site.node(t, vfs.NewMem())
			done := make(chan error)
			go func() { done <- to.Copy(t.Context(), events) }()
			if _, err := site.record.Wait(t.Context(), 35); err != nil {
				t.Fatal(err)
			}
			foreign(t, site, stream)
			if err := <-done; !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), "somebody else writes") || ledger.HintOf(err) == "" {
				t.Errorf("%v", err)
			}
		})
	}
	to := newSite(t).node(t, vfs.NewMem())
	for name, wrong := range map[string][]ledger.Recorded{"a gap": events[1:3], "an event left out": {events[0], events[2]}, "a revision": {func() ledger.Recorded { r := events[0]; r.Revision = 2; return r }()},
		"a name that is taken":           {func() ledger.Recorded { r := events[0]; r.Stream = "checkpoint"; return r }()},
		"a name that is kept as another": {func() ledger.Recorded { r := events[0]; r.Stream = "x~" + strings.Repeat("0a", 32); return r }()},
		"other bytes": {func() ledger.Recorded {
			r := events[0]
			r.Record = append([]byte(nil), r.Record...)
			r.Record[2] ^= 1
			return r
		}()}} {
		if err := to.Copy(t.Context(), wrong); err == nil {
			t.Errorf("%s is copied", name)
		}
	}
	if h, _ := to.Head(t.Context()); h.Position != 0 {
		t.Errorf("%d events were written of what was refused", h.Position)
	}
}
