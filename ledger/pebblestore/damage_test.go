package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

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
		for _, n := range []int{1, 9, len(data) / 3, len(data)} {
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
	for range 5 {
		out = append(out, rng.IntN(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
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
