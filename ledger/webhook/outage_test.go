package webhook_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-ledger/baton/ledger/webhook"
)

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
