package esdb

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
)

// Mirror is a node's own copy of what EventStoreDB keeps: positions, leaves, stream heads and id index, made by following the all-stream in
// commit order. All reads are answered from it. It can be lost: any node makes the same one again.
type Mirror interface {
	ledger.Reader
	ledger.Tailer
	ledger.TreeStore
	ledger.RecordAuditor
	ledger.Finder
	// Mirror writes events in order, each continuing its stream, and the values with them, in one step.
	Mirror(ctx context.Context, events []ledger.Recorded, values []ledger.NamedValue) ([]ledger.Receipt, error)
	// Known answers a batch without writing: the first receipts where all its events are there, nil where none is, and the stream's revision.
	Known(ctx context.Context, b ledger.Batch) (receipts []ledger.Receipt, revision uint64, err error)
	Close() error
}

// Options of a store.
type Options struct {
	Client *Client
	Mirror Mirror
	Logger *slog.Logger     // nil: none
	Now    func() time.Time // nil: time.Now
	// Progress is told, until the mirror has caught up, how many events it has. nil: nobody
	Progress func(events uint64)
	// Inspect opens the store although EventStoreDB is not what it was: to say what differs, by Audit. Nothing can be appended then.
	Inspect bool
}

// Store is a ledger whose record is in EventStoreDB. Any number of nodes may have one open on the same cluster.
//
//	append    Known in the mirror? ─▶ append with the revision that the mirror has ─▶ wait until the mirror has it ─▶ receipt
//	follower  subscribe to all ─▶ decode ─▶ mirror: positions, leaves, cursor in one step ─▶ head moves
//
// An append expects exactly the revision up to which the mirror was searched for its ids, whatever the caller expects. So EventStoreDB takes
// it only if nothing came in between, and a retry is known for ever and compared byte for byte, although EventStoreDB compares neither
// bytes nor, at its newest revision, ids. The UUID is made of the content as well: two nodes that append different content under
// one id at once are told apart by EventStoreDB, and the second finds the conflict when its mirror has caught up.
//
// The invariants: a position is the event's rank among the ledger's events in commit order, so all nodes give it the same one; and
// whoever has a receipt can read the event, since the receipt comes from the mirror.
type Store struct {
	Mirror
	client *Client
	log    *slog.Logger
	now    func() time.Time
	board  *Board
	tell   func(events uint64)

	cursor  atomic.Pointer[cursor] // of the last event looked at; nil at the beginning
	caught  chan struct{}          // closed when what was there at the start has been mirrored
	target  cursor                 // the place of the last event that was there at the start
	alive   context.Context        // ends when the store cannot go on; its cause says why
	die     context.CancelCauseFunc
	stop    context.CancelFunc
	done    chan struct{}
	closing atomic.Bool

	locks   [256]chan struct{} // one append a stream at a time: the others would be refused
	mu      sync.Mutex
	pending map[uuid.UUID]*written
	last    time.Time // newest recorded time given by this node
}

// written is an event that this node is appending.
type written struct {
	recorded time.Time
	own      bool // it came back as this node wrote it, and not as another one did
}

// cursorName is the named value of the mirror that says how far in the all-stream it is: commit and prepare position, 8 bytes each.
var cursorName = []byte("esdb/cursor")

// Open follows EventStoreDB into the mirror and returns when it has caught up with what is there now, and the two were found to agree; CodeCorrupt
// where they do not. Close closes mirror and client too; where Open fails they are the caller's.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{Mirror: o.Mirror, client: o.Client, log: o.Logger, now: o.Now, tell: o.Progress, caught: make(chan struct{}),
		done: make(chan struct{}), pending: make(map[uuid.UUID]*written)}
	s.alive, s.die = context.WithCancelCause(context.Background())
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	var following context.Context
	following, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	err := s.prepare(ctx)
	if err != nil {
		close(s.done)
	} else {
		go s.follow(following)
		err = s.catchUp(ctx)
	}
	if err == nil {
		err = s.board.prove(ctx)
	}
	if o.Inspect && errors.Is(err, ledger.CodeCorrupt) {
		s.die(err)
		return s, nil
	}
	if err != nil {
		s.stop()
		<-s.done
		return nil, err
	}
	return s, nil
}

// prepare reads where the mirror is, and where EventStoreDB ends.
func (s *Store) prepare(ctx context.Context) error {
	b, err := s.Mirror.Value(ctx, cursorName)
	if err != nil {
		return err
	}
	if b != nil {
		if len(b) != 16 {
			return ledger.Errorf(ledger.CodeCorrupt, "open mirror", "remove the folder of the mirror: it is made again", "the cursor has %d bytes, not 16", len(b))
		}
		s.cursor.Store(&cursor{Commit: binary.BigEndian.Uint64(b), Prepare: binary.BigEndian.Uint64(b[8:])})
	}
	if s.target, err = s.client.end(ctx); err != nil {
		return err
	}
	s.board, err = openBoard(ctx, s)
	return err
}

func encodeCursor(at cursor) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, at.Commit), at.Prepare)
}

// catchUp waits until the mirror has what was there when the store was opened.
func (s *Store) catchUp(ctx context.Context) error {
	select {
	case <-s.caught:
		return nil
	case <-s.alive.Done():
		return context.Cause(s.alive)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Board is where the nodes share their checkpoints.
func (s *Store) Board() *Board { return s.board }

// Failed is closed when the store cannot go on, which Failure then explains: what EventStoreDB has does not continue what the mirror has.
func (s *Store) Failed() <-chan struct{} { return s.alive.Done() }

// Failure is why the store cannot go on, nil while it can.
func (s *Store) Failure() error { return context.Cause(s.alive) }

// Answers reports whether EventStoreDB answered when it was last asked; [Store.Ask] asks.
func (s *Store) Answers() bool {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	return s.client.failed == 0 && s.Failure() == nil
}

// Ask reports whether EventStoreDB answers, and whether this node's copy of it can go on.
func (s *Store) Ask(ctx context.Context) error {
	if err := s.Failure(); err != nil {
		return err
	}
	_, err := s.client.count(ctx, CheckpointStream)
	return err
}

// Capabilities of EventStoreDB with a mirror: what the embedded engine promises, but for the order of an AppendAll over several journeys.
func (s *Store) Capabilities() ledger.Capabilities {
	return ledger.Capabilities{Engine: "esdb", GaplessPositions: true, ExactRetry: true, Leaves: true, Durable: true, Lanes: true}
}

// Close ends the follower and closes mirror and client. A second Close does nothing.
func (s *Store) Close() error {
	if s.closing.Swap(true) {
		return nil
	}
	s.stop()
	<-s.done
	return errors.Join(s.Mirror.Close(), s.client.Close())
}
