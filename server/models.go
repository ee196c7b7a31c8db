package server

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server/client"
)

type journeysInput struct {
	After   string `query:"after" doc:"cursor of the last item seen"`
	Limit   int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	State   string `query:"state" enum:"open,closed" doc:"both where absent"`
	Stage   string `query:"stage" doc:"of the present owner"`
	Anomaly string `query:"anomaly" doc:"that the journey has, as zombie, ping_pong_direct or accepted_twice"`
	Prefix  string `query:"prefix" doc:"of the id"`
	Newest  bool   `query:"newest" doc:"newest first"`
}

// models registers journeys and reports.
func (s *Server) models(api huma.API) {
	s.replay(api)
	huma.Register(api, operation("journeys", http.MethodGet, "/v1/journeys", "Journeys, by id or as asked"),
		func(ctx context.Context, in *journeysInput) (*answer[client.List[projections.Listed]], error) {
			if err := knownAnomaly(in.Anomaly); err != nil {
				return nil, fail(err)
			}
			q := projections.Query{After: in.After, Limit: in.Limit, State: in.State, Stage: in.Stage, Anomaly: in.Anomaly, Prefix: in.Prefix, Newest: in.Newest}
			return reply(collect(s.opts.Models.Journeys(ctx, q), in.Limit, func(l *projections.Listed) string { return l.Cursor }))
		})
	s.handoffs(api)
	s.contracts(api)
	s.suggestions(api)
	s.contexts(api)
	s.reports(api)
	s.pointRegistry(api)
}

// knownAnomaly refuses a name that no journey can be listed by: a filter that is misspelt would look like good news.
func knownAnomaly(name string) error {
	common := []string{projections.AnomalyPingPongDirect, projections.AnomalyPingPongIndirect, ledger.AnomalyZombie, ledger.AnomalyOutsider, ledger.AnomalyDoubled,
		ledger.AnomalyNoCustody, ledger.AnomalyOther, ledger.AnomalyUnknownHandoff, ledger.AnomalyAfterClose}
	if name == "" || slices.Contains(common, name) || slices.Contains(ledger.IllegalMoves(), name) {
		return nil
	}
	return ledger.Errorf(ledger.CodeInvalid, "query", "use one of "+strings.Join(common, ", ")+", or an illegal move as accepted_twice or completed_before_accepted",
		"anomaly %.80q is none that a journey is marked with", name)
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
