package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// suggestedBook has the suggestions s1, which is over since 2024-03-02, s2, which is not over, and two that nobody is shown.
func suggestedBook(t *testing.T) *book {
	b := storied(t)
	b.write(
		line{"j1", "suggestion.offered", "s1", 90, `{"handoff":"h2","action":"call_back","policy":"advisory","expires_at":"2024-03-02T09:00:00Z"}`},
		line{"j1", "suggestion.offered", "s2", 91, `{"handoff":"h2","action":"discount","policy":"advisory","expires_at":"2999-03-02T09:00:00Z"}`},
		line{"j1", "suggestion.offered", "s3", 92, `{"action":"discount","policy":"shadow"}`},
		line{"j1", "suggestion.offered", "s4", 93, `{"action":"discount","policy":"advisory","hold_out":true}`})
	return b
}

func (b *book) say(a replay.Answer) (replay.Answered, error) {
	a.Journey = "j1"
	return replay.Say(ctx, b, b.append, a)
}

// TestSay: each verb is recorded once, a retry answers the first receipt, and what contradicts is refused by name.
func TestSay(t *testing.T) {
	b := suggestedBook(t)
	value := 12.5
	must := func(a replay.Answer) replay.Answered {
		t.Helper()
		out, err := b.say(a)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := must(replay.Answer{Suggestion: "s2", Verb: "shown", Actor: "crm"}); out.Suggestion.State != "shown" || out.Suggestion.Shown.IsZero() {
		t.Errorf("shown: %+v", out)
	}
	accept := replay.Answer{Suggestion: "s2", Verb: "modified", Action: "call_back", Reason: "no budget", By: ledger.Party{Stage: "sales", Party: "Ada"}, Actor: "crm"}
	first := must(accept)
	a := first.Suggestion.Answer
	if first.Suggestion.State != "modified" || a.Action != "call_back" || a.Reason != "no budget" || a.By.Party != "Ada" || a.Actor != "crm" || a.Late || first.Receipt.Duplicate {
		t.Errorf("modified: %+v %+v", first, a)
	}
	if again := must(accept); !again.Receipt.Duplicate || again.Receipt.Position != first.Receipt.Position {
		t.Errorf("a retry answers %+v, the first was %+v", again.Receipt, first.Receipt)
	}
	if again := must(replay.Answer{Suggestion: "s2", Verb: "shown", Actor: "other"}); again.Suggestion.State != "modified" {
		t.Errorf("shown again: %+v", again)
	}
	must(replay.Answer{Suggestion: "s2", Verb: "outcome", Outcome: "sold", Value: &value})

	late := replay.Answer{Suggestion: "s1", Verb: "dismissed", Reason: "done already"}
	if out := must(late); !out.Suggestion.Answer.Late || out.Suggestion.Answer.Action != "call_back" {
		t.Errorf("late: %+v", out.Suggestion.Answer)
	}
	if out := must(late); !out.Receipt.Duplicate {
		t.Errorf("late again: %+v", out)
	}
	var data string
	for e, err := range b.ReadStream(ctx, ledger.OverlayStream("j1"), ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.CausationID == "s1" {
			data = string(e.Data)
		}
	}
	if data != `{"suggestion":"s1","handoff":"h2","action":"call_back","reason":"done already","late":true}` {
		t.Errorf("the event has %s", data)
	}

	for name, tc := range map[string]struct {
		a    replay.Answer
		code ledger.Code
		want string
	}{
		"other answer":   {replay.Answer{Suggestion: "s2", Verb: "accepted"}, ledger.CodeAnswered, `modified by "sales / Ada"`},
		"other reason":   {replay.Answer{Suggestion: "s1", Verb: "dismissed", Reason: "other"}, ledger.CodeAnswered, "dismissed by"},
		"other outcome":  {replay.Answer{Suggestion: "s2", Verb: "outcome", Outcome: "lost"}, ledger.CodeAnswered, `outcome "sold"`},
		"unknown":        {replay.Answer{Suggestion: "s9", Verb: "accepted"}, ledger.CodeNotFound, `no suggestion "s9"`},
		"shadow":         {replay.Answer{Suggestion: "s3", Verb: "accepted"}, ledger.CodeInvalid, "withheld"},
		"hold-out":       {replay.Answer{Suggestion: "s4", Verb: "shown"}, ledger.CodeInvalid, "withheld"},
		"no reason":      {replay.Answer{Suggestion: "s2", Verb: "dismissed"}, ledger.CodeInvalid, "reason is missing"},
		"no action":      {replay.Answer{Suggestion: "s2", Verb: "modified"}, ledger.CodeInvalid, "action is missing"},
		"idle action":    {replay.Answer{Suggestion: "s2", Verb: "accepted", Action: "x"}, ledger.CodeInvalid, "action says nothing"},
		"idle value":     {replay.Answer{Suggestion: "s2", Verb: "accepted", Value: &value}, ledger.CodeInvalid, "value says nothing"},
		"verb":           {replay.Answer{Suggestion: "s2", Verb: "expired"}, ledger.CodeInvalid, "is none that is said"},
		"id of another":  {replay.Answer{Suggestion: "s1", Verb: "shown", ID: first.Receipt.ID}, ledger.CodeIDConflict, "other content"},
		"no suggestion":  {replay.Answer{Verb: "shown"}, ledger.CodeInvalid, "suggestion is missing"},
		"withheld still": {replay.Answer{Suggestion: "s4", Verb: "dismissed", Reason: "x"}, ledger.CodeInvalid, "withheld"},
	} {
		if _, err := b.say(tc.a); !errors.Is(err, tc.code) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s with %q", name, err, tc.code, tc.want)
		}
	}
	must(replay.Answer{Suggestion: "s4", Verb: "outcome", Outcome: "sold"}) // how it ended is known all the same

	v, err := replay.AsOf(ctx, b, "j1", replay.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	all := v.WithWithheld().Suggestions
	if len(v.Suggestions) != 2 || len(all) != 4 || !all[2].Withheld || !all[3].Withheld || all[3].Outcome.Outcome != "sold" || *all[1].Outcome.Value != 12.5 {
		t.Errorf("shown %+v\nall %+v", v.Suggestions, all)
	}
	var text strings.Builder
	if err := v.WriteText(&text, replay.TextOptions{Width: replay.Unlimited}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"modified by sales / Ada: call_back, since no budget", "outcome sold (12.5)", "dismissed, since done already, late"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	n, open := 0, 0
	for s, err := range replay.Suggestions(ctx, b, "") {
		if err != nil || s.Journey != "j1" {
			t.Fatal(s, err)
		}
		if n++; s.IsOpen() {
			open++
		}
	}
	if n != 4 || open != 2 {
		t.Errorf("%d are listed, %d of them open", n, open)
	}
}

// TestSayMeetsAnother: an answer that comes between the reading and the append wins, and the second is told so.
func TestSayMeetsAnother(t *testing.T) {
	b := suggestedBook(t)
	raced := false
	slow := func(c context.Context, batches []ledger.Batch) []ledger.Result {
		if !raced {
			raced = true
			if _, err := b.say(replay.Answer{Suggestion: "s2", Verb: "accepted", Actor: "first"}); err != nil {
				t.Fatal(err)
			}
		}
		return b.append(c, batches)
	}
	_, err := replay.Say(ctx, b, slow, replay.Answer{Journey: "j1", Suggestion: "s2", Verb: "dismissed", Reason: "no", Actor: "second"})
	if !errors.Is(err, ledger.CodeAnswered) || !strings.Contains(err.Error(), `accepted by "first"`) {
		t.Errorf("%v", err)
	}
}

// TestOddAnswers are recorded by others as events: the first answer counts, what is no text is left out, and what somebody says of the end comes before what a close
// gave.
func TestOddAnswers(t *testing.T) {
	b := suggestedBook(t)
	said := func(id, source, verb, data string) {
		b.n++
		b.now = b.now.Add(time.Minute)
		e := ledger.Event{ID: id, Source: source, Subject: "j1", Type: ledger.Type("suggestion", verb), CausationID: "s2", Data: []byte(data)}
		if r := b.append(ctx, []ledger.Batch{{Stream: ledger.OverlayStream("j1"), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	said("1", "crm", "expired", `{}`)
	said("2", "crm", "accepted", `{"action":7}`)
	said("3", "crm", "dismissed", `{}`)
	said("4", "crm", "expired", `{}`)
	said("5", ledger.OutcomeSource, "outcome", `{"outcome":"closed"}`)
	said("6", "crm", "outcome", `{"outcome":"sold","value":"much"}`)
	said("7", ledger.OutcomeSource, "outcome", `{"outcome":"closed again"}`)
	said("8", "crm", "outcome", `{"outcome":"lost"}`)
	v, err := replay.AsOf(ctx, b, "j1", replay.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	s := v.Suggestions[1]
	if s.State != "accepted" || s.Answer.ID != "2" || s.Answer.Action != "" || s.Outcome.Outcome != "sold" || s.Outcome.Value != nil {
		t.Errorf("%+v %+v %+v", s, s.Answer, s.Outcome)
	}
}

// TestTakenID: another source that takes the id of a suggestion of Baton's, before or after it, gets none of what is said of it.
func TestTakenID(t *testing.T) {
	b := suggestedBook(t)
	stream := ledger.OverlayStream("j1")
	for _, source := range []string{"other", ledger.SuggestionSource, "third"} {
		e := ledger.Event{ID: "suggestion/abc/7", Source: source, Type: ledger.Type("suggestion", "offered"), Subject: "j1", Data: []byte(`{"action":"` + source + `"}`)}
		if r := b.append(ctx, []ledger.Batch{{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	out, err := b.say(replay.Answer{Suggestion: "suggestion/abc/7", Verb: "accepted"})
	if err != nil || out.Suggestion.Source != ledger.SuggestionSource || out.Suggestion.State != "accepted" {
		t.Errorf("%+v, %v", out, err)
	}
	for s, err := range replay.Suggestions(ctx, b, "j1") {
		if err != nil {
			t.Fatal(err)
		}
		if s.ID == "suggestion/abc/7" && s.Source != ledger.SuggestionSource && s.Answer != nil {
			t.Errorf("the answer is said of %s's", s.Source)
		}
	}
	if _, err := b.say(replay.Answer{Suggestion: "suggestion/abc/7", Verb: "outcome", Outcome: "sold", Time: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)}); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Errorf("a time before the offer: %v", err)
	}
}
