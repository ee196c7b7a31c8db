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
