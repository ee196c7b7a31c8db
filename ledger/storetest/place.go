package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// testRecordedTime: never decreasing with position, in UTC, and the same wherever it is said.
func testRecordedTime(t *testing.T, s *suite) {
	store := s.open(t)
	var last time.Time
	for i := range 50 {
		for _, r := range must(t, store, batch(streamNames[i%3], ledger.Any, "a"+string(rune('A'+i)), "b"+string(rune('A'+i)))) {
			if r.RecordedTime.Before(last) || r.RecordedTime.IsZero() {
				t.Fatalf("recorded at %v, after %v", r.RecordedTime, last)
			}
			last = r.RecordedTime
			for got, err := range store.ReadStream(context.Background(), r.Stream, ledger.ReadOptions{From: r.Revision, To: r.Revision}) {
				if err != nil || got.RecordedTime != r.RecordedTime || got.RecordedTime.Location() != time.UTC {
					t.Fatalf("read back as %v (%v), receipt says %v", got.RecordedTime, err, r.RecordedTime)
				}
			}
		}
	}
	if h := head(t, store); !h.RecordedTime.Equal(last) {
		t.Errorf("head is of %v, last event of %v", h.RecordedTime, last)
	}
}

// testLeaves computes every leaf and head again from what is read, as a verifier does. It looks through a view: leaves bind the real place.
func testLeaves(t *testing.T, s *suite) {
	store, ctx := s.open(t), context.Background()
	leaves := map[uint64]ledger.Hash{} // by position as the store was opened
	for i := range 20 {
		for _, r := range must(t, store, batch(streamNames[i%len(streamNames)], ledger.Any, "a"+string(rune('A'+i)), "b"+string(rune('A'+i)))) {
			leaves[r.Position] = r.LeafHash
		}
	}
	check := func(store ledger.Store) {
		t.Helper()
		_, base := place(store, "", 0)
		if v, ok := store.(*view); ok {
			store = v.Store
		}
		heads := map[string]ledger.Hash{}
		for _, r := range all(t, store.Read(ctx, ledger.ReadOptions{From: base + 1})) {
			tag := ledger.StreamTag(s.tagKey, r.Stream)
			if r.Revision == 1 {
				heads[r.Stream] = ledger.SeedHead(tag)
			}
			if r.PrevHead != heads[r.Stream] {
				t.Fatalf("position %d: previous head %v, computed %v", r.Position, r.PrevHead, heads[r.Stream])
			}
			l := ledger.LeafOf(&r, tag)
			leaf, next, _ := l.Hashes(nil)
			if heads[r.Stream] = next; leaf != leaves[r.Position-base] {
				t.Fatalf("position %d: leaf hash %v in the receipt, computed %v", r.Position, leaves[r.Position-base], leaf)
			}
		}
		for stream, want := range heads {
			if h := streamHead(t, store, stream); h.Head != want {
				t.Errorf("%q: head %v, computed %v", stream, h.Head, want)
			}
		}
		if tree, ok := store.(ledger.TreeStore); ok {
			for i, h := range all(t, tree.Leaves(ctx, base, base+uint64(len(leaves)))) {
				if h != leaves[uint64(i+1)] {
					t.Errorf("stored leaf of position %d is %v, receipt said %v", i+1, h, leaves[uint64(i+1)])
				}
			}
		}
	}
	check(store)
	if s.reopen != nil {
		check(s.reopen(t, store))
	}
}

// testReopen: after a reopen the ledger goes on where it was, and still knows what it has.
func testReopen(t *testing.T, s *suite) {
	store := s.open(t)
	var first []ledger.Receipt
	for i := range 3 {
		first = append(first, must(t, store, batch("journey-1", ledger.Expect(2*i), "a"+string(rune('0'+i)), "b"+string(rune('0'+i))))...)
		before, stream := head(t, store), streamHead(t, store, "journey-1")
		store = s.reopen(t, store)
		if after := head(t, store); after.Position != before.Position || !after.RecordedTime.Equal(before.RecordedTime) {
			t.Fatalf("head %+v after the reopen, %+v before", after, before)
		}
		after := streamHead(t, store, "journey-1")
		if !after.RecordedTime.Equal(stream.RecordedTime) {
			t.Fatalf("stream recorded at %v after the reopen, %v before", after.RecordedTime, stream.RecordedTime)
		}
		if after.RecordedTime = stream.RecordedTime; after != stream {
			t.Fatalf("stream head %+v after the reopen, %+v before", after, stream)
		}
	}
	if !s.caps.ExactRetry {
		return
	}
	again := must(t, store, batch("journey-1", ledger.NoStream, "a0", "b0"))
	if !again[0].Duplicate || again[1].Position != first[1].Position || again[1].LeafHash != first[1].LeafHash {
		t.Errorf("retry over three reopens: %+v, first %+v", again, first[:2])
	}
	refused(t, store, batch("journey-1", 5, "c"), ledger.CodeStaleRevision)
}
