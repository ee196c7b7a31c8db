package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

func hash(b []byte) ledger.Hash { return sha256.Sum256(b) }

// delivered is the data of the handoff.delivered that an accepted offer leaves: the second snapshot of a handoff, bound by the digest
// of the body its receiver took.
type delivered struct {
	Handoff   string      `json:"handoff"`
	From      stage       `json:"from"`
	To        stage       `json:"to"`
	Channel   string      `json:"channel"`
	Endpoint  string      `json:"endpoint"`
	WebhookID string      `json:"webhook_id"`
	Status    int         `json:"status"`
	Digest    ledger.Hash `json:"body_sha256"`
}

type stage struct {
	Stage string `json:"stage"`
}

// recordDelivered appends handoff.delivered to the journey's overlay. Its id follows from endpoint and position, so that an offer delivered
// twice is recorded once. It never holds a delivery up: what went wrong is answered, to be kept beside the delivery.
func (f *Follower) recordDelivered(ctx context.Context, r *ledger.Recorded, o *outcome) (unnoted string) {
	journey := ledger.JourneyOf(r.Stream)
	if f.hooks.o.Append == nil || journey == "" {
		return ""
	}
	data, err := json.Marshal(delivered{Handoff: r.ID, From: stage{r.Facets.Sender}, To: stage{r.Facets.Receiver}, Channel: r.Facets.Channel,
		Endpoint: f.e.Name, WebhookID: f.webhookID(r.Position), Status: o.Status, Digest: o.digest})
	if err != nil {
		return err.Error()
	}
	e := ledger.Event{ID: fmt.Sprintf("%s:%d", f.e.Name, r.Position), Source: "baton/webhooks", Type: ledger.Type("handoff", "delivered"),
		Subject: journey, Time: o.At.Add(time.Duration(o.Duration)).UTC(), ContentType: "application/json", CausationID: r.ID, CorrelationID: r.CorrelationID,
		TraceParent: r.TraceParent, Data: data}
	batch := ledger.Batch{Stream: ledger.OverlayStream(journey), Expect: ledger.Any, Events: []ledger.Event{e}}
	results := f.hooks.o.Append(context.WithoutCancel(ctx), []ledger.Batch{batch})
	if err := results[0].Err; err != nil && !errors.Is(err, ledger.CodeIDConflict) { // a conflict is the same delivery, at another time
		f.hooks.o.Logger.Warn("handoff.delivered was not appended", "endpoint", f.e.Name, "position", r.Position, "error", err)
		return clean(err.Error(), 300)
	}
	return ""
}
