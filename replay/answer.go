package replay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Answer is what is said of a suggestion in one call.
type Answer struct {
	Journey    string
	Suggestion string // its id
	Verb       string // one of AnswerVerbs
	By         ledger.Party
	Actor      string   // of the caller's key; "" where there is none
	Action     string   // with modified: that was taken instead, required
	Reason     string   // with dismissed required
	Outcome    string   // with outcome required
	Value      *float64 // with outcome: what it was worth
	Time       time.Time
	ID         string // of the event; "" is a digest of all the above, so that a retry is known as one
	Source     string // "" is ledger.AnswerSource
}

// Answered says what was recorded, and how the suggestion stands since then.
type Answered struct {
	Journey    string         `json:"journey"`
	Suggestion Suggestion     `json:"suggestion"`
	Receipt    ledger.Receipt `json:"receipt"`
}

// AnswerVerbs are what can be said of a suggestion. That it expired is said by Baton itself.
func AnswerVerbs() []string { return []string{"shown", "accepted", "modified", "dismissed", "outcome"} }

// answerData is the data of the event.
type answerData struct {
	Suggestion string   `json:"suggestion"`
	Handoff    string   `json:"handoff,omitempty"`
	Action     string   `json:"action,omitempty"`
	Stage      string   `json:"stage,omitempty"`
	Party      string   `json:"party,omitempty"`
	Kind       string   `json:"kind,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Outcome    string   `json:"outcome,omitempty"`
	Value      *float64 `json:"value,omitempty"`
	Late       bool     `json:"late,omitempty"` // it was over by then
}

// readAnswer reads the members that stand in no header, each for itself: one that has another type is left out.
func readAnswer(data []byte) (d answerData) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return d
	}
	_ = json.Unmarshal(members["action"], &d.Action)
	if json.Unmarshal(members["value"], &d.Value) != nil {
		d.Value = nil
	}
	_ = json.Unmarshal(members["late"], &d.Late)
	return d
}

// Say records what is said of a suggestion, in the journey's overlay. The same call again answers the first receipt. What comes after the suggestion was over
// is recorded, and late. Errors are CodeInvalid, which names the field, CodeNotFound where the journey has no such suggestion, CodeAnswered where it has another answer or
// outcome, which is named, and those of an append.
func Say(ctx context.Context, r ledger.Reader, to ledger.Append, a Answer) (Answered, error) {
	if err := a.check(); err != nil {
		return Answered{}, err
	}
	id := cmp.Or(a.ID, a.digest())
	for try := 0; ; try++ {
		s, earlier, revision, err := a.find(ctx, r, id)
		if err != nil {
			return Answered{}, err
		}
		expect := ledger.Expect(revision)
		if earlier != nil {
			expect = ledger.Any // the ledger says whether it is the same
		} else if err := a.fits(s); err != nil {
			return Answered{}, err
		}
		e, err := a.event(id, s, earlier)
		if err != nil {
			return Answered{}, err
		}
		result := to(ctx, []ledger.Batch{{Stream: ledger.OverlayStream(a.Journey), Expect: expect, Events: []ledger.Event{e}}})[0]
		switch {
		case errors.Is(result.Err, ledger.CodeStaleRevision) && try < 10:
			continue // something came in between: it is looked at again
		case result.Err != nil:
			return Answered{}, result.Err
		}
		s, _, _, err = a.find(ctx, r, id)
		return Answered{a.Journey, s, result.Receipts[0]}, err
	}
}

// check refuses a call that does not say what it must.
func (a *Answer) check() error {
	refuse := func(hint, format string, args ...any) error {
		return ledger.Errorf(ledger.CodeInvalid, "answer", hint, format, args...)
	}
	if !slices.Contains(AnswerVerbs(), a.Verb) {
		return refuse("use one of "+strings.Join(AnswerVerbs(), ", "), "verb %.40q is none that is said of a suggestion", a.Verb)
	}
	for _, f := range []struct {
		name, value string
		needed      bool
		goes        []string // with these verbs
	}{
		{"journey", a.Journey, true, nil}, {"suggestion", a.Suggestion, true, nil}, {"action", a.Action, a.Verb == "modified", []string{"modified"}},
		{"reason", a.Reason, a.Verb == "dismissed", []string{"accepted", "modified", "dismissed"}}, {"outcome", a.Outcome, a.Verb == "outcome", []string{"outcome"}},
	} {
		switch {
		case f.value == "" && f.needed:
			return refuse("say "+f.name, "%s is missing, and %s needs it", f.name, a.Verb)
		case f.value != "" && f.goes != nil && !slices.Contains(f.goes, a.Verb):
			return refuse("leave "+f.name+" out, or use "+strings.Join(f.goes, " or "), "%s says nothing with %s", f.name, a.Verb)
		}
	}
	switch {
	case a.Value != nil && a.Verb != "outcome":
		return refuse("leave value out, or use outcome", "value says nothing with %s", a.Verb)
	case a.Value != nil && (math.IsNaN(*a.Value) || math.IsInf(*a.Value, 0)):
		return refuse("give a number", "value %g is none", *a.Value)
	}
	return nil
}

// digest is the id of a call that has none: another call has another one.
func (a *Answer) digest() string {
	b, _ := json.Marshal(a) // texts, a time and a finite number always can
	sum := sha256.Sum256(b)
	return "answer/" + hex.EncodeToString(sum[:16])
}

// find reads the suggestion, an event with the call's own id and source if there is one, and the revision of the overlay.
func (a *Answer) find(ctx context.Context, r ledger.Reader, id string) (s Suggestion, earlier *ledger.Recorded, revision uint64, err error) {
	var f folder
	for e, err := range r.ReadStream(ctx, ledger.OverlayStream(a.Journey), ledger.ReadOptions{}) {
		if err != nil {
			return s, nil, 0, err
		}
		f.suggest(&e)
		if revision = e.Revision; e.ID == id && e.Source == cmp.Or(a.Source, ledger.AnswerSource) {
			earlier = &e
		}
	}
	i := f.suggestion(a.Suggestion)
	if i < 0 {
		return s, nil, 0, ledger.Errorf(ledger.CodeNotFound, "answer", "`baton suggestions list` has them, and GET /v1/journeys/{id}; a suggestion's id is that of its offered event",
			"journey %.80q has no suggestion %.120q", a.Journey, a.Suggestion)
	}
	return f.suggestions[i], earlier, revision, nil
}

// fits refuses what contradicts what is there.
func (a *Answer) fits(s Suggestion) error {
	if !a.Time.IsZero() && a.Time.Before(s.Offered) {
		return ledger.Errorf(ledger.CodeInvalid, "answer", "give the time when it was said, or leave it out", "time %s lies before the suggestion was offered, at %s",
			a.Time.UTC().Format(time.RFC3339), s.Offered.UTC().Format(time.RFC3339))
	}
	const hint = "leave it as it is; what happened since can be recorded as its outcome, or as an event of the journey"
	switch {
	case s.Withheld && a.Verb != "outcome":
		return ledger.Errorf(ledger.CodeInvalid, "answer", "answer those that are shown", "suggestion %.120q is withheld: nobody is shown it, so nobody can answer it", s.ID)
	case ledger.IsAnswer(a.Verb) && s.Answer != nil:
		who := cmp.Or(partyName(s.Answer.By), s.Answer.Actor, "somebody")
		return ledger.Errorf(ledger.CodeAnswered, "answer", hint, "suggestion %.120q was %s by %.80q at %s (position %d)", s.ID, s.Answer.Verb, who,
			s.Answer.At.UTC().Format(time.RFC3339), s.Answer.Position)
	case a.Verb == "outcome" && s.Outcome != nil && s.Outcome.Source != ledger.OutcomeSource:
		return ledger.Errorf(ledger.CodeAnswered, "answer", hint, "suggestion %.120q has the outcome %.80q since %s (position %d)", s.ID, s.Outcome.Outcome,
			s.Outcome.At.UTC().Format(time.RFC3339), s.Outcome.Position)
	}
	return nil
}

// event is what is recorded. A retry is as late as the first call was.
func (a *Answer) event(id string, s Suggestion, earlier *ledger.Recorded) (ledger.Event, error) {
	d := answerData{Suggestion: s.ID, Handoff: s.Handoff, Action: cmp.Or(a.Action, s.Action), Stage: a.By.Stage, Party: a.By.Party, Kind: a.By.Kind,
		Reason: a.Reason, Outcome: a.Outcome, Value: a.Value}
	at := a.Time
	if at.IsZero() {
		at = time.Now()
	}
	if d.Late = ledger.IsAnswer(a.Verb) && !s.Expires.IsZero() && (at.After(s.Expires) || s.State == "expired"); earlier != nil {
		d.Late = readAnswer(earlier.Data).Late
	}
	data, err := json.Marshal(d)
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInternal, "answer", "", "%w", err)
	}
	return ledger.Event{ID: id, Source: cmp.Or(a.Source, ledger.AnswerSource), Type: ledger.Type("suggestion", a.Verb), Subject: a.Journey, Time: a.Time,
		ContentType: "application/json", Actor: a.Actor, CausationID: s.ID, Data: data}, nil
}

// Listed is a suggestion in a list over journeys.
type Listed struct {
	Journey string `json:"journey"`
	Suggestion
}

// IsOpen reports whether it waits for an answer.
func (s *Suggestion) IsOpen() bool { return s.State == "offered" || s.State == "shown" }

// Suggestions yields the suggestions of a journey, or where it is "" those of all, by journey and in the order they were offered: those that are withheld as
// well. It reads the overlays.
func Suggestions(ctx context.Context, r ledger.Reader, journey string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		prefix := ledger.OverlayStream(journey)
		for head, err := range r.Streams(ctx, prefix, "") {
			if err != nil {
				yield(Listed{}, err)
				return
			}
			if journey != "" && head.Stream != prefix {
				return // names that begin with it come after it
			}
			var f folder
			for e, err := range r.ReadStream(ctx, head.Stream, ledger.ReadOptions{}) {
				if err != nil {
					yield(Listed{}, err)
					return
				}
				f.suggest(&e)
			}
			for _, s := range f.suggestions {
				if !yield(Listed{strings.TrimPrefix(head.Stream, ledger.OverlayStream("")), s}, nil) {
					return
				}
			}
		}
	}
}
