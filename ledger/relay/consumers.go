package relay

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Consumer is how far a durable consumer of the stream is.
type Consumer struct {
	Name         string   `json:"name"`
	Filters      []string `json:"filters"`         // subjects; empty: all
	Acknowledged uint64   `json:"acknowledged"`    // every event it is to have, up to this position of the ledger, is acknowledged
	Sequence     uint64   `json:"ack_sequence"`    // the same, in the stream: its ack floor
	Pending      uint64   `json:"pending"`         // messages not delivered yet
	Waiting      int      `json:"waiting_for_ack"` // delivered, not acknowledged
	Redelivered  int      `json:"redelivered"`     // of these, delivered more than once
	Paused       bool     `json:"paused"`
}

// consumers reads how far every durable consumer is. An ephemeral one belongs to a connection and is left out.
func (s stream) consumers(ctx context.Context, info *jetstream.StreamInfo) ([]Consumer, error) {
	list := []Consumer{}
	if info == nil {
		return list, nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	st, err := s.js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return list, nil
	}
	if err != nil {
		return list, unavailable("check", err)
	}
	all := st.ListConsumers(ctx)
	for c := range all.Info() {
		if c.Config.Durable == "" {
			continue
		}
		position, err := s.positionAt(ctx, c.AckFloor.Stream, info.State.FirstSeq)
		if err != nil {
			return list, err
		}
		list = append(list, Consumer{Name: c.Name, Filters: filters(&c.Config), Acknowledged: position, Sequence: c.AckFloor.Stream, Pending: c.NumPending,
			Waiting: c.NumAckPending, Redelivered: c.NumRedelivered, Paused: c.Paused})
	}
	if err := all.Err(); err != nil {
		return list, unavailable("check", err)
	}
	slices.SortFunc(list, func(a, b Consumer) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func filters(c *jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return append([]string{}, c.FilterSubjects...)
}

// positionAt is the ledger's position that the stream had reached at a sequence: that of the last message of this ledger up to there. A repaired
// message came late and says how far the relay was.
func (s stream) positionAt(ctx context.Context, sequence, first uint64) (uint64, error) {
	if sequence == 0 {
		return 0, nil
	}
	m, err := s.before(ctx, sequence+1, first)
	for m != nil && err == nil {
		if p := reached(s.ledgerID, m.header); p > 0 {
			return p, nil
		}
		m, err = s.before(ctx, m.sequence, first)
	}
	return 0, err
}
