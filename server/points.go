package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/points"
	"github.com/baton-ledger/baton/replay"
)

// PointInput names a point.
type PointInput struct {
	Point string `path:"point" maxLength:"504" doc:"sender>receiver@channel, percent-encoded"`
}

// PointThresholds are the thresholds that a request may change.
type PointThresholds struct {
	Now      string  `query:"now" doc:"a moment in the last day of the window; that of the ledger's last offer where absent"`
	Days     int     `query:"days" minimum:"0" maximum:"3660" doc:"window of volume and figures; points.days of the configuration where absent"`
	PerDay   float64 `query:"per_day" minimum:"0" doc:"handoffs a day above which volume is high; points.per_day of the configuration where absent"`
	Lost     float64 `query:"lost_rate" minimum:"0" maximum:"1" doc:"share of accepted handoffs with a lost re-ask above which fields are missing; points.lost_rate of the configuration where absent"`
	Humans   float64 `query:"human_share" minimum:"0" maximum:"1" doc:"share from which a point is between humans; points.human_share of the configuration where absent"`
	Trained  float64 `query:"trained_share" minimum:"0" maximum:"1" doc:"share of each team from which users are trained; points.trained_share of the configuration where absent"`
	Least    int     `query:"least" minimum:"0" doc:"handoffs that a share is worth something from; points.least of the configuration where absent"`
	Journeys int     `query:"journeys" minimum:"0" maximum:"100000" doc:"journeys that are read at most, the newest; 2000 where absent"`
}

// over lays the request's thresholds over the server's.
func (in *PointThresholds) over(base points.Options) (points.Options, error) {
	o := points.Options{Days: in.Days, PerDay: in.PerDay, LostRate: in.Lost, HumanShare: in.Humans, TrainedShare: in.Trained, Least: in.Least, Journeys: in.Journeys}
	if in.Now != "" {
		now, err := replay.ParseTime(in.Now)
		if err != nil {
			return o, ledger.Errorf(ledger.CodeInvalid, "points", "send now as 2010-04-08T00:00:00Z", "now: %w", err)
		}
		o.Now = now
	}
	return o.Over(base), nil
}

// pointRegistry registers what is known of points, and the way to say it.
func (s *Server) pointRegistry(api huma.API) {
	desk := points.Desk{Reader: s.opts.Store, Models: s.opts.Models, Append: s.opts.Append, Tiers: s.opts.Tiers}
	base := s.opts.Points
	if base.Compile == nil {
		base.Compile = CompileEvidence
	}
	huma.Register(api, operation("points-matrix", http.MethodGet, "/v1/points/matrix", "Points by volume and criticality"),
		func(ctx context.Context, in *PointThresholds) (*answer[*points.Matrix], error) {
			o, err := in.over(base)
			if err != nil {
				return nil, fail(err)
			}
			return reply(desk.Matrix(ctx, o))
		})
	huma.Register(api, operation("point", http.MethodGet, "/v1/points/{point}", "One handoff point"),
		func(ctx context.Context, in *PointInput) (*answer[*points.Dossier], error) {
			return reply(desk.Dossier(ctx, in.Point))
		})
	huma.Register(api, operation("point-checklist", http.MethodGet, "/v1/points/{point}/checklist", "The decision checklist of a point"),
		func(ctx context.Context, in *struct {
			PointInput
			PointThresholds
		}) (*answer[*points.Checklist], error) {
			o, err := in.over(base)
			if err != nil {
				return nil, fail(err)
			}
			return reply(desk.Checklist(ctx, in.Point, o))
		})
	huma.Register(api, operation("point-evidence", http.MethodGet, "/v1/points/{point}/evidence", "The evidence of a pain point"),
		func(ctx context.Context, in *struct {
			PointInput
			Pain  string `query:"pain" maxLength:"100" doc:"id of the pain point"`
			Query string `query:"query" maxLength:"4096" doc:"instead of the pain point's: reasks field=order_id, returned reason=\"context missing\", or a CEL expression over event and data"`
			PointThresholds
		}) (*answer[*points.Evidence], error) {
			o, err := in.over(base)
			if err != nil {
				return nil, fail(err)
			}
			return reply(desk.Evidence(ctx, in.Point, in.Pain, in.Query, o))
		})
	huma.Register(api, operation("change-point", http.MethodPost, "/v1/points/{point}/{verb}", "Say something of a point"),
		func(ctx context.Context, in *struct {
			PointInput
			Verb string `path:"verb" enum:"mapped,pain_recorded,pain_decided,classified,advanced,trained,answered,retired"`
			Body points.Change
		}) (*answer[points.Changed], error) {
			c := in.Body
			c.Point, c.Verb = in.Point, in.Verb
			if p, ok := PrincipalOf(ctx); ok && c.By == "" {
				c.By = p.Name
			}
			return reply(desk.Change(context.WithoutCancel(ctx), c, base))
		})
}

// CompileEvidence reads an evidence query as a filter over events.
func CompileEvidence(expression string) (points.Match, error) {
	f, err := replay.CompileFilter(expression)
	if err != nil {
		return nil, err
	}
	return f.Match, nil
}
