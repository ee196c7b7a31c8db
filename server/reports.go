package server

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/replay"
)

// PageInput asks for a report's rows in pages. Rows that are ranked change places from one page to the next, so pages are by name.
type PageInput struct {
	After string `query:"after" doc:"cursor of the page before; rows are then ordered by name"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" doc:"rows of a page; they are then ordered by name. All rows where absent"`
}

// pointsPage and networkPage are whole reports, or pages of them.
type pointsPage struct {
	projections.Report[projections.PointRow]
	Next string `json:"next,omitempty" doc:"cursor of the next page"`
}

type networkPage struct {
	projections.NetworkReport
	Next string `json:"next,omitempty" doc:"cursor of the next page"`
}

// reports registers the questions to the whole ledger.
func (s *Server) reports(api huma.API) {
	huma.Register(api, operation("summary", http.MethodGet, "/v1/summary", "The whole ledger in one row"),
		func(ctx context.Context, _ *struct{}) (*answer[projections.Summary], error) {
			return reply(s.opts.Models.Summary(ctx))
		})
	huma.Register(api, operation("points", http.MethodGet, "/v1/points", "Handoff points discovered from traffic, the busiest first or in pages"), s.points)
	huma.Register(api, operation("report-custody", http.MethodGet, "/v1/reports/custody", "Custody: dropped, orphaned, doubled, zombie, ping-pong, longest waits"), s.custody)
	huma.Register(api, operation("report-network", http.MethodGet, "/v1/reports/network", "Handover of work, the most frequent first or in pages"), s.network)
	s.depthReports(api)
	huma.Register(api, operation("rebuild", http.MethodPost, "/v1/rebuild", "Make the read models again and prove them equal"),
		func(ctx context.Context, _ *struct{}) (*answer[projections.RebuildReport], error) {
			return reply(s.opts.Models.Rebuild(ctx))
		})
}

func (s *Server) points(ctx context.Context, in *struct{ PageInput }) (*answer[pointsPage], error) {
	r, err := s.opts.Models.Points(ctx)
	if err != nil {
		return nil, fail(err)
	}
	out := pointsPage{Report: r}
	out.Rows, out.Next, err = pageOf(r.Rows, in.PageInput, func(row *projections.PointRow) string { return row.Point })
	return reply(out, err)
}

type custodyInput struct {
	Now string `query:"now" doc:"what waits are measured to; the last occurred time where absent"`
	Top int    `query:"top" default:"10" minimum:"1" maximum:"1000" doc:"examples of each kind, and longest waits"`
}

func (s *Server) custody(ctx context.Context, in *custodyInput) (*answer[projections.CustodyReport], error) {
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
}

type networkInput struct {
	Level string `query:"level" enum:"group,resource,offered" doc:"who hands over: stages or parties of consecutive interactions, or sender and receiver of offers; group where absent"`
	Self  bool   `query:"self" doc:"count handovers to oneself"`
	Norm  string `query:"norm" enum:"none,total,row" doc:"what shares are of; none where absent"`
	Top   int    `query:"top" minimum:"0" doc:"the most frequent alone; 0 is all"`
	PageInput
}

func (s *Server) network(ctx context.Context, in *networkInput) (*answer[networkPage], error) {
	if in.Top > 0 && in.paged() {
		return nil, fail(ledger.Errorf(ledger.CodeInvalid, "report network", "leave out top, or limit and after", "top does not go with pages"))
	}
	r, err := s.opts.Models.Network(ctx, projections.NetworkOptions{Level: in.Level, Self: in.Self, Norm: in.Norm, Top: in.Top})
	if err != nil {
		return nil, fail(err)
	}
	out := networkPage{NetworkReport: r}
	out.Rows, out.Next, err = pageOf(r.Rows, in.PageInput, func(row *projections.NetworkRow) string { return row.From + "\x00" + row.To })
	return reply(out, err)
}

func (p PageInput) paged() bool { return p.After != "" || p.Limit > 0 }

// pageOf orders rows by a name that never changes, and gives those after the cursor.
func pageOf[T any](rows []T, p PageInput, name func(*T) string) (page []T, next string, err error) {
	if !p.paged() {
		return rows, "", nil
	}
	after, err := base64.RawURLEncoding.DecodeString(p.After)
	if err != nil {
		return nil, "", ledger.Errorf(ledger.CodeInvalid, "query", "send a cursor that the same query answered, or none to begin", "after %.80q is not a cursor", p.After)
	}
	rows = slices.DeleteFunc(rows, func(r T) bool { return p.After != "" && name(&r) <= string(after) })
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(name(&a), name(&b)) })
	if p.Limit > 0 && len(rows) > p.Limit {
		rows = rows[:p.Limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(name(&rows[p.Limit-1])))
	}
	return rows, next, nil
}
