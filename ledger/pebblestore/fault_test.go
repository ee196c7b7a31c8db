package pebblestore

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/baton-ledger/baton/ledger"
)

// meterFS is a disk that says how much room it has.
type meterFS struct {
	vfs.FS
	free atomic.Uint64
}

func (m *meterFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: m.free.Load(), TotalBytes: 1 << 40}, nil
}

func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	disk := &meterFS{FS: vfs.NewMem()}
	disk.free.Store(1 << 30)
	o := smallOptions(disk)
	o.MinFreeMB = 64
	s := mustOpen(t, "ledger", o)
	defer mustClose(t, s)
	batches := newSampler(1, 100, 3).batches(20)
	mustAppend(t, s, batches[:10])
	disk.free.Store(10 << 20)
	if _, err := s.Append(ctx, batches[10]); ledger.CodeOf(err) != ledger.CodeDiskFull || ledger.HintOf(err) == "" {
		t.Errorf("an append to a full disk answers %v", err)
	}
	if h, err := s.Head(ctx); h.Position != 10 || err != nil {
		t.Errorf("head is %d (%v), want 10", h.Position, err)
	}
	whole(t, s)
	// The notary may still cover what is there, until there is no room for that either.
	note := []ledger.NamedValue{{Name: []byte("note"), Value: []byte("text")}}
	for free, want := range map[uint64]ledger.Code{20 << 20: "", 10 << 20: ledger.CodeDiskFull, 0: ledger.CodeDiskFull} {
		disk.free.Store(free)
		if err := s.PutTree(ctx, nil, note); ledger.CodeOf(err) != want {
			t.Errorf("with %d bytes left the tree's write answers %v, want %q", free, err, want)
		}
	}
	disk.free.Store(1 << 30)
	if r := mustAppend(t, s, batches[10:]); r[0].Position != 11 || r[0].Duplicate {
		t.Errorf("when there is room again the append answers %+v", r[0])
	}
	whole(t, s)
}

// fault lets some file operations on logs fail from a moment on.
type fault struct {
	on    atomic.Bool
	kinds []errorfs.OpKind
	cause error
}

func (f *fault) MaybeError(op errorfs.Op) error {
	if f.on.Load() && strings.HasSuffix(op.Path, ".log") && slices.Contains(f.kinds, op.Kind) {
		return f.cause
	}
	return nil
}

func (f *fault) String() string { return "fault" }

// TestLogFails has writes or syncs of the log fail. The writers are told, nothing hangs, reads go on, and a reopen finds a whole ledger
// with every answered event, whether the bytes that failed are on the disk after all (all unsynced bytes survive) or not (none do).
func TestLogFails(t *testing.T) {
	writes := []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileWriteAt}
	syncs := []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}
	for _, c := range []struct {
		name  string
		kinds []errorfs.OpKind
		cause error
		want  ledger.Code
	}{
		{"write-eio", writes, syscall.EIO, ledger.CodeUnavailable},
		{"write-enospc", writes, syscall.ENOSPC, ledger.CodeDiskFull},
		{"sync-eio", syncs, syscall.EIO, ledger.CodeUnavailable},
		{"sync-enospc", syncs, syscall.ENOSPC, ledger.CodeDiskFull},
	} {
		t.Run(c.name, func(t *testing.T) { logFails(t, &fault{kinds: c.kinds, cause: c.cause}, c.want) })
	}
}

