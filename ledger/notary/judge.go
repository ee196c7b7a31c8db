package notary

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// judge takes chunks in order. It is the only goroutine that writes to the report while the pass runs.
func (c *check) judge(ctx context.Context, ordered <-chan *chunk, nodes chan<- []ledger.TreeNode) error {
	c.reached(ctx) // checkpoints of size 0
	for k := range ordered {
		select {
		case <-k.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		for i := range k.events {
			stored, missing := ledger.Hash{}, i >= len(k.leaves)
			if !missing {
				stored = k.leaves[i]
			}
			if c.event(ctx, &k.events[i], k.digests[i], stored, missing); c.stopped {
				return c.drain(ctx, ordered)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if k.err != nil {
			c.stop(ctx, "the record cannot be read: "+k.err.Error(), c.done+1)
		}
		c.dismiss(k)
		if c.o.Progress != nil {
			c.o.Progress(c.done, c.head)
		}
		select {
		case nodes <- c.nodes:
			c.nodes = make([]ledger.TreeNode, 0, chunkEvents)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c.done < c.head && !c.stopped {
		c.stop(ctx, "the ledger ends before its head", c.done+1)
	}
	return nil
}

func (c *check) drain(ctx context.Context, ordered <-chan *chunk) error {
	for range ordered { // the reader ends by itself
	}
	return ctx.Err()
}

// stop reports where the records cannot be followed any further.
func (c *check) stop(ctx context.Context, what string, position uint64) {
	c.stopped = true
	p := Problem{Verdict: integrity, What: what, Position: position}
	if hashes, err := c.o.Store.Hashes(ctx, []ledger.TreeIndex{{Index: position - 1}}); err == nil {
		p.Evidence = c.evidence(ctx, position, hashes[0], nil)
	}
	c.r.add(p)
	if position < c.head {
		c.r.add(Problem{Verdict: completeness, Position: position,
			What: fmt.Sprintf("positions %d to %d could not be checked, nor roots and maps beyond", position, c.head)})
	}
}

// event judges one record.
func (c *check) event(ctx context.Context, r *ledger.Recorded, digest, stored ledger.Hash, missing bool) {
	if r.Position != c.done+1 {
		c.stop(ctx, fmt.Sprintf("position %d comes after %d", r.Position, c.done), c.done+1)
		return
	}
	s := c.place(r)
	leaf := ledger.Leaf{Position: r.Position, Revision: r.Revision, RecordedTime: r.RecordedTime, StreamTag: s.state.Tag,
		Record: digest, Type: r.Type, PrevHead: r.PrevHead}
	var hash ledger.Hash
	hash, s.state.Head, c.scratch = leaf.Hashes(c.scratch)
	switch {
	case missing:
		c.r.add(Problem{Verdict: integrity, What: "the stored leaf hash is missing", Position: r.Position, Stream: r.Stream, Revision: r.Revision})
	case hash != stored:
		hash = c.contradiction(ctx, r, s, leaf.Append(nil), stored)
	}
	c.tree.append(hash, func(n ledger.TreeNode) { c.nodes = append(c.nodes, n) })
	c.done = r.Position
	c.reached(ctx)
}

// place checks what an event says of its place against what came before it, and notes it.
func (c *check) place(r *ledger.Recorded) *streamCheck {
	s := c.streams[r.Stream]
	if s == nil {
		s = &streamCheck{state: fresh(ledger.StreamTag(c.o.Keys.TagKey, r.Stream)), first: r.Position}
		c.streams[strings.Clone(r.Stream)] = s // the event's strings are parts of one larger one
	}
	at := Problem{Position: r.Position, Stream: r.Stream, Revision: r.Revision}
	if r.Revision != s.state.Revision+1 {
		at.Verdict, at.What = completeness, "the stream's revisions are not contiguous"
		at.Expected, at.Found = fmt.Sprint(s.state.Revision+1), fmt.Sprint(r.Revision)
		c.r.add(at)
	} else if r.PrevHead != s.state.Head && !s.broken {
		at.Verdict, at.What = integrity, "the event is not chained to the one before it in its stream"
		at.Expected, at.Found = s.state.Head.String(), r.PrevHead.String()
		c.r.add(at)
	}
	if r.RecordedTime.Before(c.recorded) {
		at.Verdict, at.What = clock, "recorded time goes back"
		at.Expected, at.Found = c.recorded.Format(time.RFC3339Nano)+" or later", r.RecordedTime.Format(time.RFC3339Nano)
		c.r.add(at)
	}
	c.recorded = r.RecordedTime
	s.state.Revision, s.last, s.broken = r.Revision, r.Position, false
	return s
}

// contradiction reports a record and a stored leaf hash that do not belong together, and gives the hash that the tree goes on with: the
// signed one where that can be told, so that one changed record does not make all roots wrong.
func (c *check) contradiction(ctx context.Context, r *ledger.Recorded, s *streamCheck, leaf []byte, stored ledger.Hash) ledger.Hash {
	p := Problem{Verdict: integrity, What: "the record is not what its stored leaf hash says", Position: r.Position, Stream: r.Stream,
		Revision: r.Revision, Expected: stored.String(), Found: LeafHash(leaf).String()}
	if e := c.evidence(ctx, r.Position, LeafHash(leaf), nil); e != nil && e.Hashes != nil {
		p.What, p.Expected, p.Found = "the stored leaf hash is not that of the record, which is as signed", p.Found, p.Expected
		c.r.add(p)
		return LeafHash(leaf)
	}
	p.Evidence = c.evidence(ctx, r.Position, stored, leaf)
	c.r.add(p)
	s.broken = true
	return stored
}

// evidence makes what a third party can check, under the newest checkpoint that covers the position; nil where none does.
func (c *check) evidence(ctx context.Context, position uint64, want ledger.Hash, found []byte) *Evidence {
	if len(c.anchors) == 0 {
		return nil
	}
	cp := &c.anchors[len(c.anchors)-1].cp
	if cp.Size < position {
		return nil
	}
	e := &Evidence{Checkpoint: cp.Note, Index: position - 1, LeafHash: want, Found: found}
	hashes, err := Inclusion(ctx, c.o.Store, e.Index, cp.Size)
	if err == nil && CheckInclusion(hashes, cp.Size, cp.Root, e.Index, want) == nil {
		e.Hashes = hashes
	}
	return e
}

// reached compares with the checkpoints whose size, or whose map's size, the pass has come to.
func (c *check) reached(ctx context.Context) {
	for len(c.anchors) > 0 && c.anchors[0].cp.Size == c.done {
		a := c.anchors[0]
		c.anchors = c.anchors[1:]
		if root := c.tree.root(); root != a.cp.Root {
			c.r.add(Problem{Verdict: integrity, What: fmt.Sprintf("the records do not give the signed root at size %d", c.done), File: a.file,
				Position: c.done, Expected: encode64(a.cp.Root), Found: encode64(root), Evidence: &Evidence{Checkpoint: a.cp.Note}})
		}
	}
	for len(c.maps) > 0 && c.maps[0].cp.Streams.Size == c.done {
		n := 1
		for n < len(c.maps) && c.maps[n].cp.Streams.Size == c.done {
			n++
		}
		c.compareMap(ctx, c.maps[:n])
		c.maps = c.maps[n:]
	}
}

// compareMap rebuilds the map of streams as of now.
func (c *check) compareMap(ctx context.Context, found []outside) {
	states := make([]StreamState, 0, len(c.streams))
	for _, s := range c.streams {
		states = append(states, s.state)
	}
	slices.SortFunc(states, func(a, b StreamState) int { return bytes.Compare(a.Tag[:], b.Tag[:]) })
	stored, err := mapRoot(ctx, c.o.Store)
	var visit func([]byte, *trieNode)
	differ := 0
	if err == nil && stored.Size == c.done {
		visit = func(name []byte, n *trieNode) {
			if b, err := c.o.Store.Value(ctx, name); err != nil || !bytes.Equal(b, n.encode()) {
				differ++
			}
		}
	}
	now := MapRoot{Size: c.done, Count: uint64(len(states)), Root: buildMap(states, 0, visit)}
	for _, a := range found {
		if now != a.cp.Streams {
			c.r.add(Problem{Verdict: completeness, What: fmt.Sprintf("the streams' last revisions and heads do not give the signed map at size %d", c.done),
				File: a.file, Position: c.done, Expected: fmt.Sprintf("%d streams, %s", a.cp.Streams.Count, encode64(a.cp.Streams.Root)),
				Found: fmt.Sprintf("%d streams, %s", now.Count, encode64(now.Root)), Evidence: &Evidence{Checkpoint: a.cp.Note}})
			continue
		}
		c.mapped = c.done
	}
	// A live notary may have moved the nodes on meanwhile: then they say nothing.
	if after, err := mapRoot(ctx, c.o.Store); differ > 0 && err == nil && after == stored {
		c.r.add(Problem{Verdict: integrity, What: fmt.Sprintf("%d stored nodes of the map of streams are not what its streams give", differ)})
	}
}
