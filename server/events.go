package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

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
	op.RequestBody, op.Parameters = eventsBody(), attributeHeaders()
	op.SkipValidateBody = true // the parsers of CloudEvents do
	huma.Register(api, op, s.appendEvents)
}

// eventsBody documents the three modes: structured, batch, and binary with data of any kind.
func eventsBody() *huma.RequestBody {
	text := func(doc string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: doc, MinLength: new(1)}
	}
	one := &huma.Schema{Type: huma.TypeObject, Description: "a CloudEvent 1.0", Required: []string{"specversion", "id", "source", "type"},
		Properties: map[string]*huma.Schema{
			"specversion": {Type: huma.TypeString, Enum: []any{"1.0"}}, "id": text("with source, unique in the stream: what a retry is known by"),
			"source": text("who says it, a URI reference"), "type": text("dev.baton.<family>.<verb>.v1, or any foreign type"), "subject": text("the journey"),
			"time": {Type: huma.TypeString, Format: "date-time", Description: "when it happened"}, "datacontenttype": text(""), "dataschema": text(""),
			"data": {Description: "kept byte for byte"}, "data_base64": {Type: huma.TypeString, ContentEncoding: "base64"}},
		AdditionalProperties: &huma.Schema{Description: "extension attributes", Type: "", AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeInteger}, {Type: huma.TypeBoolean}, {Type: "null"}}}}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		ledger.ContentTypeCloudEvent:      {Schema: one},
		ledger.ContentTypeCloudEventBatch: {Schema: &huma.Schema{Type: huma.TypeArray, Items: one, MinItems: new(1)}},
		"application/json":                {Schema: &huma.Schema{Description: "the data of an event in binary mode; of any other content type too"}},
		"*/*":                             {Schema: &huma.Schema{Description: "the data of an event in binary mode"}}}}
}

// attributeHeaders are those of binary mode; further ce- headers are extension attributes.
func attributeHeaders() (list []*huma.Param) {
	for name, doc := range map[string]string{"ce-specversion": "1.0", "ce-id": "id of the event", "ce-source": "who says it", "ce-type": "type of the event",
		"ce-subject": "the journey", "ce-time": "when it happened, RFC 3339", "ce-dataschema": "contract and version"} {
		list = append(list, &huma.Param{Name: name, In: "header", Description: "binary mode: " + doc + "; percent-encoded", Schema: &huma.Schema{Type: huma.TypeString}})
	}
	slices.SortFunc(list, func(a, b *huma.Param) int { return strings.Compare(a.Name, b.Name) })
	return list
}

type batchesInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte
}

// appendBatches reads the body itself: huma would decode it twice, and no event is made of what its second decoding gives.
func (s *Server) appendBatches(ctx context.Context, in *batchesInput) (*answer[client.Results], error) {
	if !ledger.IsJSON(in.ContentType) {
		return nil, refusal(http.StatusUnsupportedMediaType, fmt.Sprintf("unknown content type %.100q", in.ContentType))
	}
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
			out.Results[at[i]].Receipts, out.Results[at[i]].Notices = r.Receipts, r.Notices
		}
	}
	return reply(out, nil)
}

type eventsInput struct {
	Stream      string `query:"stream" doc:"default: the journey or overlay stream of the event's subject"`
	Expect      int64  `query:"expect" default:"-1" doc:"expected revision of the stream; 0 no stream, -1 any, -2 an existing stream"`
	ContentType string `header:"Content-Type" hidden:"true"`
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
func (s *Server) appendEvents(ctx context.Context, in *eventsInput) (*noticed[client.Receipts], error) {
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
		if taken[b] == 0 {
			out.Notices = append(out.Notices, results[b].Notices...)
		}
		out.Receipts[i] = results[b].Receipts[taken[b]]
		taken[b]++
	}
	return replyNoticed(out, nil, out.Notices, out.Receipts)
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

// jsonFormat is huma's, except for answers that write themselves: an append's receipts, which are most of its cost otherwise.
var jsonFormat = huma.Format{Unmarshal: unmarshalText, Marshal: func(w io.Writer, v any) error {
	own, ok := v.(interface{ AppendJSON([]byte) ([]byte, error) })
	if !ok {
		return huma.DefaultJSONFormat.Marshal(w, v)
	}
	text, err := own.AppendJSON(nil)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}}

// unmarshalText refuses what is not UTF-8: encoding/json puts another letter in the place of a broken one, and two journeys would be one.
func unmarshalText(b []byte, v any) error {
	if !utf8.Valid(b) {
		return errors.New("the body is not valid UTF-8")
	}
	return json.Unmarshal(b, v)
}
