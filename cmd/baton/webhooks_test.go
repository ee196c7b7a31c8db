package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/webhook"
	"github.com/baton-ledger/baton/server/client"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"

// hookReceiver takes signed deliveries and remembers them in order.
type hookReceiver struct {
	t      *testing.T
	verify *standardwebhooks.Webhook
	mu     sync.Mutex
	got    []ledger.Recorded
	news   chan struct{} // one token: something came
}

func newHookReceiver(t *testing.T) (*hookReceiver, string) {
	v, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	r := &hookReceiver{t: t, verify: v, news: make(chan struct{}, 1)}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, s.URL
}

func (r *hookReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed
	}
	if err := r.verify.Verify(body, req.Header); err != nil {
		r.t.Errorf("%s: %v", req.Header.Get("Webhook-Id"), err)
	}
	e, err := ledger.ParseRecordedCloudEvent(body)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	r.got = append(r.got, e)
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// wait waits until what was received is as it should be.
func (r *hookReceiver) wait(done func(got []ledger.Recorded) bool) {
	r.t.Helper()
	for deadline := time.After(60 * time.Second); ; {
		r.mu.Lock()
		ok := done(r.got)
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.news:
		case <-deadline:
			r.t.Fatalf("received %d deliveries", len(r.got))
		}
	}
}

// hookConfig writes a configuration with endpoints and answers the arguments that name it.
func hookConfig(t *testing.T, data string, endpoints map[string]any) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b.json")
	b, err := json.Marshal(map[string]any{"data": data, "listen": "127.0.0.1:0", "nats": map[string]any{"enabled": false}, "webhooks": endpoints})
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--config", path}
}

func hookOffer(id, journey string) ledger.Batch {
	return ledger.Batch{Stream: ledger.JourneyStream(journey), Expect: ledger.Any, Events: []ledger.Event{{ID: id, Source: "test", Subject: journey,
		Type: ledger.Type("handoff", "offered"), ContentType: "application/json", Data: []byte(`{"from":{"stage":"bot"},"to":{"stage":"tier2"},"channel":"chat"}`)}}}
}

// TestKilledWhileDelivering kills a server again and again while it delivers. In the end the receiver has every acknowledged handoff, those of one
// journey in order.
func TestKilledWhileDelivering(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	r, url := newHookReceiver(t)
	config := hookConfig(t, data, map[string]any{"crm": map[string]any{"url": url, "secrets": []string{hookSecret}, "from": 1}})
	acked := 0
	for round := range 3 {
		cmd, out := baton(t, append([]string{"serve"}, config...)...)
		c := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
		for i := range 150 {
			res := c.AppendAll(t.Context(), []ledger.Batch{hookOffer(fmt.Sprint(round, "-", i), fmt.Sprint("J", i%20))})
			if res[0].Err != nil {
				t.Fatalf("%v\n%s", res[0].Err, out)
			}
			acked++
		}
		r.wait(func(got []ledger.Recorded) bool { return len(got) > round*150+30 })
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	cmd, out := baton(t, append([]string{"serve"}, config...)...)
	waitAPI(t, data, cmd.Process.Pid)
	r.wait(func(got []ledger.Recorded) bool {
		distinct := map[uint64]bool{}
		for _, e := range got {
			distinct[e.Position] = true
		}
		return len(distinct) == acked
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	last := map[string]uint64{}
	seen := map[uint64]bool{}
	for _, e := range r.got {
		if !seen[e.Position] && e.Position < last[e.Subject] {
			t.Errorf("journey %s: %d came after %d", e.Subject, e.Position, last[e.Subject])
		}
		seen[e.Position], last[e.Subject] = true, max(last[e.Subject], e.Position)
	}
}

// TestReceiverHangs serves with one receiver that never answers: the other one, the API and the stop are not held up.
func TestReceiverHangs(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	r, url := newHookReceiver(t)
	hanging := make(chan struct{}, 100)
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // only then the end of the connection is seen
		hanging <- struct{}{}
		<-req.Context().Done()
	}))
	t.Cleanup(hang.Close)
	cmd, out := baton(t, append([]string{"serve"}, hookConfig(t, data, map[string]any{
		"good": map[string]any{"url": url, "secrets": []string{hookSecret}, "record_delivered": true},
		"hang": map[string]any{"url": hang.URL, "secrets": []string{hookSecret}, "timeout": "5m"}})...)...)
	c := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
	for i := range 20 {
		if res := c.AppendAll(t.Context(), []ledger.Batch{hookOffer(fmt.Sprint("h", i), fmt.Sprint("J", i))}); res[0].Err != nil {
			t.Fatal(res[0].Err)
		}
	}
	r.wait(func(got []ledger.Recorded) bool { return len(got) == 20 })
	for range 4 { // as many as an endpoint may have under way
		<-hanging
	}
	untilTrue(t, func() bool { s := hookStatus(t, c)["hang"]; return s.Pending == 20 && s.Delivered == 0 })
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || time.Since(begin) > 20*time.Second {
		t.Errorf("the stop took %s: %v\n%s", time.Since(begin), err, out)
	}
	if len(hanging) > 0 {
		t.Errorf("%d more requests than an endpoint may have under way", len(hanging))
	}
}

