package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// problems are the findings of an audit that are not good, by name.
func problems(t *testing.T, s *Store) map[string]ledger.Finding {
	t.Helper()
	out := map[string]ledger.Finding{}
	for f, err := range s.Audit(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Problem != "" {
			out[f.Name] = f
		}
	}
	return out
}

// TestAuditNamesTheTable flips bytes anywhere in a table, in blocks that no read of events touches too. Whatever still opens, the audit
// names the file.
func TestAuditNamesTheTable(t *testing.T) {
	u, rng, audited := damageBase(t, false), rand.New(rand.NewPCG(9, 9)), 0
	for _, name := range u.live {
		if kindOf(name) != "sst" {
			continue
		}
		data := contents(t, u.disk, name)
		for range 20 {
			disk, at := u.disk.CrashClone(vfs.CrashCloneCfg{}), rng.IntN(len(data))
			data[at] ^= 1
			if err := rewrite(disk, name, data); err != nil {
				t.Fatal(err)
			}
			data[at] ^= 1
			s, err := OpenReadOnly(context.Background(), damageDir, smallOptions(disk))
			if err != nil {
				continue
			}
			if p := problems(t, s); p[name].Problem == "" {
				t.Errorf("%s, flip at %d of %d: the audit finds %v", name, at, len(data), p)
			}
			audited++
			mustClose(t, s)
		}
	}
	if audited == 0 {
		t.Error("every damaged table was refused by opening: this test shows nothing")
	}
}

// TestAuditComparesIndexes changes index entries as no disk would, every block being good.
func TestAuditComparesIndexes(t *testing.T) {
	set := func(key, value []byte) func(*pebble.DB) error {
		return func(db *pebble.DB) error { return db.Set(key, value, pebble.Sync) }
	}
	remove := func(key []byte) func(*pebble.DB) error {
		return func(db *pebble.DB) error { return db.Delete(key, pebble.Sync) }
	}
	four := []byte{0, 0, 0, 0, 0, 0, 0, 4}
	batches := newSampler(1, 50, 3).batches(30) // position 7 is revision 3 of the stream that begins at position 1
	e := batches[6].Events[0]
	tag := tagOf(e.Source, e.ID)
	for _, c := range []struct {
		name, index string
		change      func(*pebble.DB) error
		position    uint64
	}{
		{"entry missing", "index streams", remove(streamKey(nil, 1, 3)), 7},
		{"entry leads elsewhere", "index streams", set(streamKey(nil, 1, 3), four), 7},
		{"entry too many", "index streams", set(streamKey(nil, 1, 99), four), 0},
		{"id missing", "index ids", remove(idKey(nil, 1, tag)), 7},
		{"id leads elsewhere", "index ids", set(idKey(nil, 1, tag), four), 7},
		{"id too many", "index ids", set(idKey(nil, 1, idTag{1}), four), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustOpen(t, "ledger", smallOptions(vfs.NewMem()))
			defer mustClose(t, s)
			mustAppend(t, s, batches)
			if p := problems(t, s); len(p) > 0 {
				t.Fatalf("before the change: %v", p)
			}
			if err := c.change(s.db); err != nil {
				t.Fatal(err)
			}
			p := problems(t, s)
			if f := p[c.index]; f.Problem == "" || f.Position != c.position || len(p) != 1 {
				t.Errorf("found %+v, want %s at position %d alone", p, c.index, c.position)
			}
		})
	}
}

