package esdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
)

// forged is metadata that says of itself that it is Baton's.
func forged(t testing.TB, stream string, e ledger.Event, at time.Time) []byte {
	t.Helper()
	s, err := esdb.Encode(stream, &e, at)
	must(t, err)
	return s.Metadata
}

// TestHostileWriters: whatever others put into EventStoreDB, the mirror takes it, two nodes make the same of it, and both can be reopened.
func TestHostileWriters(t *testing.T) {
	p := newPeer()
	addr, _ := p.serve(t, "")
	url := "esdb://" + addr + "?tls=false"
	found(t, url)
	live := openAt(t, url, vfs.NewMem())
	now, same := time.Now(), uuid.New()
	long := strings.Repeat("long", 300)
	longID := strings.Repeat("i", 300)
	squeezed := "journey-~" + strings.Repeat("0a", 32)
	renamed := longID[:ledger.MaxID-2] + "@4" // what a repeated id of that length would once have become, for ever
	names := []string{"journey-1", "journey-", "x-", "journey-(empty)", "\xff\xfe", "journey-\xff", "a\x00b", long, long + "-", squeezed, "x\u202e\x1b[31m", "-"}
	for _, name := range names {
		p.put(kept{stream: name, typ: "plain", json: true, data: []byte("{}")})
		p.put(kept{stream: name, typ: "plain"})
	}
	for _, e := range []kept{
		{stream: "journey-1", typ: "t", meta: bytes.Repeat([]byte("m"), 100<<10)},
		{stream: "journey-1", typ: "t", json: true, meta: []byte(`{"$correlationId":"` + strings.Repeat("c", 20<<10) + `"}`)},
		{stream: "journey-1", typ: long + long + long + long + long, data: []byte("x")},
		{stream: "journey-1", typ: "\x00\u202e"},
		{stream: "journey-1", typ: "", meta: []byte(`{"baton":null}`)},
		{stream: "journey-1", typ: "same", id: same},
		{stream: "journey-1", typ: "same", id: same},
		{stream: "journey-1", typ: "same", id: same, data: []byte("other")},
		{stream: "journey-1", typ: "big", data: make([]byte, 15<<20)},
		{stream: "journey-1", typ: "$>", data: []byte("0@journey-2")},
		{stream: "$system", typ: "$x", json: true, data: []byte("{}")},
		{stream: "$$journey-1", typ: "$metadata", json: true, data: []byte(`{"$maxCount":1}`)},
		{stream: esdb.CheckpointStream, typ: "hello"},
		{stream: esdb.IndexStream, typ: "hello", data: []byte{1, 2, 3}},
		{stream: "forged", typ: "org.example.thing", meta: forged(t, "journey-1", thing("a"), now)},                                        // of another stream
		{stream: "forged", typ: "other", meta: forged(t, "forged", thing("a"), now)},                                                       // of another type
		{stream: "forged", typ: "org.example.thing", data: thing("a").Data, meta: forged(t, "forged", thing("a"), now)},                    // of another UUID: as good as Baton's
		{stream: "forged", typ: "org.example.thing", data: thing("a").Data, meta: forged(t, "forged", thing("a"), now)},                    // and again
		{stream: "forged", typ: "org.example.thing", meta: forged(t, "forged", thing("future"), now.AddDate(174, 0, 0))},                   // the year 2200
		{stream: "forged", typ: "org.example.thing", meta: forged(t, "forged", thing("end"), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))}, // beyond what fits
		{stream: "forged", typ: "org.example.thing", meta: forged(t, "forged", thing("past"), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC))},
		{stream: "forged", typ: "org.example.thing", meta: []byte(`{"baton":{"v":1,"recordedtime":"2026-01-01T00:00:00Z","header":"` + strings.Repeat("AQFh", 5000) + `"}}`)},
		{stream: "ids", typ: "org.example.thing", meta: forged(t, "ids", thing(longID+longID), now)}, // longer than an id may be
		{stream: "ids", typ: "org.example.thing", meta: forged(t, "ids", thing(longID+longID), now)},
		{stream: "ids", typ: "org.example.thing", meta: forged(t, "ids", thing(renamed), now)},
		{stream: "ids", typ: "org.example.thing", meta: forged(t, "ids", thing(renamed), now)},
		{stream: "ids", typ: "org.example.thing", meta: forged(t, "ids", thing(""), now)},
		{stream: "ids", typ: "org.example.thing", meta: forged(t, "ids", thing(""), now)},
	} {
		p.put(e)
	}
	header := ledger.Event{ID: "h", Source: strings.Repeat("s", 12<<10), Type: "org.example.thing", ContentType: strings.Repeat("c", 3<<10)}
	p.put(kept{stream: "wide", typ: "org.example.thing", meta: forged(t, "wide", header, now)})
	p.put(kept{stream: "after", typ: "last", created: now.AddDate(300, 0, 0)}) // a server whose clock is wrong
	log, _ := p.snapshot()
	total := uint64(0)
	for _, e := range log {
		if !strings.HasPrefix(e.stream, "$") && e.stream != esdb.CheckpointStream && e.stream != esdb.IndexStream {
			total++
		}
	}
	fs := vfs.NewMem()
	fresh, err := openNode(url, fs)
	must(t, err)
	a, b := leaves(t, live, total), leaves(t, fresh, total)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("two nodes differ")
	}
	must(t, live.Failure())
	streams := map[string]bool{}
	for _, r := range events(t, fresh) {
		streams[r.Stream] = true
		if r.RecordedTime.After(time.Now().Add(2 * time.Hour)) {
			t.Errorf("recorded time %v of %s: it never goes back", r.RecordedTime, r.ID)
		}
		if r.Type == "big" && len(r.Data) != 15<<20 {
			t.Error("data was cut")
		}
	}
	if want := len(names) + 4; len(streams) != want { // and forged, ids, wide, after
		t.Errorf("%d streams, want %d: names must not meet: %v", len(streams), want, streams)
	}
	must(t, fresh.Close())
	fresh = openAt(t, url, fs)
	for i, s := range []*esdb.Store{live, fresh} {
		verified(t, s, i)
		_, err := s.Append(within(t, 10*time.Second), batch("journey-1", "mine"))
		must(t, err)
	}
	if _, err := live.Append(context.Background(), batch(squeezed, "mine")); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("append to a name that would be kept as another: %v", err)
	}
}

