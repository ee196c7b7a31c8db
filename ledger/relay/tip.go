package relay

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// answerTime is how long the server may take for one answer. An answer that a lost connection swallowed is waited for that long, unless
// the relay is told of the reconnection first.
const answerTime = 10 * time.Second

// Codes of the JetStream API that decide something here.
const (
	codeNoMessage   = 10037
	codeNoStream    = 10059
	codeWrongLastID = 10070
)

// duplicatesWindow is how long the server remembers message ids.
const duplicatesWindow = 2 * time.Minute

// streamConfig is what the stream is made with; an operator may change it afterwards.
func streamConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: StreamName, Subjects: []string{AllSubjects}, Description: "events of a Baton ledger, in the order of their positions",
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgSize: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1,
		Duplicates: duplicatesWindow, AllowDirect: true, Replicas: replicas,
	}
}

// tip is the end of the stream as a relay sees it: the sequence that the next message must expect, and the last position published.
type tip struct{ sequence, position uint64 }

// stream is the JetStream stream, seen from one ledger.
type stream struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	ledgerID string
}

func openStream(nc *nats.Conn, ledgerID string) (stream, error) {
	if ledgerID == "" {
		return stream{}, ledger.Errorf(ledger.CodeInvalid, "open relay", "give the ledger's origin", "the ledger id is missing")
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(answerTime))
	if err != nil {
		return stream{}, unavailable("open relay", err)
	}
	return stream{nc: nc, js: js, ledgerID: ledger.SubjectToken(ledgerID)}, nil
}

// info asks for the state; a nil one is a stream that does not exist.
func (s stream) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.StreamInfo
	}
	if err := s.ask(ctx, "$JS.API.STREAM.INFO."+StreamName, nil, &answer); err != nil {
		return nil, unavailable("relay", err)
	}
	switch e := answer.Error; {
	case e == nil:
		return &answer.StreamInfo, nil
	case e.ErrorCode == codeNoStream:
		return nil, nil
	default:
		return nil, unavailable("relay", e)
	}
}

// tip asks the stream where it ends. It asks for the state before the message, so that a message stored in between shows: then its
// own sequence counts. A stream that does not exist, and one without a message of this ledger, is at position 0.
func (s stream) tip(ctx context.Context) (t tip, exists bool, err error) {
	info, err := s.info(ctx)
	if err != nil || info == nil {
		return tip{}, false, err
	}
	m, err := s.get(ctx, map[string]any{"last_by_subj": AllSubjects})
	t.sequence = info.State.LastSeq
	if m != nil {
		t.sequence = max(t.sequence, m.sequence)
	}
	for m != nil && err == nil {
		if t.position = reached(s.ledgerID, m.header); t.position > 0 {
			break
		}
		m, err = s.before(ctx, m.sequence, info.State.FirstSeq) // someone else's message
	}
	return t, true, err
}

// reached is how far the relay was with this message, 0 for messages that are not of this ledger.
func reached(ledgerID string, h nats.Header) uint64 {
	p := positionOf(ledgerID, h)
	if head := h.Get(headerHead); p > 0 && head != "" {
		p, _ = strconv.ParseUint(head, 10, 64)
	}
	return p
}

// stored is one message of the stream.
type stored struct {
	sequence uint64
	header   nats.Header
}

// before is the last message before a sequence, nil where there is none.
func (s stream) before(ctx context.Context, sequence, first uint64) (*stored, error) {
	for sequence--; sequence >= max(first, 1); sequence-- {
		if m, err := s.get(ctx, map[string]any{"seq": sequence}); m != nil || err != nil {
			return m, err
		}
	}
	return nil, nil
}

// get reads one message from the stream's leader, nil where there is none. (A direct get may be answered by a replica that lags.)
func (s stream) get(ctx context.Context, which map[string]any) (*stored, error) {
	request, err := json.Marshal(which)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64 `json:"seq"`
			Header   []byte `json:"hdrs"`
		} `json:"message"`
	}
	if err := s.ask(ctx, "$JS.API.STREAM.MSG.GET."+StreamName, request, &answer); err != nil {
		return nil, unavailable("relay", err)
	}
	if e := answer.Error; e != nil {
		if e.ErrorCode == codeNoMessage || e.ErrorCode == codeNoStream {
			return nil, nil
		}
		return nil, unavailable("relay", e)
	}
	m := &stored{sequence: answer.Message.Sequence}
	if len(answer.Message.Header) > 0 {
		if m.header, err = nats.DecodeHeadersMsg(answer.Message.Header); err != nil {
			return nil, unavailable("relay", err)
		}
	}
	return m, nil
}
