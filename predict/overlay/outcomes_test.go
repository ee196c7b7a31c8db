package overlay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/overlay"
)

// outcomes runs the follower until the test ends, or it is stopped.
func (d *desk) outcomes(to ledger.Append) (stop func()) {
	ctx, cancel := context.WithCancel(d.Context())
	done := make(chan error, 1)
	go func() { done <- overlay.NewOutcomes(overlay.OutcomeOptions{Store: d.store, Append: to}).Run(ctx, nil) }()
	stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			d.Errorf("the follower ended with %v", err)
		}
		done <- context.Canceled
	}
	d.Cleanup(stop)
	return stop
}

// ended are the outcomes in a journey's overlay, by suggestion.
func (d *desk) ended(journey string) map[string][]ledger.Recorded {
	d.Helper()
	out := map[string][]ledger.Recorded{}
	for e, err := range d.store.ReadStream(d.Context(), ledger.OverlayStream(journey), ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		if e.Type == ledger.Type("suggestion", "outcome") {
			out[e.CausationID] = append(out[e.CausationID], e)
		}
	}
	return out
}

func (d *desk) outcome(journey, suggestion, outcome string) {
	d.Helper()
	e := ledger.Event{ID: "said/" + suggestion, Source: "test", Type: ledger.Type("suggestion", "outcome"), Subject: journey, CausationID: suggestion, Data: []byte(`{"outcome":"` + outcome + `"}`)}
	if r := d.append(d.Context(), []ledger.Batch{{Stream: ledger.OverlayStream(journey), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
		d.Fatal(r.Err)
	}
}

// TestOutcomesOfCloses: the first close with an outcome after a suggestion is written once, of before the start and live, and not where somebody said one.
func TestOutcomesOfCloses(t *testing.T) {
	d := open(t)
	d.past("A", "s1", "suggestion.offered", `{"action":"inform","handoff":"h1"}`, time.Time{})
	d.past("A", "c0", "journey.closed", `{}`, time.Time{}) // says no outcome
	d.past("A", "c1", "journey.closed", `{"outcome":"sold"}`, start)
	d.past("A", "s2", "suggestion.offered", `{"action":7}`, time.Time{}) // after the close
	d.past("B", "s3", "suggestion.offered", `{}`, time.Time{})
	d.past("B", "c2", "journey.closed", `{"outcome":"lost"}`, time.Time{})
	d.outcome("B", "s3", "kept")
	stale := 0
	stop := d.outcomes(func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
		if stale++; stale == 1 { // somebody is faster
			d.past("A", "s4", "suggestion.shown", `{}`, time.Time{})
		}
		return d.append(ctx, batches)
	})
	d.until("the outcome is there", func() bool { return len(d.ended("A")) == 1 })
	d.past("A", "c3", "journey.closed", `{"outcome":"returned"}`, time.Time{})
	d.until("the second one's is there", func() bool { return len(d.ended("A")["s2"]) == 1 })
	e := d.ended("A")["s1"][0]
	if string(e.Data) != `{"action":"inform","closed":"c1","handoff":"h1","outcome":"sold","position":`+position(t, d, "c1")+`,"suggestion":"s1"}` ||
		!e.Time.Equal(start) || e.Source != ledger.OutcomeSource || e.ID != "outcome/s1" {
		t.Errorf("%s %+v", e.Data, e)
	}
	if second := d.ended("A")["s2"][0]; second.Facets.Outcome != "returned" {
		t.Errorf("%s", second.Data)
	}
	if said := d.ended("B")["s3"]; len(said) != 1 || said[0].Source != "test" {
		t.Errorf("%+v", said)
	}
	stop()

	head, err := d.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.past("C", "s5", "suggestion.offered", `{}`, time.Time{})
	d.past("C", "c5", "journey.closed", `{"outcome":"sold"}`, time.Time{})
	d.outcomes(d.append)
	d.until("a second follower goes on", func() bool { return len(d.ended("C")) == 1 })
	if after, err := d.store.Head(t.Context()); err != nil || after.Position != head.Position+3 {
		t.Errorf("the head went from %d to %d, %v: the second wrote again what the first had", head.Position, after.Position, err)
	}
}

func position(t *testing.T, d *desk, id string) string {
	t.Helper()
	for e, err := range d.store.ReadStream(t.Context(), ledger.JourneyStream("A"), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == id {
			return fmt.Sprint(e.Position)
		}
	}
	t.Fatalf("no event %s", id)
	return ""
}
