package notary

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// definedRoot is the definition of the map's hash: of the node over all tags that begin with a prefix of nibbles.
func definedRoot(contents map[ledger.Hash]StreamState, prefix []byte) ledger.Hash {
	node := []byte{1}
	for nibble := range byte(16) {
		var under []StreamState
		for tag, s := range contents {
			if bytes.HasPrefix(nibbles(tag), append(slices.Clone(prefix), nibble)) {
				under = append(under, s)
			}
		}
		var child ledger.Hash
		switch len(under) {
		case 0:
		case 1:
			leaf := append([]byte{0}, under[0].Tag[:]...)
			leaf = binary.BigEndian.AppendUint64(leaf, under[0].Revision)
			child = sha256.Sum256(append(leaf, under[0].Head[:]...))
		default:
			child = definedRoot(contents, append(slices.Clone(prefix), nibble))
		}
		node = append(node, child[:]...)
	}
	return sha256.Sum256(node)
}

func nibbles(tag ledger.Hash) []byte {
	var out []byte
	for _, b := range tag {
		out = append(out, b>>4, b&15)
	}
	return out
}

// crowdedTag draws tags of few bits, some of which differ only deep down.
func crowdedTag(rt *rapid.T) (tag ledger.Hash) {
	for _, at := range []int{0, 1, 15, 31} {
		tag[at] = rapid.SampledFrom([]byte{0x00, 0x01, 0x10}).Draw(rt, "byte")
	}
	return tag
}

// TestMapAgainstDefinition applies random runs of changes to the stored map. After each its root is the one that the contents define, and
// every tag is proven present or absent.
func TestMapAgainstDefinition(t *testing.T) {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	rapid.Check(t, func(rt *rapid.T) {
		contents, count := map[ledger.Hash]StreamState{}, uint64(0)
		for range rapid.IntRange(1, 4).Draw(rt, "runs") {
			changed := map[ledger.Hash]bool{}
			var changes []change
			for range rapid.IntRange(1, 8).Draw(rt, "changes") {
				tag := crowdedTag(rt)
				if changed[tag] {
					continue
				}
				changed[tag] = true
				before, found := contents[tag]
				if !found {
					before = fresh(tag)
				}
				after := StreamState{tag, before.Revision + 1, sha256.Sum256(before.Head[:])}
				changes, contents[tag] = append(changes, change{before, after}), after
			}
			slices.SortFunc(changes, func(a, b change) int { return bytes.Compare(a.after.Tag[:], b.after.Tag[:]) })
			u := updater{ctx: t.Context(), store: store, count: count}
			root, err := u.update(changes, 0, count > 0)
			if err != nil {
				rt.Fatal(err)
			}
			if err := store.PutTree(t.Context(), nil, u.values); err != nil {
				rt.Fatal(err)
			}
			if count = u.count; count != uint64(len(contents)) {
				rt.Fatalf("%d streams are counted, there are %d", count, len(contents))
			}
			checkMap(t, rt, store, contents, root)
		}
	})
}

func checkMap(t *testing.T, rt *rapid.T, store *pebblestore.Store, contents map[ledger.Hash]StreamState, root ledger.Hash) {
	if want := definedRoot(contents, nil); root != want {
		rt.Fatalf("root of %d streams is %s, defined as %s", len(contents), root, want)
	}
	states := make([]StreamState, 0, len(contents))
	for _, s := range contents {
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b StreamState) int { return bytes.Compare(a.Tag[:], b.Tag[:]) })
	if built := buildMap(states, 0, nil); built != root {
		rt.Fatalf("built at once: %s, step by step: %s", built, root)
	}
	for range 4 {
		tag := crowdedTag(rt)
		p, err := proveTag(t.Context(), store, tag)
		if err != nil {
			rt.Fatal(err)
		}
		s, present := contents[tag]
		if present != (p.CheckPresent(root, s) == nil) || present == (p.CheckAbsent(root, tag) == nil) {
			rt.Fatalf("tag %s present %v: present %v, absent %v", tag, present, p.CheckPresent(root, s), p.CheckAbsent(root, tag))
		}
		checkForgeries(rt, p, root, tag, s, present)
	}
}

// checkForgeries alters a proof in ways that must not be believed.
func checkForgeries(rt *rapid.T, p MapProof, root, tag ledger.Hash, s StreamState, present bool) {
	if present {
		older := s
		older.Revision--
		if p.CheckPresent(root, older) == nil {
			rt.Fatal("another revision is believed")
		}
		other := tag
		other[20]++ // shares no more than the path's prefix, and is not there
		forged := MapProof{Path: p.Path, State: &StreamState{Tag: other, Revision: s.Revision, Head: s.Head}}
		if forged.CheckAbsent(root, tag) == nil {
			rt.Fatal("a present tag is believed absent")
		}
	}
	depth := rapid.IntRange(0, len(p.Path)-1).Draw(rt, "depth")
	p.Path = slices.Clone(p.Path)
	p.Path[depth][3][7] ^= 1
	if p.CheckAbsent(root, tag) == nil || present && p.CheckPresent(root, s) == nil {
		rt.Fatalf("a path with another node at depth %d is believed", depth)
	}
}

// TestChainMustContinue: a run of events that does not begin where the map is, is refused.
func TestChainMustContinue(t *testing.T) {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), CacheMB: 8, MemtableMB: 4, MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	tag := ledger.Hash{1}
	gap := change{before: StreamState{tag, 1, ledger.Hash{7}}, after: StreamState{tag, 2, ledger.Hash{8}}}
	u := updater{ctx: t.Context(), store: store}
	if _, err := u.update([]change{gap}, 0, false); ledger.CodeOf(err) != ledger.CodeCorrupt {
		t.Errorf("a stream that begins at revision 2: %v", err)
	}
}

func TestNodesThatCannotBeRead(t *testing.T) {
	n := trieNode{}
	n.streams[3] = &StreamState{Tag: ledger.Hash{1}, Revision: 2}
	n.nodes[9] = ledger.Hash{5}
	good := n.encode()
	if back, err := decodeNode(good); err != nil || *back.children() != *n.children() {
		t.Errorf("read back: %v", err)
	}
	both := slices.Clone(good)
	both[2] |= both[0]
	both[3] |= both[1]
	for _, bad := range [][]byte{nil, good[:3], good[:len(good)-1], append(slices.Clone(good), 0), both} {
		if _, err := decodeNode(bad); ledger.CodeOf(err) != ledger.CodeCorrupt {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}
