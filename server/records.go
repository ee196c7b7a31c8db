package server

import (
	"bufio"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

type rangeInput struct {
	From uint64 `query:"from" doc:"first position or revision"`
	To   uint64 `query:"to" doc:"last one, included; 0 is the durable head"`
}

func (r rangeInput) options() ledger.ReadOptions { return ledger.ReadOptions{From: r.From, To: r.To} }

// records registers the ledger's own interface.
func (s *Server) records(api huma.API) {
	huma.Register(api, ndjson[client.Record](api, operation("read-records", http.MethodGet, "/v1/records", "Records by position, a JSON object a line")),
		func(ctx context.Context, in *rangeInput) (*huma.StreamResponse, error) {
			return lines(s.opts.Store.Read(ctx, in.options()), client.RecordOf), nil
		})
	huma.Register(api, ndjson[client.Record](api, operation("read-stream", http.MethodGet, "/v1/streams/{stream}/records", "Records of a stream by revision, a JSON object a line")),
		func(ctx context.Context, in *struct {
			Stream string `path:"stream" maxLength:"512"`
			From   uint64 `query:"from" doc:"first revision"`
			To     uint64 `query:"to" doc:"last one, included; 0 is the durable head"`
		}) (*huma.StreamResponse, error) {
			return lines(s.opts.Store.ReadStream(ctx, in.Stream, ledger.ReadOptions{From: in.From, To: in.To}), client.RecordOf), nil
		})
	huma.Register(api, operation("stream-head", http.MethodGet, "/v1/streams/{stream}", "Head of a stream; revision 0 where it does not exist"),
		func(ctx context.Context, in *struct {
			Stream string `path:"stream" maxLength:"512"`
		}) (*answer[ledger.StreamHead], error) {
			return reply(s.opts.Store.StreamHead(ctx, in.Stream))
		})
	huma.Register(api, ndjson[client.StreamLine](api, operation("streams", http.MethodGet, "/v1/streams", "Heads of streams by name, a JSON object a line")),
		func(ctx context.Context, in *struct {
			Prefix string `query:"prefix"`
			After  string `query:"after"`
		}) (*huma.StreamResponse, error) {
			return lines(s.opts.Store.Streams(ctx, in.Prefix, in.After), func(h *ledger.StreamHead) client.StreamLine { return client.StreamLine{StreamHead: *h} }), nil
		})
	huma.Register(api, operation("head", http.MethodGet, "/v1/head", "Durable head; with after, as soon as it is past that position, at most half a minute"),
		func(ctx context.Context, in *struct {
			After uint64 `query:"after"`
		}) (*answer[ledger.Head], error) {
			if in.After == 0 {
				return reply(s.opts.Store.Head(ctx))
			}
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			if h, err := s.opts.Store.Wait(ctx, in.After); err == nil || ctx.Err() == nil {
				return reply(h, err)
			}
			return reply(s.opts.Store.Head(context.WithoutCancel(ctx)))
		})
}

type answer[T any] struct{ Body T }

func reply[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, fail(err)
	}
	return &answer[T]{Body: v}, nil
}

// bodyTime is how long a request's body may take. A deadline of the whole connection would end long answers too.
const bodyTime = time.Minute

func operation(id, method, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTime}
}

// lines writes a read as NDJSON. The first item is awaited before the status is sent, so that an error at once is a plain problem; a later one
// is the last line.
func lines[T, W any](items iter.Seq2[T, error], wire func(*T) W) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		var out *bufio.Writer
		start := func(status int, contentType string) {
			c.SetHeader("Content-Type", contentType)
			c.SetStatus(status)
			out = bufio.NewWriterSize(c.BodyWriter(), 64<<10)
		}
		for v, err := range items {
			if err != nil {
				p := ProblemOf(err)
				if out == nil {
					start(p.Status, "application/problem+json")
					json.NewEncoder(out).Encode(p)
				} else {
					json.NewEncoder(out).Encode(struct {
						Problem *client.Problem `json:"problem"`
					}{p})
				}
				break
			}
			if out == nil {
				start(http.StatusOK, "application/x-ndjson")
			}
			if json.NewEncoder(out).Encode(wire(&v)) != nil {
				return
			}
		}
		if out == nil {
			start(http.StatusOK, "application/x-ndjson")
		}
		out.Flush()
	}}
}
