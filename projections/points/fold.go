package points

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// body is the data of a point's event: the members of all verbs.
type body struct {
	Point   string `json:"point"`
	From    string `json:"from"`
	To      string `json:"to"`
	Channel string `json:"channel"`
	By      string `json:"by,omitempty"`
	Why     string `json:"why,omitempty"`

	Mapping *Mapping `json:"mapping,omitempty"` // mapped: all that is said of the point since then

	Criticality string `json:"criticality,omitempty"` // classified
	Value       string `json:"value,omitempty"`
	Complexity  string `json:"complexity,omitempty"`

	Pain     string   `json:"pain,omitempty"` // pain_recorded, pain_decided
	Text     string   `json:"text,omitempty"`
	Evidence string   `json:"evidence,omitempty"`
	Fields   []string `json:"fields,omitempty"`
	Decision string   `json:"decision,omitempty"`

	Step    string   `json:"step,omitempty"` // advanced
	Before  string   `json:"before,omitempty"`
	Forced  bool     `json:"forced,omitempty"`
	Missing []string `json:"missing,omitempty"`

	Team  string   `json:"team,omitempty"` // trained
	Share *float64 `json:"share,omitempty"`
	Held  string   `json:"held,omitempty"`

	Question string `json:"question,omitempty"` // answered
	Answer   string `json:"answer,omitempty"`
}

// Read folds the events of a point up to a position, 0 being all. A point without events is there, and not mapped.
func Read(ctx context.Context, r ledger.Reader, name string, to uint64) (*Point, error) {
	p := &Point{Name: name, Pains: []Pain{}, Training: []Training{}, Answers: []Answer{}, Steps: []Stage{}, History: []Entry{}}
	p.Sender, p.Receiver, p.Channel, _ = Split(name)
	for e, err := range r.ReadStream(ctx, Stream(name), ledger.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		if to > 0 && e.Position > to {
			break
		}
		p.Add(&e)
	}
	return p, nil
}

// All yields the points that have events, by name, as of a position (0: the end).
func All(ctx context.Context, r ledger.Reader, to uint64) iter.Seq2[*Point, error] {
	return func(yield func(*Point, error) bool) {
		for head, err := range r.Streams(ctx, Prefix, "") {
			if err != nil {
				yield(nil, err)
				return
			}
			p, err := Read(ctx, r, strings.TrimPrefix(head.Stream, Prefix), to)
			if err == nil && len(p.History) == 0 {
				continue // others' events, or none yet at the position
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// Add takes the next event of the stream. What others wrote into it, or what cannot be read, changes nothing.
func (p *Point) Add(e *ledger.Recorded) {
	p.Revision = e.Revision
	family, verb := ledger.SplitType(e.Type)
	var b body
	if family != "point" || e.Source != Source || json.Unmarshal(e.Data, &b) != nil || b.Point != p.Name {
		return
	}
	if b.By == "" {
		b.By = e.Actor
	}
	at := e.Occurred().UTC()
	text := p.apply(verb, &b, at)
	if text == "" {
		return
	}
	p.History = append(p.History, Entry{At: at, Position: e.Position, Verb: verb, By: b.By, Text: text})
}

// apply folds one verb and says it in words; "" is nothing.
func (p *Point) apply(verb string, b *body, at time.Time) string {
	switch verb {
	case "mapped":
		return p.mapped(b, at)
	case "classified":
		p.Class = &Classification{Criticality: b.Criticality, Why: b.Why, Value: b.Value, Complexity: b.Complexity, At: at}
		return because("criticality "+b.Criticality, b.Why)
	case "pain_recorded":
		pain := Pain{ID: b.Pain, Text: b.Text, Evidence: b.Evidence, Fields: b.Fields, Decision: Undecided, At: at}
		p.reviewed = at
		if i := p.pain(b.Pain); i >= 0 {
			pain.Decision, pain.Why, pain.Decided = p.Pains[i].Decision, p.Pains[i].Why, p.Pains[i].Decided
			p.Pains[i] = pain
		} else {
			p.Pains = append(p.Pains, pain)
		}
		return b.Pain + ": " + b.Text
	case "pain_decided":
		i := p.pain(b.Pain)
		if i < 0 {
			return ""
		}
		p.Pains[i].Decision, p.Pains[i].Why, p.Pains[i].Decided, p.reviewed = b.Decision, b.Why, at, at
		return because(b.Pain+": deeper context would solve it: "+b.Decision, b.Why)
	case "advanced":
		p.Step = b.Step
		p.Steps = append(p.Steps, Stage{Step: b.Step, At: at, Why: b.Why, Forced: b.Forced, Missing: b.Missing})
		return because(b.Before+" to "+b.Step, b.Why)
	case "trained":
		return p.trained(b, at)
	case "answered":
		p.reviewed = at
		a := Answer{Question: b.Question, Answer: b.Answer, Why: b.Why, By: b.By, At: at}
		p.Answers = append(slices.DeleteFunc(p.Answers, func(o Answer) bool { return o.Question == a.Question }), a)
		return because(b.Question+": "+b.Answer, b.Why)
	case "retired":
		p.Retired = at
		return because("retired", b.Why)
	}
	return ""
}

// mapped takes the whole mapping. A point that was retired is there again.
func (p *Point) mapped(b *body, at time.Time) string {
	if b.Mapping == nil {
		return ""
	}
	p.Mapping, p.Retired = *b.Mapping, time.Time{}
	text := "mapped again"
	if p.Mapped.IsZero() {
		p.Mapped, p.Step, text = at, Identified, "mapped"
		p.Steps = append(p.Steps, Stage{Step: Identified, At: at})
	}
	if p.Owner != "" {
		text += ", owner " + p.Owner
	}
	if p.Style != "" {
		text += ", " + p.Style
	}
	return because(text, b.Why)
}

func (p *Point) trained(b *body, at time.Time) string {
	if b.Share == nil {
		return ""
	}
	t := Training{Team: b.Team, Share: *b.Share, Held: b.Held, At: at}
	p.Training = append(slices.DeleteFunc(p.Training, func(o Training) bool { return o.Team == t.Team }), t)
	return fmt.Sprintf("%g %% of %s", 100*t.Share, t.Team)
}

func (p *Point) pain(id string) int {
	return slices.IndexFunc(p.Pains, func(o Pain) bool { return o.ID == id })
}

func because(text, why string) string {
	if why == "" {
		return text
	}
	return text + " (" + why + ")"
}
