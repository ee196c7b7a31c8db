package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/notary"
)

// signers are the keys of a ledger whose tag key is the tests'.
func signers(t testing.TB) notary.Keys {
	t.Helper()
	keys, err := notary.LoadKeys(t.TempDir(), "", "")
	must(t, err)
	keys.TagKey = tagKey
	return keys
}

// found founds a ledger.
func found(t testing.TB, url string) {
	t.Helper()
	client, err := esdb.Dial(url, nil)
	must(t, err)
	_, err = client.Found(within(t, 10*time.Second), esdb.Founding{PublicKey: "k", TagKey: tagKey})
	must(t, err)
	must(t, client.Close())
}

func openNotary(t testing.TB, s *esdb.Store, keys notary.Keys, dir string) *notary.Notary {
	t.Helper()
	n, err := tryNotary(s, keys, dir)
	must(t, err)
	return n
}

func tryNotary(s *esdb.Store, keys notary.Keys, dir string) (*notary.Notary, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return notary.Open(ctx, notary.Options{Store: s, Keys: keys, Dir: dir, Board: s.Board(), Interval: time.Millisecond})
}

// posted are the checkpoints on the board of a site, as the record has them.
func posted(t testing.TB, s *site, keys notary.Keys) (out []notary.Checkpoint) {
	t.Helper()
	for r, err := range s.record.ReadStream(context.Background(), esdb.CheckpointStream, ledger.ReadOptions{}) {
		must(t, err)
		if r.Type == "baton-checkpoint" {
			cp, err := notary.ParseCheckpoint(r.Data, keys.Verifier)
			must(t, err)
			out = append(out, cp)
		}
	}
	return out
}

