package server

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// events registers the ways in.
func (s *Server) events(api huma.API) {
	op := operation("append-batches", http.MethodPost, "/v1/batches", "Append batches, each all or none, each with its own answer")
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[client.Batches](), true, "")}}}
	op.SkipValidateBody = true // ledger.ParseBatches does
	huma.Register(api, op, s.appendBatches)
	op = operation("append-events", http.MethodPost, "/v1/events", "Append CloudEvents in binary, structured or batch mode")
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		ledger.ContentTypeCloudEvent: {}, ledger.ContentTypeCloudEventBatch: {}, "application/json": {}, "application/octet-stream": {}}}
	huma.Register(api, op, s.appendEvents)
}

// appendBatches reads the body itself: huma would decode it twice, and no event is made of what its second decoding gives.
func (s *Server) appendBatches(ctx context.Context, in *struct{ RawBody []byte }) (*answer[client.Results], error) {
	batches, bad, err := ledger.ParseBatches(in.RawBody)
	if err != nil {
		return nil, fail(err)
	}
	out := client.Results{Results: make([]client.ResultWire, len(batches))}
	good, at := make([]ledger.Batch, 0, len(batches)), make([]int, 0, len(batches))
	for i := range batches {
		if bad[i] != nil {
			out.Results[i].Problem = ProblemOf(bad[i])
			continue
		}
		good, at = append(good, batches[i]), append(at, i)
	}
	for i, r := range s.opts.Append(context.WithoutCancel(ctx), good) {
		if r.Err != nil {
			out.Results[at[i]].Problem = ProblemOf(r.Err)
		} else {
			out.Results[at[i]].Receipts = r.Receipts
		}
	}
	return reply(out, nil)
}

type eventsInput struct {
	Stream      string `query:"stream" doc:"default: the journey or overlay stream of the event's subject"`
	Expect      int64  `query:"expect" default:"-1" doc:"expected revision of the stream; 0 no stream, -1 any, -2 an existing stream"`
	ContentType string `header:"Content-Type"`
	RawBody     []byte
	header      http.Header
}

// Resolve keeps the request's headers: the attributes of binary mode are there.
func (in *eventsInput) Resolve(c huma.Context) []error {
	in.header = http.Header{}
	c.EachHeader(func(name, value string) { in.header.Add(name, value) })
	return nil
}

// appendEvents takes the three content modes of CloudEvents over HTTP. A batch may hold events of several streams: each stream's
// events are one append, and the answer is an error if any of them is refused.
func (s *Server) appendEvents(ctx context.Context, in *eventsInput) (*answer[client.Receipts], error) {
	events, err := in.parse()
	if err == nil && len(events) == 0 {
		err = ledger.Errorf(ledger.CodeInvalid, "append", "put at least one event into it", "the batch has no events")
	}
	if err != nil {
		return nil, fail(err)
	}
	batches, order := in.group(events)
	results := s.opts.Append(context.WithoutCancel(ctx), batches)
	out := client.Receipts{Receipts: make([]ledger.Receipt, len(events))}
	taken := make([]int, len(batches))
	for i, b := range order {
		if err := results[b].Err; err != nil {
			return nil, fail(err)
		}
		out.Receipts[i] = results[b].Receipts[taken[b]]
		taken[b]++
	}
	return reply(out, nil)
}

func (in *eventsInput) parse() ([]ledger.Event, error) {
	media, _, err := mime.ParseMediaType(in.ContentType)
	switch {
	case err == nil && media == ledger.ContentTypeCloudEventBatch:
		return ledger.ParseCloudEventBatch(in.RawBody)
	case err == nil && media == ledger.ContentTypeCloudEvent:
		e, err := ledger.ParseCloudEvent(in.RawBody)
		return []ledger.Event{e}, err
	}
	return in.binary()
}

// binary reads the attributes from the ce- headers.
func (in *eventsInput) binary() ([]ledger.Event, error) {
	e := ledger.Event{ContentType: in.ContentType, Data: in.RawBody}
	refuse := func(hint, format string, args ...any) ([]ledger.Event, error) {
		return nil, ledger.Errorf(ledger.CodeInvalid, "append", hint, format, args...)
	}
	if in.header.Get("ce-specversion") == "" {
		return refuse("send "+ledger.ContentTypeCloudEvent+", or ce-specversion: 1.0 and further ce- headers with the data as body",
			"Content-Type %q without the header ce-specversion is no CloudEvent", in.ContentType)
	}
	for name, values := range in.header {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok {
			continue
		}
		if len(values) > 1 {
			return refuse("send it once", "header %s is there %d times", name, len(values))
		}
		value, err := url.PathUnescape(values[0]) // CloudEvents HTTP binding 3.1.3.2: percent-encoded
		if err != nil {
			return refuse("percent-encode the header's value: % itself is %25", "header %s: %w", name, err)
		}
		if err := e.SetAttribute(attribute, value); err != nil {
			return nil, err
		}
	}
	e.SortExt()
	return []ledger.Event{e}, nil
}

// group makes one batch a stream, in order of first appearance; order says for each event which batch it went to.
func (in *eventsInput) group(events []ledger.Event) (batches []ledger.Batch, order []int) {
	at := map[string]int{}
	for i := range events {
		stream := in.Stream
		if stream == "" {
			stream = ledger.StreamFor(&events[i])
		}
		k, ok := at[stream]
		if !ok {
			k = len(batches)
			at[stream] = k
			batches = append(batches, ledger.Batch{Stream: stream, Expect: ledger.Expect(in.Expect)})
		}
		batches[k].Events = append(batches[k].Events, events[i])
		order = append(order, k)
	}
	return batches, order
}