// TestDeletedStream: a stream that an administrator deletes for ever does not stop a node that has it, nor one that reads it before it is scavenged.
func TestDeletedStream(t *testing.T) {
	p := newPeer()
	addr, _ := p.serve(t, "")
	url := "esdb://" + addr + "?tls=false"
	found(t, url)
	live := openAt(t, url, vfs.NewMem())
	_, err := live.Append(within(t, 10*time.Second), batch("journey-1", "a", "b"))
	must(t, err)
	p.change(func(log []kept) []kept {
		return p.placed(log, kept{stream: "journey-1", typ: "$streamDeleted", number: 1<<63 - 1})
	})
	_, err = live.Append(within(t, 10*time.Second), batch("journey-2", "c"))
	must(t, err)
	fresh := openAt(t, url, vfs.NewMem())
	if fmt.Sprint(leaves(t, live, 3)) != fmt.Sprint(leaves(t, fresh, 3)) {
		t.Error("two nodes differ")
	}
	must(t, live.Failure())
	verified(t, live, "live")
}

// FuzzRecorded: no event, whatever it is, is without a record, and the record is the one of the event as it is read.
func FuzzRecorded(f *testing.F) {
	f.Add("journey-1", "t", []byte(`{"baton":{"v":1}}`), []byte("data"), true)
	f.Add("-", "\xff", bytes.Repeat([]byte("x"), 20000), []byte(nil), false)
	f.Fuzz(func(t *testing.T, stream, typ string, meta, data []byte, json bool) {
		s := esdb.Stored{Stream: stream, Type: typ, Metadata: meta, Data: data, ContentType: esdb.Binary, Created: time.Unix(1e9, 0)}
		if json {
			s.ContentType = esdb.JSON
		}
		r := esdb.RecordedOf(&s)
		name, e, err := ledger.DecodeRecord(r.Record)
		if err != nil || name != r.Stream || e.ID != r.ID || e.Source != r.Source || !bytes.Equal(e.Data, data) {
			t.Fatalf("%q of type %q: %v", stream, typ, err)
		}
		if again := esdb.RecordedOf(&s); !bytes.Equal(again.Record, r.Record) || again.Stream != r.Stream {
			t.Fatal("not a function of what is stored")
		}
	})
}
