package overlay

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/trust"
)

// Source is the source and the actor of suggestions. Where a model does not choose among actions there is one: to tell the receiver.
const (
	Source = trust.SuggestionSource
	Action = "inform"
)

// Suggestion is the data of suggestion.offered.
type Suggestion struct {
	Handoff     string            `json:"handoff"`
	Point       string            `json:"point"`
	Moment      string            `json:"moment"`   // offered, accepted
	Position    uint64            `json:"position"` // of the handoff event
	Action      string            `json:"action"`
	Candidates  []string          `json:"candidates"`
	Propensity  float64           `json:"propensity"`
	Explore     float64           `json:"explore,omitempty"` // share of choices that are drawn among the candidates
	Actions     []policy.Score    `json:"actions,omitempty"` // what the model says of each, most promising first
	Abstained   bool              `json:"abstained,omitempty"`
	Why         string            `json:"why,omitempty"`      // the action that is put first is, or is not, suggested
	Next        []Class           `json:"next,omitempty"`     // the most probable next activities
	Policy      trust.Level       `json:"policy"`             // level of the model at the point
	HoldOut     bool              `json:"hold_out,omitempty"` // it is not shown, so that what happens without it can be seen
	HoldShare   float64           `json:"hold_out_share"`     // of the suggestions that are shown otherwise
	Target      string            `json:"target"`
	Says        string            `json:"says"`
	Probability float64           `json:"probability"`
	Base        float64           `json:"base"`
	Scale       string            `json:"scale"`
	Reasons     []Reason          `json:"reasons"`
	Model       ModelRef          `json:"model"`
	Features    features.Snapshot `json:"features"`
	External    *External         `json:"external,omitempty"` // of a model of another program
	TTLSeconds  float64           `json:"ttl_seconds"`
	ExpiresAt   time.Time         `json:"expires_at"`
}

// EventID is the id of the suggestion that a model makes at a position.
func EventID(hash string, position uint64) string {
	return fmt.Sprintf("suggestion/%.16s/%d", hash, position)
}

// manner is how a suggestion is made.
type manner struct {
	level trust.Level
	share float64 // that is held out
	ttl   time.Duration

	explore float64 // share of choices among actions that are drawn
}

// suggest makes the event of a score at a handoff event.
func suggest(s *Score, how manner) (ledger.Event, error) {
	at := known(&s.last)
	held := how.level.Shown() && trust.HeldOut(s.Model.Hash, s.handoff, how.share)
	got := selectAction(s, how)
	out := Suggestion{Handoff: s.handoff, Point: s.point, Moment: features.Moment(&s.last), Position: s.last.Position, Action: got.action, Candidates: got.candidates,
		Propensity: got.propensity, Actions: got.actions, Next: s.Next, Policy: how.level, HoldOut: held, HoldShare: how.share, Target: s.Target, Says: got.says,
		Probability: got.chance, Base: s.Base, Scale: s.Scale, Reasons: s.Reasons, Model: s.Model, Features: s.Features, External: s.External, TTLSeconds: how.ttl.Seconds(), ExpiresAt: at.Add(how.ttl)}
	if s.Choice != nil {
		out.Explore, out.Abstained, out.Why = how.explore, s.Choice.Abstained, s.Choice.Why
	}
	data, err := json.Marshal(out)
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInternal, "suggest", "", "%w", err)
	}
	return ledger.Event{ID: EventID(s.Model.Hash, s.last.Position), Source: Source, Actor: Source, Type: ledger.Type("suggestion", "offered"), Subject: s.Journey,
		Time: at, ContentType: "application/json", CausationID: s.last.ID, DataSubject: s.last.DataSubject, Data: data}, nil
}

// known is when an event could be known of: a suggestion for an old one that was recorded only now is not late.
func known(r *ledger.Recorded) time.Time {
	if at := r.Occurred(); at.After(r.RecordedTime) {
		return at.UTC()
	}
	return r.RecordedTime.UTC()
}
