package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/replay"
)

// depthReports registers the reports about context.
func (s *Server) depthReports(api huma.API) {
	huma.Register(api, operation("report-tiers", http.MethodGet, "/v1/reports/tiers", "Tiers of handoffs by what was delivered and shown, depth, benefit and burden"), s.tiers)
	huma.Register(api, operation("report-fields", http.MethodGet, "/v1/reports/fields", "Fields of the context: sent, delivered, viewed, used, missing, and what they cost"), s.fields)
	huma.Register(api, operation("report-drift", http.MethodGet, "/v1/reports/drift", "What producers send otherwise than they did, since when, and who began"), s.drift)
}

// DepthQuery is what all of them take.
type DepthQuery struct {
	Point string `query:"point" doc:"sender>receiver@channel; all where absent"`
	Since string `query:"since" doc:"first day, by when handoffs were offered, as 2026-03-04"`
	Until string `query:"until" doc:"last day, included"`
}

func (q *DepthQuery) query(op string) (out depth.Query, err error) {
	out.Point = q.Point
	for _, t := range []struct {
		name, text string
		to         *time.Time
	}{{"since", q.Since, &out.Since}, {"until", q.Until, &out.Until}} {
		if t.text == "" {
			continue
		}
		at, err := replay.ParseTime(t.text)
		if err != nil {
			return out, fail(ledger.Errorf(ledger.CodeInvalid, op, "send "+t.name+" as 2026-03-04", "%s: %w", t.name, err))
		}
		*t.to = at.UTC().Truncate(24 * time.Hour)
	}
	return out, nil
}

// noDepth is the answer of a server that does not follow contexts.
func (s *Server) noDepth(op string) error {
	if s.opts.Depth != nil {
		return nil
	}
	return fail(ledger.Errorf(ledger.CodeUnsupported, op, "run `baton "+op+"` on the data directory", "this server does not follow contexts"))
}

type tiersInput struct {
	DepthQuery
	Thin float64 `query:"thin" minimum:"0" maximum:"1" doc:"depth scores below are thin; 0.25 where absent"`
	Rich float64 `query:"rich" minimum:"0" maximum:"1" doc:"depth scores from here on are rich; 0.6 where absent"`
}

func (s *Server) tiers(ctx context.Context, in *tiersInput) (*answer[depth.TierReport], error) {
	if err := s.noDepth("report tiers"); err != nil {
		return nil, err
	}
	q, err := in.query("report tiers")
	if err != nil {
		return nil, err
	}
	return reply(s.opts.Depth.Tiers(ctx, depth.TierOptions{Query: q, Thin: in.Thin, Rich: in.Rich}))
}

func (s *Server) fields(ctx context.Context, in *struct{ DepthQuery }) (*answer[depth.FieldReport], error) {
	if err := s.noDepth("report fields"); err != nil {
		return nil, err
	}
	q, err := in.query("report fields")
	if err != nil {
		return nil, err
	}
	return reply(s.opts.Depth.Fields(ctx, q))
}

type driftInput struct {
	DepthQuery
	Baseline int     `query:"baseline_days" minimum:"1" maximum:"365" doc:"days that are taken as normal; 28 where absent"`
	Alpha    float64 `query:"alpha" minimum:"0" maximum:"0.5" doc:"probability of a false finding in the report; 0.01 where absent"`
	Charts   bool    `query:"charts" doc:"control charts of all rates, not of drifted ones alone"`
}

func (s *Server) drift(ctx context.Context, in *driftInput) (*answer[depth.DriftReport], error) {
	if err := s.noDepth("report drift"); err != nil {
		return nil, err
	}
	q, err := in.query("report drift")
	if err != nil {
		return nil, err
	}
	return reply(s.opts.Depth.Drift(ctx, depth.DriftOptions{Query: q, Baseline: in.Baseline, Alpha: in.Alpha, Charts: in.Charts}))
}
