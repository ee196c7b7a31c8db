package pebblestore

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/baton-ledger/baton/ledger"
)

// undamaged is a ledger on disk and all that is known of it from outside.
type undamaged struct {
	disk   *vfs.MemFS
	files  []string
	live   []string // tables, manifest and logs that hold something
	known  knowledge
	digest ledger.Hash
}

const damageDir = "ledger"

// gate holds back the making of all tables but the first two, so that several logs hold what is not in a table yet.
type gate struct {
	made atomic.Int32
	shut chan struct{}
}

func (g *gate) MaybeError(op errorfs.Op) error {
	if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") && g.made.Add(1) > 2 {
		<-g.shut
	}
	return nil
}

func (g *gate) String() string { return "gate" }

// damageBase makes a ledger of several tables. crashed is the disk of a process that was killed: three or more logs, the newest open.
func damageBase(t *testing.T, crashed bool) (u *undamaged) {
	for range 20 { // when Pebble merges tables is its own affair
		u = damageTry(t, crashed)
		if u.count(".sst") >= 2 && (!crashed || u.count(".log") >= 3) {
			return u
		}
	}
	t.Fatalf("%d live tables and %d live logs", u.count(".sst"), u.count(".log"))
	return nil
}

func damageTry(t *testing.T, crashed bool) *undamaged {
	disk := vfs.NewCrashableMem()
	samples := newSampler(11, 2500, 20)
	for range 2 { // what a clean close leaves, and what the next opening makes of it
		s := mustOpen(t, damageDir, smallOptions(disk))
		mustAppend(t, s, samples.batches(60))
		mustClose(t, s)
	}
	g := &gate{shut: make(chan struct{})}
	s := mustOpen(t, damageDir, smallOptions(errorfs.Wrap(disk, g)))
	defer func() { mustClose(t, s) }()
	for s.db.Metrics().WAL.Files < 3 && samples.n < 5000 {
		mustAppend(t, s, samples.batches(10))
	}
	mustAppend(t, s, samples.batches(9))
	clone := disk.CrashClone(vfs.CrashCloneCfg{})
	close(g.shut)
	if !crashed {
		mustClose(t, s)
		clone = disk.CrashClone(vfs.CrashCloneCfg{})
	}
	u := &undamaged{disk: clone}
	ro, err := OpenReadOnly(context.Background(), damageDir, smallOptions(clone))
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, ro)
	if u.known, err = know(context.Background(), ro, 0); err != nil {
		t.Fatal(err)
	}
	if u.digest, err = scan(context.Background(), ro); err != nil {
		t.Fatal(err)
	}
	if u.live, err = ro.liveFiles(); err != nil {
		t.Fatal(err)
	}
	u.files = filesOf(t, clone, "")
	return u
}

func filesOf(t *testing.T, fs vfs.FS, suffix string) (out []string) {
	t.Helper()
	names, err := fs.List(damageDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func kindOf(name string) string {
	if ext := filepath.Ext(name); ext == ".sst" || ext == ".log" {
		return ext[1:]
	}
	kind, _, _ := strings.Cut(name, "-")
	if strings.HasPrefix(name, "marker.") {
		kind = strings.Join(strings.SplitN(name, ".", 3)[:2], ".")
	}
	return kind
}

func (u *undamaged) count(suffix string) (n int) {
	for _, name := range u.live {
		if strings.HasSuffix(name, suffix) {
			n++
		}
	}
	return n
}

func contents(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(fs.PathJoin(damageDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rewrite(fs vfs.FS, name string, data []byte) error {
	f, err := fs.Create(fs.PathJoin(damageDir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