// TestAuditFindsWhatTheLedgerDidNotWrite adds keys, and changes heads, so that no read of events meets them.
func TestAuditFindsWhatTheLedgerDidNotWrite(t *testing.T) {
	const past = 1000
	eight := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	stream := newSampler(1, 50, 3).batches(30)[0].Stream // begins at position 1
	changed := func(change func(h *head)) func(s *Store) (key, value []byte) {
		return func(s *Store) ([]byte, []byte) {
			h, err := s.loadHead(stream)
			if err != nil || h.first != 1 {
				t.Fatal(h, err)
			}
			change(&h)
			return headKey(nil, stream), h.append(nil)
		}
	}
	plain := func(key, value []byte) func(*Store) ([]byte, []byte) {
		return func(*Store) ([]byte, []byte) { return key, value }
	}
	for _, c := range []struct {
		name, finding string
		change        func(s *Store) (key, value []byte)
	}{
		{"stream entry that leads past the head", "index streams", plain(streamKey(nil, 1, 99), eight(past))},
		{"id that leads past the head", "index ids", plain(idKey(nil, 1, idTag{1}), eight(past))},
		{"head past the ledger's", "index heads", changed(func(h *head) { h.last, h.revision = past, h.revision+5 })},
		{"time of a head", "index heads", changed(func(h *head) { h.recorded++ })},
		{"head of nothing", "index heads", plain(headKey(nil, "journey-ghost"), (&head{first: past, last: past, revision: 1}).append(nil))},
		{"key of no kind", "other keys", plain([]byte("zzz"), nil)},
		{"another value of the engine's", "other keys", plain([]byte("mgarbage"), nil)},
		{"record before the first", "other keys", plain(positionKey(nil, keyRecord, 0), nil)},
		{"leaf before the first", "other keys", plain(positionKey(nil, keyLeaf, 0), eight(1))},
		{"leaf past the head", "other keys", plain(positionKey(nil, keyLeaf, past), eight(1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := smallOptions(vfs.NewMem())
			s := mustOpen(t, "ledger", o)
			mustAppend(t, s, newSampler(1, 50, 3).batches(30))
			key, value := c.change(s)
			if err := s.db.Set(key, value, pebble.Sync); err != nil {
				t.Fatal(err)
			}
			mustClose(t, s)
			s, err := OpenReadOnly(context.Background(), "ledger", o)
			if err != nil {
				t.Fatal(err)
			}
			defer mustClose(t, s)
			if p := problems(t, s); len(p) != 1 || p[c.finding].Problem == "" {
				t.Errorf("found %+v, want %s alone", p, c.finding)
			}
		})
	}
}

// TestHeadPastTheLedgerIsNotContinued: the next revision would be one that nobody wrote.
func TestHeadPastTheLedgerIsNotContinued(t *testing.T) {
	o := smallOptions(vfs.NewMem())
	s := mustOpen(t, "ledger", o)
	batches := newSampler(1, 50, 3).batches(30)
	mustAppend(t, s, batches)
	h, err := s.loadHead(batches[0].Stream)
	if err != nil {
		t.Fatal(err)
	}
	h.last, h.revision = h.last+1000, h.revision+5
	if err := s.db.Set(headKey(nil, batches[0].Stream), h.append(nil), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, "ledger", o)
	defer mustClose(t, s)
	b := batches[0]
	b.Expect, b.Events = ledger.Any, []ledger.Event{{ID: "one more", Source: "test", Type: "test"}}
	if _, err := s.Append(context.Background(), b); !errors.Is(err, ledger.CodeCorrupt) {
		t.Errorf("got %v, want %s", err, ledger.CodeCorrupt)
	}
}

// TestIndexIntoAnotherStream: a stream's events are its own, whatever its index says.
func TestIndexIntoAnotherStream(t *testing.T) {
	s := mustOpen(t, "ledger", smallOptions(vfs.NewMem()))
	defer mustClose(t, s)
	event := func(id string) []ledger.Event { return []ledger.Event{{ID: id, Source: "test", Type: "test"}} }
	for _, stream := range []string{"journey-a", "journey-b"} {
		if _, err := s.Append(context.Background(), ledger.Batch{Stream: stream, Expect: ledger.Any, Events: event(stream)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Set(streamKey(nil, 1, 1), binary.BigEndian.AppendUint64(nil, 2), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	for r, err := range s.ReadStream(context.Background(), "journey-a", ledger.ReadOptions{}) {
		if !errors.Is(err, ledger.CodeCorrupt) {
			t.Errorf("read %+v, error %v, want %s", r.Event, err, ledger.CodeCorrupt)
		}
	}
}

// TestAuditWhileWriting: what is written after an audit began is not held against it.
func TestAuditWhileWriting(t *testing.T) {
	s := mustOpen(t, "ledger", smallOptions(vfs.NewMem()))
	defer mustClose(t, s)
	batches := newSampler(3, 40, 3).batches(600)
	mustAppend(t, s, batches[:100])
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for _, b := range batches[100:] {
			select {
			case <-stop:
				return
			default:
				if _, err := s.Append(context.Background(), b); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for range 30 {
		if p := problems(t, s); len(p) > 0 {
			t.Errorf("found %+v", p)
			break
		}
	}
	close(stop)
	<-done
}
