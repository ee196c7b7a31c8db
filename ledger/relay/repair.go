package relay

import (
	"context"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
)

// repairAttempts bounds how often one message may be refused because the relay wrote in between.
const repairAttempts = 1000

// RepairReport says what a repair found, did and left.
type RepairReport struct {
	Before CheckReport `json:"before"`
	After  CheckReport `json:"after"`
	Filled uint64      `json:"filled"` // messages published again
}

// Repair publishes the missing messages again, at the end of the stream and marked Baton-Repair: true, and checks a second time. What the
// relay has not reached yet is left to it (see [Relay.CatchUp]). It may run beside the relay, and twice at once: both write
// by compare-and-set, and each message keeps its Nats-Msg-Id.
func Repair(ctx context.Context, nc *nats.Conn, src ledger.Reader, ledgerID string) (RepairReport, error) {
	s, err := openStream(nc, ledgerID)
	if err != nil {
		return RepairReport{}, err
	}
	c, err := s.check(ctx, src)
	report := RepairReport{Before: c.CheckReport}
	if err != nil {
		return report, err
	}
	for gap := range c.gaps {
		for e, err := range src.Read(ctx, ledger.ReadOptions{From: gap.From, To: gap.To}) {
			if err == nil {
				err = s.fill(ctx, &e)
			}
			if err != nil {
				return report, err
			}
			report.Filled++
		}
	}
	c, err = s.check(ctx, src)
	report.After = c.CheckReport
	return report, err
}

// fill publishes one lost event. Its first try has the usual message id; where the server still remembers that of the deleted message
// and takes the new one for a duplicate, another id follows.
func (s stream) fill(ctx context.Context, e *ledger.Recorded) error {
	salt := false
	for attempt := 0; ; attempt++ {
		at, exists, err := s.tip(ctx)
		if err != nil {
			return err
		}
		if !exists {
			return stale("the stream was removed during the repair")
		}
		m := message(s.ledgerID, e, s.nc.MaxPayload())
		expect(m, at.sequence, "", salt)
		m.Header[headerRepair] = []string{"true"}
		m.Header[headerHead] = []string{strconv.FormatUint(at.position, 10)}
		ack, err := publish(ctx, s.nc, m)
		switch {
		case err == nil && !ack.Duplicate:
			return nil
		case err == nil:
			lost, err := s.get(ctx, map[string]any{"seq": ack.Sequence})
			if err != nil || lost != nil && positionOf(s.ledgerID, lost.header) == e.Position {
				return err // another repair was faster
			}
			salt = true
		case ledger.CodeOf(err) != ledger.CodeStaleRevision || attempt >= repairAttempts:
			return err
		}
	}
}
