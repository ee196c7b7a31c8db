package notary

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/ledger"
)

// check is one pass over all records. Reading, digesting and judging overlap:
//
//	reader   Read by position ─▶ chunks of 1024 ─┬──────────────────────────────▶ judge, in order: places, heads, leaves, tree
//	workers                                      └─▶ SHA-256 of records, stored leaves ─┘           │ nodes
//	nodes                                                                                           └─▶ against those stored
//
// What depends on the event before it is left to the judge; the long hashes are not.
type check struct {
	o        *VerifyOptions
	r        *Report
	head     uint64    // what is read
	anchors  []outside // not reached yet, by size
	maps     []outside // the same, by the size of their map
	treeSize uint64    // for how many leaves interior nodes are stored

	done     uint64 // last position judged
	tree     frontier
	streams  map[string]*streamCheck
	recorded time.Time
	mapped   uint64 // the largest size at which the committed map was right
	stopped  bool   // the records could not be read to the end
	scratch  []byte
	nodes    []ledger.TreeNode
}

// streamCheck is what is known of one stream.
type streamCheck struct {
	state       StreamState
	first, last uint64 // positions
	broken      bool   // a record was not what was written: the next head is taken as it stands
}

// chunk is a run of records with what the workers add to it.
type chunk struct {
	events  []ledger.Recorded
	digests []ledger.Hash // of the records
	leaves  []ledger.Hash // stored leaf hashes from the first event's position on; ends at the first that is missing
	err     error         // of the read, after the events
	ready   chan struct{}
}

const chunkEvents = 1024

func newCheck(ctx context.Context, o *VerifyOptions, r *Report, found []outside, head uint64) (*check, error) {
	c := &check{o: o, r: r, head: head, streams: make(map[string]*streamCheck)}
	var err error
	if c.treeSize, err = TreeSize(ctx, o.Store); err != nil {
		return nil, err
	}
	if c.treeSize > head {
		r.add(Problem{Verdict: completeness, What: "the tree is larger than the ledger", Position: head + 1,
			Expected: fmt.Sprintf("%d events", c.treeSize), Found: fmt.Sprintf("%d", head)})
	}
	c.anchors = found
	c.maps = slices.SortedStableFunc(slices.Values(found), func(a, b outside) int { return cmp.Compare(a.cp.Streams.Size, b.cp.Streams.Size) })
	return c, nil
}

// pass runs the pipeline. Its error is the context's, or of the store's tree; damage goes into the report.
func (c *check) pass(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	ordered, work := make(chan *chunk, 8), make(chan *chunk, 8)
	nodes := make(chan []ledger.TreeNode, 8)
	var bad []Problem
	g.Go(func() error { return c.read(ctx, ordered, work) })
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error { return c.digest(ctx, work) })
	}
	g.Go(func() (err error) { bad, err = c.compareNodes(ctx, nodes); return err })
	g.Go(func() error { defer close(nodes); return c.judge(ctx, ordered, nodes) })
	if err := g.Wait(); err != nil {
		return err
	}
	for _, p := range bad {
		c.r.add(p)
	}
	return nil
}

func (c *check) read(ctx context.Context, ordered, work chan<- *chunk) error {
	defer close(ordered)
	defer close(work)
	send := func(k *chunk) error {
		for _, to := range []chan<- *chunk{ordered, work} {
			select {
			case to <- k:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	k := &chunk{ready: make(chan struct{})}
	if c.head > 0 {
		for r, err := range c.o.Store.Read(ctx, ledger.ReadOptions{To: c.head}) {
			if err != nil {
				k.err = err
				break
			}
			if k.events == nil {
				k.events = make([]ledger.Recorded, 0, chunkEvents)
			}
			if k.events = append(k.events, r); len(k.events) == chunkEvents {
				if err := send(k); err != nil {
					return err
				}
				k = &chunk{ready: make(chan struct{})}
			}
		}
	}
	return send(k)
}

func (c *check) digest(ctx context.Context, work <-chan *chunk) error {
	for k := range work {
		if len(k.events) > 0 {
			k.digests = make([]ledger.Hash, len(k.events))
			for i := range k.events {
				k.digests[i] = ledger.LeafOf(&k.events[i], ledger.Hash{}).Record
				k.events[i].Record, k.events[i].Data = nil, nil
			}
			first, last := k.events[0].Position, k.events[len(k.events)-1].Position
			k.leaves = make([]ledger.Hash, 0, len(k.events))
			for h, err := range c.o.Store.Leaves(ctx, first-1, last) {
				if err != nil {
					break // the judge reports the leaf as missing
				}
				k.leaves = append(k.leaves, h)
			}
		}
		close(k.ready)
	}
	return ctx.Err()
}

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

// compareNodes holds interior nodes recomputed against those stored, as far as those go.
func (c *check) compareNodes(ctx context.Context, batches <-chan []ledger.TreeNode) (bad []Problem, err error) {
	for nodes := range batches {
		nodes = slices.DeleteFunc(nodes, func(n ledger.TreeNode) bool { return (n.At.Index+1)<<n.At.Level > c.treeSize })
		at := make([]ledger.TreeIndex, len(nodes))
		for i, n := range nodes {
			at[i] = n.At
		}
		stored, err := c.o.Store.Hashes(ctx, at)
		if err != nil {
			if stored, err = c.oneByOne(ctx, at); err != nil {
				return nil, err
			}
		}
		for i, n := range nodes {
			if stored[i] != n.Hash && len(bad) < maxProblems {
				bad = append(bad, badTreeNode(n, stored[i]))
			}
		}
	}
	return bad, nil
}

// oneByOne reads hashes of which one cannot be read; that one is zero.
func (c *check) oneByOne(ctx context.Context, at []ledger.TreeIndex) ([]ledger.Hash, error) {
	out := make([]ledger.Hash, len(at))
	for i := range at {
		if h, err := c.o.Store.Hashes(ctx, at[i:i+1]); err == nil {
			out[i] = h[0]
		}
	}
	return out, ctx.Err()
}

func badTreeNode(n ledger.TreeNode, stored ledger.Hash) Problem {
	found := stored.String()
	if stored == (ledger.Hash{}) {
		found = "nothing that can be read"
	}
	first := n.At.Index<<n.At.Level + 1
	return Problem{Verdict: integrity, Position: first, Expected: n.Hash.String(), Found: found,
		What: fmt.Sprintf("the stored tree node over positions %d to %d is not what their leaves give", first, (n.At.Index+1)<<n.At.Level)}
}
