package points

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// tries is how often a change is held against a state that somebody else has changed meanwhile.
const tries = 10

// Write records a change, with the revision that it was held against: of two who decide by the same state one writes, the other looks again.
// What is so already is not written again. facts are asked for where a step is taken. Errors are CodeInvalid, which names the member,
// CodeNotFound for a point that is not mapped, or a pain point that is not there, and those of an append.
func Write(ctx context.Context, r ledger.Reader, to ledger.Append, c Change, facts func(*Point) (*Facts, error), o Options) (Changed, error) {
	name, err := Canonical(c.Point)
	if err != nil {
		return Changed{}, err
	}
	c.Point = name
	if err := c.check(); err != nil {
		return Changed{}, err
	}
	if c.Evidence != "" {
		if _, err := ParseQuery(c.Evidence, o.Compile); err != nil {
			return Changed{}, err
		}
	}
	for try := 0; ; try++ {
		p, err := Read(ctx, r, name, 0)
		if err != nil {
			return Changed{}, err
		}
		c := c
		b, err := p.change(&c, facts, o)
		if err != nil {
			return Changed{}, err
		}
		out := Changed{Point: name, Verb: c.Verb, Step: p.Step}
		if b == nil {
			out.Unchanged = true
			return out, nil
		}
		e, err := p.event(c.Verb, b)
		if err != nil {
			return Changed{}, err
		}
		result := to(ctx, []ledger.Batch{{Stream: Stream(name), Expect: ledger.Expect(p.Revision), Events: []ledger.Event{e}}})[0]
		switch {
		case errors.Is(result.Err, ledger.CodeStaleRevision) && try < tries:
			continue
		case result.Err != nil:
			return Changed{}, result.Err
		}
		out.Receipt, out.Missing = &result.Receipts[0], b.Missing
		if b.Step != "" {
			out.Step = b.Step
		} else if c.Verb == "mapped" && p.Mapped.IsZero() {
			out.Step = Identified
		}
		return out, nil
	}
}

// event is one that says b. Its id hangs on the content and the revision: the same change sent again is the same event.
func (p *Point) event(verb string, b *body) (ledger.Event, error) {
	b.Point, b.From, b.To, b.Channel = p.Name, p.Sender, p.Receiver, p.Channel
	data, err := json.Marshal(b)
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInternal, op, "", "%w", err)
	}
	sum := sha256.Sum256(data)
	return ledger.Event{ID: fmt.Sprintf("%s/%s/%d", verb, hex.EncodeToString(sum[:8]), p.Revision), Source: Source, Type: ledger.Type("point", verb),
		Subject: p.Name, ContentType: "application/json", Data: data}, nil
}

// change makes the event's data of a change, nil where all of it is so already.
func (p *Point) change(c *Change, facts func(*Point) (*Facts, error), o Options) (*body, error) {
	if c.Verb != "mapped" && !p.IsMapped() {
		return nil, ledger.Errorf(ledger.CodeNotFound, op, fmt.Sprintf("map it first: `baton points map '%s' --owner TEAM`", p.Name), "point %s is not mapped", p.Name)
	}
	b := &body{By: c.By, Why: c.Why}
	switch c.Verb {
	case "mapped":
		return p.remapped(c, b)
	case "classified":
		return p.classified(c, b)
	case "pain_recorded":
		b.Pain, b.Text, b.Evidence, b.Fields = c.Pain, c.Text, c.Evidence, c.Fields
		if i := p.pain(c.Pain); i >= 0 {
			o := p.Pains[i]
			if o.Text == b.Text && o.Evidence == b.Evidence && slices.Equal(o.Fields, b.Fields) {
				return nil, nil
			}
		}
	case "pain_decided":
		i := p.pain(c.Pain)
		if i < 0 {
			return nil, ledger.Errorf(ledger.CodeNotFound, op, "see them with `baton points show '"+p.Name+"'`", "point %s has no pain point %q", p.Name, c.Pain)
		}
		if p.Pains[i].Decision == c.Decision && p.Pains[i].Why == c.Why {
			return nil, nil
		}
		b.Pain, b.Decision = c.Pain, c.Decision
	case "advanced":
		return p.advanced(c, b, facts, o)
	case "trained":
		i := slices.IndexFunc(p.Training, func(t Training) bool { return t.Team == c.Team })
		if i >= 0 && p.Training[i].Share == *c.Share && p.Training[i].Held == c.Held {
			return nil, nil
		}
		b.Team, b.Share, b.Held = c.Team, c.Share, c.Held
	case "answered":
		i := slices.IndexFunc(p.Answers, func(a Answer) bool { return a.Question == c.Question })
		if i >= 0 && p.Answers[i].Answer == c.Answer && p.Answers[i].Why == c.Why {
			return nil, nil
		}
		b.Question, b.Answer = c.Question, c.Answer
	}
	return b, nil
}

func (p *Point) remapped(c *Change, b *body) (*body, error) {
	m := p.Mapping
	for _, s := range []struct {
		to   *string
		says string
	}{{&m.Owner, c.Owner}, {&m.Description, c.Description}, {&m.Style, c.Style}, {&m.Tier, c.Tier}, {&m.Direction, c.Direction}, {&m.SLA, c.SLA}, {&m.Contract, c.Contract}} {
		if s.says != "" {
			*s.to = s.says
		}
	}
	if c.Data != nil {
		m.Data = c.Data
	}
	if m.Owner == "" {
		return nil, refuse("say owner: the team that answers for the point", "owner is missing")
	}
	if m.Direction == "" {
		m.Direction = "one_way"
	}
	same := m.equal(&p.Mapping)
	if p.IsMapped() && same {
		return nil, nil
	}
	b.Mapping = &m
	return b, nil
}

func (m *Mapping) equal(o *Mapping) bool {
	a, b := *m, *o
	if !slices.Equal(a.Data, b.Data) {
		return false
	}
	return a.Owner == b.Owner && a.Description == b.Description && a.Style == b.Style && a.Tier == b.Tier && a.Direction == b.Direction && a.SLA == b.SLA && a.Contract == b.Contract
}

func (p *Point) classified(c *Change, b *body) (*body, error) {
	b.Criticality, b.Value, b.Complexity = c.Criticality, c.Value, c.Complexity
	if was := p.Class; was != nil {
		if b.Value == "" {
			b.Value = was.Value
		}
		if b.Complexity == "" {
			b.Complexity = was.Complexity
		}
		if was.Criticality == b.Criticality && was.Why == b.Why && was.Value == b.Value && was.Complexity == b.Complexity {
			return nil, nil
		}
	}
	return b, nil
}

func (p *Point) advanced(c *Change, b *body, facts func(*Point) (*Facts, error), o Options) (*body, error) {
	if c.To != "" && c.To == p.Step {
		return nil, nil
	}
	f, err := facts(p)
	if err != nil {
		return nil, err
	}
	step, missing, err := p.advance(c, f, o)
	if err != nil {
		return nil, err
	}
	b.Before, b.Step, b.Forced, b.Missing = p.Step, step, c.Force, missing
	return b, nil
}
