package projections

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

var background = context.Background()

// TestSameDigestHoweverFolded draws events in any order and folds them as a follower with a large cache, as one that keeps nothing in
// memory and is restarted at random places, and as a parallel rebuild: the digests are equal, and so are all journeys to the plain fold's.
func TestSameDigestHoweverFolded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := newLedger(t)
		defer store.Close()
		fs := vfs.NewMem()
		large, tiny := openModels(t, store, Options{}), openModels(t, store, Options{FS: fs, journeyBytes: 1})
		defer func() { large.Close(); tiny.Close() }()
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			recordAny(t, store, rapid.IntRange(1, 30).Draw(t, "events"))
			check(t, tiny.CatchUp(background))
			check(t, tiny.Close())
			tiny = openModels(t, store, Options{FS: fs, journeyBytes: 1})
		}
		check(t, large.CatchUp(background))
		if a, b := digest(t, large), digest(t, tiny); a != b {
			t.Fatalf("one batch gives %v, several with restarts %v: they differ at %s", a, b, where(t, large, tiny))
		}
		large.o.Workers, large.o.journeyBytes = 3, rapid.SampledFrom([]int{1, 1 << 20}).Draw(t, "memory")
		large.o.portion = rapid.IntRange(1, 5).Draw(t, "portion")
		report, err := large.Rebuild(background)
		check(t, err)
		if !report.Equal || report.DigestRebuilt != digest(t, tiny) {
			t.Fatalf("rebuild: %+v", report)
		}
		agrees(t, large, folded(t, store))
	})
}

func where(t tester, a, b *Models) string {
	v, w := must[*view](t)(a.view(background)), must[*view](t)(b.view(background))
	defer v.close()
	defer w.close()
	return keyName(must[[]byte](t)(difference(background, v, w)))
}

// agrees counts by hand, over the plain fold, what the models count and index.
func agrees(t tester, m *Models, want map[string]*ledger.Journey) {
	t.Helper()
	var c Counts
	open, listed, ended := 0, 0, 0
	anomalies := make(map[string]int64)
	for id, j := range want {
		got := must[ledger.Journey](t)(m.Journey(background, id))
		if a, b := asJSON(t, got), asJSON(t, j); a != b {
			t.Fatalf("journey %q is\n%s, the fold gives\n%s", id, a, b)
		}
		if j.IsOpen() {
			open++
		}
		for _, a := range j.Anomalies {
			anomalies[a.Name]++
		}
		for i := range j.Handoffs {
			h := &j.Handoffs[i]
			c.Handoffs++
			if !h.Accepted.IsZero() {
				c.Accepted++
			}
			if h.State.Open() {
				c.Waiting++
			}
			switch {
			case h.State.Open() && j.IsOpen():
				listed++
			case !h.Offered.IsZero():
				ended++
			}
			if h.PingPong != "" {
				anomalies["ping_pong_"+h.PingPong]++
			}
		}
	}
	s := must[Summary](t)(m.Summary(background))
	if int(s.Journeys) != len(want) || int(s.OpenJourneys) != open || s.Handoffs != c.Handoffs || s.Accepted != c.Accepted || s.Waiting != c.Waiting {
		t.Fatalf("summary is %+v, by hand %d journeys, %d open, %+v", s, len(want), open, c)
	}
	for order, n := range map[string]int{ByPosition: int(c.Handoffs), ByOffered: listed, ByWait: ended} {
		got := 0
		for _, err := range m.Handoffs(background, HandoffQuery{Order: order}) {
			check(t, err)
			got++
		}
		if got != n {
			t.Fatalf("order %q lists %d handoffs, by hand there are %d", order, got, n)
		}
	}
	report := must[CustodyReport](t)(m.Custody(background, CustodyOptions{}))
	for _, row := range report.Rows[3:] {
		if row.Count != anomalies[row.Kind] {
			t.Fatalf("%d of %q, by hand %d", row.Count, row.Kind, anomalies[row.Kind])
		}
		delete(anomalies, row.Kind)
	}
	if len(anomalies) > 0 {
		t.Fatalf("not reported: %v", anomalies)
	}
}

