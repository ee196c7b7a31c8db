package notary

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Store is what a notary works on.
type Store interface {
	Source
	ledger.Tailer
}

// Options of a notary.
type Options struct {
	Store    Store
	Keys     Keys
	Dir      string        // data directory: the checkpoint goes to Dir/checkpoint
	Copies   []string      // further files or folders for it, best on another machine's disk
	Interval time.Duration // between checkpoints while events come in, default 1 s
	Board    Board         // where several nodes share checkpoints; nil: this is the only node
	Logger   *slog.Logger  // nil: none
}

// How far the map of streams goes in one checkpoint: about a tenth of a second of work while the ledger is in use, more at its end.
var (
	tickWork  = mapWork{events: 1 << 16, streams: 1 << 13}
	closeWork = mapWork{events: 1 << 18, streams: 1 << 15}
)

// Notary extends the tree and the map of streams behind the writers and publishes checkpoints. Its methods are safe for concurrent use;
// there is one notary for a ledger.
//
// One checkpoint is four steps. If power goes after a step, the world is this, and the next [Open] does what is said:
//
//	(0) nothing yet            outside and inside hold the checkpoint before; events after it are durable and not covered
//	(1) PutTree: nodes         as (0): nodes are a function of the leaves. Unsynced, so any suffix of such writes may be gone; then
//	                           tree/size, written with them, is lower and they are made again
//	(2) sign                   as (1): nobody has seen the signature. A later checkpoint of the same size has the same root
//	(2b) post                  with a [Board]: all nodes have it, this one takes it over when it is opened
//	(3) outside: file, copies  the files are synced one after another; each is old or new, never torn. Outside is ahead of inside.
//	                           Open rolls the map forward to the size the file states, requires its root, and goes on
//	(4) PutTree: map, note     inside is as outside; unsynced: a power loss brings back (3)
//
// Outside goes first, so that a checkpoint inside proves that there was one outside: [Guard] refuses a ledger whose file was removed. The
// map's nodes change in place, so they move in one atomic step with the checkpoint that states their root, and never ahead of it.
type Notary struct {
	o       Options
	mu      sync.Mutex        // one checkpoint at a time
	streams MapRoot           // the stored map
	written map[string]string // file to the note this process put there
	closed  bool
	latest  atomic.Pointer[Checkpoint]
}

// Open checks the ledger with [Guard], finishes what a crash interrupted, and writes the first checkpoint of a new ledger.
func Open(ctx context.Context, o Options) (*Notary, error) {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Keys.Signer == nil && o.Board == nil || o.Keys.Verifier == nil || len(o.Keys.TagKey) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "open notary", "load the keys first", "signer, verifier or tag key is missing")
	}
	if err := Guard(ctx, o.Store, o.Keys, o.Dir, o.Copies); err != nil {
		return nil, err
	}
	n := &Notary{o: o, written: make(map[string]string)}
	if err := n.recover(ctx); err != nil {
		return nil, err
	}
	if err := n.adoptPosted(ctx); err != nil {
		return nil, err
	}
	if n.latest.Load() == nil && o.Keys.Signer != nil {
		_, err := n.Checkpoint(ctx)
		if n.latest.Load() == nil {
			return nil, err
		}
		n.report(err)
	}
	return n, nil
}

// recover brings the stored map to the newest checkpoint, inside or outside.
func (n *Notary) recover(ctx context.Context) error {
	found, err := readOutside(n.o.Dir, n.o.Copies, n.o.Keys.Verifier)
	if err != nil {
		return err
	}
	stored, err := Stored(ctx, n.o.Store, n.o.Keys.Verifier)
	if err == nil {
		found = append(found, outside{"the ledger's own checkpoint", stored})
	} else if !errors.Is(err, ledger.CodeNotFound) {
		return err
	}
	if n.streams, err = mapRoot(ctx, n.o.Store); err != nil || len(found) == 0 {
		return err
	}
	newest := found[0]
	for _, o := range found {
		if o.cp.newer(&newest.cp) {
			newest = o
		}
	}
	return n.rollForward(ctx, newest)
}

func (n *Notary) rollForward(ctx context.Context, newest outside) error {
	cp := newest.cp
	if _, err := Extend(ctx, n.o.Store, cp.Size); err != nil {
		return err
	}
	u, err := advance(ctx, n.o.Store, n.o.Keys.TagKey, n.streams, cp.Streams.Size, mapWork{})
	if err != nil {
		return err
	}
	if u.root != cp.Streams {
		return ledger.Errorf(ledger.CodeCorrupt, "open notary", verifyHint,
			"the map of streams at size %d has %d streams and root %s, %s says %d and %s. The checkpoint:\n%s",
			u.root.Size, u.root.Count, encode64(u.root.Root), newest.file, cp.Streams.Count, encode64(cp.Streams.Root), cp.Note)
	}
	return n.commit(ctx, cp, u)
}

