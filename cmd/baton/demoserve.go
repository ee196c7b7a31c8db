package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// demoSecret is the key of the demo's own receiver, on this machine and for the length of the story.
const demoSecret = "a key that only this story has.."

const demoServed = "order-2001"

// served starts a server as `baton serve` does, hands a journey over through it, and shows who hears of it and how.
func (s *demoStory) served(ctx context.Context, n *node) error {
	taken := make(chan string, 16)
	receiver, err := receive(taken)
	if err != nil {
		return err
	}
	defer receiver.Close()
	a := *s.app
	cfg := *a.cfg
	cfg.Listen, cfg.ESDBListen, cfg.NATS.Enabled = "127.0.0.1:0", "", false
	cfg.Webhooks = map[string]config.Webhook{"billing": {URL: "http://" + receiver.Addr, Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(demoSecret))},
		Receivers: []string{"billing"}, Enabled: true}}
	a.cfg, a.err = &cfg, io.Discard
	front, err := a.listen()
	if err != nil {
		return err
	}
	if err := n.unserve(); err != nil { // the server opens its own
		return errors.Join(err, front.close())
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.serveAt(serving, n, front) }()
	err = s.handOver(ctx, a.ask(holder{API: front.LocalURL()}), taken)
	stop()
	err = errors.Join(err, <-ended)
	return errors.Join(err, n.unserve())
}

// handOver is what the people of the story do, and prints what each of them sees.
func (s *demoStory) handOver(ctx context.Context, c *client.Client, taken <-chan string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	head, err := c.Head(ctx)
	if err != nil {
		return err
	}
	out := s.app.out
	fmt.Fprintln(out, "A team hands over in one call, POST /v1/handoffs:")
	done, err := c.HandOff(ctx, ledger.HandoffCall{ID: "h-1", Journey: demoServed, Channel: "ticket", Reason: "refund of 49 promised",
		From: ledger.Party{Stage: "support", Party: "agent-3"}, To: ledger.Party{Stage: "billing", Party: "agent-9"},
		Envelope: json.RawMessage(`{"mandatory":{"order":"2001","amount":49},"key_insight":"A refund of 49 was promised by phone."}`)})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s, %s: %s, held by %s (%s)\n", done.Journey, done.Point, done.State, done.Owner.Stage, done.Owner.Party)
	select {
	case line := <-taken:
		fmt.Fprintf(out, "The webhook of billing was called:\n  %s\n", line)
	case <-ctx.Done():
		return ctx.Err()
	}
	fmt.Fprintln(out, "Another offer may stand for half a second, and nobody takes it. What a live tail of handoffs hears:")
	if _, err := c.HandOff(ctx, ledger.HandoffCall{ID: "h-2", Journey: demoServed, Channel: "ticket", From: ledger.Party{Stage: "billing"},
		To: ledger.Party{Stage: "shipping"}, OfferOnly: true,
		Data: map[string]json.RawMessage{"expires_at": json.RawMessage(`"` + time.Now().Add(time.Second/2).UTC().Format(time.RFC3339Nano) + `"`)}}); err != nil {
		return err
	}
	return s.hear(ctx, c, head.Position)
}

// hear follows the journey's handoffs from a position on until one has expired.
func (s *demoStory) hear(ctx context.Context, c *client.Client, after uint64) error {
	for r, err := range c.Tail(ctx, client.TailOptions{From: after + 1, Journey: demoServed, Filter: `event.family == "handoff"`}) {
		if err != nil {
			return err
		}
		family, verb := ledger.SplitType(r.Type)
		fmt.Fprintf(s.app.out, "  %5d  %s  %-18s %-20s by %s\n", r.Position, r.RecordedTime.Format("15:04:05.000"), family+"."+verb, r.ID, r.Source)
		if verb == string(ledger.Expired) {
			return nil
		}
	}
	return ctx.Err()
}

// receive starts a receiver of webhooks: it checks the signature as docs/webhooks.md says, and tells of each event it takes.
func receive(taken chan<- string) (*http.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, environment("demo", "free a port on 127.0.0.1", err)
	}
	srv := &http.Server{Addr: l.Addr().String(), ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil || !signed(r.Header, body) {
			http.Error(w, "the signature is not good", http.StatusUnauthorized)
			return
		}
		var event struct{ Type, Subject string }
		if json.Unmarshal(body, &event) != nil {
			http.Error(w, "this is no event", http.StatusBadRequest)
			return
		}
		select {
		case taken <- fmt.Sprintf("webhook-id %s: %s of %s, %d bytes, its signature is good", r.Header.Get("webhook-id"), event.Type, event.Subject, len(body)):
		default: // nobody listens any more
		}
	})}
	go func() { _ = srv.Serve(l) }() // ends with Close
	return srv, nil
}

func signed(h http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(demoSecret))
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for given := range strings.FieldsSeq(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}
