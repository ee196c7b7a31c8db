package train

import (
	"encoding/json"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// A suggestion that is followed changes what it was about: a label that comes after that is partly its own doing, and a model that learns from it learns what
// its predecessor did.

// suggested is a suggestion that was offered.
type suggested struct{ handoff, action string }

// follow notes suggestions and those that were followed: accepted or modified, with an action that does something.
func (p *pass) follow(e *ledger.Recorded) {
	family, verb := ledger.SplitType(e.Type)
	if family != "suggestion" || verb != "offered" && verb != "accepted" && verb != "modified" {
		return
	}
	var said struct{ Handoff, Action, Suggestion string }
	if json.Unmarshal(e.Data, &said) != nil {
		return
	}
	journey := ledger.JourneyOf(e.Stream)
	if verb == "offered" {
		if at := key(journey, e.ID); p.suggested[at] == (suggested{}) || e.Source == ledger.SuggestionSource { // as the fold of a journey has it
			p.suggested[at] = suggested{said.Handoff, said.Action}
		}
		return
	}
	of, ok := p.suggested[key(journey, e.CausationID)]
	if !ok {
		of = p.suggested[key(journey, said.Suggestion)]
	}
	if said.Handoff == "" {
		said.Handoff = of.handoff
	}
	if said.Action == "" {
		said.Action = of.action
	}
	if said.Handoff == "" || said.Action == "" || said.Action == "none" || said.Action == "inform" {
		return
	}
	handoff, at := key(journey, said.Handoff), happened(e)
	if first, ok := p.followed[handoff]; !ok || at.Before(first) {
		p.followed[handoff] = at
	}
}

// selfCaused says whether a suggestion on the example's handoff was followed before its label was known.
func (p *pass) selfCaused(x *example) bool {
	at, ok := p.followed[x.handoff]
	return ok && x.handoff != "" && at.Before(x.known)
}

func key(journey, id string) string { return journey + "\x00" + id }

// happened is when an event counts for: a clock that is ahead must not make labels known.
func happened(e *ledger.Recorded) time.Time {
	at := e.Occurred()
	if at.After(e.RecordedTime) {
		return e.RecordedTime
	}
	return at
}
