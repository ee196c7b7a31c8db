package webhook_test

import (
	"fmt"
	"net/http"
	"strconv"
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

// A dead delivery is replayed with its id; the whole range, everything again.
func TestReplay(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(status(404))
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAttempts = 1 }))
		r.offer("A/a", "B/b", "C/c")
		synctest.Wait()
		if got := r.list(webhook.Query{State: webhook.Dead}); got != "a b c" {
			t.Fatalf("dead are %q", got)
		}
		r.answers(nil)
		replay := func(q webhook.Replay, queued, sent int) {
			t.Helper()
			before := len(r.requests())
			out, err := r.hooks.Replay(r.t.Context(), "crm", q)
			if err != nil || out.Queued != queued {
				t.Errorf("%+v queued %+v, error %v", q, out, err)
			}
			synctest.Wait()
			if got := len(r.requests()) - before; got != sent {
				t.Errorf("%+v sent %d, want %d", q, got, sent)
			}
		}
		replay(webhook.Replay{ID: "2"}, 1, 1)
		d := r.delivery("2")
		if d.State != webhook.Delivered || d.Replays != 1 || d.Attempts != 1 || len(d.Log) != 2 {
			t.Errorf("replayed %+v", d)
		}
		replay(webhook.Replay{Dead: true}, 2, 2)
		replay(webhook.Replay{Dead: true}, 0, 0)
		replay(webhook.Replay{From: 2, To: 3}, 2, 2)
		replay(webhook.Replay{From: 1}, 3, 3)
		if s := r.status(); s.Dead != 0 || s.Delivered != 8 || s.Pending != 0 {
			t.Errorf("status %+v", s)
		}
		for _, q := range []webhook.Replay{{}, {ID: "1", Dead: true}, {From: 3, To: 2}, {ID: "x"}, {ID: "9"}} {
			if _, err := r.hooks.Replay(r.t.Context(), "crm", q); err == nil || ledger.HintOf(err) == "" {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

// What is stored survives the end of a run, whenever it comes; a replay reaches events from before the endpoint was there.
func TestRestartGoesOn(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.offer("A/old")
		r.answers(status(500))
		r.run(endpoint())
		r.offer("A/a", "B/b")
		synctest.Wait()
		r.halt()
		r.offer("A/while-down")
		r.answers(nil)
		before := len(r.requests())
		r.run(endpoint())
		pass(time.Minute)
		seen := map[string]int{}
		for _, q := range r.requests()[before:] {
			seen[q.id]++
		}
		if len(seen) != 3 || seen["a"] != 1 || seen["b"] != 1 || seen["while-down"] != 1 {
			t.Errorf("received %v", seen)
		}
		if _, err := r.hooks.Replay(r.t.Context(), "crm", webhook.Replay{From: 1, To: 1}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.ids(); !strings.HasSuffix(got, " old") {
			t.Errorf("received %q", got)
		}
	})
}

// An attempt that hangs ends at its timeout; meanwhile other journeys and endpoints are served, and a stop does not wait for it.
func TestAHangingReceiver(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(_ int, _ http.ResponseWriter, q request) {
			if strings.HasPrefix(q.id, "hang") {
				<-q.ctx.Done()
			}
		})
		one := func(e *webhook.Endpoint) { e.Concurrency = 1 }
		r.run(endpoint(one, func(e *webhook.Endpoint) { e.Receivers = []string{"tier2"} }),
			endpoint(one, func(e *webhook.Endpoint) { e.Name, e.Receivers = "other", []string{"tier3"} }))
		r.offer("A/hang", "B/b", "C/c/tier3")
		synctest.Wait()
		if got := len(r.requests()); got != 2 || !strings.Contains(r.ids(), "c") {
			t.Errorf("received %q", r.ids())
		}
		pass(15 * time.Second)
		if d := r.delivery("1"); d.Attempts != 1 || d.Log[0].Error != "no answer within 15s" || d.Log[0].Duration != int64(15*time.Second) {
			t.Errorf("delivery %+v", d)
		}
		if !strings.Contains(r.ids(), "b") {
			t.Error("b was not sent when the attempt before it had ended")
		}
		r.offer("D/hang2")
		synctest.Wait()
		begin := time.Now()
		r.halt()
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("the stop waited %s", waited)
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

// An endpoint that is down is probed by one delivery at a time, and everything flows when it is back.
func TestAnEndpointThatIsDown(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(status(502))
		r.run(endpoint())
		names := []string{}
		for i := range 40 {
			names = append(names, string(rune('A'+i))+"/"+string(rune('A'+i)))
		}
		r.offer(names...)
		synctest.Wait()
		if s := r.status(); s.State != "down" || len(r.requests()) > 8 || time.Until(s.Until) > 5*time.Second || time.Until(s.Until) <= 0 {
			t.Fatalf("after %d requests: %+v", len(r.requests()), s)
		}
		pass(time.Hour)
		n := len(r.requests())
		if n < 12 || n > 45 {
			t.Errorf("%d probes in an hour", n)
		}
		r.answers(nil)
		pass(6 * time.Minute)
		if s := r.status(); s.State != "ok" || s.Delivered != 40 || s.Pending != 0 {
			t.Errorf("back: %+v", s)
		}
	})
}

