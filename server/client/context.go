package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// ContextOptions say which context is asked for. The zero value is that of the newest handoff, now.
type ContextOptions struct {
	Handoff   string
	Point     string
	Moment    replay.Moment
	Now       time.Time // what ages are counted to; zero: see [brief.Options]
	NoOverlay bool
	Customer  bool
	Deliver   string // handoff for which it is recorded as given
	Viewer    string // with Deliver: to whom
}

// Context is [brief.Assemble] at the server, with the contracts, styles and sources that it knows.
func (c *Client) Context(ctx context.Context, journey string, o ContextOptions) (out brief.Brief, err error) {
	q := momentQuery(o.Moment)
	for name, v := range map[string]string{"handoff": o.Handoff, "point": o.Point, "deliver": o.Deliver, "viewer": o.Viewer, "now": stamp(o.Now)} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if o.NoOverlay {
		q.Set("overlay", "off")
	}
	if o.Customer {
		q.Set("preview", "customer")
	}
	return out, c.get(ctx, "/v1/journeys/"+url.PathEscape(journey)+"/context", q, &out)
}

// Snapshots is [brief.AssembleSnapshots] at the server. journey "" is looked up.
func (c *Client) Snapshots(ctx context.Context, journey, handoff string, m replay.Moment) (out brief.Snapshots, err error) {
	q := momentQuery(m)
	if journey != "" {
		q.Set("journey", journey)
	}
	return out, c.get(ctx, "/v1/handoffs/"+url.PathEscape(handoff)+"/snapshots", q, &out)
}

// See is [brief.See] at the server. The actor is that of the client's key.
func (c *Client) See(ctx context.Context, v brief.View) (out brief.Recorded, err error) {
	body := &View{Journey: v.Journey, Fields: v.Fields, SidePanel: v.SidePanel, Time: v.Time}
	if !v.By.IsZero() {
		by := Party(v.By)
		body.By = &by
	}
	return out, c.postJSON(ctx, "/v1/handoffs/"+url.PathEscape(v.Handoff)+"/viewed", body, &out)
}

// Correct is [brief.Correct] at the server. The actor is that of the client's key.
func (c *Client) Correct(ctx context.Context, k brief.Correction) (out brief.Recorded, err error) {
	return out, c.postJSON(ctx, "/v1/journeys/"+url.PathEscape(k.Journey)+"/corrections",
		&Correction{Field: k.Field, Value: k.Value, By: k.By, Channel: k.Channel, Time: k.Time}, &out)
}

// momentQuery is a moment as the API reads it.
func momentQuery(m replay.Moment) url.Values {
	q := url.Values{}
	for name, n := range map[string]uint64{"position": m.Position, "revision": m.Revision} {
		if n > 0 {
			q.Set(name, strconv.FormatUint(n, 10))
		}
	}
	for name, t := range map[string]time.Time{"at": m.At, "known-at": m.KnownAt, "recorded": m.Recorded} {
		if !t.IsZero() {
			q.Set(name, stamp(t))
		}
	}
	return q
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
