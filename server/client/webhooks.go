package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/baton-ledger/baton/ledger/webhook"
)

// Webhooks are the endpoints that events are delivered to. *webhook.Hooks has them in this process, Client.Webhooks through the API.
type Webhooks interface {
	Status(ctx context.Context) ([]webhook.Status, error)
	Deliveries(ctx context.Context, name string, q webhook.Query) iter.Seq2[webhook.Delivery, error]
	Delivery(ctx context.Context, name, id string) (webhook.Delivery, error)
	Replay(ctx context.Context, name string, q webhook.Replay) (webhook.Replayed, error)
	Enable(ctx context.Context, name string) error
	Test(ctx context.Context, name string) (webhook.Attempt, error)
}

var _ Webhooks = (*webhook.Hooks)(nil)

// Webhooks are the server's.
func (c *Client) Webhooks() Webhooks { return webhooks{c} }

type webhooks struct{ c *Client }

func webhookPath(name string, rest ...string) string {
	path := "/v1/webhooks/" + url.PathEscape(name)
	for _, r := range rest {
		path += "/" + url.PathEscape(r)
	}
	return path
}

func (w webhooks) Status(ctx context.Context) ([]webhook.Status, error) {
	var l List[webhook.Status]
	err := w.c.get(ctx, "/v1/webhooks", nil, &l)
	return l.Items, err
}

func (w webhooks) Deliveries(ctx context.Context, name string, q webhook.Query) iter.Seq2[webhook.Delivery, error] {
	v := values("state", string(q.State), "after", q.After)
	v.Set("newest", strconv.FormatBool(q.Newest))
	return pages[webhook.Delivery](ctx, w.c, webhookPath(name, "deliveries"), v, q.Limit)
}

func (w webhooks) Delivery(ctx context.Context, name, id string) (out webhook.Delivery, err error) {
	return out, w.c.get(ctx, webhookPath(name, "deliveries", id), nil, &out)
}

func (w webhooks) Replay(ctx context.Context, name string, q webhook.Replay) (out webhook.Replayed, err error) {
	if q.ID != "" {
		return out, w.c.post(ctx, webhookPath(name, "deliveries", q.ID, "replay"), nil, &out)
	}
	v := url.Values{"dead": {strconv.FormatBool(q.Dead)}, "from": {strconv.FormatUint(q.From, 10)}, "to": {strconv.FormatUint(q.To, 10)}}
	return out, w.c.do(ctx, http.MethodPost, webhookPath(name, "replay"), v, nil, &out)
}

func (w webhooks) Enable(ctx context.Context, name string) error {
	var s webhook.Status
	return w.c.post(ctx, webhookPath(name, "enable"), nil, &s)
}

func (w webhooks) Test(ctx context.Context, name string) (out webhook.Attempt, err error) {
	return out, w.c.post(ctx, webhookPath(name, "test"), nil, &out)
}