// A single event that nobody can take does not hold its endpoint to be down.
func TestOneBadEventIsNotAnOutage(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(_ int, w http.ResponseWriter, q request) {
			if q.id == "bad" {
				w.WriteHeader(500)
			}
		})
		r.run(endpoint())
		r.offer("A/bad")
		pass(time.Hour)
		r.offer("B/b")
		synctest.Wait()
		if got := r.ids(); !strings.HasSuffix(got, " b") || r.status().State == "down" {
			t.Errorf("received %q; %+v", got, r.status())
		}
	})
}

// While an endpoint is dead for long, its window is bounded, and what is given up makes room.
func TestTheWindowIsBounded(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(status(500))
		r.run(endpoint(func(e *webhook.Endpoint) { e.GiveUpAfter = 2 * time.Hour }))
		for i := range 1300 {
			r.offer("J" + strconv.Itoa(i) + "/" + strconv.Itoa(i))
		}
		pass(time.Minute)
		s := r.status()
		if s.Pending != 1000 || s.Cursor != 1000 || s.Lag != 300 {
			t.Fatalf("pending %d at %d, lag %d", s.Pending, s.Cursor, s.Lag)
		}
		pass(2 * time.Hour)
		if s = r.status(); s.Lag != 0 || s.Pending != 300 || s.Dead != 1000 {
			t.Errorf("after 2h: pending %d, dead %d, lag %d", s.Pending, s.Dead, s.Lag)
		}
		if d := r.delivery("700"); !strings.HasPrefix(d.Reason, "the endpoint was down for the whole 2h0m0s; last: the receiver answered 500") {
			t.Errorf("reason %q", d.Reason)
		}
	})
}

func TestGoneSwitchesOffUntilEnabled(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(status(410))
		r.run(endpoint())
		r.offer("A/a", "B/b")
		pass(26 * time.Hour)
		n := len(r.requests())
		if s := r.status(); n > 2 || s.State != "gone" || s.Pending != 2 || s.Dead != 0 {
			t.Fatalf("%d requests; %+v", n, s)
		}
		r.halt()
		r.answers(nil)
		r.run(endpoint())
		pass(time.Hour)
		if len(r.requests()) != n {
			t.Error("a restart has switched it on")
		}
		if err := r.hooks.Enable(r.t.Context(), "crm"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := r.status(); s.State != "ok" || s.Delivered != 2 {
			t.Errorf("enabled: %+v", s)
		}
	})
}

