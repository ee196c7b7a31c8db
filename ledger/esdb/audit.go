package esdb

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// maxFindings is how many differences an audit names.
const maxFindings = 100

// auditName is what findings about the store itself are filed under.
const auditName = "EventStoreDB"

// Audit is the mirror's own audit, and then every event of EventStoreDB once more, held against the mirror.
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
	head, err := s.Head(ctx)
	if err != nil || head.Position == 0 {
		return &comparison{}, err
	}
	next, stop := iter.Pull2(s.Read(ctx, ledger.ReadOptions{To: head.Position}))
	defer stop()
	c := &comparison{store: s, next: next}
	if err := c.advance(); err != nil {
		return nil, err
	}
	end, err := s.client.end(ctx)
	if err != nil {
		return nil, err
	}
	in, err := s.client.subscribe(ctx, nil)
	if err != nil {
		return nil, err
	}
	for n := range in {
		switch {
		case n.err != nil:
			return nil, n.err
		case n.event != nil && inLedger(n.event.Stream):
			if err := c.meet(ctx, n.event); err != nil {
				return nil, err
			}
		}
		at := n.passed
		if n.event != nil {
			at = &n.event.at
		}
		if c.have == nil || len(c.findings) >= maxFindings || n.caughtUp || at != nil && at.Commit >= end.Commit {
			break
		}
	}
	return c, c.removedTo(head.Position + 1)
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
	for again := *r; again.ID != c.have.ID && len(again.ID) < len(c.have.ID); {
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
