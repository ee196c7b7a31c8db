package client

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
)

// HandOff is [ledger.HandOff] at the server. With an ID in the call it can be sent again after a connection that broke.
func (c *Client) HandOff(ctx context.Context, h ledger.HandoffCall) (out ledger.HandedOff, err error) {
	accept := !h.OfferOnly
	return out, c.postJSON(ctx, "/v1/handoffs", &Handoff{ID: h.ID, Source: h.Source, Journey: h.Journey, From: Party(h.From), To: Party(h.To), Channel: h.Channel,
		Reason: h.Reason, Time: h.Time, Accept: &accept, Envelope: h.Envelope, Data: h.Data, Schema: h.Schema, DataSubject: h.DataSubject,
		CorrelationID: h.CorrelationID}, &out)
}

// MoveHandoff is [ledger.MoveHandoff] at the server.
func (c *Client) MoveHandoff(ctx context.Context, m ledger.HandoffMove) (out ledger.HandedOff, err error) {
	body := &Move{ID: m.ID, Source: m.Source, Journey: m.Journey, Reason: m.Reason, Outcome: m.Outcome, Time: m.Time, Data: m.Data}
	if !m.By.IsZero() {
		by := Party(m.By)
		body.By = &by
	}
	return out, c.postJSON(ctx, "/v1/handoffs/"+url.PathEscape(m.Handoff)+"/"+url.PathEscape(string(m.Verb)), body, &out)
}

// Handoff gives one handoff of a journey, as of now.
func (c *Client) Handoff(ctx context.Context, journey, id string) (out projections.HandoffRow, err error) {
	return out, c.get(ctx, "/v1/handoffs/"+url.PathEscape(id), values("journey", journey), &out)
}

// postJSON sends a value. Raw values in it are compacted, which is white space outside of strings alone.
func (c *Client) postJSON(ctx context.Context, path string, body, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return ledger.Errorf(ledger.CodeInvalid, "ask the server", "send JSON in data and envelope", "%w", err)
	}
	return c.post(ctx, path, b, out)
}
