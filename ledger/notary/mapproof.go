package notary

import (
	"bytes"
	"context"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// MapProof is the path from the root of the map of streams to where a tag is or would be: interior nodes, root first, then the stream
// that is found there, if any. Present: State is that of the tag. Absent: State is nil or another stream's.
type MapProof struct {
	Path  []MapNode    `json:"path"`
	State *StreamState `json:"state,omitempty"`
}

// proveTag walks the stored map.
func proveTag(ctx context.Context, store ledger.TreeStore, tag ledger.Hash) (MapProof, error) {
	var p MapProof
	for depth := 0; depth < depths; depth++ {
		n := new(trieNode)
		name := nodeName(&tag, depth)
		b, err := store.Value(ctx, name)
		if err == nil && (b != nil || depth > 0) { // the root of an empty map is not stored
			n, err = decodeNode(b)
		}
		if err != nil {
			return MapProof{}, err
		}
		p.Path = append(p.Path, *n.children())
		slot := nibble(&tag, depth)
		if n.nodes[slot] == (ledger.Hash{}) {
			p.State = n.streams[slot]
			return p, nil
		}
	}
	return MapProof{}, ledger.Errorf(ledger.CodeCorrupt, "read map of streams", verifyHint, "the map is deeper than a tag is long")
}

// walk checks the path against the root and gives the hash in the tag's last slot.
func (p *MapProof) walk(root, tag ledger.Hash) (ledger.Hash, error) {
	if len(p.Path) == 0 || len(p.Path) > depths {
		return ledger.Hash{}, badMapProof("path has %d nodes", len(p.Path))
	}
	want := root
	for depth := range p.Path {
		if got := p.Path[depth].hash(); got != want {
			return ledger.Hash{}, badMapProof("node at depth %d has hash %s, its parent (or the checkpoint) says %s", depth, got, want)
		}
		want = p.Path[depth][nibble(&tag, depth)]
	}
	return want, nil
}

// CheckPresent verifies that the map with that root has exactly this state for the state's tag.
func (p *MapProof) CheckPresent(root ledger.Hash, s StreamState) error {
	slot, err := p.walk(root, s.Tag)
	if err != nil {
		return err
	}
	if slot != s.hash() {
		return badMapProof("the map has no stream with tag %s at revision %d with head %s", s.Tag, s.Revision, s.Head)
	}
	return nil
}

// CheckAbsent verifies that the map with that root has no stream with the tag: the slot where it would be is empty, or holds another
// stream, which would have moved down if the tag were there.
func (p *MapProof) CheckAbsent(root, tag ledger.Hash) error {
	slot, err := p.walk(root, tag)
	switch {
	case err != nil:
		return err
	case slot == ledger.Hash{}:
		return nil
	case p.State == nil || p.State.Tag == tag || p.State.hash() != slot:
		return badMapProof("the slot of tag %s is not shown to be another stream's", tag)
	}
	for depth := range p.Path {
		if nibble(&p.State.Tag, depth) != nibble(&tag, depth) {
			return badMapProof("the stream shown for tag %s does not belong on its path", tag)
		}
	}
	return nil
}

func badMapProof(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeCorrupt, "check map of streams", "ask for the proof and its checkpoint again: they do not belong together", format, args...)
}

// StreamProof is a portable proof of how long a stream was at a checkpoint: with it, and the stream's leaves, nothing can be
// left out of the stream, not even at its end. Events after the checkpoint's Streams.Size are not covered.
type StreamProof struct {
	Tag        ledger.Hash `json:"tag"`
	Map        MapProof    `json:"map"`
	Checkpoint string      `json:"checkpoint"`
}

// ProveStream proves the state of a stream, or that there is none of that name, under the newest stored checkpoint.
func ProveStream(ctx context.Context, store ledger.TreeStore, keys Keys, stream string) (StreamProof, error) {
	p := StreamProof{Tag: ledger.StreamTag(keys.TagKey, stream)}
	for {
		before, err := store.Value(ctx, checkpointName)
		if err != nil {
			return p, err
		}
		if p.Map, err = proveTag(ctx, store, p.Tag); err != nil {
			return p, err
		}
		// The map is changed in place, in one step with the checkpoint: what was read belongs together if that has not moved.
		after, err := Stored(ctx, store, keys.Verifier)
		if err != nil {
			return p, err
		}
		if p.Checkpoint = after.Note; bytes.Equal(before, []byte(after.Note)) {
			_, _, err := p.Verify(keys.Verifier)
			return p, err
		}
	}
}

// Verify checks the proof against the log's public key. It gives the stream's state, with revision 0 where there was no such stream.
func (p *StreamProof) Verify(v note.Verifier) (StreamState, Checkpoint, error) {
	cp, err := ParseCheckpoint([]byte(p.Checkpoint), v)
	if err != nil {
		return StreamState{}, Checkpoint{}, err
	}
	if s := p.Map.State; s != nil && s.Tag == p.Tag {
		return *s, cp, p.Map.CheckPresent(cp.Streams.Root, *s)
	}
	return fresh(p.Tag), cp, p.Map.CheckAbsent(cp.Streams.Root, p.Tag)
}

// CheckStream verifies that leaves are a whole stream, first to last: revisions from 1 without gaps, every head chained to the one
// before, and the last revision and head those that the map commits to.
func CheckStream(leaves []ledger.Leaf, want StreamState) error {
	const op, hint = "check stream", "ask for all events of the stream up to the checkpoint's streams size"
	s := fresh(want.Tag)
	var scratch []byte
	for i := range leaves {
		l := &leaves[i]
		switch {
		case l.StreamTag != want.Tag:
			return ledger.Errorf(ledger.CodeCorrupt, op, hint, "event at position %d is of another stream", l.Position)
		case l.Revision != s.Revision+1:
			return ledger.Errorf(ledger.CodeCorrupt, op, hint, "revision %d is missing: revision %d comes after %d", s.Revision+1, l.Revision, s.Revision)
		case l.PrevHead != s.Head:
			return ledger.Errorf(ledger.CodeCorrupt, op, hint, "revision %d is not chained to revision %d as it was", l.Revision, s.Revision)
		}
		_, s.Head, scratch = l.Hashes(scratch)
		s.Revision = l.Revision
	}
	if s != want {
		return ledger.Errorf(ledger.CodeCorrupt, op, hint, "the stream ends at revision %d with head %s, the map commits to revision %d with head %s",
			s.Revision, s.Head, want.Revision, want.Head)
	}
	return nil
}
