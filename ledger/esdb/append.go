package esdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// lanes is how many journeys of one AppendAll are appended at once: an append is a round trip and a write to several disks, and
// EventStoreDB has no call for several streams.
const lanes = 32

// Append writes one batch. See [ledger.Appender].
func (s *Store) Append(ctx context.Context, b ledger.Batch) ([]ledger.Receipt, error) {
	if s.closing.Load() {
		return nil, errClosed
	}
	receipts, err := s.append(ctx, b)
	if err != nil && s.closing.Load() {
		return nil, errClosed
	}
	return receipts, err
}

// AppendAll writes batches, those of one journey in order, different journeys at once.
func (s *Store) AppendAll(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	results := make([]ledger.Result, len(batches))
	byLane := make(map[string][]int)
	var order []string
	for i := range batches {
		lane := ledger.JourneyOf(batches[i].Stream)
		if lane == "" {
			lane = batches[i].Stream
		}
		if byLane[lane] == nil {
			order = append(order, lane)
		}
		byLane[lane] = append(byLane[lane], i)
	}
	var running sync.WaitGroup
	var away atomic.Pointer[error] // nobody waits for each of thousands of batches in turn, when EventStoreDB is away
	free := make(chan struct{}, lanes)
	for _, lane := range order {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			for _, i := range byLane[lane] {
				if err := away.Load(); err != nil {
					results[i].Err = *err
					continue
				}
				results[i].Receipts, results[i].Err = s.Append(ctx, batches[i])
				if errors.Is(results[i].Err, ledger.CodeUnavailable) {
					away.Store(&results[i].Err)
				}
			}
		})
	}
	running.Wait()
	return results
}

func (s *Store) append(ctx context.Context, b ledger.Batch) ([]ledger.Receipt, error) {
	if !inLedger(b.Stream) || keptName(b.Stream) != b.Stream {
		return nil, ledger.Errorf(ledger.CodeInvalid, "append", "choose another name", "a stream of EventStoreDB with the name %.600q would not be one of the ledger with this name", b.Stream)
	}
	if err := s.Failure(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	unlock, err := s.lock(ctx, b.Stream)
	if err != nil {
		return nil, slow(err)
	}
	defer unlock()
	for {
		receipts, revision, err := s.Known(ctx, b)
		if errors.Is(err, ledger.CodePartialBatch) { // the mirror takes event by event what was appended as one
			more, e := s.goesOn(ctx, b.Stream, revision)
			if e == nil && more {
				continue
			}
			err = cmp.Or(e, err)
		}
		if err != nil || receipts != nil {
			return receipts, slow(err)
		}
		if b.Expect.Holds(revision) {
			receipts, err = s.write(ctx, b, revision)
			if !errors.Is(err, errWrong) {
				return receipts, slow(err)
			}
		}
		// The stream is elsewhere than the mirror, or than the caller, believes: which of them is behind?
		if err := s.meet(ctx, b, revision); err != nil {
			return nil, slow(err)
		}
	}
}

// slow says of an append that was not answered in time what is known of it.
func slow(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return away("append", fmt.Errorf("EventStoreDB did not confirm the append in time; it may have been written, and a retry finds out: %w", context.DeadlineExceeded))
	}
	return err
}

// lock lets one append of this node at a time into a stream.
func (s *Store) lock(ctx context.Context, stream string) (unlock func(), err error) {
	h := fnv.New32a()
	h.Write([]byte(stream))
	l := s.locks[h.Sum32()%uint32(len(s.locks))]
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// meet waits until the mirror is where the stream is. Where the mirror was there already the caller's expectation is what does not hold.
func (s *Store) meet(ctx context.Context, b ledger.Batch, mirrored uint64) error {
	current, err := s.client.count(ctx, b.Stream)
	switch {
	case err != nil:
		return err
	case current == mirrored:
		if b.Expect.Holds(mirrored) {
			return ledger.Pause(ctx, notLeaderIn) // the answer came from a node that is behind: ask again
		}
		return &ledger.Error{Code: ledger.CodeStaleRevision, Op: "append", Hint: "read the stream again and decide on its current state",
			Err: &ledger.StaleRevision{Stream: b.Stream, Expected: b.Expect, Current: mirrored}}
	case current < mirrored:
		h, err := s.StreamHead(ctx, b.Stream)
		if err != nil || h.Revision > mirrored {
			return err
		}
		return ledger.Errorf(ledger.CodeUnavailable, "append", "wait until the node that was asked has caught up; if it stays so, run `baton verify`: events were removed",
			"EventStoreDB says that stream %q has %d events, %d were there", b.Stream, current, mirrored)
	}
	return s.waitFor(ctx, b.Stream, current)
}

// goesOn waits until the mirror has all of a stream, and reports whether that is more than it had.
func (s *Store) goesOn(ctx context.Context, stream string, mirrored uint64) (bool, error) {
	current, err := s.client.count(ctx, stream)
	if err != nil || current <= mirrored {
		return false, err
	}
	return true, s.waitFor(ctx, stream, current)
}

// write appends at a revision and waits until the mirror has it.
func (s *Store) write(ctx context.Context, b ledger.Batch, revision uint64) ([]ledger.Receipt, error) {
	events := make([]Stored, len(b.Events))
	notes := make([]*written, len(b.Events))
	at := s.time()
	for i := range b.Events {
		var err error
		if events[i], err = Encode(b.Stream, &b.Events[i], at); err != nil {
			return nil, err
		}
		notes[i] = &written{recorded: at}
	}
	s.expect(events, notes)
	defer s.expect(events, nil)
	if err := s.client.add(ctx, b.Stream, revision, events); err != nil {
		return nil, err
	}
	if err := s.waitFor(ctx, b.Stream, revision+uint64(len(events))); err != nil {
		return nil, err
	}
	receipts, _, err := s.Known(ctx, b)
	switch {
	case err != nil:
		return nil, err
	case receipts == nil:
		return nil, ledger.Errorf(ledger.CodeInternal, "append", "", "the mirror has revision %d of %q and not what was appended there", revision+1, b.Stream)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range receipts {
		receipts[i].Duplicate = !notes[i].own
	}
	return receipts, nil
}

// expect notes events that are on their way, or forgets them where notes is nil.
func (s *Store) expect(events []Stored, notes []*written) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		if notes == nil {
			delete(s.pending, events[i].ID)
		} else {
			s.pending[events[i].ID] = notes[i]
		}
	}
}

// time is this node's clock, which never gives the same time twice.
func (s *Store) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.now().UTC().Round(0)
	if !t.After(s.last) {
		t = s.last.Add(1)
	}
	s.last = t
	return t
}

// waitFor waits until the mirror has a revision of a stream.
func (s *Store) waitFor(ctx context.Context, stream string, revision uint64) error {
	for {
		before, err := s.Head(ctx)
		if err != nil {
			return err
		}
		h, err := s.StreamHead(ctx, stream)
		if err != nil || h.Revision >= revision {
			return err
		}
		if err := s.wait(ctx, before.Position); err != nil {
			return err
		}
	}
}

// wait waits until the mirror's head is past a position, or until it cannot go on.
func (s *Store) wait(ctx context.Context, after uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.alive, cancel)()
	if _, err := s.Wait(ctx, after); err != nil {
		return cmp.Or(s.Failure(), err)
	}
	return nil
}