// TestReplayIsPassedOver hands the same events twice.
func TestReplayIsPassedOver(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	m := openModels(t, store, Options{})
	defer m.Close()
	record(t, store, act("a", "bot", "", 0), offer("a", "h", "bot", "desk", time.Minute), move("a", "h", "accepted", "desk", time.Hour))
	for batch, err := range ledger.Batches(store.Read(background, ledger.ReadOptions{HeaderOnly: true}), 2, 1<<20) {
		check(t, err)
		check(t, m.Handle(background, batch))
		before := digest(t, m)
		check(t, m.Handle(background, batch))
		if digest(t, m) != before {
			t.Fatal("a batch handed over twice counts twice")
		}
	}
	if cursor, _ := m.Cursor(background); cursor != 3 {
		t.Fatalf("cursor is %d", cursor)
	}
}

// TestPowerLoss cuts the power after every batch: what the disk has then is some earlier state with its own cursor, and following on
// from it gives the same models.
func TestPowerLoss(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	fs := vfs.NewCrashableMem()
	m := openModels(t, store, Options{FS: fs})
	var clones []*vfs.MemFS
	for i := range 6 {
		at := time.Duration(i) * time.Hour
		record(t, store, act("a", "bot", "", at), offer("a", string(rune('p'+i)), "bot", "desk", at), move("a", string(rune('p'+i)), "accepted", "desk", at))
		check(t, m.CatchUp(background))
		clones = append(clones, fs.CrashClone(vfs.CrashCloneCfg{}))
	}
	want := digest(t, m)
	check(t, m.Close())
	for i, clone := range clones {
		m := openModels(t, store, Options{FS: clone})
		cursor, _ := m.Cursor(background)
		if cursor > uint64(3*(i+1)) {
			t.Fatalf("clone %d is at %d", i, cursor)
		}
		check(t, m.CatchUp(background))
		if got := digest(t, m); got != want {
			t.Errorf("after power loss %d at cursor %d the digest is %v, want %v", i, cursor, got, want)
		}
		check(t, m.Close())
	}
}

// TestFailedBatchLeavesNothing cancels in the middle and goes on.
func TestFailedBatchLeavesNothing(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	m := openModels(t, store, Options{})
	defer m.Close()
	record(t, store, act("a", "bot", "", 0), act("b", "bot", "", 0), offer("a", "h", "bot", "desk", time.Minute))
	check(t, m.CatchUp(background))
	good := must[[]byte](t)(must[*view](t)(m.view(background)).get(textKey(spaceJourney, "b")))
	check(t, m.gen.db.Set(textKey(spaceJourney, "b"), []byte{9}, pebble.Sync))
	m.folder.forget()
	before := digest(t, m)
	record(t, store, move("a", "h", "accepted", "desk", time.Hour), act("b", "bot", "", time.Hour))
	if err := m.CatchUp(background); !errors.Is(err, ledger.CodeCorrupt) || ledger.HintOf(err) == "" {
		t.Fatalf("a damaged row gives %v", err)
	}
	if cursor, _ := m.Cursor(background); cursor != 3 || digest(t, m) != before {
		t.Fatalf("the failed batch left something, cursor %d", cursor)
	}
	check(t, m.gen.db.Set(textKey(spaceJourney, "b"), good, pebble.Sync))
	check(t, m.CatchUp(background))
	agrees(t, m, folded(t, store))
}

// TestDamagedModelIsNamed changes one stored counter, row or index entry: the rebuild says which, and the live models stay.
func TestDamagedModelIsNamed(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	record(t, store, act("a", "bot", "", 0), offer("a", "h", "bot", "desk", time.Minute), act("b", "bot", "", 0))
	for name, key := range map[string][]byte{
		`journey "b"`:                      textKey(spaceJourney, "b"),
		`point "bot" "desk" "chat"`:        textKey(spacePoint, "bot", "desk", "chat"),
		`open handoff "nobody" "nothing"`:  appendText(appendText(appendTime([]byte{spaceWaiting}, epoch), "nobody"), "nothing"),
		`handover of work "desk" "nobody"`: appendText(appendText([]byte{spaceNetwork, levelGroup}, "desk"), "nobody"),
	} {
		m := openModels(t, store, Options{})
		check(t, m.CatchUp(background))
		check(t, m.gen.db.Set(key, sums{{0, 7}}.encode(nil), pebble.Sync))
		before, dir := digest(t, m), m.gen.dir
		report, err := m.Rebuild(background)
		if !errors.Is(err, ledger.CodeCorrupt) || !strings.Contains(err.Error(), name) || ledger.HintOf(err) == "" {
			t.Errorf("rebuild over a changed %s says %v", name, err)
		}
		if report.Equal || report.Difference != name || report.DigestLive == report.DigestRebuilt {
			t.Errorf("report of a changed %s: %+v", name, report)
		}
		if digest(t, m) != before || m.gen.dir != dir {
			t.Errorf("%s: the live models were not left alone", name)
		}
		if _, err := m.o.FS.Stat(m.o.FS.PathJoin("models", nameOf(2))); err == nil {
			t.Errorf("%s: the rebuilt models were left behind", name)
		}
		check(t, m.Close())
	}
}

