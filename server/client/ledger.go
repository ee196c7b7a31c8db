package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"

	"github.com/baton-ledger/baton/ledger"
)

var (
	_ ledger.Source = (*Client)(nil)
	_ ledger.Append = (*Client)(nil).AppendAll
)

// Read yields records by position.
func (c *Client) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return readLines(ctx, c, "/v1/records", readQuery(o), (*Record).Recorded)
}

// ReadStream yields a stream's records by revision.
func (c *Client) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return readLines(ctx, c, "/v1/streams/"+url.PathEscape(stream)+"/records", readQuery(o), (*Record).Recorded)
}

// Streams yields stream heads by name.
func (c *Client) Streams(ctx context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return readLines(ctx, c, "/v1/streams", url.Values{"prefix": {prefix}, "after": {after}}, func(l *StreamLine) (ledger.StreamHead, error) {
		if l.Problem != nil {
			return ledger.StreamHead{}, l.Problem.Ledger()
		}
		return l.StreamHead, nil
	})
}

func readQuery(o ledger.ReadOptions) url.Values {
	return url.Values{"from": {strconv.FormatUint(o.From, 10)}, "to": {strconv.FormatUint(o.To, 10)}}
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
	var out Results
	err := c.post(ctx, "/v1/batches", ledger.AppendBatches(nil, batches), &out)
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
			results[i].Receipts, results[i].Notices = out.Results[i].Receipts, out.Results[i].Notices
		}
	}
	return results
}