func TestRetryAfterIsHonouredWithinLimits(t *testing.T) {
	for _, c := range []struct {
		code     int
		header   string
		from, to time.Duration // of the second attempt after the first
	}{
		{429, "600", 10 * time.Minute, 10 * time.Minute},
		{503, "Sat, 01 Jan 2000 00:20:00 GMT", 20 * time.Minute, 20 * time.Minute},
		{429, "999999999", time.Hour, time.Hour},
		{429, "-5", time.Second, 5 * time.Second},
		{503, "soon", time.Second, 5 * time.Second},
		{500, "600", time.Second, 5 * time.Second},
	} {
		t.Run(c.header, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.answers(func(n int, w http.ResponseWriter, _ request) {
					if n == 1 {
						w.Header().Set("Retry-After", c.header)
						w.WriteHeader(c.code)
					}
				})
				r.run(endpoint(func(e *webhook.Endpoint) { e.Concurrency = 1 }))
				r.offer("A/a", "B/b")
				pass(2 * time.Hour)
				d := r.delivery("1")
				if len(d.Log) != 2 {
					t.Fatalf("delivery %+v", d)
				}
				if gap := d.Log[1].At.Sub(d.Log[0].At); gap < c.from || gap > c.to {
					t.Errorf("tried again after %s, want %s to %s", gap, c.from, c.to)
				}
				if other := r.delivery("2").Log[0].At.Sub(d.Log[0].At); c.from > time.Minute && other < c.from {
					t.Errorf("another one was sent after %s", other)
				}
			})
		})
	}
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

// An offer that its receiver has taken is noted in the overlay, once, however often it is delivered.
func TestRecordDelivered(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.run(endpoint(func(e *webhook.Endpoint) { e.RecordDelivered, e.Types = true, []string{"dev.baton.handoff.*"} }))
		r.offer("A/a")
		pass(time.Minute)
		if _, err := r.hooks.Replay(r.t.Context(), "crm", webhook.Replay{ID: "1"}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		var j ledger.Journey
		var noted []ledger.Recorded
		for e, err := range r.store.Read(r.t.Context(), ledger.ReadOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if j.Apply(&e); e.Stream == "overlay-A" {
				noted = append(noted, e)
			}
		}
		if len(noted) != 1 || len(j.Handoffs) != 1 || j.Handoffs[0].State != ledger.Delivered || len(j.Anomalies) != 0 {
			t.Fatalf("%d notes; %+v", len(noted), j)
		}
		if got := r.ids(); !strings.HasPrefix(got, "a crm:1 a") {
			t.Errorf("received %q", got)
		}
		if n := noted[0]; n.ID != "crm:1" || n.Facets.Handoff != "a" || n.Facets.Receiver != "tier2" || !strings.Contains(string(n.Data), `"body_sha256":"`) {
			t.Errorf("noted %+v %s", n.Event, n.Data)
		}
		if d := r.delivery("1"); d.Unnoted != "" || d.State != webhook.Delivered {
			t.Errorf("%+v", d)
		}
	})
}

func TestFromAPosition(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.offer("A/a", "B/b", "C/c")
		r.run(endpoint(func(e *webhook.Endpoint) { e.From, e.Concurrency = 2, 1 }))
		synctest.Wait()
		if got := r.ids(); got != "b c" {
			t.Errorf("received %q", got)
		}
		r.halt()
		r.run(endpoint(func(e *webhook.Endpoint) { e.From = 1 })) // known by now
		synctest.Wait()
		if got := r.ids(); got != "b c" {
			t.Errorf("received %q", got)
		}
		r.halt()
		r.run(endpoint(func(e *webhook.Endpoint) { e.Name = "new" }))
		all, err := r.hooks.Status(r.t.Context())
		if err != nil || len(all) != 2 || all[1].Name != "crm" || all[1].State != "unconfigured" || all[1].Cursor != 3 {
			t.Errorf("%+v, error %v", all, err)
		}
	})
}

// An endpoint that is off runs nothing and keeps its place.
func TestOffKeepsItsPlace(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.run(endpoint())
		r.halt()
		off := endpoint(func(e *webhook.Endpoint) { e.Off = true })
		r.run(off)
		if n := len(r.hooks.Followers()); n != 0 {
			t.Errorf("%d followers", n)
		}
		r.offer("A/a")
		pass(time.Minute)
		if s := r.status(); s.State != "off" || s.Lag != 1 || len(r.requests()) != 0 {
			t.Errorf("%+v", s)
		}
		r.halt()
		r.run(endpoint())
		synctest.Wait()
		if f := r.hooks.Followers()[0]; r.ids() != "a" || f.Progress().Position() != 1 || f.Name() != "webhook.crm" {
			t.Errorf("received %q, at %d", r.ids(), f.Progress().Position())
		}
	})
}

