package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server/client"
)

var errNotServed = ledger.Errorf(ledger.CodeUnsupported, "ask the server", "start `baton serve`", "this server does not offer that")

// trust registers checkpoint, proofs, verify and the relay's check.
func (s *Server) trust(api huma.API) {
	huma.Register(api, operation("status", http.MethodGet, "/v1/status", "Head, newest checkpoint, followers and their lag"),
		func(ctx context.Context, _ *struct{}) (*answer[client.Status], error) { return reply(s.status(ctx)) })
	huma.Register(api, operation("checkpoint", http.MethodGet, "/v1/checkpoint", "A signed checkpoint of everything that is durable"),
		func(ctx context.Context, _ *struct{}) (*answer[notary.Checkpoint], error) {
			if s.opts.Checkpoint == nil {
				return nil, fail(errNotServed)
			}
			return reply(s.opts.Checkpoint(ctx))
		})
	huma.Register(api, operation("proof", http.MethodGet, "/v1/proofs/{position}", "Inclusion proof of the event at a position"),
		func(ctx context.Context, in *struct {
			Position uint64 `path:"position" minimum:"1"`
		}) (*answer[notary.Proof], error) {
			if s.opts.Prove == nil {
				return nil, fail(errNotServed)
			}
			return reply(s.opts.Prove(ctx, in.Position))
		})
	huma.Register(api, operation("verify", http.MethodPost, "/v1/verify", "Read everything again and hold it against the signed checkpoint"),
		func(ctx context.Context, _ *struct{}) (*answer[notary.Report], error) {
			if s.opts.Verify == nil {
				return nil, fail(errNotServed)
			}
			return reply(s.opts.Verify(ctx))
		})
	huma.Register(api, operation("relay-check", http.MethodPost, "/v1/relay/check", "Compare the ledger with the NATS stream; repair what is missing"),
		func(ctx context.Context, in *struct {
			Repair bool `query:"repair"`
		}) (*answer[relay.CheckReport], error) {
			if s.opts.CheckRelay == nil {
				return nil, fail(errNotServed)
			}
			return reply(s.opts.CheckRelay(ctx, in.Repair))
		})
}

func (s *Server) status(ctx context.Context) (client.Status, error) {
	head, err := s.opts.Store.Head(ctx)
	if err != nil {
		return client.Status{}, err
	}
	out := client.Status{Head: head, NATS: s.opts.NATS, Followers: []client.FollowerStatus{}}
	if s.opts.Latest != nil {
		cp := s.opts.Latest()
		out.Checkpoint = &cp
	}
	for _, f := range s.opts.Followers {
		out.Followers = append(out.Followers, client.FollowerStatus{Name: f.Name, Position: f.Progress.Position(), Lag: head.Position - min(head.Position, f.Progress.Position()), At: f.Progress.At()})
	}
	return out, nil
}
