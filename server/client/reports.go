package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/projections"
)

// Reports are the questions that read models answer. *projections.Models answers them from the directory, *Client through the API.
type Reports interface {
	Summary(ctx context.Context) (projections.Summary, error)
	Journeys(ctx context.Context, q projections.Query) iter.Seq2[projections.Listed, error]
	Handoffs(ctx context.Context, q projections.HandoffQuery) iter.Seq2[projections.HandoffRow, error]
	Handoff(ctx context.Context, journey, id string) (projections.HandoffRow, error)
	Points(ctx context.Context) (projections.Report[projections.PointRow], error)
	Custody(ctx context.Context, o projections.CustodyOptions) (projections.CustodyReport, error)
	Network(ctx context.Context, o projections.NetworkOptions) (projections.NetworkReport, error)
	Rebuild(ctx context.Context) (projections.RebuildReport, error)
}

var (
	_ Reports = (*projections.Models)(nil)
	_ Reports = (*Client)(nil)
)

// MaxPage is the greatest length of a page of a list.
const MaxPage = 1000

// pages reads a list through the API, page after page, as one.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for seen := 0; ; {
			n := MaxPage
			if limit > 0 {
				n = min(n, limit-seen)
			}
			query.Set("limit", strconv.Itoa(n))
			var l List[T]
			if err := c.get(ctx, path, query, &l); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, v := range l.Items {
				if !yield(v, nil) {
					return
				}
			}
			seen += len(l.Items)
			if l.Next == "" || limit > 0 && seen >= limit {
				return
			}
			query.Set("after", l.Next)
		}
	}
}

// Summary and the methods after it are *projections.Models' through the API.
func (c *Client) Summary(ctx context.Context) (out projections.Summary, err error) {
	return out, c.get(ctx, "/v1/summary", nil, &out)
}

// Journeys lists journeys.
func (c *Client) Journeys(ctx context.Context, q projections.Query) iter.Seq2[projections.Listed, error] {
	v := values("after", q.After, "state", q.State, "stage", q.Stage, "anomaly", q.Anomaly, "prefix", q.Prefix)
	v.Set("newest", strconv.FormatBool(q.Newest))
	return pages[projections.Listed](ctx, c, "/v1/journeys", v, q.Limit)
}

// Handoffs lists handoffs.
func (c *Client) Handoffs(ctx context.Context, q projections.HandoffQuery) iter.Seq2[projections.HandoffRow, error] {
	v := values("after", q.After, "order", q.Order, "point", q.Point, "state", string(q.State))
	v.Set("newest", strconv.FormatBool(q.Newest))
	return pages[projections.HandoffRow](ctx, c, "/v1/handoffs", v, q.Limit)
}

// Points reports every point.
func (c *Client) Points(ctx context.Context) (out projections.Report[projections.PointRow], err error) {
	return out, c.get(ctx, "/v1/points", nil, &out)
}

// Custody reports custody. Limits are the server's.
func (c *Client) Custody(ctx context.Context, o projections.CustodyOptions) (out projections.CustodyReport, err error) {
	v := url.Values{}
	if o.Top > 0 {
		v.Set("top", strconv.Itoa(o.Top))
	}
	if !o.Now.IsZero() {
		v.Set("now", o.Now.Format(time.RFC3339Nano))
	}
	return out, c.get(ctx, "/v1/reports/custody", v, &out)
}

// Network reports handovers.
func (c *Client) Network(ctx context.Context, o projections.NetworkOptions) (out projections.NetworkReport, err error) {
	v := values("level", o.Level, "norm", o.Norm)
	v.Set("self", strconv.FormatBool(o.Self))
	v.Set("top", strconv.Itoa(o.Top))
	return out, c.get(ctx, "/v1/reports/network", v, &out)
}

// Rebuild makes the models again.
func (c *Client) Rebuild(ctx context.Context) (out projections.RebuildReport, err error) {
	return out, c.post(ctx, "/v1/rebuild", nil, &out)
}

// Status asks the holder how it is.
func (c *Client) Status(ctx context.Context) (out Status, err error) {
	return out, c.get(ctx, "/v1/status", nil, &out)
}

// Checkpoint has the holder sign everything that is durable.
func (c *Client) Checkpoint(ctx context.Context) (out notary.Checkpoint, err error) {
	return out, c.get(ctx, "/v1/checkpoint", nil, &out)
}

// Prove gives the inclusion proof of a position.
func (c *Client) Prove(ctx context.Context, position uint64) (out notary.Proof, err error) {
	return out, c.get(ctx, "/v1/proofs/"+strconv.FormatUint(position, 10), nil, &out)
}

// Verify has the holder verify its ledger.
func (c *Client) Verify(ctx context.Context) (out notary.Report, err error) {
	return out, c.post(ctx, "/v1/verify", nil, &out)
}

// CheckRelay has the holder compare its ledger with the NATS stream.
func (c *Client) CheckRelay(ctx context.Context, repair bool) (out relay.CheckReport, err error) {
	return out, c.do(ctx, http.MethodPost, "/v1/relay/check", url.Values{"repair": {strconv.FormatBool(repair)}}, nil, &out)
}
