package points

import (
	"fmt"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// The six questions of the checklist.
const (
	AskHumans    = "humans"
	AskVolume    = "volume"
	AskLost      = "lost_context"
	AskTime      = "time_sensitive"
	AskContract  = "contract"
	AskTraining  = "trained"
	IncreaseOK   = "allowed"
	IncreaseWait = "delayed"
	IncreaseNo   = "blocked"
)

// Questions lists them in their order.
func Questions() []string {
	return []string{AskHumans, AskVolume, AskLost, AskTime, AskContract, AskTraining}
}

// Question is one question and its answer: from data where there is some, else a person's, else unknown.
type Question struct {
	ID        string   `json:"id"`
	Text      string   `json:"text"`
	Answer    string   `json:"answer"`         // yes, no, unknown
	From      string   `json:"from,omitempty"` // data, person
	Measured  *float64 `json:"measured,omitempty"`
	Threshold *float64 `json:"threshold,omitempty"`
	N         int      `json:"n"` // what it was measured on
	Says      string   `json:"says"`
	Then      string   `json:"then,omitempty"`     // what follows from the answer
	Evidence  string   `json:"evidence,omitempty"` // command that shows it
	Person    *Answer  `json:"person,omitempty"`
}

// Verdict is what the answers come to.
type Verdict struct {
	Depth          string   `json:"depth"`      // minimal, contextual, predictive
	Increase       string   `json:"increase"`   // allowed, delayed, blocked
	Enrichment     string   `json:"enrichment"` // any, selective, precomputed
	AddFields      []string `json:"add_fields"`
	Reasons        []string `json:"reasons"`
	Contradictions []string `json:"contradictions"`
	Unknown        []string `json:"unknown"` // questions without an answer
}

// Checklist is the decision checklist of a point: questions, verdict, and the facts they come from.
type Checklist struct {
	Point     string     `json:"point"`
	Mapped    bool       `json:"mapped"`
	Questions []Question `json:"questions"`
	Verdict   Verdict    `json:"verdict"`
	Facts     *Facts     `json:"facts"`
}

// Check answers the checklist of a point: a function of what is known of it and of its facts.
func Check(p *Point, f *Facts, o Options) *Checklist {
	o = o.withDefaults()
	c := &Checklist{Point: p.Name, Mapped: p.IsMapped(), Facts: f, Questions: []Question{
		humans(p, f, &o), volume(p, f, &o), lostContext(p, f, &o), timeSensitive(p, &o), published(p, f), trained(p, &o)}}
	for i := range c.Questions {
		c.Questions[i].ask(p)
	}
	c.judge(p, f, &o)
	return c
}

// measured makes a question that data answers with yes from a threshold on; above: beyond it alone. With less than least to go by it has no answer.
func measured(id, text string, value, threshold float64, n, least int, above bool) Question {
	q := Question{ID: id, Text: text, Answer: Unknown, Threshold: &threshold, N: n}
	if n == 0 {
		return q
	}
	q.Measured = &value
	if n < least {
		return q
	}
	q.Answer, q.From = No, "data"
	if value > threshold || !above && value >= threshold {
		q.Answer = Yes
	}
	return q
}

// few says that there is too little to tell.
func (q *Question) few(o *Options) {
	if q.N > 0 && q.N < o.Least {
		q.Says += fmt.Sprintf("; too few to tell, %d are needed", o.Least)
	}
}

func humans(p *Point, f *Facts, o *Options) Question {
	q := measured(AskHumans, "Are both parties human?", f.HumanShare(), o.HumanShare, f.Kinds, o.Least, false)
	q.Says = fmt.Sprintf("%d of %d handoffs in %d days are between humans", f.Humans, f.Kinds, f.Window.Days)
	q.few(o)
	q.Evidence = fmt.Sprintf("baton handoffs --point '%s' --newest", p.Name)
	return q
}

func volume(p *Point, f *Facts, o *Options) Question {
	q := measured(AskVolume, fmt.Sprintf("Are there more than %g a day?", o.PerDay), f.PerDay, o.PerDay, f.Window.Days, 1, true)
	q.Says = fmt.Sprintf("%.1f a day: %d in the %d days up to %s", f.PerDay, f.Handoffs, f.Window.Days, f.Window.To.Add(-1).Format("2006-01-02"))
	q.Evidence = "baton points matrix"
	return q
}

func lostContext(p *Point, f *Facts, o *Options) Question {
	q := measured(AskLost, fmt.Sprintf("Do receivers ask again for what was lost, in more than %g %%?", 100*o.LostRate), f.LostRate(), o.LostRate, f.Accepted, o.Least, true)
	q.Says = fmt.Sprintf("%d of %d accepted handoffs (%.1f %%) have a lost re-ask", f.Lost, f.Accepted, 100*f.LostRate())
	if !f.Complete {
		q.Says += fmt.Sprintf("; the newest %d of %d were read", f.Read, f.Handoffs)
	}
	q.few(o)
	q.Evidence = fmt.Sprintf("baton points evidence '%s' --query 'reasks class=lost'", p.Name)
	return q
}

func timeSensitive(p *Point, o *Options) Question {
	class := o.ClassOf(p.Channel)
	q := Question{ID: AskTime, Text: "Is the channel time-sensitive?", Answer: No, From: "data", N: 1, Says: fmt.Sprintf("%s is %s", p.Channel, strings.ReplaceAll(string(class), "_", " "))}
	if class == ledger.RealTime {
		q.Answer = Yes
	}
	return q
}

func published(p *Point, f *Facts) Question {
	q := Question{ID: AskContract, Text: "Is there a published contract?", Answer: No, From: "data", N: len(f.Contract.Versions)}
	switch {
	case f.Contract.Published():
		q.Answer, q.Says = Yes, "contract "+f.Contract.Name+" is published"
	case f.Contract.Name == "":
		q.Says = "neither the point nor an offer names a contract"
	case len(f.Contract.Versions) > 0:
		q.Says = "contract " + f.Contract.Name + " has no published version"
	default:
		q.Says = "contract " + f.Contract.Name + " is not in the registry"
	}
	q.Evidence = "baton tail --once --stream 'contract-" + f.Contract.Name + "'"
	if f.Contract.Name == "" {
		q.Evidence = ""
	}
	return q
}

func trained(p *Point, o *Options) Question {
	least, team := 1.0, ""
	for _, t := range p.Training {
		if t.Share <= least {
			least, team = t.Share, t.Team
		}
	}
	q := measured(AskTraining, "Are the users trained?", least, o.TrainedShare, len(p.Training), 1, false)
	q.Says = "no training is recorded"
	if team != "" {
		q.Says = fmt.Sprintf("at least %g %% of each of %d teams (least: %s)", 100*least, len(p.Training), team)
	}
	q.Evidence = fmt.Sprintf("baton points show '%s'", p.Name)
	return q
}

// ask takes a person's answer where data has none, and keeps it beside the data's otherwise.
func (q *Question) ask(p *Point) {
	if i := slices.IndexFunc(p.Answers, func(a Answer) bool { return a.Question == q.ID }); i >= 0 {
		a := p.Answers[i]
		q.Person = &a
		if q.Answer == Unknown {
			q.Answer, q.From = a.Answer, "person"
		}
	}
}

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
