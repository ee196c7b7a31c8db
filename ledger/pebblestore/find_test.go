package pebblestore_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// TestFind: an event is found in its stream by source and id together, with the receipt it got.
func TestFind(t *testing.T) {
	s, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var first []ledger.Receipt
	for _, stream := range []string{"a-1", "a-2"} {
		first, err = s.Append(t.Context(), ledger.Batch{Stream: stream, Expect: ledger.NoStream, Events: []ledger.Event{
			{ID: "1", Source: "/s", Type: "t"}, {ID: "2", Source: "/s", Type: "t"}, {ID: "2", Source: "/other", Type: "t"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, key := range [][2]string{{"/s", "1"}, {"/s", "2"}, {"/other", "2"}} {
		if got, ok, err := s.Find(t.Context(), "a-2", key[0], key[1]); err != nil || !ok || got != first[i] {
			t.Errorf("%v is found as %+v, %v, %v; its receipt was %+v", key, got, ok, err, first[i])
		}
	}
	for _, key := range [][3]string{{"a-2", "/other", "1"}, {"a-2", "/s", ""}, {"a-3", "/s", "1"}, {"a-2", "/s1", ""}} {
		if got, ok, err := s.Find(t.Context(), key[0], key[1], key[2]); err != nil || ok {
			t.Errorf("%v is found as %+v, %v", key, got, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Find(t.Context(), "a-2", "/s", "1"); ledger.CodeOf(err) != ledger.CodeClosed {
		t.Errorf("a closed store answers %v", err)
	}
}
