package overlay_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/train"
)

// learned trains a target at a moment, registers and saves the model and loads it from its file.
func (d *desk) learned(target, moment string) (*registry.Loaded, *train.Result) {
	d.Helper()
	r, err := train.Run(d.Context(), d.store, train.Options{Name: "m", Target: target, Moments: []string{moment}, Seed: 1, Holdout: 0.25,
		Learners: []learn.Learner{&learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{50}, Rate: 0.1, MinRows: 10, Ridge: 3, Rows: 0.6, Columns: 0.5}}})
	if err != nil {
		d.Fatal(err)
	}
	of := registry.Describe("m", r)
	if _, err := registry.Save(d.dir, of, r.File); err != nil {
		d.Fatal(err)
	}
	if of, _, err = registry.Register(d.Context(), d.store, d.append, of); err != nil {
		d.Fatal(err)
	}
	m, err := registry.Load(d.dir, of)
	if err != nil {
		d.Fatal(err)
	}
	return m, r
}

func (d *desk) score(m *registry.Loaded, journey string, position uint64) *overlay.Score {
	d.Helper()
	s, err := overlay.Of(d.Context(), d.store, m, journey, position)
	if err != nil {
		d.Fatal(err)
	}
	return s
}

// TestClosedMoment: a model of closes is asked at a close, says there what training said of it, and knows that an offer is no such moment.
func TestClosedMoment(t *testing.T) {
	d := open(t)
	journeys := map[uint64]string{}
	for i := range 240 {
		id, at, outcome, churn := fmt.Sprint("C", i), start.Add(time.Duration(i)*6*time.Hour), "resolved", "retained"
		if i%3 == 0 {
			outcome, churn = "unresolved", "churned"
		}
		d.past(id, "o"+id, "handoff.offered", `{"from":"bot","to":"desk","channel":"chat"}`, at)
		journeys[d.past(id, "c"+id, "journey.closed", `{"outcome":"`+outcome+`"}`, at.Add(time.Hour)).Position] = id
		if i%7 > 0 {
			d.past(id, "f"+id, "feedback.recorded", `{"field":"churn","outcome":"`+churn+`"}`, at.Add(2*time.Hour))
		}
	}
	m, r := d.learned("churn", "closed")
	if r.Unknown != 35 || len(r.Held) == 0 {
		t.Fatalf("%d unknown, %d held out", r.Unknown, len(r.Held))
	}
	for _, h := range r.Held {
		s := d.score(m, journeys[h.Position], h.Position)
		if s.Outside || s.Probability != h.P || s.Features.Values["moment"] != "closed" {
			t.Fatalf("at %d training said %v, the score %v (outside: %v)", h.Position, h.P, s.Probability, s.Outside)
		}
		if (s.Probability > 0.5) != (s.Features.Values["outcome"] == "unresolved") {
			t.Errorf("%v of %v", s.Probability, s.Features.Values["outcome"])
		}
	}
	offered := d.offer("live", "chat")
	closed := d.past("live", "cl", "journey.closed", `{"outcome":"unresolved"}`, time.Time{})
	if s := d.score(m, "live", offered.Position); !s.Outside {
		t.Error("an offer is taken for a close")
	}
	if s := d.score(m, "live", 0); s.Outside || s.Probability < 0.5 {
		t.Errorf("outside %v, %v", s.Outside, s.Probability)
	}
	if at, err := overlay.LastMoment(t.Context(), d.store, m, "live"); err != nil || at != closed.Position {
		t.Error(at, err)
	}
}

// TestNextClasses: a model of many classes comes back from its file and ranks them; what it says is the first.
func TestNextClasses(t *testing.T) {
	d := open(t)
	journeys := map[uint64]string{}
	for i := range 300 {
		id, at, channel := fmt.Sprint("N", i), start.Add(time.Duration(i)*5*time.Hour), []string{"chat", "phone", "mail"}[i%3]
		journeys[d.past(id, "n"+id, "handoff.offered", `{"from":"bot","to":"desk","channel":"`+channel+`"}`, at).Position] = id
		if channel != "mail" {
			d.past(id, "i"+id, "interaction.recorded", `{"activity":"by `+channel+`"}`, at.Add(time.Minute))
		}
		d.past(id, "x"+id, "journey.closed", `{"outcome":"done"}`, at.Add(time.Hour))
	}
	m, r := d.learned(train.NextActivity, "offered")
	if len(m.Model.Classes) != 4 || m.Hash != r.Model.Hash() {
		t.Fatalf("%v", m.Model.Classes)
	}
	for channel, want := range map[string]string{"phone": "by phone", "chat": "by chat", "mail": train.End} {
		d.offer("live "+channel, channel)
		s := d.score(m, "live "+channel, 0)
		if len(s.Next) != 3 || s.Next[0].Activity != want || s.Next[0].Probability != s.Probability || s.Says != "the next activity is "+want {
			t.Errorf("%s: %q %v %+v", channel, s.Says, s.Probability, s.Next)
		}
		sum := 0.0
		for i, c := range s.Next {
			if sum += c.Probability; i > 0 && c.Probability > s.Next[i-1].Probability {
				t.Errorf("%s: not in order: %+v", channel, s.Next)
			}
		}
		if sum > 1+1e-9 || sum < 0.9 {
			t.Errorf("%s: %v together", channel, sum)
		}
	}
	checked := 0
	for _, h := range r.Held {
		id, ours := journeys[h.Position]
		if !ours {
			continue
		}
		checked++
		s := d.score(m, id, h.Position)
		for _, c := range s.Next {
			if c.Activity == m.Model.Classes[h.Label] && math.Abs(c.Probability-h.P) > 1e-15 {
				t.Fatalf("training said %v of %s, the score %v", h.P, c.Activity, c.Probability)
			}
		}
	}
	if checked == 0 {
		t.Error("none of the examples held out was checked")
	}
}
