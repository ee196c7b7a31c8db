package replay

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Suggestion is what a machine suggested in a journey, and what became of it. It is a forecast and no fact: neither the digest of a
// state nor a difference has it.
type Suggestion struct {
	ID          string             `json:"id"`
	Source      string             `json:"source"`
	Position    uint64             `json:"position"`
	Revision    uint64             `json:"revision"` // of the overlay stream
	Offered     time.Time          `json:"offered_at"`
	Expires     time.Time          `json:"expires_at,omitzero"`
	State       string             `json:"state"` // verb of the last event about it: offered, shown, accepted, modified, dismissed, expired
	Handoff     string             `json:"handoff,omitempty"`
	Point       string             `json:"point,omitempty"`
	Action      string             `json:"action,omitempty"`
	Policy      string             `json:"policy,omitempty"`
	Says        string             `json:"says,omitempty"` // what has the probability
	Probability *float64           `json:"probability,omitempty"`
	Reasons     []SuggestionReason `json:"reasons,omitempty"`
	Model       *SuggestionModel   `json:"model,omitempty"`
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
		i := slices.IndexFunc(f.suggestions, func(s Suggestion) bool { return s.ID == e.CausationID })
		if i >= 0 && verb != "outcome" {
			f.suggestions[i].State = verb
		}
		return
	}
	s := Suggestion{}
	if json.Unmarshal(e.Data, &s) != nil {
		s = Suggestion{}
	}
	s.ID, s.Source, s.Position, s.Revision, s.Offered, s.State = e.ID, e.Source, e.Position, e.Revision, e.Occurred(), verb
	s.Expires, _ = ledger.ParseTime(e.Facets.ExpiresAt) // zero where it says nothing
	f.suggestions = append(f.suggestions, s)
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
		t.add(plain(itoa(s.Position)), plain(s.State), plain(what), plain(chance), plain(because), plain(model), plain(s.Policy))
		for _, r := range s.Reasons[min(1, len(s.Reasons)):] {
			t.add(plain(""), plain(""), plain(""), plain(""), plain(r.Text+" "+r.Effect+" it"), plain(""), plain(""))
		}
	}
	t.write(p)
}
