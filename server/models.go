package server

import (
	"context"
	"iter"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

type journeysInput struct {
	After   string `query:"after" doc:"cursor of the last item seen"`
	Limit   int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	State   string `query:"state" enum:"open,closed" doc:"both where absent"`
	Stage   string `query:"stage" doc:"of the present owner"`
	Anomaly string `query:"anomaly" doc:"that the journey has"`
	Prefix  string `query:"prefix" doc:"of the id"`
	Newest  bool   `query:"newest" doc:"newest first"`
}

// models registers journeys and reports.
func (s *Server) models(api huma.API) {
	s.replay(api)
	huma.Register(api, operation("journeys", http.MethodGet, "/v1/journeys", "Journeys, by id or as asked"),
		func(ctx context.Context, in *journeysInput) (*answer[client.List[projections.Listed]], error) {
			q := projections.Query{After: in.After, Limit: in.Limit, State: in.State, Stage: in.Stage, Anomaly: in.Anomaly, Prefix: in.Prefix, Newest: in.Newest}
			return reply(collect(s.opts.Models.Journeys(ctx, q), in.Limit, func(l *projections.Listed) string { return l.Cursor }))
		})
	s.handoffs(api)
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
func collect[T any](items iter.Seq2[T, error], limit int, cursor func(*T) string) (client.List[T], error) {
	out := client.List[T]{Items: []T{}}
	for v, err := range items {
		if err != nil {
			return client.List[T]{}, err
		}
		out.Items = append(out.Items, v)
	}
	if n := len(out.Items); limit > 0 && n >= limit {
		out.Next = cursor(&out.Items[n-1])
	}
	return out, nil
}
