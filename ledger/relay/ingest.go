package relay

import (
	"context"
	"encoding/json"
	"log/slog"
	"mime"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
)

// Request headers of the ingest subject besides those of CloudEvents.
const (
	headerStream = "Baton-Stream" // the stream to append to; default ledger.StreamFor of each event
	headerBelief = "Baton-Expect" // any (default), no_stream, stream_exists or a revision
)

// ingestBatch is how many waiting requests share one append, and so one sync.
const ingestBatch = 256

// IngestReply answers a request: receipts in the order of the events that were written, and the first error. An event, or a batch for one
// stream, is written whole or not at all; of a batch for several streams each stream's part stands on its own.
type IngestReply struct {
	Receipts []ledger.Receipt `json:"receipts,omitempty"`
	Notices  []ledger.Notice  `json:"notices,omitempty"`
	Error    *IngestError     `json:"error,omitempty"`
}

// IngestError is a ledger.Error on the wire.
type IngestError struct {
	Code    ledger.Code `json:"code"`
	Message string      `json:"message"`
	Hint    string      `json:"hint,omitempty"`
}

// Ingest takes events in on baton.ingest.v1: CloudEvents in binary mode, in structured mode (content-type application/cloudevents+json) or
// as a batch (application/cloudevents-batch+json). The reply is sent when the events are durable. Messages without a reply
// subject are appended too, their errors logged. Several servers share the subject as one queue group.
type Ingest struct {
	sub    *nats.Subscription
	append ledger.Append
	log    *slog.Logger
}

// NewIngest subscribes. Requests wait until Run.
func NewIngest(nc *nats.Conn, intake ledger.Append, log *slog.Logger) (*Ingest, error) {
	sub, err := nc.QueueSubscribeSync(IngestSubject, IngestQueue)
	if err != nil {
		return nil, unavailable("ingest", err)
	}
	if nc.IsConnected() {
		err = nc.FlushTimeout(answerTime) // so that the server knows of it when this returns
	}
	if err != nil {
		return nil, unavailable("ingest", err)
	}
	return &Ingest{sub: sub, append: intake, log: logger(log)}, nil
}

// Run answers requests in the order they came until the context ends. Those that wait together are appended together.
func (in *Ingest) Run(ctx context.Context) error {
	defer in.sub.Unsubscribe()
	for {
		m, err := in.sub.NextMsgWithContext(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nats.ErrSlowConsumer { // some requests were dropped; their senders time out and retry
				in.log.Warn("ingest is overrun", "error", err)
				continue
			}
			return unavailable("ingest", err)
		}
		requests := []*request{parseRequest(m)}
		for waiting, _, _ := in.sub.Pending(); waiting > 0 && len(requests) < ingestBatch; waiting-- {
			if m, err = in.sub.NextMsg(time.Second); err != nil {
				break
			}
			requests = append(requests, parseRequest(m))
		}
		in.handle(ctx, requests)
	}
}

func (in *Ingest) handle(ctx context.Context, requests []*request) {
	var batches []ledger.Batch
	for _, r := range requests {
		batches = append(batches, r.batches...)
	}
	var results []ledger.Result
	if len(batches) > 0 {
		results = in.append(ctx, batches)
	}
	for _, r := range requests {
		in.reply(r, results[:len(r.batches)])
		results = results[len(r.batches):]
	}
}

func (in *Ingest) reply(r *request, results []ledger.Result) {
	reply := IngestReply{}
	for _, result := range results {
		reply.Receipts, reply.Notices = append(reply.Receipts, result.Receipts...), append(reply.Notices, result.Notices...)
		if r.err == nil {
			r.err = result.Err
		}
	}
	if r.err != nil {
		reply.Error = &IngestError{Code: ledger.CodeOf(r.err), Message: r.err.Error(), Hint: ledger.HintOf(r.err)}
	}
	if r.message.Reply == "" {
		if r.err != nil {
			in.log.Warn("ingest without a reply subject failed", "error", r.err)
		}
		return
	}
	body, err := json.Marshal(reply)
	if err == nil {
		err = r.message.Respond(body)
	}
	if err != nil {
		in.log.Warn("ingest could not reply", "error", err) // the sender retries and gets the first receipts
	}
}

// request is one message and what it asks to append.
type request struct {
	message *nats.Msg
	batches []ledger.Batch
	err     error
}

func parseRequest(m *nats.Msg) *request {
	r := &request{message: m}
	events, err := requestEvents(m)
	if err == nil {
		r.batches, err = requestBatches(m.Header, events)
	}
	r.err = err
	return r
}

func requestEvents(m *nats.Msg) ([]ledger.Event, error) {
	media, _, _ := mime.ParseMediaType(header(m.Header, headerContentType))
	switch media {
	case ledger.ContentTypeCloudEventBatch:
		events, err := ledger.ParseCloudEventBatch(m.Data)
		if err == nil && len(events) == 0 {
			err = ledger.Errorf(ledger.CodeInvalid, "ingest", "put at least one event into it", "the batch has no events")
		}
		return events, err
	case ledger.ContentTypeCloudEvent:
		e, err := ledger.ParseCloudEvent(m.Data)
		return []ledger.Event{e}, err
	}
	if header(m.Header, attributePrefix+"specversion") == "" {
		return nil, ledger.Errorf(ledger.CodeInvalid, "ingest", "send the headers ce-specversion, ce-id, ce-source and ce-type, or content-type "+
			ledger.ContentTypeCloudEvent, "neither ce-specversion nor a CloudEvents content-type is among the headers")
	}
	e, place, err := parseHeaders(m.Header)
	e.Data = m.Data
	for name, value := range place {
		if err == nil {
			err = e.SetAttribute(name, value)
		}
	}
	e.SortExt()
	return []ledger.Event{e}, err
}

// requestBatches groups events by stream, in the order in which the streams first appear.
func requestBatches(h nats.Header, events []ledger.Event) ([]ledger.Batch, error) {
	expect, err := parseExpect(header(h, headerBelief))
	if err != nil {
		return nil, err
	}
	var batches []ledger.Batch
	at := map[string]int{}
	for _, e := range events {
		name := header(h, headerStream)
		if name == "" {
			name = ledger.StreamFor(&e)
		}
		i, ok := at[name]
		if !ok {
			i, at[name] = len(batches), len(batches)
			batches = append(batches, ledger.Batch{Stream: name, Expect: expect})
		}
		batches[i].Events = append(batches[i].Events, e)
	}
	if len(batches) > 1 && expect >= ledger.NoStream {
		return nil, ledger.Errorf(ledger.CodeInvalid, "ingest", "send one request for each stream, or leave Baton-Expect out",
			"Baton-Expect is %s and the batch is for %d streams", expect, len(batches))
	}
	return batches, nil
}

func parseExpect(s string) (ledger.Expect, error) {
	switch s {
	case "", "any":
		return ledger.Any, nil
	case "no_stream":
		return ledger.NoStream, nil
	case "stream_exists":
		return ledger.StreamExists, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, ledger.Errorf(ledger.CodeInvalid, "ingest", "send a revision, any, no_stream or stream_exists", "Baton-Expect is %.40q", s)
	}
	return ledger.Expect(n), nil
}
