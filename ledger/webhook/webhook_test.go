package webhook_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/webhook"
)

func TestAnOfferIsDeliveredSigned(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.offer("J1/before")
		r.run(endpoint(func(e *webhook.Endpoint) { e.Secrets = []string{secret, secret2} }))
		r.event("J1", ledger.Event{ID: "o1", Type: ledger.Type("handoff", "offered"), TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			Data: []byte(`{"from":{"stage":"bot"}, "to":{"stage":"tier2"},"channel":"chat","envelope":{"n":1.50}}`)})
		synctest.Wait()
		all := r.requests()
		if len(all) != 1 || all[0].id != "o1" {
			t.Fatalf("received %s; what was there before the endpoint is not for it", r.ids())
		}
		q := all[0]
		for _, s := range []string{secret, secret2} {
			if err := q.verify(s); err != nil {
				t.Errorf("secret %s: %v", s, err)
			}
		}
		for name, want := range map[string]string{"Content-Type": "application/cloudevents+json", "Webhook-Id": "0a1b2c3d:2", "Webhook-Timestamp": "946684800",
			"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"} {
			if got := q.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if !strings.Contains(string(q.body), `{"from":{"stage":"bot"}, "to":{"stage":"tier2"},"channel":"chat","envelope":{"n":1.50}}`) {
			t.Errorf("the data is not verbatim in %s", q.body)
		}
		q.body[len(q.body)-2]++
		if q.verify(secret) == nil {
			t.Error("a changed body verifies")
		}
		if s := r.status(); s.State != "ok" || s.Delivered != 1 || s.Pending != 0 || s.Lag != 0 || s.URL != "http://localhost/in" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*webhook.Endpoint)
		want   string
	}{
		{"offers alone", func(*webhook.Endpoint) {}, "a b"},
		{"receivers", func(e *webhook.Endpoint) { e.Receivers = []string{"tier3", "tier9"} }, "b"},
		{"points", func(e *webhook.Endpoint) { e.Points = []string{"bot>tier2@chat"} }, "a"},
		{"types", func(e *webhook.Endpoint) { e.Types = []string{"dev.baton.handoff.*"} }, "a b c"},
		{"another type", func(e *webhook.Endpoint) { e.Types = []string{"dev.baton.interaction.recorded.v1"} }, "d"},
		{"all but quarantine", func(e *webhook.Endpoint) { e.Types = []string{"*"} }, "a b c d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.run(endpoint(c.change))
				r.offer("J/a/tier2", "J/b/tier3")
				r.event("J", ledger.Event{ID: "c", Type: ledger.Type("handoff", "accepted"), Data: []byte(`{"handoff":"a"}`)})
				r.event("J", ledger.Event{ID: "d", Type: ledger.Type("interaction", "recorded"), Data: []byte(`{"activity":"x"}`)})
				odd := []ledger.Event{{ID: "e", Source: "test", Type: "foreign"}}
				r.append(r.t.Context(), []ledger.Batch{{Stream: "quarantine-test", Expect: ledger.Any, Events: odd}})
				synctest.Wait()
				if got := r.ids(); got != c.want {
					t.Errorf("received %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestAFailureIsRetriedUntilItSucceeds(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(n int, w http.ResponseWriter, _ request) {
			if n <= 4 {
				http.Error(w, "no\x1b[31m\r\nthanks "+strings.Repeat("x", 1000), 500)
			}
		})
		r.run(endpoint())
		r.offer("J/a", "J/b")
		synctest.Wait()
		if s := r.status(); s.State != "failing" || s.Pending != 2 || s.Failures != 1 {
			t.Errorf("status %+v", s)
		}
		pass(2 * time.Minute)
		if got := r.ids(); got != "a a a a a b" {
			t.Errorf("received %q", got)
		}
		d := r.delivery("1")
		if d.State != webhook.Delivered || d.Attempts != 5 || len(d.Log) != 5 || d.Log[0].Status != 500 || d.Log[4].Status != 200 {
			t.Fatalf("delivery %+v", d)
		}
		if got := d.Log[0].Response; !strings.HasPrefix(got, "no [31m thanks xxx") || len(got) > 260 {
			t.Errorf("snippet %q", got)
		}
		for i, least := range []time.Duration{2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 20 * time.Second} {
			if gap := d.Log[i+1].At.Sub(d.Log[i].At); gap < least || gap > 2*least {
				t.Errorf("attempt %d came after %s, want %s to %s", i+2, gap, least, 2*least)
			}
		}
		ids := map[string]bool{}
		for _, q := range r.requests()[:5] {
			ids[q.header.Get("Webhook-Id")] = true
			if err := q.verify(secret); err != nil {
				t.Error(err)
			}
		}
		if len(ids) != 1 {
			t.Errorf("the attempts had the ids %v", ids)
		}
	})
}

// Events of one journey come in order; a journey whose event fails does not hold up another.
func TestAFailingDeliveryHoldsBackItsJourneyAlone(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(_ int, w http.ResponseWriter, q request) {
			if q.id == "a1" {
				w.WriteHeader(400)
			}
		})
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAttempts, e.Concurrency = 3, 1 }))
		r.offer("A/a1", "B/b1", "A/a2", "B/b2")
		synctest.Wait()
		if got := r.ids(); got != "a1 b1 b2" {
			t.Errorf("received %q", got)
		}
		pass(time.Minute)
		if got := r.ids(); got != "a1 b1 b2 a1 a1 a2" {
			t.Errorf("received %q", got)
		}
		if d := r.delivery("1"); d.State != webhook.Dead || d.Reason != "3 attempts failed; last: the receiver answered 400 Bad Request" || len(d.Log) != 3 {
			t.Errorf("delivery %+v", d)
		}
		if got := r.list(webhook.Query{State: webhook.Dead}) + "|" + r.list(webhook.Query{State: webhook.Delivered, Newest: true}); got != "a1|b2 a2 b1" {
			t.Errorf("lists %q", got)
		}
	})
}

// A run that is cut off in an attempt forgets it and makes it again.
func TestAnAttemptCutOffIsMadeAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(n int, _ http.ResponseWriter, q request) {
			if n == 1 {
				<-q.ctx.Done()
			}
		})
		r.run(endpoint())
		r.offer("A/a")
		synctest.Wait()
		r.halt()
		r.run(endpoint())
		synctest.Wait()
		if d := r.delivery("1"); r.ids() != "a a" || d.State != webhook.Delivered || d.Attempts != 1 {
			t.Errorf("received %q; %+v", r.ids(), d)
		}
	})
}

func TestRedirectsAreFailures(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(_ int, w http.ResponseWriter, _ request) {
			w.Header().Set("Location", "http://localhost/elsewhere")
			w.WriteHeader(307)
		})
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAttempts = 1 }))
		r.offer("A/a")
		synctest.Wait()
		if d := r.delivery("1"); len(r.requests()) != 1 || d.State != webhook.Dead || d.Log[0].Status != 307 {
			t.Errorf("%d requests; %+v", len(r.requests()), d)
		}
	})
}

// A connection that fails is a failure without the URL's query in its words.
func TestNoConnection(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.pipes.Close()
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAttempts = 1 }))
		r.offer("A/a")
		synctest.Wait()
		if d := r.delivery("1"); d.State != webhook.Dead || d.Log[0].Error != "connection refused" || strings.Contains(d.Reason, "token") {
			t.Errorf("%+v", d)
		}
	})
}
