package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// suggestions registers what is said of suggestions in one call.
func (s *Server) suggestions(api huma.API) {
	huma.Register(api, operation("answer-suggestion", http.MethodPost, "/v1/journeys/{id}/suggestions/{verb}",
		"Answer a suggestion: shown, accepted, modified, dismissed, or its outcome"), s.answerSuggestion)
}

type answerInput struct {
	ID   string `path:"id" maxLength:"504"`
	Verb string `path:"verb" enum:"shown,accepted,modified,dismissed,outcome"`
	Key  string `header:"Idempotency-Key" minLength:"1" maxLength:"258" doc:"id of the event where the body has none"`
	Body client.Answer
}

// answerSuggestion answers when the event is on disk. A caller that has gone has its answer recorded all the same.
func (s *Server) answerSuggestion(ctx context.Context, in *answerInput) (*answer[replay.Answered], error) {
	b := &in.Body
	a := replay.Answer{Journey: in.ID, Suggestion: b.Suggestion, Verb: in.Verb, Action: b.Action, Reason: b.Reason, Outcome: b.Outcome, Value: b.Value,
		Time: b.Time, ID: b.ID, Source: b.Source}
	if b.By != nil {
		a.By = ledger.Party(*b.By)
	}
	if p, ok := PrincipalOf(ctx); ok {
		a.Actor = p.Name
	}
	if a.ID == "" {
		if a.ID = unquoted(in.Key); a.ID == "" && in.Key != "" {
			return nil, fail(errEmptyKey)
		}
	}
	return reply(replay.Say(context.WithoutCancel(ctx), s.opts.Store, s.opts.Append, a))
}
