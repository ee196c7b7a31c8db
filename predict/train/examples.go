package train

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
)

// example is a moment of a journey, and its label.
type example struct {
	position uint64
	at       time.Time
	journey  int32
	label    int32
	known    time.Time // zero: it is not
}

// pass is what the first reading of the ledger gives.
type pass struct {
	target   Target
	moments  map[string]bool
	examples []example
	journeys map[string]*pending
	events   int
	last     time.Time // anything occurred in a journey
	first    uint64    // position of a journey's event
	position uint64    // of the last one
	survey   *features.Survey
	told     bool                      // there is feedback about churn
	closed   map[int32]map[int]outcome // churn by the closing alone: journey → example → outcome
}

// pending is a journey's examples whose label is not settled.
type pending struct {
	number int32
	open   []int
}

type outcome struct {
	label int32
	at    time.Time
}

// read goes through the journeys' events once.
func (p *pass) read(ctx context.Context, r ledger.Reader, say func(done, total uint64)) error {
	head, err := r.Head(ctx)
	if err != nil {
		return err
	}
	p.journeys, p.survey, p.closed = map[string]*pending{}, features.NewSurvey(), map[int32]map[int]outcome{}
	for e, err := range r.Read(ctx, ledger.ReadOptions{To: head.Position}) {
		if err != nil {
			return err
		}
		if category, _ := ledger.SplitStream(e.Stream); category == ledger.CategoryJourney {
			p.add(&e)
		}
		if e.Position%4096 == 0 {
			say(e.Position, head.Position)
		}
	}
	if !p.told && p.target.Kind == "churn" {
		p.byClosing()
	}
	return nil
}

func (p *pass) add(e *ledger.Recorded) {
	at := e.Occurred()
	if at.After(e.RecordedTime) {
		at = e.RecordedTime // a clock that is ahead must not make labels known
	}
	if at.After(p.last) {
		p.last = at
	}
	p.events++
	p.position = e.Position
	p.first = cmp.Or(p.first, e.Position)
	_, id := ledger.SplitStream(e.Stream)
	j := p.journeys[id]
	if j == nil {
		j = &pending{number: int32(len(p.journeys))}
		p.journeys[id] = j
	}
	p.survey.Add(e, at)
	p.settle(j, e, at)
	if verb := features.Moment(e); verb != "" && p.moments[verb] {
		x := example{position: e.Position, at: at, journey: j.number}
		if p.target.Kind == "handover-within" {
			x.known = at.Add(p.target.Horizon)
		}
		j.open = append(j.open, len(p.examples))
		p.examples = append(p.examples, x)
	}
}

// settle labels what an event settles.
func (p *pass) settle(j *pending, e *ledger.Recorded, at time.Time) {
	family, verb := ledger.SplitType(e.Type)
	switch p.target.Kind {
	case "handover-within":
		if family == "handoff" && verb == "offered" {
			p.handover(j, at)
		}
	case "outcome":
		if family == "journey" && verb == "closed" {
			p.all(j, outcome{same(e.Facets.Outcome, p.target.Outcome), at})
		}
	case "churn":
		lost := outcome{same(e.Facets.Outcome, "churned"), at}
		switch {
		case family == "feedback" && verb == "recorded" && e.Facets.Field == "churn":
			p.told = true
			p.all(j, lost)
		case family == "journey" && verb == "closed" && lost.label == 1:
			p.all(j, lost)
		case family == "journey" && verb == "closed":
			for _, i := range j.open {
				if p.closed[j.number] == nil {
					p.closed[j.number] = map[int]outcome{}
				}
				p.closed[j.number][i] = lost
			}
		}
	}
}

// handover finds those whose horizon the next offer falls into, and drops those whose it has passed.
func (p *pass) handover(j *pending, at time.Time) {
	j.open = slices.DeleteFunc(j.open, func(i int) bool {
		x := &p.examples[i]
		if !at.Before(x.at) && !at.After(x.known) {
			x.label = 1
			return true
		}
		return at.After(x.known)
	})
}

func (p *pass) all(j *pending, o outcome) {
	for _, i := range j.open {
		p.examples[i].label, p.examples[i].known = o.label, o.at
	}
	j.open = nil
}

// byClosing takes a journey that was closed for one whose customer has stayed.
func (p *pass) byClosing() {
	for _, of := range p.closed {
		for i, o := range of {
			if x := &p.examples[i]; x.known.IsZero() {
				x.label, x.known = o.label, o.at
			}
		}
	}
}

func same(a, b string) int32 {
	if a == b {
		return 1
	}
	return 0
}
