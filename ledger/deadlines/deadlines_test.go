package deadlines_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/deadlines"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

const limit = 24 * time.Hour

// desk is a real ledger in memory, in a bubble whose clock moves when everybody waits.
type desk struct {
	*testing.T
	store  *pebblestore.Store
	append ledger.Append
	n      int
}

// bubble runs a test on a ledger of its own.
func bubble(t *testing.T, run func(d *desk)) {
	synctest.Test(t, func(t *testing.T) {
		store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32),
			FS: vfs.NewMem(), MinFreeMB: -1, CacheMB: 8, MemtableMB: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		run(&desk{T: t, store: store, append: ledger.Intake(store.AppendAll, ledger.Validate)})
	})
}

// write appends an event of a journey; at is when it happened, the zero time says nothing of it.
func (d *desk) write(id, typ, journey, data string, at time.Time) ledger.Receipt {
	d.Helper()
	family, verb, _ := bytes.Cut([]byte(typ), []byte("."))
	e := ledger.Event{ID: id, Source: "test", Type: ledger.Type(string(family), string(verb)), Subject: journey, Time: at, Data: []byte(data)}
	if typ[:4] == "sugg" && verb[0] != 'o' {
		e.CausationID = "s1"
	}
	stream := ledger.StreamFor(&e)
	if string(family) == "contract" {
		stream = "contract-" + journey
	}
	r := d.append(d.Context(), []ledger.Batch{{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}})[0]
	if r.Err != nil {
		d.Fatal(r.Err)
	}
	return r.Receipts[0]
}

func (d *desk) offer(id, journey string) ledger.Receipt {
	return d.write(id, "handoff.offered", journey, `{"from":"bot","to":"desk","channel":"chat"}`, time.Time{})
}

func (d *desk) verb(verb, id, journey string) {
	d.n++
	d.write(fmt.Sprintf("v%d", d.n), "handoff."+verb, journey, `{"handoff":"`+id+`"}`, time.Time{})
}

func (d *desk) options() deadlines.Options {
	return deadlines.Options{Store: d.store, Append: d.append, Limit: func(point string) time.Duration {
		if point == "bot>never@chat" {
			return 0
		}
		return limit
	}}
}

// run runs a follower for a time, and stops it.
func (d *desk) run(o deadlines.Options, length time.Duration) {
	d.Helper()
	ctx, cancel := context.WithCancel(d.Context())
	done := make(chan error, 1)
	go func() { done <- deadlines.New(o).Run(ctx, nil) }()
	pass(length)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		d.Fatalf("the follower ended with %v", err)
	}
}

// written are the follower's events, by position.
func (d *desk) written() (out []ledger.Recorded) {
	d.Helper()
	for r, err := range d.store.Read(d.Context(), ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		if r.Source == deadlines.Source {
			out = append(out, r)
		}
	}
	return out
}

// ids are those of the follower's events.
func (d *desk) ids() (out []string) {
	for _, r := range d.written() {
		out = append(out, r.ID)
	}
	return out
}

func (d *desk) want(ids ...string) {
	d.Helper()
	if got := d.ids(); fmt.Sprint(got) != fmt.Sprint(ids) {
		d.Errorf("written: %q, want %q", got, ids)
	}
}

func (d *desk) journey(id string) *ledger.Journey {
	d.Helper()
	j := &ledger.Journey{}
	for r, err := range d.store.ReadStream(d.Context(), ledger.JourneyStream(id), ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		j.Apply(&r)
	}
	return j
}

// TestHandoffExpires at its limit, and says what consumers need.
func TestHandoffExpires(t *testing.T) {
	bubble(t, func(d *desk) {
		start := time.Now()
		d.offer("h1", "J1")
		d.offer("h2", "J2")
		d.verb("accepted", "h2", "J2")
		d.write("h3", "handoff.offered", "J3", `{"from":"bot","to":"never","channel":"chat"}`, time.Time{})
		d.run(d.options(), limit-time.Second)
		d.want()
		d.run(d.options(), 2*time.Second)
		d.want("expired/handoff/h1")
		r := d.written()[0]
		const data = `{"channel":"chat","due":"2000-01-02T00:00:00Z","from":{"stage":"bot"},"handoff":"h1","limit":"24h0m0s","reason":"deadline","to":{"stage":"desk"}}`
		if string(r.Data) != data || !r.Time.Equal(start.Add(limit)) || r.Stream != "journey-J1" ||
			r.Subject != "J1" || r.Actor != deadlines.Source || r.CausationID != "h1" {
			t.Errorf("%+v\n%s", r, r.Data)
		}
		if late := r.RecordedTime.Sub(r.Time); late < 0 || late > time.Millisecond {
			t.Errorf("recorded %s after it was due", late)
		}
		if h := d.journey("J1").Handoffs[0]; h.State != ledger.Expired || h.Point() != "bot>desk@chat" || h.Reason != "deadline" || len(d.journey("J1").Anomalies) != 0 {
			t.Errorf("%+v %+v", h, d.journey("J1").Anomalies)
		}
	})
}

