package points

import (
	"fmt"
	"slices"
	"strings"
)

// says reports whether a question has an answer.
func (c *Checklist) says(id, answer string) bool {
	return slices.ContainsFunc(c.Questions, func(q Question) bool { return q.ID == id && q.Answer == answer })
}

// then notes what follows from a question's answer, with the question and in the verdict.
func (c *Checklist) then(id, what string) {
	for i := range c.Questions {
		if q := &c.Questions[i]; q.ID == id {
			q.Then = what
			c.Verdict.Reasons = append(c.Verdict.Reasons, fmt.Sprintf("%s %s: %s", strings.TrimSuffix(q.Text, "?"), q.Answer, what))
		}
	}
}

// judge draws the verdict.
func (c *Checklist) judge(p *Point, f *Facts, o *Options) {
	v := &c.Verdict
	*v = Verdict{Depth: Minimal, Increase: IncreaseOK, Enrichment: "any", AddFields: []string{}, Reasons: []string{}, Contradictions: []string{}, Unknown: []string{}}
	for _, q := range c.Questions {
		if q.Answer == Unknown {
			v.Unknown = append(v.Unknown, q.ID)
		}
	}
	c.depth(p, f, o)
	if c.says(AskTime, Yes) {
		v.Enrichment = "precomputed"
		c.then(AskTime, "enrich with what was computed before, and with nothing else")
	}
	switch {
	case c.says(AskContract, No):
		v.Increase = IncreaseNo
		c.then(AskContract, "no deeper before a contract is published")
	case c.says(AskTraining, No):
		v.Increase = IncreaseWait
		c.then(AskTraining, "roll out when they are")
	case c.says(AskTraining, Unknown):
		v.Increase = IncreaseWait
		c.then(AskTraining, "find out, and roll out then")
	}
	c.contradict(p, f, o)
}

// depth is how deep the point's handoffs should be.
func (c *Checklist) depth(p *Point, f *Facts, o *Options) {
	v := &c.Verdict
	if c.says(AskHumans, Yes) {
		v.Depth = Contextual
		c.then(AskHumans, "people need the history: contextual")
	}
	if c.says(AskLost, Yes) {
		v.Depth = Contextual
		what := []string{}
		for _, d := range f.Demand {
			if n := len(v.AddFields); n == 0 || n < 3 && 20*d.Lost >= f.Lost { // at most three fields an iteration, none that hardly matters
				v.AddFields = append(v.AddFields, d.Field)
				what = append(what, fmt.Sprintf("%s (%d times)", d.Field, d.Lost))
			}
		}
		c.then(AskLost, "pass on what is lost: "+strings.Join(what, ", "))
	}
	if c.says(AskVolume, Yes) {
		v.Enrichment = "selective"
		if v.Depth == Contextual {
			c.then(AskVolume, "start minimal and enrich selectively, up to contextual where it pays")
		} else {
			c.then(AskVolume, "start minimal, enrich selectively")
		}
	}
	if r := Recommend(c.volume(), p.Class); r.Style == Predictive {
		v.Depth = Predictive
		v.Reasons = append(v.Reasons, "style: "+r.Why)
	}
}

// volume is high, low or unknown.
func (c *Checklist) volume() string {
	switch {
	case c.says(AskVolume, Yes):
		return High
	case c.says(AskVolume, No):
		return Low
	}
	return Unknown
}

// contradict names answers that do not go together.
func (c *Checklist) contradict(p *Point, f *Facts, o *Options) {
	say := func(format string, args ...any) {
		c.Verdict.Contradictions = append(c.Verdict.Contradictions, fmt.Sprintf(format, args...))
	}
	if c.says(AskHumans, Yes) && c.says(AskVolume, Yes) {
		say("humans hand over to humans, which asks for context, %.0f times a day, which asks for little", f.PerDay)
	}
	for _, q := range c.Questions {
		if q.Person != nil && q.From == "data" && q.Person.Answer != q.Answer {
			say("%s: data says %s (%s), %s said %s on %s", q.ID, q.Answer, q.Says, orSomebody(q.Person.By), q.Person.Answer, q.Person.At.Format("2006-01-02"))
		}
	}
	if p.Style == Stateless && c.says(AskLost, Yes) {
		say("the style is stateless, and receivers ask again for what was lost")
	}
	if p.Style == Predictive && c.says(AskVolume, Yes) {
		say("the style is predictive at %.0f a day; suggestions are for low volume and high complexity", f.PerDay)
	}
	if p.Tier != "" && slices.Index(tiers, p.Tier) > slices.Index(tiers, c.Verdict.Depth) {
		say("the target tier is %s, and the answers come to %s", p.Tier, c.Verdict.Depth)
	}
	c.derived(p, f, say)
}

// tiers, from the least deep on.
var tiers = []string{Minimal, Contextual, Predictive}

// derived holds the policy against the tiers of what was really delivered.
func (c *Checklist) derived(p *Point, f *Facts, say func(string, ...any)) {
	t := f.Tiers
	if t == nil || t.N == 0 {
		return
	}
	switch deep := t.Contextual + t.Predictive; {
	case p.Style == Stateless && deep > 0.5:
		say("the style is stateless, and %.0f %% of %d handoffs carry context", 100*deep, t.N)
	case p.Style == Stateful && t.Minimal > 0.5:
		say("the style is stateful, and %.0f %% of %d handoffs carry identifiers alone", 100*t.Minimal, t.N)
	case p.Style == Predictive && t.Predictive < 0.05:
		say("the style is predictive, and %.0f %% of %d handoffs showed a prediction", 100*t.Predictive, t.N)
	}
}

func orSomebody(by string) string {
	if by == "" {
		return "somebody"
	}
	return by
}
