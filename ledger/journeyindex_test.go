package ledger

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestJourneyIndex: a long journey answers what looking through it would, whatever happens in it, and so does a copy that goes its own way.
func TestJourneyIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	name := func(kind string, n int) string { return fmt.Sprint(kind, rng.IntN(n)) }
	verbs := []string{"offered", "offered", "viewed", "accepted", "declined", "completed", "returned", "failed"}
	event := func(n int) *Recorded {
		r := &Recorded{Stream: "journey-x", Position: uint64(n + 1), Revision: uint64(n + 1), RecordedTime: time.Unix(int64(n), 0)}
		r.ID = name("h", 600)
		r.Type = Type("handoff", verbs[rng.IntN(len(verbs))])
		r.Facets = Facets{Handoff: r.ID, Stage: name("s", 80), Sender: name("s", 80), Receiver: name("s", 80), Channel: "c"}
		if rng.IntN(4) == 0 {
			r.Type = Type("interaction", "recorded")
		}
		return r
	}
	check := func(j *Journey, n int) {
		id, stage, before := name("h", 600), name("s", 90), rng.IntN(len(j.Handoffs)+1)
		find, offered, held, earlier := -1, false, false, false
		for i := range j.Handoffs {
			h := &j.Handoffs[i]
			if h.ID == id {
				find = i
			}
			offered = offered || h.State.Open() && h.Receiver.Stage == stage
			earlier = earlier || i < before && h.Sender.Stage == stage
		}
		for i := range j.Custody {
			held = held || j.Custody[i].Holder.Stage == stage
		}
		if j.Find(id) != find || j.offeredTo(stage) != offered || j.held(stage) != held || j.offeredBefore(before, stage) != earlier {
			t.Fatalf("after %d events: find %d, want %d; offered to %s %v, want %v; held %v, want %v; offered before %d %v, want %v",
				n, j.Find(id), find, stage, j.offeredTo(stage), offered, j.held(stage), held, before, j.offeredBefore(before, stage), earlier)
		}
	}
	journeys := []*Journey{{}}
	for n := range 3000 {
		for _, j := range journeys {
			j.Apply(event(n))
			for range 3 {
				check(j, n)
			}
		}
		if n == 1000 {
			second := *journeys[0]
			second.Handoffs, second.Custody = append([]Handoff(nil), second.Handoffs...), append([]Span(nil), second.Custody...)
			journeys = append(journeys, &second)
		}
	}
	if j := journeys[0]; len(j.Handoffs) < indexFrom || len(j.Custody) < indexFrom || j.index == nil || len(j.Handoffs) == len(journeys[1].Handoffs) && j.index == journeys[1].index {
		t.Errorf("%d handoffs, %d spans: this test shows nothing", len(j.Handoffs), len(j.Custody))
	}
}