// TestClockStartsWhenItCouldBeKnown: an old offer that is imported now has its whole limit, unless its sender said when it ends.
func TestClockStartsWhenItCouldBeKnown(t *testing.T) {
	bubble(t, func(d *desk) {
		old, later := time.Now().Add(-1000*time.Hour), time.Now().Add(time.Hour)
		body := `{"from":"bot","to":"desk","channel":"chat"%s}`
		d.write("old", "handoff.offered", "J1", fmt.Sprintf(body, ""), old)
		d.write("future", "handoff.offered", "J2", fmt.Sprintf(body, ""), later)
		d.write("own", "handoff.offered", "J3", fmt.Sprintf(body, `,"expires_at":"2000-01-01T02:00:00+01:00"`), old)
		d.write("past", "handoff.offered", "J4", fmt.Sprintf(body, `,"expires_at":"1999-01-01T02:00:00Z"`), old)
		d.run(d.options(), time.Millisecond)
		d.want("expired/handoff/past")
		d.run(d.options(), time.Hour)
		d.want("expired/handoff/past", "expired/handoff/own")
		d.run(d.options(), limit-time.Hour)
		d.want("expired/handoff/past", "expired/handoff/own", "expired/handoff/old")
		d.run(d.options(), time.Hour)
		d.want("expired/handoff/past", "expired/handoff/own", "expired/handoff/old", "expired/handoff/future")
		if got := d.written()[1]; got.Time.Format(time.RFC3339) != "2000-01-01T02:00:00+01:00" || bytes.Contains(got.Data, []byte("limit")) {
			t.Errorf("%s %s", got.Time, got.Data)
		}
	})
}

// TestRestartAndPause: what came due while nobody ran is written at once, in order in each journey, and never twice.
func TestRestartAndPause(t *testing.T) {
	bubble(t, func(d *desk) {
		const offers = 600 // more than one append takes
		for i := range offers {
			d.offer(fmt.Sprintf("h%d", i), fmt.Sprintf("J%d", i%7))
			pass(time.Second)
		}
		pass(limit + time.Hour)
		before := time.Now()
		d.run(d.options(), time.Millisecond)
		d.run(d.options(), time.Hour)
		d.run(d.options(), time.Hour)
		written, last := d.written(), map[string]time.Time{}
		if len(written) != offers {
			t.Fatalf("%d events for %d offers", len(written), offers)
		}
		for i, r := range written {
			if r.Time.Before(last[r.Subject]) || r.RecordedTime.Sub(before) > time.Millisecond {
				t.Errorf("event %d: due %s after one due %s, recorded %s", i, r.Time, last[r.Subject], r.RecordedTime)
			}
			last[r.Subject] = r.Time
		}
	})
}

// TestAcceptWins: an accept between the decision and the append is not overridden.
func TestAcceptWins(t *testing.T) {
	bubble(t, func(d *desk) {
		d.offer("h1", "J1")
		d.offer("h2", "J1")
		d.offer("h3", "J2")
		o, raced := d.options(), 0
		o.Append = func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
			if raced++; raced == 1 {
				d.verb("accepted", "h2", "J1") // not the first: the revision that the first one makes is no proof for the second
			}
			return d.append(ctx, batches)
		}
		d.run(o, limit+time.Second)
		d.want("expired/handoff/h3", "expired/handoff/h1")
		if j := d.journey("J1"); j.Handoffs[1].State != ledger.Accepted || j.Handoffs[0].State != ledger.Expired || len(j.Anomalies) != 0 {
			t.Errorf("%+v %+v", j.Handoffs, j.Anomalies)
		}
	})
}

// TestClosedJourney: an offer in a closed journey is left alone, until the journey goes on.
func TestClosedJourney(t *testing.T) {
	bubble(t, func(d *desk) {
		d.offer("h1", "J1")
		d.offer("h2", "J2")
		d.write("c1", "journey.closed", "J1", `{"outcome":"done"}`, time.Time{})
		d.write("c2", "journey.closed", "J2", `{"outcome":"done"}`, time.Time{})
		ctx, cancel := context.WithCancel(d.Context())
		done := make(chan error, 1)
		go func() { done <- deadlines.New(d.options()).Run(ctx, nil) }()
		pass(2 * limit)
		d.want()
		d.write("again", "interaction.recorded", "J1", `{"activity":"call","stage":"desk"}`, time.Time{})
		pass(time.Second)
		d.want("expired/handoff/h1")
		cancel()
		<-done
	})
}

