package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// side is one engine of a random run, and what it said of its events when it was first asked.
type side struct {
	suite *suite
	outer *testing.T
	store ledger.Store
	told  []told                 // index is position-1
	heads map[string]ledger.Hash // of streams, computed here
}

// told is what an engine alone can say of an event: when, and the hashes that follow from it.
type told struct {
	at         time.Time
	leaf       ledger.Hash
	prev, head ledger.Hash // of its stream, before and after it; computed here
}

// hashes reports whether leaves can be computed again.
func (s *side) hashes() bool { return s.suite.caps.Leaves && s.suite.tagKey != nil }

// compare holds the answer to one batch against the model's.
func (s *side) compare(t tb, b ledger.Batch, got, want ledger.Result) {
	t = named{t, s.suite.name}
	if ledger.CodeOf(got.Err) != ledger.CodeOf(want.Err) {
		t.Fatalf("append of %d to %q, expecting %v: error %v, want %v", len(b.Events), b.Stream, b.Expect, got.Err, want.Err)
	}
	var gotStale, wantStale *ledger.StaleRevision
	if errors.As(want.Err, &wantStale) && (!errors.As(got.Err, &gotStale) || *gotStale != *wantStale) {
		t.Fatalf("stale revision: %+v, want %+v", gotStale, wantStale)
	}
	var gotConflict, wantConflict *ledger.IDConflict
	if errors.As(want.Err, &wantConflict) && (!errors.As(got.Err, &gotConflict) || *gotConflict != *wantConflict) {
		t.Fatalf("conflict: %+v, want %+v", gotConflict, wantConflict)
	}
	if want.Err != nil && ledger.HintOf(got.Err) == "" && ledger.CodeOf(want.Err) != ledger.CodeInvalid {
		t.Fatalf("error without a hint: %v", got.Err)
	}
	if len(got.Receipts) != len(want.Receipts) {
		t.Fatalf("%d receipts, want %d", len(got.Receipts), len(want.Receipts))
	}
	for i, g := range got.Receipts {
		w := want.Receipts[i]
		if w.Position == uint64(len(s.told)+1) {
			s.take(t, &g, &b.Events[i], &w)
		}
		first := s.told[w.Position-1]
		if !g.RecordedTime.Equal(first.at) {
			t.Fatalf("receipt of position %d says %v, the first said %v", g.Position, g.RecordedTime, first.at)
		}
		w.RecordedTime, w.LeafHash = g.RecordedTime, first.leaf
		if g != w {
			t.Fatalf("receipt %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
}

// take notes what the first receipt says of an event, and computes the hashes that go with it.
func (s *side) take(t tb, r *ledger.Receipt, e *ledger.Event, w *ledger.Receipt) {
	if last := len(s.told); r.RecordedTime.IsZero() || last > 0 && r.RecordedTime.Before(s.told[last-1].at) {
		t.Fatalf("position %d is recorded at %v, before the one in front of it", w.Position, r.RecordedTime)
	}
	note := told{at: r.RecordedTime, leaf: r.LeafHash}
	if s.hashes() {
		stream, position := place(s.store, w.Stream, w.Position)
		record, err := ledger.EncodeRecord(stream, e)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		l := ledger.Leaf{Position: position, Revision: w.Revision, RecordedTime: r.RecordedTime, StreamTag: ledger.StreamTag(s.suite.tagKey, stream),
			Record: sha256.Sum256(record), Type: e.Type, PrevHead: s.heads[w.Stream]}
		if w.Revision == 1 {
			l.PrevHead = ledger.SeedHead(l.StreamTag)
		}
		note.prev = l.PrevHead
		note.leaf, note.head, _ = l.Hashes(nil)
		s.heads[w.Stream] = note.head
	}
	s.told = append(s.told, note)
}

// compareRead reads by position, or a stream where one is named.
func (s *side) compareRead(t tb, m *Model, o ledger.ReadOptions, stream string) {
	t = named{t, s.suite.name}
	ctx := context.Background()
	seq, want := s.store.Read(ctx, o), m.Read(o)
	if stream != "" {
		seq, want = s.store.ReadStream(ctx, stream, o), m.ReadStream(stream, o)
	}
	got := all(t, seq)
	if len(got) != len(want) {
		t.Fatalf("read %q %+v: %d events, want %d", stream, o, len(got), len(want))
	}
	for i := range got {
		g, w := &got[i], &want[i]
		first := s.told[w.Position-1]
		if g.Position != w.Position || g.Revision != w.Revision || !g.RecordedTime.Equal(first.at) {
			t.Fatalf("read %q %+v: event %d is at position %d, revision %d, %v; want %d, %d, %v", stream, o, i, g.Position, g.Revision,
				g.RecordedTime, w.Position, w.Revision, first.at)
		}
		if s.hashes() && g.PrevHead != first.prev {
			t.Fatalf("read %q %+v: position %d has the previous head %v, computed %v", stream, o, g.Position, g.PrevHead, first.prev)
		}
		sameEvent(t, g, w.Stream, &w.Event, o.HeaderOnly)
	}
}

func (s *side) compareStreams(t tb, m *Model, prefix, after string) {
	t = named{t, s.suite.name}
	got, want := all(t, s.store.Streams(context.Background(), prefix, after)), m.Streams(prefix, after)
	if len(got) != len(want) {
		t.Fatalf("streams %q after %q: %d, want %d", prefix, after, len(got), len(want))
	}
	for i := range got {
		s.sameHead(t, got[i], want[i])
	}
}

// compareHeads compares the head of a stream and that of the ledger.
func (s *side) compareHeads(t tb, m *Model, stream string) {
	t = named{t, s.suite.name}
	s.sameHead(t, streamHead(t, s.store, stream), m.StreamHead(stream))
	want := ledger.Head{Position: uint64(len(m.Events))}
	if want.Position > 0 {
		want.RecordedTime = s.told[want.Position-1].at
	}
	if h := head(t, s.store); h.Position != want.Position || !h.RecordedTime.Equal(want.RecordedTime) {
		t.Fatalf("head is %+v, want %+v", h, want)
	}
}

func (s *side) sameHead(t tb, got, want ledger.StreamHead) {
	if want.Revision > 0 {
		first := s.told[want.Last-1]
		if want.RecordedTime, want.Head = first.at, first.head; !s.hashes() {
			want.Head = got.Head
		}
	}
	if !got.RecordedTime.Equal(want.RecordedTime) {
		t.Fatalf("head of %q is of %v, want %v", got.Stream, got.RecordedTime, want.RecordedTime)
	}
	if got.RecordedTime, want.RecordedTime = (time.Time{}), (time.Time{}); got != want {
		t.Fatalf("head of %q:\n got %+v\nwant %+v", got.Stream, got, want)
	}
}

// compareAll reads everything there is to read.
func (s *side) compareAll(t tb, m *Model) {
	s.compareRead(t, m, ledger.ReadOptions{}, "")
	s.compareStreams(t, m, "", "")
	for _, stream := range streamNames {
		s.compareRead(t, m, ledger.ReadOptions{}, stream)
		s.compareHeads(t, m, stream)
	}
}

// reopen closes and opens the engine's ledger, where it was told how.
func (s *side) reopen() bool {
	if s.suite.reopen == nil {
		return false
	}
	s.store = s.suite.reopen(s.outer, s.store)
	return true
}