func hookStatus(t *testing.T, c *client.Client) map[string]webhook.Status {
	t.Helper()
	all, err := c.Webhooks().Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]webhook.Status{}
	for _, s := range all {
		out[s.Name] = s
	}
	return out
}

// TestWebhookAPI asks every path of the API about a receiver that refuses, and then takes.
func TestWebhookAPI(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	r, url := newHookReceiver(t)
	var refuse sync.Map
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if code, ok := refuse.Load("code"); ok {
			http.Error(w, "not now", code.(int))
			return
		}
		r.ServeHTTP(w, req)
	}))
	t.Cleanup(front.Close)
	refuse.Store("code", 422)
	cmd, _ := baton(t, append([]string{"serve"}, hookConfig(t, data, map[string]any{
		"crm": map[string]any{"url": front.URL, "secrets": []string{hookSecret}, "max_attempts": 1}, "other": map[string]any{"url": url, "secrets": []string{hookSecret}, "enabled": false}})...)...)
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	c := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
	hooks, ctx := c.Webhooks(), t.Context()
	for i := range 4 {
		c.AppendAll(ctx, []ledger.Batch{hookOffer(fmt.Sprint("o", i), fmt.Sprint("J", i))})
	}
	untilTrue(t, func() bool { return hookStatus(t, c)["crm"].Dead == 4 })
	dead := 0
	for d, err := range hooks.Deliveries(ctx, "crm", webhook.Query{State: webhook.Dead, Limit: 3}) {
		if err != nil || d.State != webhook.Dead || d.Log != nil || d.Reason != "1 attempt failed; last: the receiver answered 422 Unprocessable Entity" {
			t.Errorf("%+v, %v", d, err)
		}
		dead++
	}
	if d, err := hooks.Delivery(ctx, "crm", "2"); err != nil || len(d.Log) != 1 || d.Log[0].Status != 422 || d.Log[0].Response != "not now" || dead != 3 {
		t.Errorf("%d listed; %+v, %v", dead, d, err)
	}
	if a, err := hooks.Test(ctx, "crm"); err != nil || a.Status != 422 {
		t.Errorf("test: %+v, %v", a, err)
	}
	refuse.Delete("code")
	if out, err := hooks.Replay(ctx, "crm", webhook.Replay{ID: "2"}); err != nil || out.Queued != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := hooks.Replay(ctx, "crm", webhook.Replay{Dead: true}); err != nil || out.Queued != 3 {
		t.Errorf("%+v, %v", out, err)
	}
	r.wait(func(got []ledger.Recorded) bool { return len(got) == 4 })
	if a, err := hooks.Test(ctx, "crm"); err != nil || a.Status != 200 {
		t.Errorf("test: %+v, %v", a, err)
	}
	if err := hooks.Enable(ctx, "crm"); err != nil {
		t.Error(err)
	}
	if s := hookStatus(t, c); s["other"].State != "off" || s["other"].Lag != 4 || s["crm"].Dead != 0 {
		t.Errorf("%+v", s)
	}
	for _, err := range []error{hooks.Enable(ctx, "nobody"), second(hooks.Delivery(ctx, "crm", "99")), second(hooks.Replay(ctx, "nobody", webhook.Replay{Dead: true}))} {
		if ledger.CodeOf(err) != ledger.CodeNotFound || ledger.HintOf(err) == "" {
			t.Error(err)
		}
	}
	if _, err := hooks.Replay(ctx, "crm", webhook.Replay{}); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func untilTrue(t *testing.T, is func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); !is(); {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("it did not come to be")
		}
	}
}