// Run writes checkpoints as events come in, at once after a pause and then once in each interval, until the context ends, whose
// error it returns. It also ends on evidence that the ledger is not what was signed (CodeCorrupt, CodeInvalid); anything else (a full disk, a
// copy that cannot be reached) is logged and tried again.
func (n *Notary) Run(ctx context.Context) error {
	for {
		if err := n.awaitWork(ctx); err != nil {
			return err
		}
		started := time.Now()
		if _, err := n.step(ctx, tickWork); err != nil {
			if fatal(err) || ctx.Err() != nil {
				return errors.Join(ctx.Err(), err)
			}
			n.report(err)
		}
		if err := ledger.Pause(ctx, n.o.Interval-time.Since(started)); err != nil {
			return err
		}
	}
}

// report logs what will be tried again.
func (n *Notary) report(err error) {
	if err != nil {
		n.o.Logger.Error("checkpoint not written everywhere, trying again", "error", err, "hint", ledger.HintOf(err))
	}
}

// fatal reports whether trying again can only make it worse.
func fatal(err error) bool {
	return errors.Is(err, ledger.CodeCorrupt) || errors.Is(err, ledger.CodeInvalid) || errors.Is(err, ledger.CodeClosed)
}

// awaitWork returns when there are events that the newest checkpoint, or the map in it, does not cover.
func (n *Notary) awaitWork(ctx context.Context) error {
	cp := n.Latest()
	if cp.Streams.Size < cp.Size {
		return ctx.Err()
	}
	_, err := n.o.Store.Wait(ctx, cp.Size)
	return err
}

// Latest is the newest checkpoint that was published.
func (n *Notary) Latest() Checkpoint {
	if cp := n.latest.Load(); cp != nil {
		return *cp
	}
	return Checkpoint{}
}

// Checkpoint publishes a checkpoint that covers every event that is durable now, and returns it. It is the newest one where nothing is
// new. An error that concerns copies alone comes with the checkpoint.
func (n *Notary) Checkpoint(ctx context.Context) (Checkpoint, error) { return n.step(ctx, tickWork) }

// Close publishes the last checkpoint, with the map of streams brought up to it. The store stays open. A second Close does nothing; after
// an error it tries again, unless the error is about copies alone.
func (n *Notary) Close(ctx context.Context) error {
	for {
		before := n.Latest()
		cp, err := n.step(ctx, closeWork)
		switch {
		case errors.Is(err, ledger.CodeClosed):
			return nil
		case err != nil && (fatal(err) || cp.Note == before.Note):
			return err
		case cp.Streams.Size == cp.Size || n.o.Board != nil: // other nodes go on
			n.mu.Lock()
			defer n.mu.Unlock()
			n.closed = true
			return err
		}
	}
}

// step makes one checkpoint.
func (n *Notary) step(ctx context.Context, work mapWork) (Checkpoint, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return n.Latest(), ledger.Errorf(ledger.CodeClosed, "checkpoint", "", "the notary is closed")
	}
	place, err := n.place(ctx)
	if err != nil || n.o.Keys.Signer == nil {
		return n.Latest(), err
	}
	head, err := n.o.Store.Head(ctx)
	if err != nil {
		return n.Latest(), err
	}
	if last := n.latest.Load(); last != nil && last.Size == head.Position && last.Streams.Size == last.Size {
		return *last, n.publish(ctx, *last)
	}
	cp := Checkpoint{Origin: n.o.Keys.Verifier.Name(), Size: head.Position}
	if cp.Root, err = Extend(ctx, n.o.Store, cp.Size); err != nil {
		return n.Latest(), err
	}
	u, err := advance(ctx, n.o.Store, n.o.Keys.TagKey, n.streams, cp.Size, work)
	if err != nil {
		return n.Latest(), err
	}
	cp.Streams = u.root
	if err := cp.sign(n.o.Keys.Signer); err != nil {
		return n.Latest(), err
	}
	if posted, err := n.post(ctx, place, cp); err != nil || !posted {
		return n.Latest(), err
	}
	unreached := n.publish(ctx, cp)
	if unreached != nil && (fatal(unreached) || n.written[outsideFiles(n.o.Dir, nil)[0]] != cp.Note) {
		return n.Latest(), unreached
	}
	return cp, errors.Join(unreached, n.commit(ctx, cp, u))
}

// publish writes the checkpoint outside. The first error is returned, after every file was tried.
func (n *Notary) publish(ctx context.Context, cp Checkpoint) (first error) {
	for _, file := range outsideFiles(n.o.Dir, n.o.Copies) {
		if err := n.publishOutside(ctx, file, cp); err != nil && (first == nil || fatal(err)) {
			first = err
		}
	}
	return first
}

// commit stores the checkpoint and the map that it states.
func (n *Notary) commit(ctx context.Context, cp Checkpoint, u mapUpdate) error {
	note := ledger.NamedValue{Name: checkpointName, Value: []byte(cp.Note)}
	if err := n.o.Store.PutTree(ctx, nil, append(u.values, note)); err != nil {
		return err
	}
	n.streams = u.root
	n.latest.Store(&cp)
	return nil
}
