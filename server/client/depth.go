package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/projections/depth"
)

// Depth are the questions about context. *depth.Live answers them from the ledger, *Client through the API.
type Depth interface {
	Tiers(ctx context.Context, o depth.TierOptions) (depth.TierReport, error)
	Fields(ctx context.Context, q depth.Query) (depth.FieldReport, error)
	Drift(ctx context.Context, o depth.DriftOptions) (depth.DriftReport, error)
}

var (
	_ Depth = (*depth.Live)(nil)
	_ Depth = (*Client)(nil)
)

func depthValues(q depth.Query) url.Values {
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.DateOnly)
	}
	return values("point", q.Point, "since", day(q.Since), "until", day(q.Until))
}

// Tiers reports tiers. Of the options the query, thin and rich go with the request: the rest is the server's.
func (c *Client) Tiers(ctx context.Context, o depth.TierOptions) (out depth.TierReport, err error) {
	v := depthValues(o.Query)
	for name, x := range map[string]float64{"thin": o.Thin, "rich": o.Rich} {
		if x > 0 {
			v.Set(name, strconv.FormatFloat(x, 'g', -1, 64))
		}
	}
	return out, c.get(ctx, "/v1/reports/tiers", v, &out)
}

// Fields reports fields.
func (c *Client) Fields(ctx context.Context, q depth.Query) (out depth.FieldReport, err error) {
	return out, c.get(ctx, "/v1/reports/fields", depthValues(q), &out)
}

// Drift reports drift. Of the options the query, the baseline, alpha and charts go with the request.
func (c *Client) Drift(ctx context.Context, o depth.DriftOptions) (out depth.DriftReport, err error) {
	v := depthValues(o.Query)
	if o.Baseline > 0 {
		v.Set("baseline_days", strconv.Itoa(o.Baseline))
	}
	if o.Alpha > 0 {
		v.Set("alpha", strconv.FormatFloat(o.Alpha, 'g', -1, 64))
	}
	if o.Charts {
		v.Set("charts", "true")
	}
	return out, c.get(ctx, "/v1/reports/drift", v, &out)
}
