package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/webhook"
	"github.com/baton-ledger/baton/server/client"
)

// EndpointInput names an endpoint; exported because huma passes over the fields of embedded types that are not.
type EndpointInput struct {
	Name string `path:"name" maxLength:"64" doc:"of the endpoint, as configured"`
}

type deliveryInput struct {
	EndpointInput
	ID string `path:"id" maxLength:"20" doc:"of the delivery: the event's position"`
}

// webhooks registers the endpoints that events are delivered to, their deliveries, and what an operator does about them.
func (s *Server) webhooks(api huma.API) {
	huma.Register(api, operation("webhooks", http.MethodGet, "/v1/webhooks", "Endpoints, how they do and how far they are"),
		func(ctx context.Context, _ *struct{}) (*answer[client.List[webhook.Status]], error) {
			if s.opts.Webhooks == nil {
				return nil, fail(errNotServed)
			}
			all, err := s.opts.Webhooks.Status(ctx)
			return reply(client.List[webhook.Status]{Items: all}, err)
		})
	huma.Register(api, operation("webhook-deliveries", http.MethodGet, "/v1/webhooks/{name}/deliveries", "Deliveries of an endpoint, by position"),
		func(ctx context.Context, in *struct {
			EndpointInput
			State  string `query:"state" enum:"pending,delivered,dead" doc:"any where absent"`
			After  string `query:"after" doc:"id of the last one seen"`
			Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
			Newest bool   `query:"newest" doc:"newest first"`
		}) (*answer[client.List[webhook.Delivery]], error) {
			if s.opts.Webhooks == nil {
				return nil, fail(errNotServed)
			}
			q := webhook.Query{State: webhook.State(in.State), After: in.After, Limit: in.Limit, Newest: in.Newest}
			return reply(collect(s.opts.Webhooks.Deliveries(ctx, in.Name, q), in.Limit, func(d *webhook.Delivery) string { return d.ID }))
		})
	huma.Register(api, operation("webhook-delivery", http.MethodGet, "/v1/webhooks/{name}/deliveries/{id}", "One delivery with its attempts"),
		func(ctx context.Context, in *deliveryInput) (*answer[webhook.Delivery], error) {
			if s.opts.Webhooks == nil {
				return nil, fail(errNotServed)
			}
			return reply(s.opts.Webhooks.Delivery(ctx, in.Name, in.ID))
		})
	s.webhookActs(api)
}

func (s *Server) webhookActs(api huma.API) {
	huma.Register(api, operation("webhook-replay-one", http.MethodPost, "/v1/webhooks/{name}/deliveries/{id}/replay", "Deliver one event again"),
		func(ctx context.Context, in *deliveryInput) (*answer[webhook.Replayed], error) {
			return s.replayWebhooks(ctx, in.Name, webhook.Replay{ID: in.ID})
		})
	huma.Register(api, operation("webhook-replay", http.MethodPost, "/v1/webhooks/{name}/replay",
		"Deliver all dead ones again, or a range of positions"),
		func(ctx context.Context, in *struct {
			EndpointInput
			Dead bool   `query:"dead" doc:"all that were given up"`
			From uint64 `query:"from" doc:"first position"`
			To   uint64 `query:"to" doc:"last position; absent: up to the endpoint's own"`
		}) (*answer[webhook.Replayed], error) {
			return s.replayWebhooks(ctx, in.Name, webhook.Replay{Dead: in.Dead, From: in.From, To: in.To})
		})
	huma.Register(api, operation("webhook-enable", http.MethodPost, "/v1/webhooks/{name}/enable",
		"Switch on an endpoint that answered 410; try one that is down at once"),
		func(ctx context.Context, in *EndpointInput) (*answer[webhook.Status], error) {
			return reply(s.enable(ctx, in.Name))
		})
	huma.Register(api, operation("webhook-test", http.MethodPost, "/v1/webhooks/{name}/test",
		"Send an event that is in no ledger, and answer what came of it"),
		func(ctx context.Context, in *EndpointInput) (*answer[webhook.Attempt], error) {
			if s.opts.Webhooks == nil {
				return nil, fail(errNotServed)
			}
			return reply(s.opts.Webhooks.Test(ctx, in.Name))
		})
}

func (s *Server) replayWebhooks(ctx context.Context, name string, q webhook.Replay) (*answer[webhook.Replayed], error) {
	if s.opts.Webhooks == nil {
		return nil, fail(errNotServed)
	}
	return reply(s.opts.Webhooks.Replay(ctx, name, q))
}

func (s *Server) enable(ctx context.Context, name string) (webhook.Status, error) {
	if s.opts.Webhooks == nil {
		return webhook.Status{}, errNotServed
	}
	if err := s.opts.Webhooks.Enable(ctx, name); err != nil {
		return webhook.Status{}, err
	}
	all, err := s.opts.Webhooks.Status(ctx)
	for _, one := range all {
		if one.Name == name {
			return one, err
		}
	}
	return webhook.Status{}, ledger.Errorf(ledger.CodeNotFound, "webhooks", "put it under webhooks in the configuration; `baton webhooks list` shows those there are", "no endpoint %q is configured", name)
}
