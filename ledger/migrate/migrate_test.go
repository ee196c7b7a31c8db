package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/migrate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/storetest"
)

var (
	ctx      = context.Background()
	tagKey   = []byte("0123456789abcdef0123456789abcdef")
	otherKey = []byte("another89abcdef0123456789abcdef0")
)

// mirror is the embedded engine as a destination.
type mirror struct{ *pebblestore.Store }

func (m mirror) Copy(ctx context.Context, events []ledger.Recorded) error {
	_, err := m.Mirror(ctx, events, nil)
	return err
}

func open(t *testing.T, fs vfs.FS, key []byte, asMirror bool) *pebblestore.Store {
	t.Helper()
	s, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: key, FS: fs, CacheMB: 8, MemtableMB: 4, MinFreeMB: -1, Mirror: asMirror})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// fill writes n events over a few streams, some of them hard to keep.
func fill(t *testing.T, s ledger.Store, from, n int) {
	t.Helper()
	for i := from; i < from+n; i += 3 {
		b := ledger.Batch{Stream: fmt.Sprint("journey-", i%7), Expect: ledger.Any}
		for k := i; k < min(i+3, from+n); k++ {
			e := ledger.Event{ID: fmt.Sprint("e", k), Source: "test", Type: "org.example.thing", Subject: fmt.Sprint(i % 7), Data: fmt.Appendf(nil, ` {"n": %d}`, k)}
			switch k % 5 {
			case 0:
				e.Time = time.Date(2026, 1, 2, 3, 4, 5, k, time.FixedZone("", 5400))
			case 1:
				e.ContentType, e.Data = "application/octet-stream", []byte{0, 0xff, byte(k)}
			case 2:
				e.Data, e.Ext = nil, []ledger.Attr{{Name: "a", Value: "ü"}}
			}
			b.Events = append(b.Events, e)
		}
		if _, err := s.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
}

func small() migrate.Options {
	return migrate.Options{TagKey: tagKey, WindowEvents: 7, Newest: 5, Samples: 3}
}

func TestCopyIsTheSameLedger(t *testing.T) {
	from := open(t, vfs.NewMem(), tagKey, false)
	fill(t, from, 0, 2500)
	fs := vfs.NewMem()
	to := open(t, fs, tagKey, true)
	var seen []migrate.Progress
	o := migrate.Options{TagKey: tagKey, Progress: func(p migrate.Progress) { seen = append(seen, p) }}
	got, err := migrate.Run(ctx, from, mirror{to}, o)
	root := rootOf(t, from, 2500)
	if want := (migrate.Report{Events: 2500, Streams: 7, Copied: 2500, RootFrom: root, RootTo: root, Equal: true}); err != nil || got != want {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
	}
	if r := rootOf(t, to, 2500); r != root {
		t.Errorf("root over the leaves that the destination keeps: %v, want %v", r, root)
	}
	want := []migrate.Progress{{migrate.Copy, 0, 2500}, {migrate.Copy, 1000, 2500}, {migrate.Copy, 2000, 2500}, {migrate.Copy, 2500, 2500},
		{migrate.Prove, 0, 2500}, {migrate.Prove, 1000, 2500}, {migrate.Prove, 2000, 2500}, {migrate.Prove, 2500, 2500}}
	if !slices.Equal(seen, want) {
		t.Errorf("progress %v, want %v", seen, want)
	}
	seen = nil
	again, err := migrate.Run(ctx, from, mirror{to}, o)
	if got.Copied, got.Skipped = 0, 2500; err != nil || again != got {
		t.Errorf("a second run: %v\n got %+v\nwant %+v", err, again, got)
	}
	if len(seen) == 0 || seen[0].Part != migrate.Compare {
		t.Errorf("progress of a second run: %v", seen)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	to = open(t, fs, tagKey, false) // and it is a ledger like any other
	fill(t, from, 2500, 10)
	fill(t, to, 2500, 10)
	h, err := to.StreamHead(ctx, "journey-1")
	if w, _ := from.StreamHead(ctx, "journey-1"); err != nil || h.Revision != w.Revision || h.Last != w.Last {
		t.Errorf("both go on: %+v, source %+v, %v", h, w, err)
	}
}

// rootOf is the root over the leaves that a store keeps, by the reference implementation.
func rootOf(t *testing.T, s ledger.TreeStore, n int64) ledger.Hash {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	i := int64(0)
	for leaf, err := range s.Leaves(ctx, 0, uint64(n)) {
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := tlog.StoredHashesForRecordHash(i, tlog.Hash(leaf), reader)
		if err != nil {
			t.Fatal(err)
		}
		stored, i = append(stored, hashes...), i+1
	}
	root, err := tlog.TreeHash(n, reader)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Hash(root)
}

func TestEmpty(t *testing.T) {
	got, err := migrate.Run(ctx, storetest.NewMemory(tagKey, ""), storetest.NewMemory(tagKey, ""), small())
	if err != nil || !got.Equal || got.Events != 0 || got.RootTo.String() != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("%+v, %v", got, err)
	}
}

// hand is a destination between the migration and an engine, with a hand in what is copied.
type hand struct {
	migrate.Destination
	copy func(events []ledger.Recorded) ([]ledger.Recorded, error) // what is really written, and the error after that
}

func (h hand) Copy(ctx context.Context, events []ledger.Recorded) error {
	events, failed := h.copy(events)
	if err := h.Destination.Copy(ctx, events); err != nil {
		return err
	}
	return failed
}

// TestEndedAnywhere ends a run after every number of events, in windows and between them, and goes on.
func TestEndedAnywhere(t *testing.T) {
	const total = 24
	from := open(t, vfs.NewMem(), tagKey, false)
	fill(t, from, 0, total)
	for cut := range total {
		fs := vfs.NewMem()
		to, left := open(t, fs, tagKey, true), cut
		broken := errors.New("the wire broke")
		_, err := migrate.Run(ctx, from, hand{mirror{to}, func(events []ledger.Recorded) ([]ledger.Recorded, error) {
			n := min(left, len(events))
			if left -= n; n < len(events) {
				return events[:n], broken
			}
			return events, nil
		}}, small())
		if !errors.Is(err, broken) {
			t.Fatalf("cut after %d: %v", cut, err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		to = open(t, fs, tagKey, true)
		got, err := migrate.Run(ctx, from, mirror{to}, small())
		if err != nil || !got.Equal || got.Skipped != uint64(cut) || got.Copied != uint64(total-cut) || got.RootTo != rootOf(t, from, total) {
			t.Fatalf("cut after %d: %+v, %v", cut, got, err)
		}
	}
}

// TestCancelled ends the context in every part.
func TestCancelled(t *testing.T) {
	from, to := storetest.NewMemory(tagKey, ""), storetest.NewMemory(tagKey, "")
	fill(t, from, 0, 24)
	for _, part := range []migrate.Part{migrate.Copy, migrate.Compare} {
		ctx, cancel := context.WithCancel(ctx)
		o := small()
		o.Progress = func(p migrate.Progress) {
			if p.Part == part && p.Done > 0 {
				cancel()
			}
		}
		if got, err := migrate.Run(ctx, from, to, o); !errors.Is(err, context.Canceled) || got.Equal {
			t.Errorf("ended in %s: %+v, %v", part, got, err)
		}
	}
	if got, err := migrate.Run(ctx, from, to, small()); err != nil || !got.Equal || got.Copied+got.Skipped != 24 || got.Skipped == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPowerLoss: an engine that does not sync a copy loses its newest part, and the next run brings it again.
func TestPowerLoss(t *testing.T) {
	from, fs := open(t, vfs.NewMem(), tagKey, false), vfs.NewCrashableMem()
	fill(t, from, 0, 24)
	lost := errors.New("the lights went out")
	to := open(t, fs, tagKey, true)
	var after vfs.FS
	windows := 0
	_, err := migrate.Run(ctx, from, hand{mirror{to}, func(events []ledger.Recorded) ([]ledger.Recorded, error) {
		if windows++; windows == 3 {
			after = fs.CrashClone(vfs.CrashCloneCfg{})
			return nil, lost
		}
		return events, nil
	}}, small())
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	to = open(t, after, tagKey, true)
	if h, err := to.Head(ctx); err != nil || h.Position >= 14 {
		t.Fatalf("head %d after the power loss, of 14 that were copied: nothing was lost; %v", h.Position, err)
	}
	if got, err := migrate.Run(ctx, from, mirror{to}, small()); err != nil || !got.Equal || got.Events != 24 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestWhatIsThereIsLookedAt: a destination that is no beginning of the source is refused before anything is written, by name.
func TestWhatIsThereIsLookedAt(t *testing.T) {
	from := storetest.NewMemory(tagKey, "")
	fill(t, from, 0, 24)
	for name, c := range map[string]struct {
		at     int // index of the event that is another
		change func(r *ledger.Recorded)
		want   string
	}{
		"record":          {17, func(r *ledger.Recorded) { r.Data = []byte("other") }, `position 18, stream "journey-1", id "e17": the record is `},
		"record, sampled": {0, func(r *ledger.Recorded) { r.Actor = "other" }, `position 1, stream "journey-0", id "e0": the record is `},
		"recorded time":   {19, func(r *ledger.Recorded) { r.RecordedTime = r.RecordedTime.Add(1) }, `position 20, stream "journey-4", id "e19": the recorded time is `},
		"stream":          {18, func(r *ledger.Recorded) { r.Stream, r.Revision = "journey-x", 1 }, `position 19, stream "journey-4", id "e18": the stream is "journey-4" at the source and "journey-x"`},
		"id":              {16, func(r *ledger.Recorded) { r.ID = "x" }, `position 17, stream "journey-1", id "e16": the record is `},
		"another event":   {15, func(r *ledger.Recorded) { r.ID, r.Data, r.Ext = "e99", nil, nil }, `position 16, stream "journey-1", id "e15"`},
	} {
		to := storetest.NewMemory(tagKey, "")
		for r := range from.Read(ctx, ledger.ReadOptions{To: 20}) {
			if r.Position == uint64(c.at+1) {
				c.change(&r)
				r.Record, _ = ledger.EncodeRecord(r.Stream, &r.Event)
			}
			if h, _ := to.StreamHead(ctx, r.Stream); name == "stream" {
				r.Revision = h.Revision + 1
			}
			if err := to.Copy(ctx, []ledger.Recorded{r}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got, err := migrate.Run(ctx, from, to, small())
		var d *migrate.Difference
		if !errors.As(err, &d) || !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), c.want) || ledger.HintOf(err) == "" || got.Copied != 0 || got.Equal {
			t.Errorf("%s: %v, want %q; %+v", name, err, c.want, got)
		}
	}
}

func TestRefused(t *testing.T) {
	from := storetest.NewMemory(tagKey, "")
	fill(t, from, 0, 24)
	refused := func(name string, from ledger.Reader, to migrate.Destination, o migrate.Options, code ledger.Code, want string) {
		t.Helper()
		got, err := migrate.Run(ctx, from, to, o)
		if !errors.Is(err, code) || !strings.Contains(err.Error(), want) || ledger.HintOf(err) == "" || got.Equal {
			t.Errorf("%s: %v, want %s, %q; %+v", name, err, code, want, got)
		}
	}
	longer := storetest.NewMemory(tagKey, "")
	fill(t, longer, 0, 25)
	refused("a longer destination", from, longer, small(), ledger.CodeInvalid, "the destination has 25 events, the source 24")
	o := small()
	o.TagKey = otherKey
	refused("another tag key", from, storetest.NewMemory(otherKey, ""), o, ledger.CodeInvalid, "the tag key is not that of the source")
	to := storetest.NewMemory(otherKey, "")
	refused("another tag key at the destination", from, to, small(), ledger.CodeInvalid, `position 1, stream "journey-0", id "e0": the previous head`)
	if h, _ := to.Head(ctx); h.Position != 7 {
		t.Errorf("%d events were copied before the other tag key showed, a window has 7", h.Position)
	}
	o = small()
	o.Progress = func(p migrate.Progress) {
		if p.Part == migrate.Prove {
			t.Error("a source that ends early was found when all was copied")
		}
	}
	refused("a source that ends early", short{from}, storetest.NewMemory(tagKey, ""), o, ledger.CodeCorrupt, "source: position 21 is not read")
	to = storetest.NewMemory(tagKey, "")
	if _, err := migrate.Run(ctx, from, to, small()); err != nil {
		t.Fatal(err)
	}
	refused("a source that ends early, and was copied when it did not", short{from}, to, small(), ledger.CodeCorrupt, "source: position 21 is not read")
	refused("a destination that ends early", from, short{to}, small(), ledger.CodeCorrupt, "destination: position 21 is not read")
}

// short is a ledger that says it has more than it reads.
type short struct{ *storetest.Memory }

func (s short) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	o.To = min(o.To, 20)
	return s.Memory.Read(ctx, o)
}

// TestWrongCopy: what the destination changed of an event is found in the end, and named.
func TestWrongCopy(t *testing.T) {
	from := storetest.NewMemory(tagKey, "")
	fill(t, from, 0, 24)
	got, err := migrate.Run(ctx, from, hand{storetest.NewMemory(tagKey, ""), func(events []ledger.Recorded) ([]ledger.Recorded, error) {
		events = slices.Clone(events)
		for i := range events {
			if r := &events[i]; r.Position == 13 {
				r.RecordedTime = r.RecordedTime.Add(time.Nanosecond)
			}
		}
		return events, nil
	}}, small())
	var d *migrate.Difference
	if !errors.Is(err, ledger.CodeCorrupt) || !errors.As(err, &d) || d.Position != 13 || d.ID != "e12" || d.What != "recorded time" {
		t.Errorf("%v", err)
	}
	if got.Equal || got.RootFrom == got.RootTo || got.RootTo.IsZero() || got.Copied != 24 || got.Streams != 7 {
		t.Errorf("%+v", got)
	}
}

// TestBothAreWrittenTo: what the source gets meanwhile is told and left; what somebody else writes to the destination is an error.
func TestBothAreWrittenTo(t *testing.T) {
	from, to := storetest.NewMemory(tagKey, ""), storetest.NewMemory(tagKey, "")
	fill(t, from, 0, 24)
	o := small()
	o.Progress = func(p migrate.Progress) {
		if p.Part == migrate.Prove && p.Done == p.Total {
			fill(t, from, 24, 5)
		}
	}
	if got, err := migrate.Run(ctx, from, to, o); err != nil || !got.Equal || got.Events != 24 || got.Later != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	o.Progress = func(p migrate.Progress) {
		if p.Part == migrate.Prove && p.Done == p.Total {
			fill(t, to, 100, 1)
		}
	}
	if _, err := migrate.Run(ctx, from, to, o); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), "the destination has 30 events after 29 were copied") {
		t.Error(err)
	}
}
