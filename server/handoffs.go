package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server/client"
)

type handoffsInput struct {
	After  string `query:"after" doc:"cursor of the last item seen"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Order  string `query:"order" enum:"open,wait" doc:"open: open ones alone, the one that waits longest first; wait: ended waits alone, the longest first; absent: as they came to the ledger"`
	Point  string `query:"point" doc:"sender>receiver@channel"`
	State  string `query:"state" enum:"offered,delivered,viewed,accepted,declined,expired,withdrawn,completed,returned,failed" doc:"all where absent"`
	Newest bool   `query:"newest" doc:"newest first; goes with no order"`
}

// handoffs registers handoffs and what is done to them in one call.
func (s *Server) handoffs(api huma.API) {
	huma.Register(api, operation("handoffs", http.MethodGet, "/v1/handoffs", "Handoffs, by position or as asked"),
		func(ctx context.Context, in *handoffsInput) (*answer[client.List[projections.HandoffRow]], error) {
			q := projections.HandoffQuery{After: in.After, Limit: in.Limit, Order: in.Order, Point: in.Point, State: ledger.HandoffState(in.State), Newest: in.Newest}
			return reply(collect(s.opts.Models.Handoffs(ctx, q), in.Limit, func(h *projections.HandoffRow) string { return h.Cursor }))
		})
	huma.Register(api, operation("handoff", http.MethodGet, "/v1/handoffs/{handoff}", "One handoff"),
		func(ctx context.Context, in *struct {
			Handoff string `path:"handoff" maxLength:"256"`
			Journey string `query:"journey" maxLength:"504" doc:"that the handoff is of, where two journeys have one of this id"`
		}) (*answer[projections.HandoffRow], error) {
			return reply(s.opts.Models.Handoff(ctx, in.Journey, in.Handoff))
		})
	huma.Register(api, operation("hand-off", http.MethodPost, "/v1/handoffs", "Hand over in one call: offered and accepted"), s.handOff)
	huma.Register(api, operation("move-handoff", http.MethodPost, "/v1/handoffs/{handoff}/{verb}", "Move a handoff: accept, decline, complete, return, withdraw, fail"),
		s.moveHandoff)
}

type handOffInput struct {
	Key  string `header:"Idempotency-Key" minLength:"1" maxLength:"249" doc:"id of the handoff where the body has none: the same call again answers the first receipts and writes nothing"`
	Body client.Handoff
}

// handOff answers after the events are on disk. A caller that has gone gets its handoff all the same, so the append is not tied to
// the request.
func (s *Server) handOff(ctx context.Context, in *handOffInput) (*noticed[ledger.HandedOff], error) {
	b := &in.Body
	c := ledger.HandoffCall{ID: b.ID, Source: b.Source, Journey: b.Journey, From: ledger.Party(b.From), To: ledger.Party(b.To), Channel: b.Channel,
		Reason: b.Reason, Time: b.Time, Envelope: b.Envelope, Data: b.Data, OfferOnly: b.Accept != nil && !*b.Accept, Schema: b.Schema,
		DataSubject: b.DataSubject, CorrelationID: b.CorrelationID}
	if c.ID == "" {
		if c.ID = unquoted(in.Key); c.ID == "" && in.Key != "" {
			return nil, fail(errEmptyKey)
		}
	}
	out, err := ledger.HandOff(context.WithoutCancel(ctx), s.opts.Store, s.opts.Append, c)
	return replyNoticed(out, err, out.Notices, out.Receipts)
}

type moveInput struct {
	Handoff string `path:"handoff" maxLength:"256"`
	Verb    string `path:"verb" enum:"accepted,declined,completed,returned,withdrawn,failed"`
	Key     string `header:"Idempotency-Key" minLength:"1" maxLength:"258" doc:"id of the event where the body has none"`
	Body    client.Move
}

func (s *Server) moveHandoff(ctx context.Context, in *moveInput) (*answer[ledger.HandedOff], error) {
	b := &in.Body
	m := ledger.HandoffMove{Handoff: in.Handoff, Verb: ledger.HandoffState(in.Verb), ID: b.ID, Source: b.Source, Journey: b.Journey,
		Reason: b.Reason, Outcome: b.Outcome, Time: b.Time, Data: b.Data}
	if b.By != nil {
		m.By = ledger.Party(*b.By)
	}
	if m.ID == "" {
		if m.ID = unquoted(in.Key); m.ID == "" && in.Key != "" {
			return nil, fail(errEmptyKey)
		}
	}
	return reply(ledger.MoveHandoff(context.WithoutCancel(ctx), s.opts.Store, s.opts.Append, m))
}

// errEmptyKey refuses a key that is there and says nothing: a random id in its place would make a retry a second handoff.
var errEmptyKey = ledger.Errorf(ledger.CodeInvalid, "hand over", "give every call a key of its own, or leave the header out", "the header Idempotency-Key is empty")

// unquoted reads an Idempotency-Key as the drafts of its standard have it, in quotes, and as most clients send it, without.
func unquoted(key string) string {
	if inner, ok := strings.CutPrefix(key, `"`); ok && strings.HasSuffix(inner, `"`) {
		return strings.TrimSuffix(inner, `"`)
	}
	return key
}
