package points

import (
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
