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
