package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/projections/points"
)

// PointDesk is what the server knows of handoff points. The thresholds of options go along where they are set; what is no number stays the server's.
func (c *Client) PointDesk() points.Counter { return pointDesk{c} }

type pointDesk struct{ c *Client }

// pointPath escapes a point, which has > and @ in it.
func pointPath(point string, rest ...string) string {
	path := "/v1/points/" + url.PathEscape(point)
	for _, r := range rest {
		path += "/" + url.PathEscape(r)
	}
	return path
}

// thresholds makes a query of the numbers that are set.
func thresholds(o points.Options) url.Values {
	v := url.Values{}
	for name, n := range map[string]float64{"days": float64(o.Days), "per_day": o.PerDay, "lost_rate": o.LostRate, "human_share": o.HumanShare,
		"trained_share": o.TrainedShare, "journeys": float64(o.Journeys), "least": float64(o.Least)} {
		if n != 0 {
			v.Set(name, strconv.FormatFloat(n, 'f', -1, 64))
		}
	}
	if !o.Now.IsZero() {
		v.Set("now", o.Now.Format(time.RFC3339Nano))
	}
	return v
}

func (d pointDesk) Dossier(ctx context.Context, name string) (out *points.Dossier, err error) {
	return out, d.c.get(ctx, pointPath(name), nil, &out)
}

func (d pointDesk) Checklist(ctx context.Context, name string, o points.Options) (out *points.Checklist, err error) {
	return out, d.c.get(ctx, pointPath(name, "checklist"), thresholds(o), &out)
}

func (d pointDesk) Matrix(ctx context.Context, o points.Options) (out *points.Matrix, err error) {
	return out, d.c.get(ctx, "/v1/points/matrix", thresholds(o), &out)
}

func (d pointDesk) Evidence(ctx context.Context, name, pain, query string, o points.Options) (out *points.Evidence, err error) {
	v := thresholds(o)
	if pain != "" {
		v.Set("pain", pain)
	}
	if query != "" {
		v.Set("query", query)
	}
	return out, d.c.get(ctx, pointPath(name, "evidence"), v, &out)
}

func (d pointDesk) Change(ctx context.Context, c points.Change, _ points.Options) (out points.Changed, err error) {
	return out, d.c.postJSON(ctx, pointPath(c.Point, c.Verb), &c, &out)
}
