package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// damage is one thing done to one file.
type damage struct {
	file, what string
	do         func(disk *vfs.MemFS) error
}

func (u *undamaged) damages(t *testing.T) (out []damage) {
	rng := rand.New(rand.NewPCG(5, 5))
	for i, name := range u.files {
		data := contents(t, u.disk, name)
		write := func(what string, data []byte) {
			out = append(out, damage{name, what, func(d *vfs.MemFS) error { return rewrite(d, name, data) }})
		}
		for _, at := range offsets(rng, len(data)) {
			flipped := slices.Clone(data)
			flipped[at] ^= 1 << rng.IntN(8)
			write(fmt.Sprintf("flip at %d of %d", at, len(data)), flipped)
		}
		for _, n := range []int{1, 9, len(data) / 3, len(data) / 2, len(data)} {
			if n > 0 && n <= len(data) {
				write(fmt.Sprintf("cut %d of %d", n, len(data)), data[:len(data)-n])
			}
		}
		out = append(out, damage{name, "remove", func(d *vfs.MemFS) error { return d.Remove(d.PathJoin(damageDir, name)) }})
		for _, other := range u.files[i+1:] {
			if kindOf(other) == kindOf(name) {
				theirs := contents(t, u.disk, other)
				out = append(out, damage{name, "swap with " + other, func(d *vfs.MemFS) error {
					return errors.Join(rewrite(d, name, theirs), rewrite(d, other, data))
				}})
			}
		}
	}
	return out
}

func offsets(rng *rand.Rand, n int) []int {
	if n == 0 {
		return nil
	}
	out := []int{0, n / 2, n - 1}
	for range 7 {
		out = append(out, rng.IntN(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
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

// Verdicts on a damaged ledger, in the order in which they are reached.
const (
	refused  = "refused by opening"
	found    = "found by audit or reading"
	behind   = "found by outside knowledge"
	harmless = "harmless"
	silent   = "SILENT"
)

// TestDamage does every kind of damage to every file of a ledger, closed cleanly or not. Nothing may change or be lost unseen: opening
// refuses it, or an audit and a full read find it, or who knows the ledger's size and root sees it; otherwise all is as it was. No case
// may panic or hang.
func TestDamage(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		t.Run(fmt.Sprintf("crashed=%v", crashed), func(t *testing.T) {
			t.Parallel()
			u := damageBase(t, crashed)
			verdicts := map[string]map[string]int{}
			for _, d := range u.damages(t) {
				kind := kindOf(d.file)
				if !slices.Contains(u.live, d.file) && (kind == "sst" || kind == "log" || kind == "MANIFEST") {
					kind = "dead " + kind
				}
				if verdicts[kind] == nil {
					verdicts[kind] = map[string]int{}
				}
				verdict := u.judge(t, d)
				verdicts[kind][verdict]++
				if kind == "sst" && (verdict == behind || verdict == harmless) {
					t.Errorf("%s, %s: %s, want it found by the ledger itself", d.file, d.what, verdict)
				}
			}
			for kind, v := range verdicts {
				t.Logf("%-30s %v", kind, v)
			}
		})
	}
}

func (u *undamaged) count(suffix string) (n int) {
	for _, name := range u.live {
		if strings.HasSuffix(name, suffix) {
			n++
		}
	}
	return n
}

func (u *undamaged) judge(t *testing.T, d damage) (verdict string) {
	disk := u.disk.CrashClone(vfs.CrashCloneCfg{})
	if err := d.do(disk); err != nil {
		t.Fatal(err)
	}
	within(t, d.file+" "+d.what, func() {
		verdict = u.inspect(t, disk)
		if verdict == silent {
			t.Errorf("%s, %s: %s", d.file, d.what, verdict)
		}
		if err := u.write(disk); err != nil {
			t.Errorf("%s, %s: opened for writing: %v", d.file, d.what, err)
		}
	})
	return verdict
}

// inspect looks at a damaged ledger as verify does.
func (u *undamaged) inspect(t *testing.T, disk *vfs.MemFS) string {
	ctx := context.Background()
	s, err := OpenReadOnly(ctx, damageDir, smallOptions(disk))
	if err != nil {
		if code := ledger.CodeOf(err); code != ledger.CodeCorrupt && code != ledger.CodeUnsupported && code != ledger.CodeNotFound {
			t.Errorf("opening answers %s: %v", code, err)
		}
		return refused
	}
	defer s.Close()
	for f, err := range s.Audit(ctx) {
		if err != nil || f.Problem != "" {
			return found
		}
	}
	digest, err := scan(ctx, s)
	switch {
	case err != nil:
		return found
	case digest == u.digest:
		return harmless
	case u.known.guard(ctx, s) != nil:
		return behind
	}
	return silent
}

// write opens a damaged ledger for writing, guarded by what is known. It must be refused, or fail to read, or be as it was.
func (u *undamaged) write(disk *vfs.MemFS) error {
	o := smallOptions(disk)
	o.Guard = u.known.guard
	s, err := Open(context.Background(), damageDir, o)
	if err != nil {
		return nil
	}
	defer s.Close()
	if digest, err := scan(context.Background(), s); err == nil && digest != u.digest {
		return errors.New("the ledger reads well, and otherwise than before")
	}
	return nil
}
