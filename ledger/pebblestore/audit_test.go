package pebblestore

import (
	"context"
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
