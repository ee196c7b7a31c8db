package pebblestore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// refuses opens both ways and wants this code each time, with advice.
func refuses(t *testing.T, disk vfs.FS, guard func(context.Context, *Store) error, want ledger.Code) {
	t.Helper()
	o := smallOptions(disk)
	o.Guard = guard
	before := listing(t, disk)
	s, err := Open(context.Background(), damageDir, o)
	if err == nil {
		mustClose(t, s)
	}
	if ledger.CodeOf(err) != want || ledger.HintOf(err) == "" {
		t.Errorf("opening answers %v (%s), want %s and a hint", err, ledger.CodeOf(err), want)
	}
	if after := listing(t, disk); after != before {
		t.Errorf("a refused opening left\n%s, there was\n%s", after, before)
	}
}

// listing is every file and the digest of its bytes, the lock aside.
func listing(t *testing.T, disk vfs.FS) (out string) {
	t.Helper()
	for _, name := range filesOf(t, disk, "") {
		if name != "LOCK" {
			out += fmt.Sprintf("%s %x\n", name, sha256.Sum256(contents(t, disk, name)))
		}
	}
	return out
}

// bareOptions are those of somebody else's database.
func bareOptions(fs vfs.FS) *pebble.Options {
	return &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: pebbleLog{slog.New(slog.DiscardHandler)}}
}

func TestUnknownFormatRefused(t *testing.T) {
	disk := vfs.NewMem()
	s := mustOpen(t, damageDir, smallOptions(disk))
	mustAppend(t, s, newSampler(1, 10, 2).batches(5))
	if err := s.db.Set(metaFormat, []byte("2"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	refuses(t, disk, nil, ledger.CodeUnsupported)
}

func TestForeignDatabaseRefused(t *testing.T) {
	for _, key := range []string{"key", "r12345678", "r", "mfloor"} {
		disk := vfs.NewMem()
		db, err := pebble.Open(damageDir, bareOptions(disk))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Set([]byte(key), []byte("a value of somebody else, as long as a place or longer"), pebble.Sync); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		refuses(t, disk, nil, ledger.CodeUnsupported)
	}
}

// TestHoleRefused takes a log from the middle of a crashed ledger. Pebble alone opens that without a word.
func TestHoleRefused(t *testing.T) {
	u := damageBase(t, true)
	logs := filesOf(t, u.disk, ".log")
	holes := 0
	for _, name := range logs[:len(logs)-1] {
		disk := u.disk.CrashClone(vfs.CrashCloneCfg{})
		if err := disk.Remove(disk.PathJoin(damageDir, name)); err != nil {
			t.Fatal(err)
		}
		if u.inspect(t, disk) == harmless { // its events are in tables already
			continue
		}
		refuses(t, disk, nil, ledger.CodeCorrupt)
		db, err := pebble.Open(damageDir, bareOptions(disk))
		if err != nil {
			continue
		}
		if holes++; db.Close() != nil {
			t.Error("the database does not close")
		}
	}
	if holes == 0 {
		t.Error("no hole that Pebble itself does not see: this test shows nothing")
	}
}

// TestNamelessRefused takes the file that names the manifest away. To Pebble that is a directory for a new database.
func TestNamelessRefused(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		u := damageBase(t, crashed)
		for _, name := range u.files {
			if kindOf(name) != "marker.manifest" {
				continue
			}
			if err := u.disk.Remove(u.disk.PathJoin(damageDir, name)); err != nil {
				t.Fatal(err)
			}
		}
		refuses(t, u.disk, nil, ledger.CodeCorrupt)
		if _, err := OpenReadOnly(context.Background(), damageDir, smallOptions(u.disk)); ledger.CodeOf(err) != ledger.CodeCorrupt {
			t.Errorf("opening to read answers %v", err)
		}
	}
}

// TestBehindRefused puts an older copy, an empty directory and no directory where somebody outside knows of more.
func TestBehindRefused(t *testing.T) {
	ctx, disk := context.Background(), vfs.NewCrashableMem()
	batches := newSampler(1, 100, 5).batches(300)
	s := mustOpen(t, damageDir, smallOptions(disk))
	mustAppend(t, s, batches[:100])
	mustClose(t, s)
	older := disk.CrashClone(vfs.CrashCloneCfg{})
	s = mustOpen(t, damageDir, smallOptions(disk))
	mustAppend(t, s, batches[100:200])
	known, err := know(ctx, s, 0)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, batches[200:])
	mustClose(t, s)

	refuses(t, older, known.guard, ledger.CodeCorrupt)
	empty := vfs.NewMem()
	if err := empty.MkdirAll(damageDir, 0o755); err != nil {
		t.Fatal(err)
	}
	refuses(t, empty, known.guard, ledger.CodeCorrupt)
	o := smallOptions(vfs.NewMem())
	o.Guard = known.guard
	if _, err := Open(ctx, damageDir, o); ledger.CodeOf(err) != ledger.CodeCorrupt {
		t.Errorf("a new ledger where 200 events are known of answers %v", err)
	}
	o = smallOptions(disk) // a ledger that is ahead of what is known is normal
	o.Guard = known.guard
	s = mustOpen(t, damageDir, o)
	whole(t, s)
	mustClose(t, s)
}
