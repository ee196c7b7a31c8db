package relay

import (
	"context"
	"errors"
	"math/bits"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// Range is positions From to To, both included.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// maxRanges bounds a report; Missing counts all the same.
const maxRanges = 10_000

// CheckReport compares a ledger with the NATS stream.
type CheckReport struct {
	Head       uint64  `json:"head"`             // the ledger's last position
	To         uint64  `json:"to"`               // the last position that the relay has published; what is missing after it is lag
	Lag        uint64  `json:"lag"`              // Head - To
	Published  uint64  `json:"published"`        // different positions found in the stream
	Missing    uint64  `json:"missing"`          // positions from 1 to To that are not there
	Gaps       []Range `json:"missing_ranges"`   // the same, at most 10,000 ranges
	Duplicates uint64  `json:"duplicates"`       // messages beyond the first of their position
	Doubled    []Range `json:"duplicate_ranges"` // the positions of these, in the order of the stream, at most 10,000 ranges
	OutOfOrder uint64  `json:"out_of_order"`     // messages after one of a higher position, repaired ones not counted
	Repaired   uint64  `json:"repaired"`         // messages that came late by a repair
	Foreign    uint64  `json:"foreign"`          // messages that are not of this ledger
	Ahead      uint64  `json:"ahead"`            // messages past the ledger's head: the ledger has lost events, or someone forged messages
	Omitted    uint64  `json:"data_omitted"`     // messages without their data, which was too large for the server

	Consumers []Consumer `json:"consumers"` // durable ones, by name
}

// Clean reports whether everything the relay has passed is in the stream, once and in order. Foreign messages do not count: consumers know
// them by their Nats-Msg-Id, and no repair removes them.
func (c *CheckReport) Clean() bool {
	return c.Missing == 0 && c.Duplicates == 0 && c.OutOfOrder == 0 && c.Ahead == 0
}

// Check walks the headers of the whole stream and marks each position in a bitmap: one bit for each event of the ledger, 12 MB for a hundred
// million. It changes nothing and may run beside the relay. A stream that does not exist is all lag. ledgerID is the relay's.
func Check(ctx context.Context, nc *nats.Conn, src ledger.Reader, ledgerID string) (CheckReport, error) {
	s, err := openStream(nc, ledgerID)
	if err != nil {
		return CheckReport{}, err
	}
	c, err := s.check(ctx, src)
	return c.CheckReport, err
}

type check struct {
	CheckReport
	seen []uint64 // bitmap by position
	last uint64   // highest position so far
}

func (s stream) check(ctx context.Context, src ledger.Reader) (*check, error) {
	c := &check{CheckReport: CheckReport{Gaps: []Range{}, Doubled: []Range{}, Consumers: []Consumer{}}}
	info, err := s.info(ctx) // before the head: what is in the stream by now is in the ledger by then
	if err != nil {
		return c, err
	}
	var at tip
	if info != nil {
		if at, _, err = s.tip(ctx); err != nil {
			return c, err
		}
	}
	head, err := src.Head(ctx)
	if err != nil {
		return c, err
	}
	c.Head, c.To = head.Position, min(at.position, head.Position)
	c.Lag = c.Head - c.To
	c.seen = make([]uint64, c.Head/64+1)
	if info != nil && info.State.Msgs > 0 {
		err = s.walk(ctx, at.sequence, func(h nats.Header) { c.add(positionOf(s.ledgerID, h), h) })
	}
	c.count()
	if err == nil && c.Ahead == 0 {
		err = s.same(ctx, src)
	}
	if err == nil {
		c.Consumers, err = s.consumers(ctx, info)
	}
	return c, err
}

// add marks one message.
func (c *check) add(position uint64, h nats.Header) {
	switch {
	case position == 0:
		c.Foreign++
		return
	case position > c.Head:
		c.Ahead++
		return
	case c.has(position):
		c.double(position)
		return
	}
	c.seen[position/64] |= 1 << (position % 64)
	if h.Get(headerDataOmitted) != "" {
		c.Omitted++
	}
	if h.Get(headerRepair) != "" {
		c.Repaired++
	} else if position < c.last {
		c.OutOfOrder++
	}
	c.last = max(c.last, position)
}

func (c *check) double(position uint64) {
	c.Duplicates++
	if n := len(c.Doubled); n > 0 && c.Doubled[n-1].To+1 == position {
		c.Doubled[n-1].To = position
	} else if n < maxRanges {
		c.Doubled = append(c.Doubled, Range{position, position})
	}
}

func (c *check) has(position uint64) bool { return c.seen[position/64]&(1<<(position%64)) != 0 }

// count sums up the bitmap.
func (c *check) count() {
	for _, word := range c.seen {
		c.Published += uint64(bits.OnesCount64(word))
	}
	for gap := range c.gaps {
		c.Missing += gap.To - gap.From + 1
		if len(c.Gaps) < maxRanges {
			c.Gaps = append(c.Gaps, gap)
		}
	}
}

// gaps yields the ranges of positions from 1 to To that were not seen.
func (c *check) gaps(yield func(Range) bool) {
	for p := uint64(1); p <= c.To; p++ {
		if p%64 == 0 && c.seen[p/64] == ^uint64(0) {
			p += 63
			continue
		}
		if c.has(p) {
			continue
		}
		gap := Range{p, p}
		for gap.To < c.To && !c.has(gap.To+1) {
			gap.To++
		}
		if p = gap.To; !yield(gap) {
			return
		}
	}
}

// walk reads the headers of all messages up to a sequence.
func (s stream) walk(ctx context.Context, last uint64, visit func(nats.Header)) error {
	consumer, err := s.js.OrderedConsumer(ctx, StreamName, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, HeadersOnly: true})
	if err != nil {
		return unavailable("check", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return unavailable("check", err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return errors.Join(ctx.Err(), unavailable("check", err))
		}
		meta, err := m.Metadata()
		if err != nil {
			return unavailable("check", err)
		}
		if meta.Sequence.Stream > last {
			return nil
		}
		visit(m.Headers())
		if meta.Sequence.Stream == last || meta.NumPending == 0 {
			return nil
		}
	}
}
