package notary

import (
	"context"
	"errors"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Board is where the nodes of one ledger share their checkpoints: a list that each adds to by compare-and-set. A checkpoint is shown to nobody
// before it is on the list, so that two nodes which both take themselves for the one that signs still show one history.
type Board interface {
	// Last is the newest checkpoint on the list, "" where there is none, and the place of the next one. changed is closed when there is
	// a newer one.
	Last() (note string, place uint64, changed <-chan struct{})
	// Post adds the checkpoint of the ledger's first size events. CodeStaleRevision: the place was taken, and Last says by what.
	Post(ctx context.Context, place, size uint64, note string) error
}

// Adopt takes over the checkpoints that other nodes post, each held against this node's own tree and map, until the context ends, whose
// error it returns. What fails for now is tried again, also if nobody posts any more. It runs on every node with a Board, beside
// [Notary.Run] where this one signs. A checkpoint that is not this ledger's is CodeCorrupt with a [Fork].
func (n *Notary) Adopt(ctx context.Context) error {
	for {
		_, _, changed := n.o.Board.Last()
		n.mu.Lock()
		err := n.adoptPosted(ctx)
		n.mu.Unlock()
		if ctx.Err() != nil || err != nil && fatal(err) {
			return errors.Join(ctx.Err(), err)
		}
		n.report(err)
		var again <-chan time.Time
		if err != nil {
			again = time.After(n.o.Interval)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Signs reports whether this node has the key that signs.
func (n *Notary) Signs() bool { return n.o.Keys.Signer != nil }

// place is where the next checkpoint is posted, with the one before it taken over.
func (n *Notary) place(ctx context.Context) (uint64, error) {
	if n.o.Board == nil {
		return 0, nil
	}
	_, place, _ := n.o.Board.Last() // before the checkpoint is read: one that comes in between makes this place stale
	return place, n.adoptPosted(ctx)
}

// post puts a checkpoint on the board. posted is false where another node was faster: its checkpoint is taken over instead.
func (n *Notary) post(ctx context.Context, place uint64, cp Checkpoint) (posted bool, err error) {
	if n.o.Board == nil {
		return true, nil
	}
	err = n.o.Board.Post(ctx, place, cp.Size, cp.Note)
	if errors.Is(err, ledger.CodeStaleRevision) {
		n.o.Logger.Info("another node signed first", "size", cp.Size)
		return false, n.adoptPosted(ctx)
	}
	return err == nil, err
}

// adoptPosted takes the board's newest checkpoint over.
func (n *Notary) adoptPosted(ctx context.Context) error {
	if n.o.Board == nil {
		return nil
	}
	note, _, _ := n.o.Board.Last()
	last := n.latest.Load()
	if note == "" || last != nil && note == last.Note {
		return nil
	}
	const where = "the checkpoint that another node has posted"
	cp, err := ParseCheckpoint([]byte(note), n.o.Keys.Verifier)
	if err != nil {
		return &ledger.Error{Code: ledger.CodeInvalid, Op: where, Err: err, Hint: "give all nodes of a ledger the same notary.key_file"}
	}
	head := ledger.Head{}
	if cp.Size > 0 {
		if head, err = n.o.Store.Wait(ctx, cp.Size-1); err != nil {
			return err
		}
	}
	if _, err := Extend(ctx, n.o.Store, cp.Size); err != nil { // of our own leaves, so that the root is at hand
		return err
	}
	if err := checkOutside(ctx, n.o.Store, head.Position, outside{where, cp}); err != nil {
		return err
	}
	if last != nil && !cp.newer(last) {
		return nil
	}
	if err := n.rollForward(ctx, outside{where, cp}); err != nil {
		return err
	}
	n.report(n.publish(ctx, cp))
	return nil
}
