package pebblestore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

func openMirror(t *testing.T, fs vfs.FS) *pebblestore.Store {
	t.Helper()
	s, err := pebblestore.Open(context.Background(), "mirror", pebblestore.Options{TagKey: conformanceKey, FS: fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1, Mirror: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func thing(id string) ledger.Event {
	return ledger.Event{ID: id, Source: "s", Type: "org.example.thing", Data: fmt.Appendf(nil, `{"id":%q}`, id)}
}

// TestMirrorIsTheSameLedger: a copy of an engine's events has its leaves, heads, times and answers, also after a reopen.
func TestMirrorIsTheSameLedger(t *testing.T) {
	ctx := context.Background()
	clock := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	from, err := pebblestore.Open(ctx, "from", pebblestore.Options{TagKey: conformanceKey, FS: vfs.NewMem(), MinFreeMB: -1,
		Now: func() time.Time { clock = clock.Add(time.Millisecond); return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	for i := range 40 {
		stream := fmt.Sprint("journey-", i%3)
		if _, err := from.Append(ctx, ledger.Batch{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{thing(fmt.Sprint(i)), thing(fmt.Sprint(i, "b"))}}); err != nil {
			t.Fatal(err)
		}
	}
	fs := vfs.NewMem()
	to := openMirror(t, fs)
	for batch, err := range ledger.Batches(from.Read(ctx, ledger.ReadOptions{}), 7, 1<<20) {
		if err != nil {
			t.Fatal(err)
		}
		cursor := ledger.NamedValue{Name: []byte("cursor"), Value: fmt.Append(nil, batch[len(batch)-1].Position)}
		if _, err := to.Mirror(ctx, batch, []ledger.NamedValue{cursor}); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	to = openMirror(t, fs)
	if v, err := to.Value(ctx, []byte("cursor")); string(v) != "80" || err != nil {
		t.Errorf("cursor %q, %v", v, err)
	}
	leavesOf := func(s *pebblestore.Store) (out []ledger.Hash) {
		for h, err := range s.Leaves(ctx, 0, 80) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, h)
		}
		return out
	}
	if a, b := leavesOf(from), leavesOf(to); len(a) != 80 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the leaves differ")
	}
	known, revision, err := to.Known(ctx, ledger.Batch{Stream: "journey-1", Events: []ledger.Event{thing("1"), thing("1b")}})
	if err != nil || revision != 26 || len(known) != 2 || !known[0].Duplicate || known[1].Revision != 2 {
		t.Errorf("known: %+v at revision %d, %v", known, revision, err)
	}
	if known, _, err := to.Known(ctx, ledger.Batch{Stream: "journey-1", Events: []ledger.Event{thing("new")}}); known != nil || err != nil {
		t.Errorf("known: %+v, %v", known, err)
	}
	if _, _, err := to.Known(ctx, ledger.Batch{Stream: "journey-1", Events: []ledger.Event{thing("1"), thing("new")}}); !errors.Is(err, ledger.CodePartialBatch) {
		t.Errorf("partly known: %v", err)
	}
	other := thing("1")
	other.Data = []byte("{}")
	if _, _, err := to.Known(ctx, ledger.Batch{Stream: "journey-1", Events: []ledger.Event{other}}); !errors.Is(err, ledger.CodeIDConflict) {
		t.Errorf("other content: %v", err)
	}
	if _, err := to.Append(ctx, ledger.Batch{Stream: "journey-1", Expect: ledger.Any, Events: []ledger.Event{thing("x")}}); !errors.Is(err, ledger.CodeUnsupported) {
		t.Errorf("append to a copy: %v", err)
	}
	for f, err := range to.Audit(ctx) {
		if err != nil || f.Problem != "" {
			t.Errorf("audit: %+v, %v", f, err)
		}
	}
}

// TestMirrorRefusesHoles: what does not continue its stream is refused, and nothing of its call is written.
func TestMirrorRefusesHoles(t *testing.T) {
	ctx, s := context.Background(), openMirror(t, vfs.NewMem())
	at := func(stream, id string, revision uint64) ledger.Recorded {
		return ledger.Recorded{Event: thing(id), Stream: stream, Revision: revision, RecordedTime: time.Unix(int64(100-revision), 0).UTC()}
	}
	if _, err := s.Mirror(ctx, []ledger.Recorded{at("a", "1", 1), at("b", "1", 1), at("a", "2", 2)}, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		events []ledger.Recorded
		want   string
	}{
		{[]ledger.Recorded{at("b", "2", 2), at("a", "5", 5)}, "revisions 3 to 4 are missing"},
		{[]ledger.Recorded{at("a", "4", 4)}, "revision 3 is missing"},
		{[]ledger.Recorded{at("a", "2", 2)}, "it is there already"},
		{[]ledger.Recorded{{Event: thing("9"), Stream: "a", Revision: 3, Position: 9}}, "has position 9, the copy goes on at 4"},
	} {
		if _, err := s.Mirror(ctx, c.events, []ledger.NamedValue{{Name: []byte("n"), Value: []byte("v")}}); !errors.Is(err, ledger.CodeCorrupt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if h, err := s.Head(ctx); h.Position != 3 || !h.RecordedTime.Equal(time.Unix(99, 0)) || err != nil {
		t.Errorf("head %+v, %v: times must not go back", h, err)
	}
	if v, _ := s.Value(ctx, []byte("n")); v != nil {
		t.Error("a refused call wrote its values")
	}
	receipts, err := s.Mirror(ctx, []ledger.Recorded{at("a", "2", 3), at("a", "2", 4)}, nil) // foreign writers repeat ids
	if err != nil || receipts[0].ID != "2@3" || receipts[1].ID != "2@4" {
		t.Errorf("repeated ids: %+v, %v", receipts, err)
	}
}
