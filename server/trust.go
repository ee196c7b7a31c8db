package server

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
)

// FollowerStatus says how far a follower is.
type FollowerStatus struct {
	Name     string    `json:"name"`
	Position uint64    `json:"position"`
	Lag      uint64    `json:"lag"`
	At       time.Time `json:"at,omitzero"`
}

// Status is what the holder of a ledger says of itself.
type Status struct {
	Head       ledger.Head        `json:"head"`
	Checkpoint *notary.Checkpoint `json:"checkpoint,omitempty"`
	NATS       string             `json:"nats,omitempty" doc:"URL of the NATS server, without credential"`
	Followers  []FollowerStatus   `json:"followers"`
}

var errNotServed = ledger.Errorf(ledger.CodeUnsupported, "ask the server", "start `baton serve`", "this server does not offer that")

// trust registers checkpoint, proofs, verify and the relay's check.
func (s *Server) trust(api huma.API) {
	huma.Register(api, operation("status", http.MethodGet, "/v1/status", "Head, newest checkpoint, followers and their lag"),
		func(ctx context.Context, _ *struct{}) (*answer[Status], error) { return reply(s.status(ctx)) })
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

func (s *Server) status(ctx context.Context) (Status, error) {
	head, err := s.opts.Store.Head(ctx)
	if err != nil {
		return Status{}, err
	}
	out := Status{Head: head, NATS: s.opts.NATS, Followers: []FollowerStatus{}}
	if s.opts.Latest != nil {
		cp := s.opts.Latest()
		out.Checkpoint = &cp
	}
	for _, f := range s.opts.Followers {
		out.Followers = append(out.Followers, FollowerStatus{Name: f.Name, Position: f.Progress.Position(), Lag: head.Position - min(head.Position, f.Progress.Position()), At: f.Progress.At()})
	}
	return out, nil
}

// Status asks the holder how it is.
func (c *Client) Status(ctx context.Context) (out Status, err error) {
	return out, c.get(ctx, "/v1/status", nil, &out)
}

// Prove gives the inclusion proof of a position.
func (c *Client) Prove(ctx context.Context, position uint64) (out notary.Proof, err error) {
	return out, c.get(ctx, "/v1/proofs/"+strconv.FormatUint(position, 10), nil, &out)
}

// Verify has the holder verify its ledger.
func (c *Client) Verify(ctx context.Context) (out notary.Report, err error) {
	return out, c.post(ctx, "/v1/verify", nil, &out)
}

// CheckRelay has the holder compare its ledger with the NATS stream.
func (c *Client) CheckRelay(ctx context.Context, repair bool) (out relay.CheckReport, err error) {
	return out, c.do(ctx, http.MethodPost, "/v1/relay/check", url.Values{"repair": {strconv.FormatBool(repair)}}, nil, &out)
}
