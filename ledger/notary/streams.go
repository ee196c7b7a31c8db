package notary

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// mapStateName is the named value that says what the stored nodes of the map amount to: size, count (8 bytes each, big-endian), root.
var mapStateName = []byte("map/state")

func encodeMapRoot(m MapRoot) []byte {
	b := binary.BigEndian.AppendUint64(nil, m.Size)
	b = binary.BigEndian.AppendUint64(b, m.Count)
	return append(b, m.Root[:]...)
}

// mapRoot is the state of the stored map.
func mapRoot(ctx context.Context, store ledger.TreeStore) (MapRoot, error) {
	b, err := store.Value(ctx, mapStateName)
	if err != nil || b == nil {
		return MapRoot{Root: emptyMap}, err
	}
	if len(b) != 8+8+32 {
		return MapRoot{}, ledger.Errorf(ledger.CodeCorrupt, "read map of streams", verifyHint, "value %q has %d bytes", mapStateName, len(b))
	}
	return MapRoot{Size: binary.BigEndian.Uint64(b), Count: binary.BigEndian.Uint64(b[8:]), Root: ledger.Hash(b[16:])}, nil
}

// mapWork bounds one step of the map: it ends at the first of the two. So a burst of writes makes the map lag behind the tree, and the
// writers never wait for it.
type mapWork struct{ events, streams int }

// change is what a run of events does to one stream. before is where the run says it begins; it must be where the map is.
type change struct{ before, after StreamState }

// mapUpdate is a step of the map, computed and not yet written.
type mapUpdate struct {
	root   MapRoot
	values []ledger.NamedValue
}

// advance computes the map at the furthest size up to target that the work allows. Heads are computed from the records: a store's own
// stream heads may already be past the size, and are not what the map should vouch for. So the map is exact at its size, and nothing
// is committed whose chain does not hold.
func advance(ctx context.Context, store Source, tagKey []byte, from MapRoot, target uint64, work mapWork) (mapUpdate, error) {
	if from.Size >= target {
		return mapUpdate{root: from}, nil
	}
	changes, size, err := collect(ctx, store, tagKey, from.Size, target, work)
	if err != nil {
		return mapUpdate{}, err
	}
	u := updater{ctx: ctx, store: store, count: from.Count}
	root, err := u.update(changes, 0, from.Count > 0)
	if err != nil {
		return mapUpdate{}, err
	}
	state := MapRoot{Size: size, Count: u.count, Root: root}
	return mapUpdate{state, append(u.values, ledger.NamedValue{Name: mapStateName, Value: encodeMapRoot(state)})}, nil
}

// collect folds events after a size into one change for each stream, sorted by tag.
func collect(ctx context.Context, store ledger.Reader, tagKey []byte, size, target uint64, work mapWork) ([]change, uint64, error) {
	if work.events > 0 {
		target = min(target, size+uint64(work.events))
	}
	byStream := make(map[string]*change)
	var scratch []byte
	for r, err := range store.Read(ctx, ledger.ReadOptions{From: size + 1, To: target}) {
		if err != nil {
			return nil, 0, err
		}
		c := byStream[r.Stream]
		if c == nil {
			if work.streams > 0 && len(byStream) == work.streams {
				break
			}
			before := StreamState{Tag: ledger.StreamTag(tagKey, r.Stream), Revision: r.Revision - 1, Head: r.PrevHead}
			c = &change{before, before}
			byStream[r.Stream] = c
		}
		if r.Position != size+1 || r.Revision != c.after.Revision+1 || r.PrevHead != c.after.Head {
			return nil, 0, ledger.Errorf(ledger.CodeCorrupt, "map of streams", verifyHint,
				"event at position %d (revision %d) does not continue position %d or its stream's revision %d", r.Position, r.Revision, size, c.after.Revision)
		}
		leaf := ledger.LeafOf(&r, c.after.Tag)
		_, c.after.Head, scratch = leaf.Hashes(scratch)
		c.after.Revision, size = r.Revision, r.Position
	}
	changes := make([]change, 0, len(byStream))
	for _, c := range byStream {
		changes = append(changes, *c)
	}
	slices.SortFunc(changes, func(a, b change) int { return bytes.Compare(a.after.Tag[:], b.after.Tag[:]) })
	return changes, size, nil
}

// updater applies sorted changes to the stored trie and collects the nodes that they alter.
type updater struct {
	ctx    context.Context
	store  ledger.TreeStore
	count  uint64
	values []ledger.NamedValue
}

// update applies changes, all with the prefix of the first one's tag to depth, to the node there. A node that is not stored is new.
func (u *updater) update(changes []change, depth int, stored bool) (ledger.Hash, error) {
	name := nodeName(&changes[0].after.Tag, depth)
	n := new(trieNode)
	if stored {
		var err error
		if n, err = loadNode(u.ctx, u.store, name); err != nil {
			return ledger.Hash{}, err
		}
	}
	for len(changes) > 0 {
		slot, end := nibble(&changes[0].after.Tag, depth), 1
		for end < len(changes) && nibble(&changes[end].after.Tag, depth) == slot {
			end++
		}
		if err := u.fill(n, slot, changes[:end], depth); err != nil {
			return ledger.Hash{}, err
		}
		changes = changes[end:]
	}
	u.values = append(u.values, ledger.NamedValue{Name: name, Value: n.encode()})
	return n.children().hash(), nil
}

// fill applies the changes of one slot. A stream that gets a neighbour moves one level down with it.
func (u *updater) fill(n *trieNode, slot int, changes []change, depth int) (err error) {
	resident := n.streams[slot]
	if n.nodes[slot] != (ledger.Hash{}) {
		n.nodes[slot], err = u.update(changes, depth+1, true)
		return err
	}
	if len(changes) == 1 && (resident == nil || resident.Tag == changes[0].after.Tag) {
		n.streams[slot], err = u.stream(resident, &changes[0])
		return err
	}
	if resident != nil {
		changes = u.join(*resident, changes)
	}
	n.streams[slot] = nil
	n.nodes[slot], err = u.update(changes, depth+1, false)
	return err
}

// join adds a stream that is in the map already to the changes of the node it moves to. One among the changes is continued there,
// which stream sees by its before.
func (u *updater) join(resident StreamState, changes []change) []change {
	u.count-- // counted again where it is put
	i, found := slices.BinarySearchFunc(changes, resident, func(c change, s StreamState) int { return bytes.Compare(c.after.Tag[:], s.Tag[:]) })
	out := slices.Clone(changes)
	if !found {
		return slices.Insert(out, i, change{before: fresh(resident.Tag), after: resident})
	}
	if out[i].before == resident {
		out[i].before = fresh(resident.Tag)
	}
	return out
}

// fresh is the state of a stream before its first event.
func fresh(tag ledger.Hash) StreamState { return StreamState{Tag: tag, Head: ledger.SeedHead(tag)} }

// stream puts a stream's new state into an empty slot or over its old one.
func (u *updater) stream(resident *StreamState, c *change) (*StreamState, error) {
	was := fresh(c.after.Tag)
	if resident != nil {
		was = *resident
	} else {
		u.count++
	}
	if was != c.before {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "map of streams", verifyHint,
			"a stream (tag %s) goes on from revision %d with head %s, the map has revision %d with head %s",
			c.after.Tag, c.before.Revision, c.before.Head, was.Revision, was.Head)
	}
	after := c.after
	return &after, nil
}

func loadNode(ctx context.Context, store ledger.TreeStore, name []byte) (*trieNode, error) {
	b, err := store.Value(ctx, name)
	if err != nil {
		return nil, err
	}
	return decodeNode(b)
}
