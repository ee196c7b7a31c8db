package notary

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/ledger"
)

// check is one pass over all records. Reading, digesting and judging overlap:
//
//	reader   Read by position ─▶ chunks of 1024 ─┬──────────────────────────────▶ judge, in order: places, heads, leaves, tree
//	workers                                      ├─▶ SHA-256 of records, stored leaves ─┘           │ nodes
//	nodes                                        │                                                  └─▶ against those stored
//	audit                                        └─▶ the engine's indexes
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
	chunks   sync.Pool
	audited  chan *chunk // what the audit takes of the records, nil where it reads them itself
	findings []Problem
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
	ready   chan struct{} // closed by the worker
	readers atomic.Int32  // who still need it: the judge, the audit
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
	engine, shares := c.o.Store.(ledger.RecordAuditor)
	if shares {
		c.audited = make(chan *chunk, 8)
	}
	g.Go(func() (err error) { c.findings, err = c.audit(ctx, engine); return err })
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
	to := []chan<- *chunk{ordered, work}
	if c.audited != nil {
		defer close(c.audited)
		to = append(to, c.audited)
	}
	send := func(k *chunk) error {
		for _, to := range to {
			select {
			case to <- k:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	k := c.chunk()
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
				k = c.chunk()
			}
		}
	}
	return send(k)
}

// chunk gives an empty one, of those that have been read where there is one: the events of one are half a megabyte.
func (c *check) chunk() *chunk {
	k, ok := c.chunks.Get().(*chunk)
	if !ok {
		k = &chunk{}
	}
	k.events, k.digests, k.leaves, k.err, k.ready = k.events[:0], k.digests[:0], k.leaves[:0], nil, make(chan struct{})
	k.readers.Store(1)
	if c.audited != nil {
		k.readers.Store(2)
	}
	return k
}

// dismiss is called by each reader of a chunk, once it looks at it no more.
func (c *check) dismiss(k *chunk) {
	if k.readers.Add(-1) == 0 {
		c.chunks.Put(k)
	}
}

func (c *check) digest(ctx context.Context, work <-chan *chunk) error {
	for k := range work {
		if len(k.events) > 0 {
			for i := range k.events {
				k.digests = append(k.digests, sha256.Sum256(k.events[i].Record))
				k.events[i].Record, k.events[i].Data = nil, nil
			}
			first, last := k.events[0].Position, k.events[len(k.events)-1].Position
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

// compareNodes holds interior nodes recomputed against those stored, as far as those go.
func (c *check) compareNodes(ctx context.Context, batches <-chan []ledger.TreeNode) (bad []Problem, err error) {
	for nodes := range batches {
		slices.SortFunc(nodes, func(a, b ledger.TreeNode) int { // as they lie on disk
			return cmp.Or(cmp.Compare(a.At.Level, b.At.Level), cmp.Compare(a.At.Index, b.At.Index))
		})
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