func logFails(t *testing.T, f *fault, want ledger.Code) {
	ctx, disk := context.Background(), vfs.NewCrashableMem()
	s := mustOpen(t, "ledger", smallOptions(errorfs.Wrap(disk, f)))
	batches := newSampler(1, 100, 5).batches(200)
	acked := map[int][]ledger.Receipt{}
	for i, r := range mustAppend(t, s, batches[:100]) {
		acked[i] = []ledger.Receipt{r}
	}
	f.on.Store(true)
	within(t, "append", func() {
		parallel(8, 50, func(i int) {
			if _, err := s.Append(ctx, batches[100+i]); ledger.CodeOf(err) != want || !errors.Is(err, f.cause) {
				t.Errorf("append answers %v, want %s", err, want)
			}
			// A retry of what may not be on disk must not be answered as if it were.
			if r, err := s.Append(ctx, batches[100+i]); err == nil {
				t.Errorf("a retry after a failed sync is answered %+v", r)
			}
		})
	})
	if h, err := s.Head(ctx); h.Position != 100 || err != nil {
		t.Errorf("head is %d (%v), want 100", h.Position, err)
	}
	if _, err := scan(ctx, s); err != nil {
		t.Error(err)
	}
	f.on.Store(false)
	if _, err := s.Append(ctx, batches[199]); ledger.CodeOf(err) != want {
		t.Errorf("without a restart an append answers %v, want %s", err, want)
	}
	within(t, "Close", func() { _ = s.Close() })
	for _, percent := range []int{0, 100} {
		c := crash{disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: newSampler(1, 0, 1).rng}), acked}
		within(t, "recovery", func() { c.verify(t, "ledger", batches, len(batches)) })
	}
}

// slowFault holds syncs of the log back, once armed, and has them fail when released.
type slowFault struct {
	armed    atomic.Bool
	begun    chan struct{}
	released chan struct{}
	once     sync.Once
}

func (f *slowFault) MaybeError(op errorfs.Op) error {
	if !f.armed.Load() || !strings.HasSuffix(op.Path, ".log") || op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData {
		return nil
	}
	f.once.Do(func() { close(f.begun) })
	<-f.released
	return syscall.EIO
}

func (f *slowFault) String() string { return "slow fault" }

// TestDuplicateOfUnsynced retries an event while its first append waits for a sync that will fail. The retry is decided on state that
// never becomes durable, so it must fail as well.
func TestDuplicateOfUnsynced(t *testing.T) {
	ctx, f := context.Background(), &slowFault{begun: make(chan struct{}), released: make(chan struct{})}
	s := mustOpen(t, "ledger", smallOptions(errorfs.Wrap(vfs.NewMem(), f)))
	s.queue.mu.Lock()
	s.queue.enough = 1 // the retries do not wait until the first has failed
	s.queue.mu.Unlock()
	batch := newSampler(1, 100, 1).batches(1)[0]
	f.armed.Store(true)
	var appends sync.WaitGroup
	send := func() {
		if r, err := s.Append(ctx, batch); ledger.CodeOf(err) != ledger.CodeUnavailable {
			t.Errorf("answered %+v, %v", r, err)
		}
	}
	appends.Go(send)
	<-f.begun
	for range 3 {
		appends.Go(send)
	}
	// Until the retries are applied behind the first: another stream's event that the writer places after them shows in the database.
	marker := newSampler(2, 100, 1).batches(1)[0]
	marker.Stream = "marker"
	appends.Go(func() { _, _ = s.Append(ctx, marker) })
	for h, err := s.loadHead("marker"); h.revision == 0; h, err = s.loadHead("marker") {
		if err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	close(f.released)
	within(t, "append", appends.Wait)
	if h, err := s.Head(ctx); h.Position != 0 || err != nil {
		t.Errorf("the durable head is %d (%v), nothing was synced", h.Position, err)
	}
	within(t, "Close", func() { _ = s.Close() })
}

// TestLockHolds tries a second opener of each kind against each kind of holder.
func TestLockHolds(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "ledger")
	s := mustOpen(t, dir, testOptions())
	if _, err := OpenReadOnly(ctx, dir, testOptions()); ledger.CodeOf(err) != ledger.CodeLocked {
		t.Errorf("read-only open of a held ledger answers %v", err)
	}
	mustClose(t, s)
	ro, err := OpenReadOnly(ctx, dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, testOptions()); ledger.CodeOf(err) != ledger.CodeLocked {
		t.Errorf("open of a ledger that is being read answers %v", err)
	}
	if _, err := ro.Append(ctx, newSampler(1, 10, 1).batches(1)[0]); ledger.CodeOf(err) != ledger.CodeUnsupported {
		t.Errorf("append to a read-only ledger answers %v", err)
	}
	mustClose(t, ro)
	mustClose(t, mustOpen(t, dir, testOptions()))
}