// TestTakenID: somebody has used the id of one expiry for something else. The others of its stream are recorded all the same.
func TestTakenID(t *testing.T) {
	bubble(t, func(d *desk) {
		for _, id := range []string{"h1", "h2", "h3"} {
			d.offer(id, "J1")
		}
		r := d.append(d.Context(), []ledger.Batch{{Stream: ledger.JourneyStream("J1"), Expect: ledger.Any, Events: []ledger.Event{{ID: "expired/handoff/h2",
			Source: deadlines.Source, Type: ledger.Type("interaction", "recorded"), Subject: "J1", Data: []byte(`{"activity":"mail"}`)}}}})[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		d.run(d.options(), 2*limit)
		d.want("expired/handoff/h2", "expired/handoff/h1", "expired/handoff/h3") // the first is not the follower's
	})
}

// TestSuggestionAndContract end at what they say themselves.
func TestSuggestionAndContract(t *testing.T) {
	bubble(t, func(d *desk) {
		d.write("s1", "suggestion.offered", "J1", `{"expires_at":"2000-01-01T01:00:00Z"}`, time.Time{})
		d.write("s2", "suggestion.offered", "J1", `{"expires_at":"2000-01-01T02:00:00Z"}`, time.Time{})
		d.write("s3", "suggestion.offered", "J1", `{}`, time.Time{})
		d.write("s4", "suggestion.offered", "J1", `{"expires_at":"2000-01-01T01:30:00Z","policy":"shadow"}`, time.Time{})
		d.write("s5", "suggestion.offered", "J1", `{"expires_at":"2000-01-01T01:30:00Z","hold_out":true}`, time.Time{}) // nobody lets either pass
		d.write("x", "suggestion.accepted", "J1", `{}`, time.Time{})                                                    // s1
		d.write("p1", "contract.published", "refunds", `{"sunset":"2000-01-01T03:00:00Z"}`, time.Time{})
		d.write("p2", "contract.deprecated", "refunds", `{"sunset":"2000-01-01T05:00:00Z"}`, time.Time{})
		d.write("p3", "contract.published", "gone", `{"sunset":"2000-01-01T03:00:00Z"}`, time.Time{})
		d.write("p4", "contract.retired", "gone", `{}`, time.Time{})
		d.run(d.options(), 4*time.Hour)
		d.want("expired/suggestion/s2")
		d.run(d.options(), 2*time.Hour)
		d.want("expired/suggestion/s2", "expired/contract/p2")
		s, c := d.written()[0], d.written()[1]
		if s.Stream != "overlay-J1" || s.CausationID != "s2" || s.Type != ledger.Type("suggestion", "expired") ||
			string(s.Data) != `{"due":"2000-01-01T02:00:00Z"}` {
			t.Errorf("%+v %s", s, s.Data)
		}
		if c.Stream != "contract-refunds" || c.Type != ledger.Type("contract", "retired") || c.Facets.Reason != "sunset" ||
			string(c.Data) != `{"due":"2000-01-01T05:00:00Z","reason":"sunset"}` {
			t.Errorf("%+v %s", c, c.Data)
		}
	})
}

// TestTriesAgain: what cannot be written now is written later, by one who runs on, and once.
func TestTriesAgain(t *testing.T) {
	bubble(t, func(d *desk) {
		d.offer("h1", "J1")
		o, tries := d.options(), 0
		o.Append = func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
			tries++
			results := d.append(ctx, batches)
			if tries == 1 { // written, and nobody is told
				results[0] = ledger.Result{Err: ledger.Errorf(ledger.CodeUnavailable, "append", "", "the answer was lost")}
			}
			if tries == 2 {
				t.Error("it was written a second time")
			}
			return results
		}
		d.run(o, limit+time.Hour)
		d.want("expired/handoff/h1")
	})
	bubble(t, func(d *desk) {
		d.offer("h1", "J1")
		o, tries := d.options(), 0
		o.Append = func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
			if tries++; tries < 3 {
				return []ledger.Result{{Err: ledger.Errorf(ledger.CodeDiskFull, "append", "", "no space")}}
			}
			return d.append(ctx, batches)
		}
		d.run(o, limit+time.Minute)
		d.want("expired/handoff/h1")
	})
}

// TestTwoFollowers on one ledger write everything once.
func TestTwoFollowers(t *testing.T) {
	bubble(t, func(d *desk) {
		for i := range 50 {
			d.offer(fmt.Sprintf("h%d", i), "J")
		}
		ctx, cancel := context.WithCancel(d.Context())
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- deadlines.New(d.options()).Run(ctx, nil) }()
		}
		pass(limit + time.Minute)
		cancel()
		<-done
		<-done
		if got := d.ids(); len(got) != 50 {
			t.Errorf("%d events for 50 offers", len(got))
		}
		if j := d.journey("J"); len(j.Anomalies) != 0 {
			t.Errorf("%+v", j.Anomalies)
		}
	})
}

// pass lets that much of the bubble's time pass; nobody waits for it.
func pass(d time.Duration) { <-time.After(d) }
