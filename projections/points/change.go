package points

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// What a person says of whether deeper context would solve a pain point, and to a question of the checklist.
const (
	Yes       = "yes"
	No        = "no"
	Undecided = "undecided"
	Unknown   = "unknown"
)

// Change is one thing that is said of a point. Which members belong to which verb is in [Verbs]; others are refused.
type Change struct {
	Point string `json:"-"`
	Verb  string `json:"-"`
	By    string `json:"by,omitempty"`  // who says so
	Why   string `json:"why,omitempty"` // with all verbs

	Mapping // mapped

	Criticality string `json:"criticality,omitempty"` // classified
	Value       string `json:"value,omitempty"`
	Complexity  string `json:"complexity,omitempty"`

	Pain     string   `json:"pain,omitempty"` // pain_recorded, pain_decided: its id
	Text     string   `json:"text,omitempty"`
	Evidence string   `json:"evidence,omitempty"`
	Fields   []string `json:"fields,omitempty"`
	Decision string   `json:"decision,omitempty"` // yes, no, undecided

	To    string `json:"to,omitempty"` // advanced: default the next step
	Force bool   `json:"force,omitempty"`

	Team  string   `json:"team,omitempty"`  // trained
	Share *float64 `json:"share,omitempty"` // 0 to 1
	Held  string   `json:"held,omitempty"`  // date of the training, YYYY-MM-DD

	Question string `json:"question,omitempty"` // answered: one of Questions
	Answer   string `json:"answer,omitempty"`   // yes, no
}

// Changed says what became of a change.
type Changed struct {
	Point     string          `json:"point"`
	Verb      string          `json:"verb"`
	Step      string          `json:"step"`
	Unchanged bool            `json:"unchanged,omitempty"` // it was so before; nothing was written
	Missing   []string        `json:"missing,omitempty"`   // of a step that was forced
	Receipt   *ledger.Receipt `json:"receipt,omitempty"`
}

// Verbs lists what can be said of a point.
func Verbs() []string { return ledger.Verbs("point") }

// check refuses a change that does not say what it must, or says what does not belong to its verb.
func (c *Change) check() error {
	if !slices.Contains(Verbs(), c.Verb) {
		return refuse("use one of "+strings.Join(Verbs(), ", "), "verb %.40q is none that is said of a point", c.Verb)
	}
	members := []struct {
		name  string
		there bool
		verbs string
		need  string
	}{
		{"owner", c.Owner != "", "mapped", ""}, {"description", c.Description != "", "mapped", ""}, {"data", c.Data != nil, "mapped", ""},
		{"style", c.Style != "", "mapped", ""}, {"tier", c.Tier != "", "mapped", ""}, {"direction", c.Direction != "", "mapped", ""},
		{"sla", c.SLA != "", "mapped", ""}, {"contract", c.Contract != "", "mapped", ""},
		{"criticality", c.Criticality != "", "classified", "classified"}, {"value", c.Value != "", "classified", ""}, {"complexity", c.Complexity != "", "classified", ""},
		{"pain", c.Pain != "", "pain_recorded pain_decided", "pain_recorded pain_decided"}, {"text", c.Text != "", "pain_recorded", "pain_recorded"},
		{"evidence", c.Evidence != "", "pain_recorded", ""}, {"fields", c.Fields != nil, "pain_recorded", ""}, {"decision", c.Decision != "", "pain_decided", "pain_decided"},
		{"to", c.To != "", "advanced", ""}, {"force", c.Force, "advanced", ""},
		{"team", c.Team != "", "trained", "trained"}, {"share", c.Share != nil, "trained", "trained"}, {"held", c.Held != "", "trained", ""},
		{"question", c.Question != "", "answered", "answered"}, {"answer", c.Answer != "", "answered", "answered"},
		{"why", c.Why != "", strings.Join(Verbs(), " "), "retired"},
	}
	for _, m := range members {
		switch {
		case m.there && !slices.Contains(strings.Fields(m.verbs), c.Verb):
			return refuse("leave it out", "%s says nothing with %s", m.name, c.Verb)
		case !m.there && slices.Contains(strings.Fields(m.need), c.Verb):
			return refuse("say "+m.name, "%s is missing, and %s needs it", m.name, c.Verb)
		}
	}
	return c.values()
}

// values holds each member against what it may say.
func (c *Change) values() error {
	for _, m := range []struct {
		name, value string
		of          []string
	}{
		{"style", c.Style, []string{Stateless, Stateful, Predictive}}, {"tier", c.Tier, []string{Minimal, Contextual, Predictive}},
		{"direction", c.Direction, []string{"one_way", "feedback"}}, {"criticality", c.Criticality, []string{Low, High}}, {"value", c.Value, []string{Low, High}},
		{"complexity", c.Complexity, []string{Low, High}}, {"decision", c.Decision, []string{Yes, No, Undecided}}, {"answer", c.Answer, []string{Yes, No}},
		{"question", c.Question, Questions()},
	} {
		if m.value != "" && !slices.Contains(m.of, m.value) {
			return refuse("use "+strings.Join(m.of, ", "), "%s: %.40q is none", m.name, m.value)
		}
	}
	switch {
	case c.Criticality == High && c.Why == "":
		return refuse("say why it is critical", "why is missing: criticality is high")
	case c.Share != nil && !(*c.Share >= 0 && *c.Share <= 1):
		return refuse("give a share from 0 to 1", "share: %g", *c.Share)
	case strings.ContainsAny(c.Pain, " \t\n'\"") || len(c.Pain) > 100:
		return refuse("give it a short name without spaces, as order-number", "pain: %.120q is no id", c.Pain)
	}
	if c.SLA != "" {
		if d, err := time.ParseDuration(c.SLA); err != nil || d <= 0 {
			return refuse("write it as 90s, 30m or 4h", "sla: %.40q is no span of time", c.SLA)
		}
	}
	if c.Held != "" {
		if _, err := time.Parse(time.DateOnly, c.Held); err != nil {
			return refuse("write it as 2026-03-04", "held: %.40q is no date", c.Held)
		}
	}
	return nil
}

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
