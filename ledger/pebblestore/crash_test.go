package pebblestore

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/baton-ledger/baton/ledger"
)

// smallOptions make tables and logs turn over within a few hundred events.
func smallOptions(fs vfs.FS) Options {
	o := testOptions()
	o.FS, o.CacheMB, o.MemtableMB = fs, 4, 1
	return o
}

// within fails the test when do does not return in time: what hangs is a failure and not a stuck test.
func within(t testing.TB, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not return", what)
	}
}

// crash is the disk as a power loss would leave it, and what had been answered by then.
type crash struct {
	disk  *vfs.MemFS
	acked map[int][]ledger.Receipt // by batch
}

// crasher takes crashes in the midst of file operations.
type crasher struct {
	disk    *vfs.MemFS
	mu      sync.Mutex
	rng     *rand.Rand
	ops     int
	acked   map[int][]ledger.Receipt
	crashes []crash
}

// MaybeError is called before each file operation: every one of the first hundred, while the database is made, and some of the rest.
func (c *crasher) MaybeError(op errorfs.Op) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	if c.ops++; c.ops > 100 && c.rng.IntN(80) != 0 {
		return nil
	}
	// What is answered is looked at before the clone is made: it must be in it. Directories lose or keep unsynced entries too.
	acked := maps.Clone(c.acked)
	percent := []int{0, 0, 50, 100}[c.rng.IntN(4)]
	disk := c.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng})
	c.crashes = append(c.crashes, crash{disk, acked})
	return nil
}

func (c *crasher) String() string { return "crasher" }

// TestPowerLoss crashes the disk at many moments while writers append. On each crash the ledger opens without a gap, has every answered
// event at its place, and takes all batches again: those that are there answer their first receipts, the others are written once.
func TestPowerLoss(t *testing.T) {
	const dir, workers, events = "data/ledger", 4, 2
	disk := vfs.NewCrashableMem()
	c := &crasher{disk: disk, rng: rand.New(rand.NewPCG(7, 7)), acked: map[int][]ledger.Receipt{}}
	s := mustOpen(t, dir, smallOptions(errorfs.Wrap(disk, c)))
	batches := make([]ledger.Batch, 1200)
	samples := newSampler(3, 300, 40)
	for i := range batches {
		batches[i] = samples.batches(1)[0]
		second := batches[i].Events[0]
		second.ID += "-b"
		batches[i].Events = append(batches[i].Events, second)
	}
	parallel(workers, len(batches), func(i int) {
		r, err := s.Append(context.Background(), batches[i])
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		c.acked[i] = r
		c.mu.Unlock()
	})
	mustClose(t, s)
	partly := 0
	for i, crash := range c.crashes {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			within(t, "recovery", func() { crash.verify(t, dir, batches, len(batches)*events) })
		})
		if n := len(crash.acked); n > 0 && n < len(batches) {
			partly++
		}
	}
	if len(c.crashes) < 100 || partly < 30 {
		t.Errorf("only %d crashes, %d of them while appending", len(c.crashes), partly)
	}
}

func (c *crash) verify(t *testing.T, dir string, batches []ledger.Batch, events int) {
	ctx := context.Background()
	s, err := Open(ctx, dir, smallOptions(c.disk))
	if err != nil {
		t.Error(err)
		return
	}
	// What the reopened ledger shows must survive the next power loss as well.
	seen, err := know(ctx, s, 0)
	if err != nil {
		t.Error(err)
	}
	o := smallOptions(c.disk.CrashClone(vfs.CrashCloneCfg{}))
	o.Guard = seen.guard
	if again, err := Open(ctx, dir, o); err != nil {
		t.Errorf("after a second power loss: %v", err)
	} else if err := again.Close(); err != nil {
		t.Error(err)
	}
	c.retry(t, s, batches)
	if head, err := s.Head(ctx); err != nil || head.Position != uint64(events) {
		t.Errorf("after all retries the ledger ends at %d, want %d (%v)", head.Position, events, err)
	}
	whole(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// retry sends everything again: what was answered must be answered alike.
func (c *crash) retry(t *testing.T, s *Store, batches []ledger.Batch) {
	for i, r := range s.AppendAll(context.Background(), batches) {
		if r.Err != nil {
			t.Errorf("retry of batch %d: %v", i, r.Err)
			return
		}
		for k, first := range c.acked[i] {
			if first.Duplicate = true; r.Receipts[k] != first {
				t.Errorf("batch %d event %d was answered\n%+v, a retry answers\n%+v", i, k, first, r.Receipts[k])
			}
		}
	}
}

// whole requires a ledger in which nothing is missing, and everything found through every index.
func whole(t *testing.T, s *Store) {
	t.Helper()
	if _, err := scan(context.Background(), s); err != nil {
		t.Error(err)
	}
	for f, err := range s.Audit(context.Background()) {
		if err != nil || f.Problem != "" {
			t.Errorf("audit: %+v %v", f, err)
		}
	}
}