// TestSwapUnderReaders rebuilds while a list is being read and while the ledger grows: the list ends as it began, the models go on in
// the new directory, and a reopen finds them there.
func TestSwapUnderReaders(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	fs := vfs.NewMem()
	m := openModels(t, store, Options{FS: fs})
	for _, j := range []string{"a", "b", "c"} {
		record(t, store, act(j, "bot", "", 0), offer(j, "h", "bot", "desk", time.Minute))
	}
	check(t, m.CatchUp(background))
	var seen []string
	for l, err := range m.Journeys(background, Query{}) {
		check(t, err)
		if seen = append(seen, l.Journey.ID); len(seen) == 1 {
			record(t, store, act("d", "bot", "", 0))
			report := must[RebuildReport](t)(m.Rebuild(background))
			if !report.Equal || report.Position != 6 || report.Events != 6 {
				t.Fatalf("%+v", report)
			}
			check(t, m.CatchUp(background))
		}
	}
	if strings.Join(seen, " ") != "a b c" {
		t.Errorf("the list read across the swap is %v", seen)
	}
	if names := must[[]string](t)(fs.List("models")); len(names) != 2 {
		t.Errorf("after the swap there are %v", names)
	}
	agrees(t, m, folded(t, store))
	want := digest(t, m)
	check(t, m.Close())
	m = openModels(t, store, Options{FS: fs})
	if cursor, _ := m.Cursor(background); cursor != 7 || digest(t, m) != want || m.gen.number != 2 {
		t.Errorf("reopened at cursor %d, generation %d", cursor, m.gen.number)
	}
	check(t, m.Close())
	if _, err := m.Summary(background); !errors.Is(err, ledger.CodeClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestConcurrent follows, rebuilds and queries at once.
func TestConcurrent(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	m := openModels(t, store, Options{Workers: 2})
	defer m.Close()
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 2)
	go func() { done <- m.Run(ctx) }()
	go func() {
		for ctx.Err() == nil {
			if _, err := m.Custody(background, CustodyOptions{}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for round := range 5 {
		for _, j := range []string{"a", "b", "c", "d"} {
			at := time.Duration(round) * time.Hour
			record(t, store, act(j, "bot", "", at), offer(j, j+string(rune('0'+round)), "bot", "desk", at))
		}
		if report := must[RebuildReport](t)(m.Rebuild(background)); !report.Equal {
			t.Fatalf("%+v", report)
		}
	}
	for m.Progress().Position() < 40 {
		must[ledger.Head](t)(store.Wait(background, 39))
	}
	if lag := m.Progress().Lag(); lag != 0 {
		t.Errorf("lag is %d", lag)
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	agrees(t, m, folded(t, store))
}

// TestAheadOfTheLedger opens models over a ledger that has less than they: they are made again.
func TestAheadOfTheLedger(t *testing.T) {
	fs := vfs.NewMem()
	long, short := newLedger(t), newLedger(t)
	defer long.Close()
	defer short.Close()
	record(t, long, act("a", "bot", "", 0), act("a", "bot", "", 1))
	record(t, short, act("b", "bot", "", 0))
	m := openModels(t, long, Options{FS: fs})
	check(t, m.CatchUp(background))
	check(t, m.Close())
	m = openModels(t, short, Options{FS: fs})
	defer m.Close()
	check(t, m.CatchUp(background))
	agrees(t, m, folded(t, short))
}
