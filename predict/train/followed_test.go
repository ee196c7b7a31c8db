package train_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/train"
)

// TestFollowedSuggestionsAreLeftOut: followed before the label was known. Held out, dismissed, only told, or followed later, they stay.
func TestFollowedSuggestionsAreLeftOut(t *testing.T) {
	b := open(t)
	for i := range 280 {
		id, at := fmt.Sprint("J", i), start.AddDate(0, 0, i/4)
		end := "done"
		if i%3 == 0 {
			end = "churned"
		}
		b.event(id, "h"+id, "handoff", "offered", `{"from":"bot","to":"desk","channel":"chat"}`, at)
		action, verb, later := "call_back", "accepted", time.Minute
		switch i % 7 {
		case 1:
			action = "inform"
		case 2:
			verb = "dismissed"
		case 3:
			later = 48 * time.Hour
		case 4:
			verb = "modified"
		case 5:
			verb = "shown"
		case 6:
			action = "none"
		}
		b.event(id, "s"+id, "suggestion", "offered", `{"handoff":"h`+id+`","action":"`+action+`"}`, at)
		if i%2 == 0 {
			b.event(id, "", "suggestion", verb, `{"suggestion":"s`+id+`"}`, at.Add(later))
		} else { // an answer may say what it is about by its cause alone; and a suggestion of another source that took the id changes nothing
			b.append(ledger.Event{ID: "s" + id, Source: "other", Type: ledger.Type("suggestion", "offered"), Subject: id, Time: at, Data: []byte(`{"handoff":"h` + id + `","action":"none"}`)})
			b.append(ledger.Event{ID: "c" + id, Source: "test", Type: ledger.Type("suggestion", verb), Subject: id, Time: at.Add(later), CausationID: "s" + id, Data: []byte(`{}`)})
		}
		b.event(id, "", "journey", "closed", `{"outcome":"`+end+`"}`, at.Add(time.Hour))
	}
	for _, with := range []bool{false, true} {
		o := options("churn")
		o.Moments, o.WithFollowed = []string{"offered"}, with
		r, err := train.Run(t.Context(), b.store, o)
		if err != nil {
			t.Fatal(err)
		}
		if want := 2 * 280 / 7; with && r.SelfCaused != 0 || !with && (r.SelfCaused != want || r.Examples != 280-want || r.Unknown != 0) {
			t.Errorf("with %v: %d left out, %d examples, %d unknown", with, r.SelfCaused, r.Examples, r.Unknown)
		}
		if listed := len(r.Model.Card.Limits); listed != map[bool]int{false: 4, true: 3}[with] {
			t.Error(r.Model.Card.Limits)
		}
	}
}

// TestNextActivity: what follows is told by what came before, and a journey that closes first has its own class.
func TestNextActivity(t *testing.T) {
	b := open(t)
	for i := range 300 {
		id, at := fmt.Sprint("J", i), start.AddDate(0, 0, i/4)
		channel := []string{"chat", "phone", "mail"}[i%3]
		b.event(id, "h"+id, "handoff", "offered", `{"from":"bot","to":"desk","channel":"`+channel+`"}`, at)
		if channel != "mail" {
			b.event(id, "", "interaction", "recorded", `{"activity":"by `+channel+`"}`, at.Add(time.Minute))
		}
		b.event(id, "", "journey", "closed", `{"outcome":"done"}`, at.Add(time.Hour))
	}
	o := options(train.NextActivity)
	o.Moments = []string{"offered"}
	r, err := train.Run(t.Context(), b.store, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Model.Classes; len(got) != 4 || got[0] != train.End || got[1] != train.Other {
		t.Error(got)
	}
	if f := r.Figures; f.Accuracy < 0.95 || f.AccuracyWithoutEnd < 0.95 || f.LogLoss > f.BaseLoss/2 {
		t.Errorf("%+v", f)
	}
}
