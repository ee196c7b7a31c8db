package server

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/replay"
)

// Reports are the questions that read models answer. *projections.Models answers them from the directory, *Client through the API.
type Reports interface {
	Summary(ctx context.Context) (projections.Summary, error)
	Journeys(ctx context.Context, q projections.Query) iter.Seq2[projections.Listed, error]
	Handoffs(ctx context.Context, q projections.HandoffQuery) iter.Seq2[projections.HandoffRow, error]
	Points(ctx context.Context) (projections.Report[projections.PointRow], error)
	Custody(ctx context.Context, o projections.CustodyOptions) (projections.CustodyReport, error)
	Network(ctx context.Context, o projections.NetworkOptions) (projections.NetworkReport, error)
	Rebuild(ctx context.Context) (projections.RebuildReport, error)
}

var (
	_ Reports = (*projections.Models)(nil)
	_ Reports = (*Client)(nil)
)

// page is the default length of a list, and maxPage the greatest.
const (
	page    = 100
	maxPage = 1000
)

// List is a page of a list. Next is the cursor of its last item, "" at the end.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// MomentInput is exported because huma passes over the fields of embedded types that are not.
type MomentInput struct {
	Position string `query:"position" doc:"as it stood at this position of the ledger"`
	Revision string `query:"revision" doc:"as it stood at this revision of the journey"`
	At       string `query:"at" doc:"as it stood when this time occurred"`
	KnownAt  string `query:"known-at" doc:"with at: counting only what was recorded by then"`
	Recorded string `query:"recorded" doc:"as it stood when everything recorded by then was there"`
}

func (m MomentInput) moment() (replay.Moment, error) {
	values := map[string]string{"position": m.Position, "revision": m.Revision, "at": m.At, "known-at": m.KnownAt, "recorded": m.Recorded}
	return replay.ParseMoment(func(name string) string { return values[name] })
}

type journeysInput struct {
	After   string `query:"after" doc:"cursor of the last item seen"`
	Limit   int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	State   string `query:"state" enum:"open,closed" doc:"both where absent"`
	Stage   string `query:"stage" doc:"of the present owner"`
	Anomaly string `query:"anomaly" doc:"that the journey has"`
	Prefix  string `query:"prefix" doc:"of the id"`
	Newest  bool   `query:"newest" doc:"newest first"`
}

type handoffsInput struct {
	After  string `query:"after" doc:"cursor of the last item seen"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Order  string `query:"order" doc:"position, offered or wait"`
	Point  string `query:"point" doc:"sender>receiver@channel"`
	State  string `query:"state"`
	Newest bool   `query:"newest"`
}

// models registers journeys and reports.
func (s *Server) models(api huma.API) {
	huma.Register(api, operation("journey", http.MethodGet, "/v1/journeys/{id}", "One journey, now or as of any moment"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"504"`
			MomentInput
		}) (*answer[replay.View], error) {
			m, err := in.moment()
			if err != nil {
				return nil, fail(err)
			}
			return reply(replay.AsOf(ctx, s.opts.Store, in.ID, m))
		})
	huma.Register(api, operation("timeline", http.MethodGet, "/v1/journeys/{id}/timeline", "Every event of a journey and what it did"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"504"`
			MomentInput
		}) (*answer[List[replay.Entry]], error) {
			m, err := in.moment()
			if err != nil {
				return nil, fail(err)
			}
			return reply(collect(replay.Timeline(ctx, s.opts.Store, in.ID, m), 0, func(*replay.Entry) string { return "" }))
		})
	huma.Register(api, operation("journeys", http.MethodGet, "/v1/journeys", "Journeys, by id or as asked"),
		func(ctx context.Context, in *journeysInput) (*answer[List[projections.Listed]], error) {
			q := projections.Query{After: in.After, Limit: in.Limit, State: in.State, Stage: in.Stage, Anomaly: in.Anomaly, Prefix: in.Prefix, Newest: in.Newest}
			return reply(collect(s.opts.Models.Journeys(ctx, q), in.Limit, func(l *projections.Listed) string { return l.Cursor }))
		})
	huma.Register(api, operation("handoffs", http.MethodGet, "/v1/handoffs", "Handoffs, by position or as asked"),
		func(ctx context.Context, in *handoffsInput) (*answer[List[projections.HandoffRow]], error) {
			q := projections.HandoffQuery{After: in.After, Limit: in.Limit, Order: in.Order, Point: in.Point, State: ledger.HandoffState(in.State), Newest: in.Newest}
			return reply(collect(s.opts.Models.Handoffs(ctx, q), in.Limit, func(h *projections.HandoffRow) string { return h.Cursor }))
		})
	s.reports(api)
}

func (s *Server) reports(api huma.API) {
	huma.Register(api, operation("summary", http.MethodGet, "/v1/summary", "The whole ledger in one row"),
		func(ctx context.Context, _ *struct{}) (*answer[projections.Summary], error) {
			return reply(s.opts.Models.Summary(ctx))
		})
	huma.Register(api, operation("points", http.MethodGet, "/v1/points", "Handoff points discovered from traffic"),
		func(ctx context.Context, _ *struct{}) (*answer[projections.Report[projections.PointRow]], error) {
			return reply(s.opts.Models.Points(ctx))
		})
	huma.Register(api, operation("report-custody", http.MethodGet, "/v1/reports/custody", "Custody: dropped, orphaned, doubled, zombie, ping-pong, longest waits"),
		func(ctx context.Context, in *struct {
			Now string `query:"now" doc:"what waits are measured to; the last occurred time where absent"`
			Top int    `query:"top" default:"10" minimum:"1" maximum:"1000"`
		}) (*answer[projections.CustodyReport], error) {
			o := s.opts.Custody
			o.Top = in.Top
			if in.Now != "" {
				now, err := replay.ParseTime(in.Now)
				if err != nil {
					return nil, fail(ledger.Errorf(ledger.CodeInvalid, "report custody", "send now as 2010-04-08T00:00:00Z", "now: %w", err))
				}
				o.Now = now
			}
			return reply(s.opts.Models.Custody(ctx, o))
		})
	huma.Register(api, operation("report-network", http.MethodGet, "/v1/reports/network", "Handover of work"),
		func(ctx context.Context, in *struct {
			Level string `query:"level" doc:"group, resource or offered"`
			Self  bool   `query:"self" doc:"count handovers to oneself"`
			Norm  string `query:"norm" doc:"none, total or row"`
			Top   int    `query:"top" minimum:"0"`
		}) (*answer[projections.NetworkReport], error) {
			return reply(s.opts.Models.Network(ctx, projections.NetworkOptions{Level: in.Level, Self: in.Self, Norm: in.Norm, Top: in.Top}))
		})
	huma.Register(api, operation("rebuild", http.MethodPost, "/v1/rebuild", "Make the read models again and prove them equal"),
		func(ctx context.Context, _ *struct{}) (*answer[projections.RebuildReport], error) {
			return reply(s.opts.Models.Rebuild(ctx))
		})
}

// collect reads a list; where it is as long as the limit, there may be more after its last cursor.
func collect[T any](items iter.Seq2[T, error], limit int, cursor func(*T) string) (List[T], error) {
	out := List[T]{Items: []T{}}
	for v, err := range items {
		if err != nil {
			return List[T]{}, err
		}
		out.Items = append(out.Items, v)
	}
	if n := len(out.Items); limit > 0 && n >= limit {
		out.Next = cursor(&out.Items[n-1])
	}
	return out, nil
}

// pages reads a list through the API, page after page, as one.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for seen := 0; ; {
			n := maxPage
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

// values makes a query of the pairs that say something.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}
