package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/table"
)

// None is the action of doing nothing.
const None = "none"

// Decision is a suggestion with more than one candidate, and what came of it.
type Decision struct {
	Journey    string
	ID         string // of suggestion.offered
	Position   uint64 // of suggestion.offered
	Moment     uint64 // position of the handoff moment that Row is as of
	Handoff    string // that it is about, and its point; empty where rows were not asked for
	Point      string
	At         time.Time
	Row        []table.Value // features as of the journey's last handoff moment (offered, accepted) before the suggestion
	Candidates []string
	Action     string  // the one chosen
	Propensity float64 // with which it was chosen; 0: the event does not say
	Policy     string
	HoldOut    bool   // not shown, on purpose
	Followed   string // the action that was taken: Action, another one where it was modified, or none
	Answer     string // the last of offered, shown, accepted, modified, dismissed, expired
	Outcome    string // of the suggestion, or of the journey, whichever is told first
	Known      time.Time
}

// Good is 1 where the outcome is among those of the target.
func (d *Decision) Good(t Target) float64 {
	if slices.Contains(t, d.Outcome) {
		return 1
	}
	return 0
}

// Target names the outcomes that are good.
type Target []string

// ParseTarget reads outcome:X or outcome:X|Y. The error is CodeInvalid.
func ParseTarget(text string) (Target, error) {
	rest, ok := strings.CutPrefix(text, "outcome:")
	t := Target(strings.Split(rest, "|"))
	if !ok || slices.Contains(t, "") {
		return nil, ledger.Errorf(ledger.CodeInvalid, "target", "say outcome:X, or outcome:X|Y where several outcomes are good",
			"%.80q is no target that an action can be chosen for", text)
	}
	return t, nil
}

// String writes the target as ParseTarget reads it.
func (t Target) String() string { return "outcome:" + strings.Join(t, "|") }

// Says is what has the probability, in words.
func (t Target) Says() string { return "the journey ends as " + strings.Join(t, " or ") }

// Log is what was read.
type Log struct {
	Spec          *features.Spec
	Decisions     []Decision // by time, those without an outcome yet included
	NoChoice      int        // suggestions with one candidate, or shown to nobody as their model is in shadow: nothing was chosen
	Unmatched     int        // suggestions whose journey had no handoff moment before them, or another one by then
	Unusable      int        // suggestions without a propensity above 0 and at most 1, or whose action is no candidate: nothing can be weighed with them
	Events        int        // of journeys
	Journeys      int
	FirstUnusable string    // names one of them
	Last          time.Time // anything occurred in a journey
	First         uint64    // position of a journey's first event
	Position      uint64    // of the last one
}

// shadow is the policy of suggestions that are shown to nobody: no randomised hold-out, but nothing that could have worked either.
const shadow = "shadow"

// offered is of suggestion.offered's data what is read.
type offered struct {
	Action     string   `json:"action"`
	Candidates []string `json:"candidates"`
	Propensity float64  `json:"propensity"`
	Policy     string   `json:"policy"`
	HoldOut    bool     `json:"hold_out"`
	Position   uint64   `json:"position"` // of the handoff event, where the suggestion says it
	Suggestion string   `json:"suggestion"`
	Outcome    string   `json:"outcome"`
}

// reader folds journeys and their overlays.
type reader struct {
	log      *Log
	journeys map[string]*state
}

type state struct {
	builder *features.Builder
	row     []table.Value // at the last moment
	at      uint64        // its position
	handoff string        // that it is about
	point   string
	open    []int // decisions without an outcome
	all     []int
}

// Read collects the decisions of a ledger's events, which must be in the order of their positions, with data. spec says what rows hold; nil: they have none.
func Read(ctx context.Context, events iter.Seq2[ledger.Recorded, error], spec *features.Spec, say func(position uint64)) (*Log, error) {
	r := &reader{log: &Log{Spec: spec}, journeys: map[string]*state{}}
	for e, err := range events {
		if err == nil && r.log.Events%1024 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		r.add(&e)
		if say != nil && e.Position%4096 == 0 {
			say(e.Position)
		}
	}
	if say != nil {
		say(0)
	}
	r.log.Journeys = len(r.journeys)
	slices.SortStableFunc(r.log.Decisions, func(a, b Decision) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Position, b.Position)) })
	return r.log, nil
}

