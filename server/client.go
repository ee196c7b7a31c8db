package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/baton-ledger/baton/ledger"
)

// Client is a ledger held by another process, reached through its API. It is a [ledger.Reader] and a [ledger.Tailer], and
// AppendAll is a [ledger.Append]; its errors are the server's *ledger.Error.
type Client struct {
	base string // http://host:port
	http *http.Client
}

var (
	_ ledger.Source = (*Client)(nil)
	_ ledger.Append = (*Client)(nil).AppendAll
)

// NewClient makes a client of the API at base, as http://127.0.0.1:8080.
func NewClient(base string) *Client { return &Client{base: base, http: &http.Client{}} }

// get asks and decodes a JSON answer into out.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, http.MethodGet, path, query, nil, out)
}

func (c *Client) post(ctx context.Context, path string, body []byte, out any) error {
	return c.do(ctx, http.MethodPost, path, nil, body, out)
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	resp, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return unreachable(ctx, err)
	}
	return nil
}

// send gives a successful response, or the error of a problem. A nil body is none.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "ask the server", "give the address of a server, as http://127.0.0.1:8080", "%w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, readProblem(resp)
	}
	return resp, nil
}

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: "ask the server", Err: err, Hint: "see whether the process that holds the ledger still runs"}
}

// Read yields records by position.
func (c *Client) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return readLines(ctx, c, "/v1/records", readQuery(o), (*Record).recorded)
}

// ReadStream yields a stream's records by revision.
func (c *Client) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return readLines(ctx, c, "/v1/streams/"+url.PathEscape(stream)+"/records", readQuery(o), (*Record).recorded)
}

// Streams yields stream heads by name.
func (c *Client) Streams(ctx context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return readLines(ctx, c, "/v1/streams", url.Values{"prefix": {prefix}, "after": {after}}, func(l *streamLine) (ledger.StreamHead, error) {
		if l.Problem != nil {
			return ledger.StreamHead{}, l.Problem.Ledger()
		}
		return l.StreamHead, nil
	})
}

func readQuery(o ledger.ReadOptions) url.Values {
	return url.Values{"from": {strconv.FormatUint(o.From, 10)}, "to": {strconv.FormatUint(o.To, 10)}}
}

// readLines reads NDJSON. A connection that breaks is an error, never a short list.
func readLines[W, T any](ctx context.Context, c *Client, path string, query url.Values, value func(*W) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		resp, err := c.send(ctx, http.MethodGet, path, query, nil)
		if err != nil {
			yield(zero, err)
			return
		}
		defer resp.Body.Close()
		for d := json.NewDecoder(resp.Body); ; {
			var w W
			switch err := d.Decode(&w); {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(zero, unreachable(ctx, err))
				return
			}
			v, err := value(&w)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Head is the durable head.
func (c *Client) Head(ctx context.Context) (h ledger.Head, err error) {
	return h, c.get(ctx, "/v1/head", nil, &h)
}

// Wait returns the head as soon as it is past a position.
func (c *Client) Wait(ctx context.Context, after uint64) (h ledger.Head, err error) {
	for {
		err = c.get(ctx, "/v1/head", url.Values{"after": {strconv.FormatUint(after, 10)}}, &h)
		if err != nil || h.Position > after {
			return h, err
		}
	}
}

// StreamHead is the head of one stream.
func (c *Client) StreamHead(ctx context.Context, stream string) (h ledger.StreamHead, err error) {
	return h, c.get(ctx, "/v1/streams/"+url.PathEscape(stream), nil, &h)
}

// AppendAll appends through the server's intake.
func (c *Client) AppendAll(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	var out resultsBody
	err := c.post(ctx, "/v1/batches", batchesJSON(batches), &out)
	if err == nil && len(out.Results) != len(batches) {
		err = ledger.Errorf(ledger.CodeInternal, "append", "", "the server answered %d of %d batches", len(out.Results), len(batches))
	}
	results := make([]ledger.Result, len(batches))
	for i := range results {
		switch {
		case err != nil:
			results[i].Err = err
		case out.Results[i].Problem != nil:
			results[i].Err = out.Results[i].Problem.Ledger()
		default:
			results[i].Receipts = out.Results[i].Receipts
		}
	}
	return results
}

// batchesJSON writes batches by hand: encoding/json would take the white space out of the producers' data, which is evidence.
func batchesJSON(batches []ledger.Batch) []byte {
	body := []byte(`{"batches":[`)
	for i, b := range batches {
		if i > 0 {
			body = append(body, ',')
		}
		stream, _ := json.Marshal(b.Stream) // a string always can
		body = fmt.Appendf(body, `{"stream":%s,"expect":%d,"events":[`, stream, int64(b.Expect))
		for k := range b.Events {
			if k > 0 {
				body = append(body, ',')
			}
			body = ledger.AppendCloudEvent(body, &ledger.Recorded{Event: b.Events[k]})
		}
		body = append(body, `]}`...)
	}
	return append(body, `]}`...)
}