// consistent holds a list of checkpoints against a node's own tree: sizes never shrink, and every root is that of the ledger.
func consistent(t testing.TB, list []notary.Checkpoint, s *esdb.Store) {
	t.Helper()
	ctx := context.Background()
	last := uint64(0)
	for i, cp := range list {
		if cp.Size < last {
			t.Errorf("checkpoint %d is of %d events, the one before of %d", i, cp.Size, last)
		}
		last = cp.Size
		root, err := notary.Root(ctx, s, cp.Size)
		must(t, err)
		if root != cp.Root {
			t.Errorf("checkpoint %d of size %d has another root than the ledger", i, cp.Size)
		}
	}
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestTwoSigners: two nodes with one key sign at once, a third has no key, and the server is restarted meanwhile. There is one list of
// checkpoints, each a continuation of the one before, and all nodes end at the same one.
func TestTwoSigners(t *testing.T) {
	site, keys := newSite(t), signers(t)
	found(t, site.url)
	reader := keys
	reader.Signer = nil
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stores []*esdb.Store
	var notaries []*notary.Notary
	var running sync.WaitGroup
	for i, k := range []notary.Keys{keys, keys, reader} {
		s := site.node(t, vfs.NewMem())
		n := openNotary(t, s, k, t.TempDir())
		if n.Signs() != (i < 2) {
			t.Fatalf("node %d signs: %v", i, n.Signs())
		}
		stores, notaries = append(stores, s), append(notaries, n)
		running.Go(func() { _ = whileAway(ctx, n.Adopt) })
		if n.Signs() {
			running.Go(func() { _ = whileAway(ctx, n.Run) })
		}
	}
	const rounds = 120
	for i := range rounds {
		if i == rounds/2 {
			site.stop()
			site.start()
		}
		_, err := persist(within(t, 30*time.Second), stores[i%3], batch(fmt.Sprint("journey-", i%5), fmt.Sprint(i)))
		must(t, err)
	}
	for i, n := range notaries {
		until(t, fmt.Sprintf("node %d has a checkpoint of everything", i), func() bool {
			cp := n.Latest()
			return cp.Size == rounds && cp.Streams.Size == rounds && cp.Note == notaries[0].Latest().Note
		})
	}
	cancel()
	running.Wait()
	list := posted(t, site, keys)
	if len(list) < 5 {
		t.Errorf("only %d checkpoints", len(list))
	}
	for _, s := range stores {
		consistent(t, list, s)
	}
	for i, s := range stores {
		verified(t, s, i)
	}
}

// whileAway runs a part again while EventStoreDB is away, as the command does.
func whileAway(ctx context.Context, run func(context.Context) error) error {
	for {
		if err := run(ctx); ctx.Err() != nil || !errors.Is(err, ledger.CodeUnavailable) {
			return err
		}
	}
}

// verified requires that a node's audit finds nothing.
func verified(t testing.TB, s *esdb.Store, which any) {
	t.Helper()
	for f, err := range s.Audit(context.Background()) {
		if err != nil || f.Problem != "" {
			t.Errorf("node %v: %+v, %v", which, f, err)
		}
	}
}

// TestPausedNode: a node that was away when others signed posts to a place that is taken, and takes theirs over instead.
func TestPausedNode(t *testing.T) {
	site, keys := newSite(t), signers(t)
	a, b := site.node(t, vfs.NewMem()), site.node(t, vfs.NewMem())
	na, nb := openNotary(t, a, keys, t.TempDir()), openNotary(t, b, keys, t.TempDir())
	ctx := within(t, 30*time.Second)
	_, err := a.Append(ctx, batch("journey-1", "1"))
	must(t, err)
	_, place, _ := b.Board().Last() // b falls asleep here
	_, err = na.Checkpoint(ctx)
	must(t, err)
	_, err = b.Wait(ctx, 0)
	must(t, err)
	if err := b.Board().Post(ctx, place, 1, "a note of its own"); !errors.Is(err, ledger.CodeStaleRevision) || ledger.HintOf(err) == "" {
		t.Errorf("a post to a place that is taken: %v", err)
	}
	cp, err := nb.Checkpoint(ctx)
	must(t, err)
	if cp.Note != na.Latest().Note {
		t.Errorf("the paused node shows %q", cp.Note)
	}
	if n := len(posted(t, site, keys)); n > 3 {
		t.Errorf("%d checkpoints", n)
	}
	// A retry of a post whose answer was lost is the same post.
	note, place, _ := a.Board().Last()
	must(t, a.Board().Post(ctx, place-1, 1, note))
}

// TestMirrorAfterPowerLoss: the disk of a node, of which nothing is synced, is cut off at many moments. What is left opens, catches up, proves
// itself and goes on with the checkpoints of before.
func TestMirrorAfterPowerLoss(t *testing.T) {
	site, keys := newSite(t), signers(t)
	disk := vfs.NewCrashableMem()
	s := openAt(t, site.url, disk)
	dir := t.TempDir()
	n := openNotary(t, s, keys, dir)
	rng := rand.New(rand.NewPCG(3, 3))
	var crashes []vfs.FS
	ctx := within(t, 60*time.Second)
	const rounds = 60
	for i := range rounds {
		_, err := s.Append(ctx, batch(fmt.Sprint("journey-", i%4), fmt.Sprint(i), fmt.Sprint(i, "b")))
		must(t, err)
		if i%3 == 0 {
			crashes = append(crashes, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rng}))
		}
		if i%5 == 0 {
			_, err := n.Checkpoint(ctx)
			must(t, err)
			crashes = append(crashes, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}))
		}
	}
	_, err := n.Checkpoint(ctx)
	must(t, err)
	want := fmt.Sprint(leaves(t, s, 2*rounds))
	for i, crash := range crashes {
		again, err := openNode(site.url, crash)
		if err != nil {
			t.Fatalf("crash %d: %v", i, err)
		}
		if h, _ := again.Head(ctx); h.Position != 2*rounds || fmt.Sprint(leaves(t, again, 2*rounds)) != want {
			t.Errorf("crash %d: the mirror is not what it was", i)
		}
		m, err := tryNotary(again, keys, dir) // the checkpoint outside was synced: it is ahead of what is left of the mirror
		if err != nil {
			t.Errorf("crash %d: %v", i, err)
		} else if m.Latest().Note != n.Latest().Note {
			t.Errorf("crash %d: another checkpoint", i)
		}
		must(t, again.Close())
	}
}

