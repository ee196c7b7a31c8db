package relay

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// Options of a relay.
type Options struct {
	LedgerID string        // first part of Nats-Msg-Id: tells the messages of one ledger from those of another; required
	Replicas int           // least of the stream, default 1: it is made with them, and one that has fewer is given them
	Watch    time.Duration // how often Run looks whether the stream is where it left it, default 30 s
	Logger   *slog.Logger
	// Observe is told of the events that the stream has stored, and when publishing them began and was answered; for traces. It does not
	// keep the slice, and the relay waits for it. nil: nobody
	Observe func(events []ledger.Recorded, start, end time.Time)
}

// Relay publishes a ledger's events. It is a [ledger.Follower]; [Relay.Run] runs it and survives whatever NATS does.
type Relay struct {
	stream
	replicas int
	interval time.Duration
	log      *slog.Logger
	observe  func(events []ledger.Recorded, start, end time.Time)

	mu      sync.Mutex
	at      tip
	known   bool      // at is what the stream said last, and nothing failed since
	refused *tip      // where the last chain was refused
	salt    time.Time // until then the server may hold message ids of messages that it lost
	raised  bool      // the number of replicas was seen to

	unchecked error // why it is not known yet whether stream and ledger are one history
	held      held
}

// New makes a relay over a connection. It does not talk to the server yet.
func New(nc *nats.Conn, o Options) (*Relay, error) {
	s, err := openStream(nc, o.LedgerID)
	if err != nil {
		return nil, err
	}
	if o.Watch <= 0 {
		o.Watch = 30 * time.Second
	}
	return &Relay{stream: s, replicas: max(o.Replicas, 1), interval: o.Watch, log: logger(o.Logger), observe: o.Observe}, nil
}

// Name is "relay".
func (r *Relay) Name() string { return "relay" }

// Cursor asks the stream for its last position and makes the stream where it does not exist. While NATS is away it is the last one
// known: the follower then shows its lag, and Handle says what is wrong.
func (r *Relay) Cursor(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = false
	if err := r.locate(ctx); err != nil && ctx.Err() == nil {
		return r.at.position, nil
	}
	return r.at.position, ctx.Err()
}

// locate makes at known.
func (r *Relay) locate(ctx context.Context) error {
	if r.known {
		return nil
	}
	at, exists, err := r.tip(ctx)
	if err == nil && !exists {
		err = r.make(ctx)
	}
	if err != nil {
		return err
	}
	r.raise(ctx)
	r.at, r.known = at, true
	return nil
}

// Handle publishes the events that the stream does not have yet. Errors: CodeUnavailable where NATS does not answer, CodeStaleRevision
// where the stream is not where it was; in both cases the next Cursor says from where to go on.
func (r *Relay) Handle(ctx context.Context, events []ledger.Recorded) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unchecked != nil {
		return r.unchecked
	}
	if err := r.locate(ctx); err != nil {
		return err
	}
	first, last := events[0].Position, events[len(events)-1].Position
	if r.at.position+1 < first || r.at.position >= last {
		r.known = false
		return stale("the stream is at position %d, not before %d to %d", r.at.position, first, last)
	}
	return r.chain(ctx, events[r.at.position+1-first:])
}

func stale(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeStaleRevision, "relay", "let one relay run; it goes on from where the stream is", format, args...)
}

// chain publishes events. Where the last chain was refused at this very place, its first event is sent alone now: its own answer says why, which
// the answer to the last of many does not.
func (r *Relay) chain(ctx context.Context, events []ledger.Recorded) error {
	if r.refused != nil && *r.refused == r.at && len(events) > 1 {
		if err := r.send(ctx, events[:1]); err != nil {
			return err
		}
		events = events[1:]
	}
	return r.send(ctx, events)
}

// send publishes events so that each is stored directly after the one before or not at all; the answer to the last covers all. On a
// failure it is not known how many are stored, until the next locate.
func (r *Relay) send(ctx context.Context, events []ledger.Recorded) error {
	r.known = false
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	limit, before, start := r.nc.MaxPayload(), "", time.Now()
	for i := range events {
		m := message(r.ledgerID, &events[i], limit)
		before = expect(m, r.at.sequence+uint64(i), before, start.Before(r.salt))
		if i < len(events)-1 {
			if err := r.nc.PublishMsg(m); err != nil {
				return unavailable("relay", err)
			}
			continue
		}
		ack, err := publish(ctx, r.nc, m)
		if err != nil {
			return r.failed(err, false)
		}
		if ack.Duplicate || ack.Sequence != r.at.sequence+uint64(len(events)) {
			return r.failed(stale("position %d is at sequence %d of the stream already", events[i].Position, ack.Sequence), ack.Duplicate)
		}
	}
	r.at = tip{r.at.sequence + uint64(len(events)), events[len(events)-1].Position}
	r.known, r.refused = true, nil
	r.held.release(r.log)
	if r.observe != nil {
		r.observe(events, start, time.Now())
	}
	return nil
}

// failed notes a refusal, so that the next chain from the same place begins with one event. forgotten says that this one event's id is still remembered
// by the server though its message was deleted: for as long as that lasts other ids are used; the expected sequence alone prevents duplicates.
func (r *Relay) failed(err error, forgotten bool) error {
	if ledger.CodeOf(err) == ledger.CodeStaleRevision {
		at := r.at
		r.refused = &at
	}
	if forgotten {
		r.salt = time.Now().Add(duplicatesWindow)
	}
	return err
}

// expect sets the compare-and-set headers and gives the message's id. The sequence alone would not do inside a chain: a message of someone
// else would take the place of the first one, and the second would then find the sequence it expects. So each expects the id of the one
// before too.
func expect(m *nats.Msg, sequence uint64, before string, salt bool) (id string) {
	s := strconv.FormatUint(sequence, 10)
	m.Header[headerExpect] = []string{s}
	if before != "" {
		m.Header[headerExpectID] = []string{before}
	}
	id = m.Header.Get(headerMsgID)
	if salt {
		id += ":" + s
		m.Header[headerMsgID] = []string{id}
	}
	return id
}

// publish sends one message and waits for the answer. A refused expectation is CodeStaleRevision, everything else CodeUnavailable.
func publish(ctx context.Context, nc *nats.Conn, m *nats.Msg) (jetstream.PubAck, error) {
	reply, err := nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return jetstream.PubAck{}, unavailable("relay", err)
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.PubAck
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return jetstream.PubAck{}, unavailable("relay", err)
	}
	switch e := answer.Error; {
	case e == nil:
		return answer.PubAck, nil
	case e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant ||
		e.ErrorCode == codeWrongLastID:
		return jetstream.PubAck{}, stale("refused at sequence %s: %s", m.Header.Get(headerExpect), e.Description)
	default:
		return jetstream.PubAck{}, unavailable("relay", e)
	}
}

// CatchUp publishes everything that is durable now, and returns. It fails where NATS does.
func (r *Relay) CatchUp(ctx context.Context, src ledger.Source) error {
	head, err := src.Head(ctx)
	if err != nil || head.Position == 0 {
		return err
	}
	return ledger.Follow(ctx, src, r, ledger.FollowOptions{Until: head.Position})
}