func (r *reader) add(e *ledger.Recorded) {
	category, id := ledger.SplitStream(e.Stream)
	if category != ledger.CategoryJourney && category != ledger.CategoryOverlay {
		return
	}
	s := r.journeys[id]
	if s == nil {
		id = strings.Clone(id)
		s = &state{}
		if r.log.Spec != nil {
			s.builder = r.log.Spec.New()
		}
		r.journeys[id] = s
	}
	if s.builder != nil && features.Counts(e) {
		s.builder.Add(e)
	}
	family, verb := ledger.SplitType(e.Type)
	if category == ledger.CategoryOverlay {
		if family == "suggestion" {
			r.suggestion(s, id, verb, e)
		}
		return
	}
	r.log.Events++
	r.log.First, r.log.Position = cmp.Or(r.log.First, e.Position), e.Position
	if at := e.Occurred(); at.After(r.log.Last) && !at.After(e.RecordedTime) {
		r.log.Last = at
	}
	switch {
	case family == "handoff" && features.Moment(e) != "":
		if s.at = e.Position; s.builder != nil {
			s.row = s.builder.Row(s.row[:0])
			s.handoff, s.point = features.PointOf(s.builder.Journey(), e)
		}
	case family == "journey" && verb == "closed":
		for _, i := range s.open {
			r.settle(i, e.Facets.Outcome, e)
		}
		s.open = nil
	}
}

func (r *reader) settle(i int, outcome string, e *ledger.Recorded) {
	d := &r.log.Decisions[i]
	if d.Outcome == "" && outcome != "" {
		d.Outcome, d.Known = strings.Clone(outcome), e.Occurred()
	}
}

func (r *reader) suggestion(s *state, journey, verb string, e *ledger.Recorded) {
	var o offered
	if json.Unmarshal(e.Data, &o) != nil {
		return
	}
	if verb == "offered" {
		switch {
		case len(o.Candidates) < 2 || o.Policy == shadow:
			r.log.NoChoice++
		case !(o.Propensity > 0 && o.Propensity <= 1) || !slices.Contains(o.Candidates, o.Action):
			r.log.Unusable++
			r.log.FirstUnusable = cmp.Or(r.log.FirstUnusable, fmt.Sprintf("%.80q of journey %.80q: propensity %g", e.ID, journey, o.Propensity))
		case s.at == 0 || o.Position != 0 && o.Position != s.at:
			r.log.Unmatched++
		default:
			d := Decision{Journey: journey, ID: strings.Clone(e.ID), Position: e.Position, Moment: s.at, Handoff: s.handoff, Point: s.point, At: e.Occurred(), Row: slices.Clone(s.row), Candidates: o.Candidates,
				Action: o.Action, Propensity: o.Propensity, Policy: o.Policy, HoldOut: o.HoldOut, Followed: None, Answer: verb}
			s.open, s.all = append(s.open, len(r.log.Decisions)), append(s.all, len(r.log.Decisions))
			r.log.Decisions = append(r.log.Decisions, d)
		}
		return
	}
	for _, i := range s.all {
		if d := &r.log.Decisions[i]; d.ID == cmp.Or(e.CausationID, o.Suggestion) || d.ID == o.Suggestion {
			r.answer(i, verb, o, e)
		}
	}
}

func (r *reader) answer(i int, verb string, o offered, e *ledger.Recorded) {
	d := &r.log.Decisions[i]
	switch verb {
	case "accepted":
		d.Answer, d.Followed = verb, d.Action
	case "modified":
		d.Answer, d.Followed = verb, cmp.Or(o.Action, None)
	case "shown", "dismissed", "expired":
		d.Answer = strings.Clone(verb)
	case "outcome":
		r.settle(i, o.Outcome, e)
	}
}

// Settled are the decisions whose outcome is known, in a span of time: from ≤ At, and At < to where to is given.
func (l *Log) Settled(from, to time.Time) (list []Decision) {
	for _, d := range l.Decisions {
		if d.Outcome != "" && !d.At.Before(from) && (to.IsZero() || d.At.Before(to)) {
			list = append(list, d)
		}
	}
	return list
}
