package esdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// maxFindings is how many differences an audit names.
const maxFindings = 100

// auditName is what findings about the store itself are filed under.
const auditName = "EventStoreDB"

// Audit is the mirror's own audit, and then everything in EventStoreDB once more, events, index and checkpoints, held against the mirror.
func (s *Store) Audit(ctx context.Context) iter.Seq2[ledger.Finding, error] {
	return s.audits(ctx, s.Mirror.Audit(ctx))
}

// AuditRecords is Audit with records that the caller reads.
func (s *Store) AuditRecords(ctx context.Context, records iter.Seq2[ledger.Recorded, error], to uint64) iter.Seq2[ledger.Finding, error] {
	return s.audits(ctx, s.Mirror.AuditRecords(ctx, records, to))
}

func (s *Store) audits(ctx context.Context, mirror iter.Seq2[ledger.Finding, error]) iter.Seq2[ledger.Finding, error] {
	return func(yield func(ledger.Finding, error) bool) {
		for f, err := range mirror {
			if !yield(f, err) || err != nil {
				return
			}
		}
		if err := s.Failure(); err != nil && !yield(ledger.Finding{Name: auditName, Problem: err.Error()}, nil) {
			return
		}
		for f, err := range s.compareAll(ctx) {
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// comparison walks EventStoreDB and the mirror side by side.
type comparison struct {
	store    *Store
	next     func() (ledger.Recorded, error, bool)
	at       *cursor          // how far EventStoreDB was read
	have     *ledger.Recorded // the mirror's event that is due
	before   time.Time        // recorded time of the one before it
	seen     int64
	bytes    int64
	findings []ledger.Finding
}

// compareAll reads EventStoreDB from its beginning to where it ends now. Each event must be the mirror's at the next position, byte for byte.
func (s *Store) compareAll(ctx context.Context) iter.Seq2[ledger.Finding, error] {
	return func(yield func(ledger.Finding, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		c, err := s.compare(ctx)
		if err == nil {
			err = c.streams(ctx)
		}
		if err != nil {
			yield(ledger.Finding{Name: auditName}, err)
			return
		}
		for _, f := range c.findings {
			if !yield(f, nil) {
				return
			}
		}
		if len(c.findings) == 0 {
			yield(ledger.Finding{Name: auditName, Bytes: c.bytes, Entries: c.seen}, nil)
		}
	}
}

func (s *Store) compare(ctx context.Context) (*comparison, error) {
	c := &comparison{store: s}
	head, err := s.Head(ctx)
	if err != nil || head.Position == 0 {
		return c, err
	}
	var stop func()
	c.next, stop = iter.Pull2(s.Read(ctx, ledger.ReadOptions{To: head.Position}))
	defer stop()
	if err := c.advance(); err != nil {
		return nil, err
	}
	end, err := s.client.end(ctx)
	if err != nil {
		return nil, err
	}
	for failures := 0; !c.done(&end); failures++ {
		before := c.at
		err := c.walk(ctx, &end)
		if c.at != before {
			failures = 0
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil && (!passing(err) || failures == maxFailures) {
			return nil, err
		}
		if err != nil && ledger.Pause(ctx, firstPause<<failures) != nil {
			return nil, ctx.Err()
		}
	}
	return c, c.removedTo(head.Position + 1)
}

// maxFailures is how often in a row an audit subscribes in vain.
const maxFailures = 5

// done reports whether there is nothing more to compare.
func (c *comparison) done(end *cursor) bool {
	return c.have == nil || len(c.findings) >= maxFindings || *end == (cursor{}) || c.at != nil && c.at.Commit >= end.Commit
}

// walk goes on from where the comparison is, until it is done or the subscription is lost.
func (c *comparison) walk(ctx context.Context, end *cursor) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, err := c.store.client.subscribe(ctx, c.at)
	if err != nil {
		return err
	}
	for !c.done(end) {
		n, ok := in.next()
		switch {
		case !ok:
			return away("follow EventStoreDB", errors.New("the subscription was lost"))
		case n.err != nil:
			return n.err
		case n.event != nil:
			if inLedger(n.event.Stream) && !n.event.isTombstone() {
				if err := c.meet(ctx, n.event); err != nil {
					return err
				}
			}
			c.at = &n.event.at
		case n.passed != nil:
			c.at = n.passed
		}
	}
	return nil
}

// streams looks at the streams in which nodes share what they agree on: all of the index, and that no checkpoint is gone.
func (c *comparison) streams(ctx context.Context) error {
	b := c.store.board
	_, next, _ := b.Last()
	if _, err := c.store.client.Founding(ctx); err != nil && next > 0 {
		if !errors.Is(err, ledger.CodeCorrupt) && !errors.Is(err, ledger.CodeNotFound) {
			return err
		}
		c.report(0, "%s", err)
	}
	_, err := b.compareFrom(ctx, indexEnd{})
	for _, check := range []func() error{
		func() error { return err },
		func() error { return c.store.reaches(ctx, CheckpointStream, next, nil) },
		func() error { return c.store.reaches(ctx, IndexStream, b.chunks(), nil) },
	} {
		if err := check(); errors.Is(err, ledger.CodeCorrupt) {
			c.report(0, "%s", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// advance takes the mirror's next event; have is nil at its end.
func (c *comparison) advance() error {
	if c.have != nil {
		c.before = c.have.RecordedTime
	}
	r, err, ok := c.next()
	if c.have = nil; ok && err == nil {
		c.have = &r
	}
	return err
}

// meet holds one event of EventStoreDB against the mirror.
func (c *comparison) meet(ctx context.Context, e *logged) error {
	if c.have == nil {
		return nil // came after the audit began
	}
	c.seen++
	c.bytes += int64(len(e.Data) + len(e.Metadata))
	r := recorded(&e.Stored)
	if r.Stream != c.have.Stream || r.Revision != c.have.Revision {
		place, err := c.placeOf(ctx, &r)
		if err != nil {
			return err
		}
		if place <= c.have.Position {
			c.report(c.have.Position, "EventStoreDB has an event here that the mirror does not have at this place: stream %q, revision %d, id %.80q", r.Stream, r.Revision, r.ID)
			return nil
		}
		if err := c.removedTo(place); err != nil {
			return err
		}
	}
	if !c.same(&r) {
		c.report(c.have.Position, "the event was changed or redacted inside EventStoreDB: stream %q, revision %d, id %.80q", r.Stream, r.Revision, c.have.ID)
	}
	return c.advance()
}

// same compares records and times. The mirror may have given the event an id of its own, and the recorded time of the event before.
func (c *comparison) same(r *ledger.Recorded) bool {
	at := r.RecordedTime
	if at.Before(c.before) {
		at = c.before
	}
	if !at.Equal(c.have.RecordedTime) {
		return false
	}
	if bytes.Equal(r.Record, c.have.Record) {
		return true
	}
	if c.have.ID == r.ID {
		return false
	}
	again := *r
	for range maxFindings {
		again.ID = ledger.Again(again.ID, again.Revision)
		if record, err := ledger.EncodeRecord(again.Stream, &again.Event); err == nil && bytes.Equal(record, c.have.Record) {
			return true
		}
	}
	return false
}

// placeOf is the position that the mirror has for an event, 0 where it has none.
func (c *comparison) placeOf(ctx context.Context, r *ledger.Recorded) (uint64, error) {
	for have, err := range c.store.ReadStream(ctx, r.Stream, ledger.ReadOptions{From: r.Revision, To: r.Revision, HeaderOnly: true}) {
		return have.Position, err
	}
	return 0, nil
}

// removedTo reports the mirror's events before a position as missing from EventStoreDB.
func (c *comparison) removedTo(position uint64) error {
	for c.have != nil && c.have.Position < position && len(c.findings) < maxFindings {
		c.report(c.have.Position, "the event was removed inside EventStoreDB: stream %q, revision %d, id %.80q", c.have.Stream, c.have.Revision, c.have.ID)
		if err := c.advance(); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) report(position uint64, format string, args ...any) {
	if len(c.findings) < maxFindings {
		c.findings = append(c.findings, ledger.Finding{Name: auditName, Position: position, Problem: fmt.Sprintf(format, args...)})
	}
}
