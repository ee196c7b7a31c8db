package relay

import (
	"context"
	"errors"
	"iter"
	"sort"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// TailOptions choose what Tail yields.
type TailOptions struct {
	Filter string // a NATS subject filter, as FilterSubject makes it; "" is every event
	From   uint64 // first position; 0 is the next event to come
}

// Tail yields the messages of the stream, those that are there from a position on and then those to come, until the context ends (which is the
// last error yielded). It is an ordinary ordered consumer and needs nothing but a NATS connection. Repaired messages come
// late, where the stream has them; messages that the relay did not write are left out.
func Tail(ctx context.Context, nc *nats.Conn, o TailOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		messages, err := tailMessages(ctx, nc, o)
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer messages.Stop()
		for {
			raw, err := messages.Next(jetstream.NextContext(ctx))
			if err != nil {
				if ctx.Err() != nil {
					err = ctx.Err()
				}
				yield(Message{}, err)
				return
			}
			if m, ok := tailed(raw, o.From); ok && !yield(m, nil) {
				return
			}
		}
	}
}

// tailed reads one message; false for one to leave out.
func tailed(raw jetstream.Msg, from uint64) (Message, bool) {
	m, err := ParseMessage(raw.Subject(), raw.Headers(), raw.Data())
	if err != nil || m.Position < from {
		return Message{}, false
	}
	if meta, err := raw.Metadata(); err == nil {
		m.Sequence = meta.Sequence.Stream
	}
	return m, true
}

func tailMessages(ctx context.Context, nc *nats.Conn, o TailOptions) (jetstream.MessagesContext, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(answerTime))
	if err != nil {
		return nil, unavailable("tail", err)
	}
	st, err := js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, ledger.Errorf(ledger.CodeNotFound, "tail", "start `baton serve` on this ledger first, it makes the stream", "there is no stream %s", StreamName)
	}
	if err != nil {
		return nil, unavailable("tail", err)
	}
	config := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy}
	if o.Filter != "" {
		config.FilterSubjects = []string{o.Filter}
	}
	if o.From > 0 {
		config.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		if config.OptStartSeq, err = sequenceOf(ctx, st, o.From); err != nil {
			return nil, unavailable("tail", err)
		}
	}
	consumer, err := st.OrderedConsumer(ctx, config)
	if err != nil {
		return nil, unavailable("tail", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, unavailable("tail", err)
	}
	return messages, nil
}

// sequenceOf is a sequence at or before the message of a position. Positions ascend with sequences except for repaired messages, which
// the search passes over.
func sequenceOf(ctx context.Context, st jetstream.Stream, position uint64) (uint64, error) {
	state := st.CachedInfo().State
	if state.Msgs == 0 {
		return state.LastSeq + 1, nil
	}
	var failed error
	n := sort.Search(int(state.LastSeq-state.FirstSeq+1), func(i int) bool {
		for seq := state.FirstSeq + uint64(i); failed == nil && seq <= state.LastSeq; {
			m, err := st.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(AllSubjects)) // at or after seq
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return true
			} else if err != nil {
				failed = err
				return true
			}
			if read, err := ParseMessage(m.Subject, m.Header, nil); err == nil && !read.Repaired {
				return read.Position >= position
			}
			seq = m.Sequence + 1
		}
		return true
	})
	return state.FirstSeq + uint64(n), failed
}
