package client

import (
	"context"
	"net/url"

	"github.com/baton-ledger/baton/replay"
)

// Say is [replay.Say] at the server. The actor is that of the client's key.
func (c *Client) Say(ctx context.Context, a replay.Answer) (out replay.Answered, err error) {
	body := &Answer{Suggestion: a.Suggestion, Action: a.Action, Reason: a.Reason, Outcome: a.Outcome, Value: a.Value, Time: a.Time, ID: a.ID, Source: a.Source}
	if !a.By.IsZero() {
		by := Party(a.By)
		body.By = &by
	}
	return out, c.postJSON(ctx, "/v1/journeys/"+url.PathEscape(a.Journey)+"/suggestions/"+url.PathEscape(a.Verb), body, &out)
}
