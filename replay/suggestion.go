package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Suggestion is what a machine suggested in a journey, and what became of it. It is a forecast and no fact: neither the digest of a
// state nor a difference has it.
type Suggestion struct {
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Position uint64    `json:"position"`
	Revision uint64    `json:"revision"` // of the overlay stream
	Offered  time.Time `json:"offered_at"`
	Expires  time.Time `json:"expires_at,omitzero"`
	State    string    `json:"state"`              // offered, shown, expired, or the verb of its answer: accepted, modified, dismissed
	Withheld bool      `json:"withheld,omitempty"` // nobody is shown it, see [ledger.Withheld]
	SuggestionData

	Shown   time.Time          `json:"shown_at,omitzero"` // the first time
	Answer  *SuggestionAnswer  `json:"answer,omitempty"`
	Outcome *SuggestionOutcome `json:"outcome,omitempty"`
}

// SuggestionData is what is read of the data of suggestion.offered.
type SuggestionData struct {
	Handoff     string             `json:"handoff,omitempty"`
	Point       string             `json:"point,omitempty"`
	Action      string             `json:"action,omitempty"`
	Policy      string             `json:"policy,omitempty"`
	Says        string             `json:"says,omitempty"` // what has the probability
	Probability *float64           `json:"probability,omitempty"`
	Reasons     []SuggestionReason `json:"reasons,omitempty"`
	Model       *SuggestionModel   `json:"model,omitempty"`
}

// SuggestionAnswer is what somebody decided about a suggestion. The first one counts.
type SuggestionAnswer struct {
	ID       string       `json:"id"` // of the event
	Verb     string       `json:"verb"`
	Actor    string       `json:"actor,omitempty"` // whose key it came with
	By       ledger.Party `json:"by,omitzero"`
	At       time.Time    `json:"at"`
	Position uint64       `json:"position"`
	Revision uint64       `json:"revision"`         // of the overlay stream
	Action   string       `json:"action,omitempty"` // that was taken, or that was not where it is dismissed
	Reason   string       `json:"reason,omitempty"`
	Late     bool         `json:"late,omitempty"` // the suggestion was over by then
}

// SuggestionOutcome is how it ended. What somebody said comes before what the journey's close gave; among equals the first counts.
type SuggestionOutcome struct {
	ID       string    `json:"id"` // of the event
	Outcome  string    `json:"outcome"`
	Value    *float64  `json:"value,omitempty"`
	Source   string    `json:"source"`
	Actor    string    `json:"actor,omitempty"`
	At       time.Time `json:"at"`
	Position uint64    `json:"position"`
	Revision uint64    `json:"revision"`
}

// SuggestionReason says why, with the events that it comes from.
type SuggestionReason struct {
	Code     string               `json:"code"`
	Text     string               `json:"text"`
	Effect   string               `json:"effect"` // raises, lowers
	Weight   float64              `json:"weight"`
	Evidence []SuggestionEvidence `json:"evidence"`
}

// SuggestionEvidence is an event.
type SuggestionEvidence struct {
	Position uint64 `json:"position"`
	Revision uint64 `json:"revision"`
	Type     string `json:"type"`
}

// SuggestionModel names the model that was asked.
type SuggestionModel struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

// suggest folds an event of the overlay about a suggestion. Data that says other things in the members' places adds none of them.
func (f *folder) suggest(e *ledger.Recorded) {
	family, verb := ledger.SplitType(e.Type)
	if family != "suggestion" || isFact(e) {
		return
	}
	if verb != "offered" {
		if i := f.suggestion(e.CausationID); i >= 0 {
			f.suggestions[i].apply(verb, e)
		}
		return
	}
	s := Suggestion{ID: e.ID, Source: e.Source, Position: e.Position, Revision: e.Revision, Offered: e.Occurred(), State: verb, Withheld: ledger.Withheld(e.Data)}
	if json.Unmarshal(e.Data, &s.SuggestionData) != nil {
		s.SuggestionData = SuggestionData{}
	}
	s.Expires, _ = ledger.ParseTime(e.Facets.ExpiresAt) // zero where it says nothing
	f.suggestions = append(f.suggestions, s)
}

// suggestion finds one by its id, -1 where there is none: Baton's own before one of another source that took its id, otherwise the first.
func (f *folder) suggestion(id string) int {
	named := func(s Suggestion) bool { return s.ID == id }
	if i := slices.IndexFunc(f.suggestions, func(s Suggestion) bool { return named(s) && s.Source == ledger.SuggestionSource }); i >= 0 {
		return i
	}
	return slices.IndexFunc(f.suggestions, named)
}

