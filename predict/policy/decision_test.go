package policy

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
)

// script makes events out of lines "journey family verb data", an hour apart; ids are e1, e2 …
func script(lines ...string) func() iter.Seq2[ledger.Recorded, error] {
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	return func() iter.Seq2[ledger.Recorded, error] {
		return Place(func(yield func(ledger.Event, error) bool) {
			for i, line := range lines {
				p := strings.SplitN(line, " ", 4)
				e := ledger.Event{ID: fmt.Sprint("e", i+1), Source: "test", Type: ledger.Type(p[1], p[2]), Subject: p[0], Time: at.Add(time.Duration(i) * time.Hour), Data: []byte(p[3])}
				if !yield(e, nil) {
					return
				}
			}
		})
	}
}

const (
	offer  = `J handoff offered {"from":{"stage":"a"},"to":{"stage":"b"},"channel":"chat"}`
	accept = `J handoff accepted {"handoff":"e1","stage":"b","from":{"stage":"a"},"to":{"stage":"b"}}`
	chosen = `J suggestion offered {"handoff":"e1","action":"call","candidates":["none","call","mail"],"propensity":0.25,"policy":"p","hold_out":false}`
)

func read(t *testing.T, lines ...string) *Log {
	t.Helper()
	log, err := Read(t.Context(), script(lines...)(), &features.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// TestWhatIsReadOfADecision: what was chosen among what, what was done, and what came of it.
func TestWhatIsReadOfADecision(t *testing.T) {
	for _, c := range []struct {
		name     string
		lines    []string
		followed string
		answer   string
		outcome  string
	}{
		{"open", nil, None, "offered", ""},
		{"followed", []string{`J suggestion shown {"suggestion":"e3"}`, `J suggestion accepted {"suggestion":"e3","action":"call"}`, `J journey closed {"outcome":"won"}`}, "call", "accepted", "won"},
		{"another action", []string{`J suggestion modified {"suggestion":"e3","action":"mail"}`, `J journey closed {"outcome":"lost"}`}, "mail", "modified", "lost"},
		{"not followed", []string{`J suggestion shown {"suggestion":"e3"}`, `J suggestion dismissed {"suggestion":"e3","reason":"no"}`}, None, "dismissed", ""},
		{"over", []string{`J suggestion expired {"suggestion":"e3"}`}, None, "expired", ""},
		{"told of itself", []string{`J suggestion outcome {"suggestion":"e3","outcome":"won"}`, `J journey closed {"outcome":"lost"}`}, None, "offered", "won"},
		{"of another one", []string{`J suggestion accepted {"suggestion":"e99","action":"call"}`}, None, "offered", ""},
	} {
		log := read(t, append([]string{offer, accept, chosen}, c.lines...)...)
		if len(log.Decisions) != 1 {
			t.Fatalf("%s: %+v", c.name, log)
		}
		d := log.Decisions[0]
		if d.Followed != c.followed || d.Answer != c.answer || d.Outcome != c.outcome || d.Known.IsZero() != (c.outcome == "") {
			t.Errorf("%s: %+v", c.name, d)
		}
		if d.Journey != "J" || d.ID != "e3" || d.Action != "call" || d.Propensity != 0.25 || d.Policy != "p" || d.HoldOut || len(d.Candidates) != 3 {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

// TestTheFutureDoesNotChangeARow: nor do events between the handoff and the suggestion, so that a row is what the model is asked with.
func TestTheFutureDoesNotChangeARow(t *testing.T) {
	plain := read(t, offer, accept, chosen).Decisions[0].Row
	later := read(t, offer, accept, chosen, `J interaction recorded {"activity":"misleading"}`, `J handoff offered {"from":{"stage":"b"},"to":{"stage":"c"}}`).Decisions[0].Row
	between := read(t, offer, accept, `J interaction recorded {"activity":"reads"}`, chosen).Decisions[0].Row
	if !slices.Equal(plain, later) || !slices.Equal(plain, between) || len(plain) != len((&features.Spec{}).Columns()) {
		t.Errorf("%v\n%v\n%v", plain, later, between)
	}
}

func TestWhatIsNoDecision(t *testing.T) {
	log := read(t, `K suggestion offered {"action":"call","candidates":["none","call"],"propensity":0.5}`, // no handoff before it
		`J handoff offered {"from":{"stage":"a"},"to":{"stage":"b"}}`, `J suggestion offered {"action":"inform","candidates":["inform"],"propensity":1}`,
		`J suggestion offered {"action":"call","candidates":["none","call"],"propensity":0.5,"position":1}`) // made for another event
	if log.NoChoice != 1 || log.Unmatched != 2 || len(log.Decisions) != 0 {
		t.Errorf("%+v", log)
	}
}

func TestTargets(t *testing.T) {
	got, err := ParseTarget("outcome:resolved|converted")
	if err != nil || !slices.Equal(got, Target{"resolved", "converted"}) || got.String() != "outcome:resolved|converted" {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", "churn", "outcome:", "outcome:a|", "outcome"} {
		if _, err := ParseTarget(bad); ledger.CodeOf(err) != ledger.CodeInvalid || ledger.HintOf(err) == "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestPropensitiesAreChecked: a decision that does not say how probable it was is left out and named; where one comes from elsewhere, it is refused.
func TestPropensitiesAreChecked(t *testing.T) {
	for _, c := range []struct {
		from, to string
		bad      bool
	}{{"0.25", `0.25`, false}, {"0.25", `1`, false}, {"0.25", `0`, true}, {"0.25", `1.5`, true}, {"0.25", `-0.1`, true}, {"0.25", `null`, true}, {`"action":"call"`, `"action":"fax"`, true}} {
		log := read(t, offer, strings.Replace(chosen, c.from, c.to, 1))
		if (log.Unusable == 1) != c.bad || (len(log.Decisions) == 0) != c.bad || c.bad && !strings.Contains(log.FirstUnusable, `"e2"`) {
			t.Errorf("%s: %d left out, first %q, %d decisions", c.to, log.Unusable, log.FirstUnusable, len(log.Decisions))
		}
	}
	good := read(t, offer, chosen).Decisions[0]
	for _, change := range []func(*Decision){func(d *Decision) { d.Propensity = 0 }, func(d *Decision) { d.Propensity = 1.5 }, func(d *Decision) { d.Action = "fax" }} {
		d := good
		change(&d)
		if err := checkPropensities([]Decision{good, d}); ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), "e2") {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if err := checkPropensities([]Decision{good}); err != nil {
		t.Error(err)
	}
}
