package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/server/client"
)

// ContractInput names a contract; exported, since huma looks into no other embedded type.
type ContractInput struct {
	Name string `path:"name" maxLength:"300" doc:"of the contract; / as %2F"`
}

// contracts registers what is agreed, what is asked of it, and what is in quarantine.
func (s *Server) contracts(api huma.API) {
	huma.Register(api, operation("contracts", http.MethodGet, "/v1/contracts", "Contracts with their versions"),
		func(ctx context.Context, _ *struct{}) (*answer[client.List[*contract.State]], error) {
			g, err := contract.Load(ctx, s.opts.Store, 0)
			if err != nil {
				return nil, fail(err)
			}
			return reply(client.List[*contract.State]{Items: g.States()}, nil)
		})
	huma.Register(api, operation("contract", http.MethodGet, "/v1/contracts/{name}", "One contract: documents, statuses, history"),
		func(ctx context.Context, in *ContractInput) (*answer[*contract.State], error) {
			return reply(s.contract(ctx, in.Name))
		})
	validate := operation("validate", http.MethodPost, "/v1/contracts/{name}/validate", "Hold an example of an offer against a version; nothing is recorded")
	validate.SkipValidateBody = true // contract.ReadFixture does
	validate.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "a CloudEvent, the data of an offer, or an envelope"}}}}
	huma.Register(api, validate, s.validate)
	huma.Register(api, operation("contract-act", http.MethodPost, "/v1/contracts/{name}/{verb}", "Draft, try, publish, deprecate, retire or sign a version, or grant an exception"), s.contractAct)
	huma.Register(api, operation("quarantine", http.MethodGet, "/v1/quarantine", "What broke its contract and is kept aside"), s.inbox)
	huma.Register(api, operation("quarantined", http.MethodGet, "/v1/quarantine/{id}", "One thing in quarantine, with its events as they were sent"), s.quarantined)
	huma.Register(api, operation("settle-quarantine", http.MethodPost, "/v1/quarantine/{id}/{verb}", "Release what is in quarantine, as it is or repaired, or discard it"), s.settle)
}

// contract reads a contract that is there.
func (s *Server) contract(ctx context.Context, name string) (*contract.State, error) {
	state, err := contract.ReadState(ctx, s.opts.Store, name, 0)
	if err == nil && len(state.Versions) == 0 {
		err = ledger.Errorf(ledger.CodeNotFound, "contract", "see /v1/contracts", "the ledger has no contract %.80q", name)
	}
	return state, err
}

type validateInput struct {
	ContractInput
	Version int `query:"version" minimum:"0" doc:"default: the newest that is published, else the newest"`
	RawBody []byte
}

func (s *Server) validate(ctx context.Context, in *validateInput) (*answer[client.Validation], error) {
	state, err := s.contract(ctx, in.Name)
	if err != nil {
		return nil, fail(err)
	}
	v, err := state.Pick(in.Version)
	if err != nil {
		return nil, fail(err)
	}
	e, err := contract.ReadFixture(in.RawBody)
	if err != nil {
		return nil, fail(err)
	}
	k, err := contract.Compile(v.Contract)
	if err != nil {
		return nil, fail(err)
	}
	verdict := k.Check(&e)
	out := client.Validation{Contract: state.Name, Version: v.Contract.Version, OK: len(verdict.Violations) == 0, Variant: verdict.Variant, Violations: verdict.Violations}
	if out.Violations == nil {
		out.Violations = []ledger.Violation{}
	}
	return reply(out, nil)
}

type contractActInput struct {
	ContractInput
	Verb string `path:"verb" enum:"drafted,prototyped,published,deprecated,retired,exception_granted,signed"`
	Body client.ContractAct
}

func (s *Server) contractAct(ctx context.Context, in *contractActInput) (*answer[contract.Acted], error) {
	b := &in.Body
	a := contract.Act{Verb: in.Verb, By: actorOf(ctx, b.By), Said: contract.Said{Name: in.Name, Version: b.Version, Why: b.Why, Cap: b.Cap, Sunset: b.Sunset, Successor: b.Successor,
		Rule: b.Rule, Party: b.Party}}
	if len(b.Contract) > 0 {
		c, err := contract.Parse(b.Contract)
		if err == nil && c.Name != in.Name {
			err = ledger.Errorf(ledger.CodeInvalid, "contract", "name the same in both", "the document is of contract %.80q, the address of %.80q", c.Name, in.Name)
		}
		if err != nil {
			return nil, fail(err)
		}
		a.Said.Contract, a.Said.Version = c, c.Version
	}
	if (a.Said.Contract != nil) != (in.Verb == "drafted") {
		return nil, fail(ledger.Errorf(ledger.CodeInvalid, "contract", "send it with drafted and with no other verb", "the member contract does not go with %s, or is missing", in.Verb))
	}
	return reply(contract.Do(context.WithoutCancel(ctx), s.opts.Store, s.opts.Append, a))
}

// actorOf is who acts: the key's name, else who the body says.
func actorOf(ctx context.Context, said string) string {
	if p, ok := PrincipalOf(ctx); ok && p.Name != "" && said == "" {
		return p.Name
	}
	return said
}

func (s *Server) inbox(ctx context.Context, in *struct {
	State string `query:"state" enum:"waiting,released,discarded" doc:"all where absent"`
}) (*answer[client.List[*contract.Item]], error) {
	out := client.List[*contract.Item]{Items: []*contract.Item{}}
	for item, err := range contract.Inbox(ctx, s.opts.Store) {
		if err != nil {
			return nil, fail(err)
		}
		if in.State == "" || in.State == item.State {
			out.Items = append(out.Items, item)
		}
	}
	return reply(out, nil)
}

// ItemInput names something in quarantine.
type ItemInput struct {
	ID string `path:"id" maxLength:"300" doc:"of the note (quarantined/…; / as %2F), the beginning of its digits, or the id of the handoff"`
}

func (s *Server) quarantined(ctx context.Context, in *ItemInput) (*answer[client.Quarantined], error) {
	item, err := contract.FindItem(ctx, s.opts.Store, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	events, err := contract.Payload(ctx, s.opts.Store, item)
	if err != nil {
		return nil, fail(err)
	}
	out := client.Quarantined{Item: *item}
	for i := range events {
		out.Events = append(out.Events, ledger.AppendCloudEvent(nil, &events[i]))
	}
	return reply(out, nil)
}

type settleInput struct {
	ItemInput
	Verb string `path:"verb" enum:"release,discard"`
	Body client.Settle
}

func (s *Server) settle(ctx context.Context, in *settleInput) (*answer[*contract.Item], error) {
	b, by := &in.Body, actorOf(ctx, in.Body.By)
	ctx = context.WithoutCancel(ctx)
	if in.Verb == "discard" {
		return reply(contract.Discard(ctx, s.opts.Store, s.opts.Append, in.ID, b.Why, by))
	}
	return reply(contract.ReleaseItem(ctx, s.opts.Store, s.opts.Append, contract.Release{ID: in.ID, Repair: b.Repair, Why: b.Why, By: by}))
}