// When an endpoint is back, what was put off for long is due at once.
func TestAfterAnOutageNothingWaits(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(status(502))
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAttempts = 1000 }))
		r.offer("A/a", "B/b", "C/c", "D/d", "E/e", "F/f")
		pass(10 * time.Hour)
		r.answers(nil)
		pass(5*time.Minute + time.Second)
		if s := r.status(); s.Delivered != 6 {
			t.Errorf("%+v", s)
		}
	})
}

// Events that nobody can take hold an endpoint to be down no longer than until another one comes.
func TestBadEventsDoNotKeepAnEndpointDown(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(func(_ int, w http.ResponseWriter, q request) {
			if strings.HasPrefix(q.id, "bad") {
				w.WriteHeader(500)
			}
		})
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAttempts = 1000 }))
		for i := range 20 { // so many that each has been due again for long when its turn comes
			r.offer(fmt.Sprintf("J%d/bad%d", i, i))
		}
		pass(12 * time.Hour)
		if s := r.status(); s.State != "down" {
			t.Fatalf("%+v", s)
		}
		r.offer("G/good")
		pass(5*time.Minute + time.Second)
		if s := r.status(); s.Delivered != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Hours in which nothing ran are not the receiver's.
func TestTimeWithoutARunDoesNotCount(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.answers(status(500))
		r.run(endpoint(func(e *webhook.Endpoint) { e.GiveUpAfter = 2 * time.Hour }))
		r.offer("A/a")
		synctest.Wait()
		r.halt()
		pass(30 * time.Hour)
		r.run(endpoint(func(e *webhook.Endpoint) { e.GiveUpAfter = 2 * time.Hour }))
		pass(30 * time.Minute)
		if d := r.delivery("1"); d.State != webhook.Pending || d.Attempts < 5 {
			t.Errorf("%+v", d)
		}
		pass(3 * time.Hour)
		if d := r.delivery("1"); d.State != webhook.Dead || !strings.HasPrefix(d.Reason, "not taken within 2h0m0s; last: ") {
			t.Errorf("%+v", d)
		}
	})
}

// A replay of an earlier event does not get mixed up with the attempt under way in its journey.
func TestReplayDuringAnAttempt(t *testing.T) {
	inBubble(t, func(r *rig) {
		release := make(chan struct{})
		r.answers(func(_ int, _ http.ResponseWriter, q request) {
			if q.id == "b" {
				<-release
			}
		})
		r.run(endpoint())
		r.offer("A/a", "A/b")
		synctest.Wait()
		if _, err := r.hooks.Replay(r.t.Context(), "crm", webhook.Replay{ID: "1"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		if s := r.status(); r.ids() != "a b a" || s.Pending != 0 || s.Delivered != 3 {
			t.Errorf("received %q; %+v", r.ids(), s)
		}
	})
}

// What occurred too long ago is passed over, unless a replay asks for it.
func TestMaxAge(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.run(endpoint(func(e *webhook.Endpoint) { e.MaxAge = time.Hour }))
		data := []byte(`{"from":{"stage":"bot"},"to":{"stage":"tier2"},"channel":"chat"}`)
		for id, age := range map[string]time.Duration{"old": 61 * time.Minute, "young": 59 * time.Minute} {
			r.event(id, ledger.Event{ID: id, Type: ledger.Type("handoff", "offered"), Time: time.Now().Add(-age), Data: data})
		}
		synctest.Wait()
		if r.ids() != "young" {
			t.Errorf("received %q", r.ids())
		}
		if out, err := r.hooks.Replay(r.t.Context(), "crm", webhook.Replay{From: 1}); err != nil || out.Queued != 2 {
			t.Errorf("%+v, %v", out, err)
		}
		synctest.Wait()
		if got := r.ids(); len(r.requests()) != 3 || !strings.Contains(got, "old") {
			t.Errorf("received %q", got)
		}
	})
}