// TestMirrorReopenedAnywhere closes and opens a node between all kinds of moments, with the follower's cursor on its own events and on others'.
func TestMirrorReopenedAnywhere(t *testing.T) {
	site, keys := newSite(t), signers(t)
	other := site.node(t, vfs.NewMem())
	fs, dir := vfs.NewMem(), t.TempDir()
	ctx := within(t, 60*time.Second)
	var last notary.Checkpoint
	total := uint64(0)
	for i := range 12 {
		s, err := openNode(site.url, fs)
		must(t, err)
		n := openNotary(t, s, keys, dir)
		if n.Latest().Size < last.Size {
			t.Errorf("round %d: the newest checkpoint is of %d events, was of %d", i, n.Latest().Size, last.Size)
		}
		for j, by := range []*esdb.Store{s, other}[:1+i%2] {
			_, err := by.Append(ctx, batch(fmt.Sprint("journey-", i%3), fmt.Sprint(i, "/", j)))
			must(t, err)
			total++
		}
		if i%3 > 0 {
			last, err = n.Checkpoint(ctx)
			must(t, err)
		}
		must(t, s.Close())
		_, err = other.Append(ctx, batch("journey-9", fmt.Sprint(i)))
		must(t, err)
		total++
	}
	s := openAt(t, site.url, fs)
	if a, b := leaves(t, s, total), leaves(t, site.node(t, vfs.NewMem()), total); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("a mirror that was reopened differs from a fresh one")
	}
	consistent(t, posted(t, site, keys), s)
}

// history is a peer with the ledger of a node that signed it, to be changed behind everybody's back.
type history struct {
	t    *testing.T
	peer *peer
	url  string
	keys notary.Keys
	old  vfs.FS // the mirror of before
	dir  string // and its checkpoint
}

func newHistory(t *testing.T) *history {
	h := &history{t: t, peer: newPeer(), keys: signers(t), old: vfs.NewMem(), dir: t.TempDir()}
	addr, _ := h.peer.serve(t, "")
	h.url = "esdb://" + addr + "?tls=false"
	found(t, h.url)
	s, err := openNode(h.url, h.old)
	must(t, err)
	n := openNotary(t, s, h.keys, h.dir)
	for i := range 30 {
		_, err := s.Append(within(t, 10*time.Second), batch(fmt.Sprint("journey-", i%3), fmt.Sprint("id", i)))
		must(t, err)
		if i == 14 {
			_, err = n.Checkpoint(within(t, 10*time.Second))
			must(t, err)
		}
	}
	_, err = n.Checkpoint(within(t, 10*time.Second))
	must(t, err)
	must(t, s.Close())
	return h
}