// apply folds what came after the offer.
func (s *Suggestion) apply(verb string, e *ledger.Recorded) {
	switch {
	case verb == "shown":
		if s.Shown.IsZero() {
			s.Shown = e.Occurred()
		}
		if s.State == "offered" {
			s.State = verb
		}
	case verb == "expired" && s.Answer == nil:
		s.State = verb
	case ledger.IsAnswer(verb) && s.Answer == nil:
		a := &SuggestionAnswer{ID: e.ID, Verb: verb, Actor: e.Actor, At: e.Occurred(), Position: e.Position, Revision: e.Revision,
			By: ledger.Party{Stage: e.Facets.Stage, Party: e.Facets.Party, Kind: e.Facets.Kind}, Reason: e.Facets.Reason}
		a.Action = readAnswer(e.Data).Action
		a.Late = readAnswer(e.Data).Late || !s.Expires.IsZero() && a.At.After(s.Expires)
		s.Answer, s.State = a, verb
	case verb == "outcome" && (s.Outcome == nil || s.Outcome.Source == ledger.OutcomeSource && e.Source != ledger.OutcomeSource):
		s.Outcome = &SuggestionOutcome{ID: e.ID, Outcome: e.Facets.Outcome, Value: readAnswer(e.Data).Value, Source: e.Source, Actor: e.Actor, At: e.Occurred(),
			Position: e.Position, Revision: e.Revision}
	}
}

// shown leaves out what is withheld.
func shown(list []Suggestion) []Suggestion {
	return slices.DeleteFunc(slices.Clone(list), func(s Suggestion) bool { return s.Withheld })
}

// WithWithheld is the view with the suggestions that nobody is shown: for those who judge them, not for those who work.
func (v View) WithWithheld() View {
	v.Suggestions = v.all
	return v
}

// writeSuggestions prints what was suggested, each with its first reasons.
func (p *page) writeSuggestions(list []Suggestion) {
	if len(list) == 0 {
		return
	}
	p.title("Suggestions")
	t := &table{heads: []string{"position", "state", "what", "chance", "because", "model", "policy"}, right: map[int]bool{0: true, 3: true}}
	for i := range list {
		s := &list[i]
		what, chance, model := s.Action, "", s.Source
		if s.Says != "" {
			what += ": " + s.Says
		}
		if s.Probability != nil {
			chance = fmt.Sprintf("%.1f %%", 100**s.Probability)
		}
		if s.Model != nil {
			model = fmt.Sprintf("%s %d, %.8s", s.Model.Name, s.Model.Version, s.Model.Hash)
		}
		because := ""
		if len(s.Reasons) > 0 {
			because = s.Reasons[0].Text + " " + s.Reasons[0].Effect + " it"
		}
		t.add(plain(itoa(s.Position)), plain(s.Standing()), plain(what), plain(chance), plain(because), plain(model), plain(s.Policy))
		for _, r := range s.Reasons[min(1, len(s.Reasons)):] {
			t.add(plain(""), plain(""), plain(""), plain(""), plain(r.Text+" "+r.Effect+" it"), plain(""), plain(""))
		}
		for _, line := range s.became() {
			t.add(plain(""), plain(""), plain(line), plain(""), plain(""), plain(""), plain(""))
		}
	}
	t.write(p)
}

// Standing is the state in words.
func (s *Suggestion) Standing() string {
	if s.Withheld {
		return s.State + ", withheld"
	}
	return s.State
}

// became says in words who answered what, and how it ended.
func (s *Suggestion) became() (lines []string) {
	if a := s.Answer; a != nil {
		line := a.Verb
		if who := cmp.Or(partyName(a.By), a.Actor); who != "" {
			line += " by " + who
		}
		if a.Verb == "modified" && a.Action != "" {
			line += ": " + a.Action
		}
		if a.Reason != "" {
			line += ", since " + a.Reason
		}
		if a.Late {
			line += ", late"
		}
		lines = append(lines, line)
	}
	if o := s.Outcome; o != nil {
		line := "outcome " + o.Outcome
		if o.Value != nil {
			line += fmt.Sprintf(" (%g)", *o.Value)
		}
		lines = append(lines, line)
	}
	return lines
}