// nth is the place in the log of the ledger's nth event, from 1.
func nth(log []kept, n int) int {
	for i, e := range log {
		if !strings.HasPrefix(e.stream, "checkpoint") {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}

// renumber counts the events of each stream anew, as somebody would who hides that one is gone.
func renumber(log []kept) []kept {
	next := map[string]uint64{}
	for i := range log {
		log[i].number = next[log[i].stream]
		next[log[i].stream]++
	}
	return log
}

func remove(log []kept, is func(e *kept) bool) (out []kept) {
	for i := range log {
		if !is(&log[i]) {
			out = append(out, log[i])
		}
	}
	return out
}

// TestHistoryChangedInside: an event that was changed, redacted, removed, added or moved inside EventStoreDB is named, both by a node that has the
// mirror of before and by one that begins with none, which also signs nothing.
func TestHistoryChangedInside(t *testing.T) {
	// Event n (from 1) is id<n-1>, in stream journey-<(n-1)%3>.
	for name, c := range map[string]struct {
		change     func(p *peer, log []kept) []kept
		old, fresh string // what is named
		patient    bool   // the server waits where a place is past its end
	}{
		"changed":       {func(_ *peer, log []kept) []kept { log[nth(log, 7)].data = []byte(`{"id":"another"}`); return log }, `position 7: .*changed.*"journey-0", revision 3, id "id6"`, `position 7 .*"journey-0", revision 3, id "id6"`, false},
		"redacted":      {func(_ *peer, log []kept) []kept { log[nth(log, 7)].data = make([]byte, 12); return log }, `position 7: .*redacted.*"journey-0", revision 3, id "id6"`, `position 7 .*"journey-0", revision 3, id "id6"`, false},
		"metadata gone": {func(_ *peer, log []kept) []kept { log[nth(log, 7)].meta = nil; return log }, `position 7: .*"journey-0", revision 3, id "id6"`, `position 7 .*"journey-0", revision 3`, false},
		"last of a stream": {func(p *peer, log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == "journey-1" && e.number == 9 })
		}, `position 29: .*removed.*"journey-1", revision 10, id "id28"`, `position 29 .*"journey-1", revision 10.* removed`, false},
		"last of all": {func(p *peer, log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == "journey-2" && e.number == 9 })
		},
			`position 30: .*removed.*"journey-2", revision 10, id "id29"`, `position 30 .*"journey-2", revision 10.* removed`, false},
		"all after a point":          {func(p *peer, log []kept) []kept { return log[:nth(log, 28)] }, `position 28: .*removed.*"journey-0", revision 10, id "id27"`, `^$`, false},
		"all after a point, patient": {func(p *peer, log []kept) []kept { return log[:nth(log, 28)] }, `position 28: .*removed.*"journey-0", revision 10, id "id27"`, `^$`, true},
		"middle": {func(p *peer, log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == "journey-1" && e.number == 4 })
		},
			`position 14: .*removed.*"journey-1", revision 5, id "id13"`, `"journey-1" .*revision 5`, false},
		"middle, renumbered": {func(p *peer, log []kept) []kept {
			return renumber(remove(log, func(e *kept) bool { return e.stream == "journey-1" && e.number == 4 }))
		}, `position 14: .*"journey-1", revision 5, id "id13"`, `position 14 .*"journey-1", revision 5`, false},
		"beginning": {func(p *peer, log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == "journey-1" && e.number < 3 })
		},
			`position 2: .*removed.*"journey-1", revision 1, id "id1"`, `"journey-1" .*revisions 1 to 3`, false},
		"whole stream": {func(p *peer, log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == "journey-1" })
		},
			`position 2: .*removed.*"journey-1", revision 1, id "id1"`, `position 2 .*"journey-1", revision 1`, false},
		"added in the past": {func(p *peer, log []kept) []kept {
			i := nth(log, 10)
			e := kept{stream: "journey-7", typ: "t", at: log[i].at - 5}
			return append(log[:i:i], append([]kept{e}, log[i:]...)...)
		}, `position 10: .*has an event here.*"journey-7", revision 1`, `position 10 was stream "journey-0", revision 4 and is stream "journey-7"`, false},
		"reordered": {func(p *peer, log []kept) []kept {
			i, j := nth(log, 10), nth(log, 11)
			log[i], log[j] = log[j], log[i]
			log[i].at, log[j].at = log[j].at, log[i].at
			return log
		}, `position 10: .*"journey-0", revision 4, id "id9"`, `position 10 .*"journey-0", revision 4`, false},
		"recorded earlier": {func(p *peer, log []kept) []kept {
			e := &log[nth(log, 7)]
			e.meta = []byte(strings.Replace(string(e.meta), `"recordedtime":"20`, `"recordedtime":"19`, 1))
			return log
		}, `position 7: .*changed.*"journey-0", revision 3, id "id6"`, `position 7 .*"journey-0", revision 3, id "id6"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			h.peer.patient = c.patient
			h.peer.change(func(log []kept) []kept { return c.change(h.peer, log) })
			before := h.peer.appends()
			h.named(c.old)
			if c.fresh != "^$" {
				h.refused(c.fresh)
			}
			if h.peer.appends() != before {
				t.Error("something was signed or posted on it")
			}
		})
	}
}

// named requires that a node with the mirror of before finds something in the pattern's words.
func (h *history) named(pattern string) {
	h.t.Helper()
	s, err := openNodeWith(h.url, h.old, tagKey, func(o *esdb.Options) { o.Inspect = true })
	must(h.t, err)
	defer s.Close()
	r, err := notary.Verify(within(h.t, 60*time.Second), notary.VerifyOptions{Store: s, Keys: h.keys, Dir: h.dir})
	must(h.t, err)
	var all []string
	for _, p := range r.Problems {
		all = append(all, fmt.Sprintf("position %d: %s", p.Position, p.What))
	}
	if r.OK || !matches(pattern, strings.Join(all, "\n")) {
		h.t.Errorf("want %s, found (ok %v)\n%s", pattern, r.OK, strings.Join(all, "\n"))
	}
	if s.Failure() != nil {
		if _, err := s.Append(context.Background(), batch("journey-1", "new")); !errors.Is(err, ledger.CodeCorrupt) {
			h.t.Errorf("an append to what is only inspected: %v", err)
		}
	}
}

// refused requires that a node without a mirror does not open, in the pattern's words.
func (h *history) refused(pattern string) {
	h.t.Helper()
	s, err := openNode(h.url, vfs.NewMem())
	if err == nil {
		_, err = tryNotary(s, h.keys, h.t.TempDir())
		s.Close()
	}
	if !errors.Is(err, ledger.CodeCorrupt) || ledger.HintOf(err) == "" || !matches(pattern, err.Error()) {
		h.t.Errorf("a fresh node: %v (hint %q), want %s", err, ledger.HintOf(err), pattern)
	}
}

// TestBoardChangedInside: index and checkpoints that were truncated, removed or forged are found, by a node of before and by a fresh one.
func TestBoardChangedInside(t *testing.T) {
	stranger := signers(t)
	for name, c := range map[string]struct {
		change     func(log []kept) []kept
		old, fresh string
	}{
		"last checkpoint removed": {func(log []kept) []kept { return removeLast(log, esdb.CheckpointStream) }, "stream checkpoint has .* events", ""},
		"all checkpoints removed": {func(log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == esdb.CheckpointStream })
		}, "stream checkpoint has 0 events", ""},
		"last chunk removed": {func(log []kept) []kept { return removeLast(log, esdb.IndexStream) }, "checkpoint-index was truncated or removed", "ends at position 15"},
		"index removed": {func(log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == esdb.IndexStream })
		}, "checkpoint-index was truncated or removed", "ends at position 0"},
		"first chunk removed": {func(log []kept) []kept {
			return remove(log, func(e *kept) bool { return e.stream == esdb.IndexStream && e.number == 0 })
		}, "event 1 of the stream checkpoint-index", "event 1 of the stream checkpoint-index"},
		"a chunk that lies": {func(log []kept) []kept {
			for i := range log {
				if log[i].stream == esdb.IndexStream && log[i].number == 1 {
					log[i].data = append(log[i].data[:len(log[i].data)-1:len(log[i].data)-1], log[i].data[len(log[i].data)-1]^1)
				}
			}
			return log
		}, "position 30 ", "position 30 "},
		"a chunk that cannot be read": {func(log []kept) []kept {
			for i := range log {
				if log[i].stream == esdb.IndexStream && log[i].number == 1 {
					log[i].data = []byte{1, 1, 0}
				}
			}
			return log
		}, "cannot be read", "cannot be read"},
		"signed by another key": {func(log []kept) []kept {
			cp := notary.Checkpoint{}
			n := openNotaryNote(t, stranger)
			cp.Note = n
			last := log[len(log)-1]
			return append(log, kept{stream: esdb.CheckpointStream, number: 3, typ: "baton-checkpoint", data: []byte(n), at: last.at + 10})
		}, "", "^"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			h.peer.change(c.change)
			before := h.peer.appends()
			if c.old != "" {
				h.named(c.old)
			}
			if c.fresh == "^" {
				for _, fs := range []vfs.FS{h.old, vfs.NewMem()} {
					s, err := openNode(h.url, fs)
					must(t, err)
					if _, err := tryNotary(s, h.keys, t.TempDir()); !errors.Is(err, ledger.CodeInvalid) && !errors.Is(err, ledger.CodeCorrupt) {
						t.Errorf("a checkpoint of another key: %v", err)
					}
					must(t, s.Close())
				}
			} else if c.fresh != "" {
				h.refused(c.fresh)
			}
			if h.peer.appends() != before {
				t.Error("something was posted")
			}
		})
	}
}

func removeLast(log []kept, stream string) []kept {
	last := uint64(0)
	for _, e := range log {
		if e.stream == stream {
			last = e.number
		}
	}
	return remove(log, func(e *kept) bool { return e.stream == stream && e.number == last })
}

// openNotaryNote is a checkpoint that somebody else's key signed.
func openNotaryNote(t *testing.T, keys notary.Keys) string {
	site := newSite(t)
	return openNotary(t, site.node(t, vfs.NewMem()), keys, t.TempDir()).Latest().Note
}

// TestForkFromCheckpoint: a fresh node whose events and index were changed together still meets the signed root, and shows both.
func TestForkFromCheckpoint(t *testing.T) {
	h := newHistory(t)
	forged := newHistory(t) // of other ids' times, so of other leaves, with an index that goes with them
	forged.peer.change(func(log []kept) []kept {
		theirs, _ := h.peer.snapshot()
		log = remove(log, func(e *kept) bool { return e.stream == esdb.CheckpointStream })
		for _, e := range theirs {
			if e.stream == esdb.CheckpointStream {
				log = append(log, e)
			}
		}
		for i := range log {
			log[i].at = uint64(i+1) * 10
		}
		return log
	})
	s, err := openNode(forged.url, vfs.NewMem())
	must(t, err)
	defer s.Close()
	before := forged.peer.appends()
	_, err = tryNotary(s, h.keys, t.TempDir())
	var fork *notary.Fork
	if !errors.Is(err, ledger.CodeCorrupt) || !errors.As(err, &fork) || fork.Size != 30 {
		t.Errorf("a ledger that is not the signed one: %v", err)
	}
	if forged.peer.appends() != before {
		t.Error("something was posted")
	}
}

// TestFoundingGone: a ledger whose checkpoint stream was removed is not founded again.
func TestFoundingGone(t *testing.T) {
	h := newHistory(t)
	h.peer.change(func(log []kept) []kept {
		return remove(log, func(e *kept) bool { return e.stream == esdb.CheckpointStream })
	})
	client, err := esdb.Dial(h.url, nil)
	must(t, err)
	defer client.Close()
	if _, err := client.Founding(within(t, 10*time.Second)); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := client.Found(within(t, 10*time.Second), esdb.Founding{PublicKey: "k", TagKey: tagKey}); !errors.Is(err, ledger.CodeCorrupt) || ledger.HintOf(err) == "" {
		t.Errorf("founded again: %v", err)
	}
	h.peer.change(func(log []kept) []kept { // and one that was cut at its beginning
		return append(log, kept{stream: esdb.CheckpointStream, number: 4, typ: "baton-checkpoint", at: 1e6})
	})
	if _, err := client.Founding(within(t, 10*time.Second)); !errors.Is(err, ledger.CodeCorrupt) {
		t.Errorf("cut at the beginning: %v", err)
	}
}

func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }

// TestVerifyWhileAway: an EventStoreDB that does not answer is no finding about the ledger; verify could not be done, and says so.
func TestVerifyWhileAway(t *testing.T) {
	s, keys, dir := newSite(t), signers(t), t.TempDir()
	found(t, s.url)
	n := s.node(t, vfs.NewMem())
	if _, err := n.Append(t.Context(), ledger.Batch{Stream: "journey-1", Expect: ledger.Any, Events: []ledger.Event{{ID: "a", Source: "s", Type: "t"}}}); err != nil {
		t.Fatal(err)
	}
	openNotary(t, n, keys, dir)
	s.stop()
	if r, err := notary.Verify(within(t, 60*time.Second), notary.VerifyOptions{Store: n, Keys: keys, Dir: dir}); !errors.Is(err, ledger.CodeUnavailable) {
		t.Errorf("verify while EventStoreDB is away: %+v, %v", r.Problems, err)
	}
	s.start()
	if r, err := notary.Verify(within(t, 60*time.Second), notary.VerifyOptions{Store: n, Keys: keys, Dir: dir}); err != nil || !r.OK {
		t.Errorf("verify when it is back: %+v, %v", r.Problems, err)
	}
}
