package points

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Source is the source of a point's events, and Prefix begins the names of their streams.
const (
	Source = "baton/points"
	Prefix = "point-"
)

// Stream is where the events of a point are.
func Stream(point string) string { return Prefix + point }

// Styles are what a point may have as its policy: pass nothing, pass context, pass context and suggestions.
const (
	Stateless  = "stateless"
	Stateful   = "stateful"
	Predictive = "predictive" // also the deepest tier
)

// Tiers are how deep a single handoff is; a point declares one as its target.
const (
	Minimal    = "minimal"
	Contextual = "contextual"
)

// Low and High are the two sides of criticality, value and complexity.
const (
	Low  = "low"
	High = "high"
)

// Mapping is what is said of a point when it is mapped. Absent members leave what was said before.
type Mapping struct {
	Owner       string   `json:"owner,omitempty"` // team that answers for the point
	Description string   `json:"description,omitempty"`
	Data        []string `json:"data,omitempty"` // fields passed today
	Style       string   `json:"style,omitempty"`
	Tier        string   `json:"tier,omitempty"`      // target
	Direction   string   `json:"direction,omitempty"` // one_way, feedback
	SLA         string   `json:"sla,omitempty"`       // within which it is accepted, as 4h
	Contract    string   `json:"contract,omitempty"`  // name
}

// Classification is what is declared of a point; its volume is counted.
type Classification struct {
	Criticality string    `json:"criticality"` // low, high
	Why         string    `json:"why,omitempty"`
	Value       string    `json:"value,omitempty"`      // of one handoff: low, high
	Complexity  string    `json:"complexity,omitempty"` // of what is handed over: low, high
	At          time.Time `json:"at,omitzero"`
}

// Pain is something that hurts at a point, with the query that shows it, see [Query].
type Pain struct {
	ID       string    `json:"id"`
	Text     string    `json:"text"`
	Evidence string    `json:"evidence,omitempty"`
	Fields   []string  `json:"fields,omitempty"` // that might help
	Decision string    `json:"decision"`         // would deeper context solve it: yes, no, undecided
	Why      string    `json:"why,omitempty"`
	At       time.Time `json:"at"`
	Decided  time.Time `json:"decided_at,omitzero"`
}

// Training is a share of a team that was trained on a point's fields; a later record of a team replaces the one before.
type Training struct {
	Team  string    `json:"team"`
	Share float64   `json:"share"` // 0 to 1
	Held  string    `json:"held,omitempty"`
	At    time.Time `json:"at"` // it was recorded for
}

// Answer is a person's answer to a question of the checklist.
type Answer struct {
	Question string    `json:"question"`
	Answer   string    `json:"answer"` // yes, no
	Why      string    `json:"why,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
}

// Stage is one step of a point's life, and when it was reached.
type Stage struct {
	Step    string    `json:"step"`
	At      time.Time `json:"at"`
	Why     string    `json:"why,omitempty"`
	Forced  bool      `json:"forced,omitempty"`  // in spite of what was missing
	Missing []string  `json:"missing,omitempty"` // then
}

// Entry is one event of a point in words.
type Entry struct {
	At       time.Time `json:"at"`
	Position uint64    `json:"position"`
	Verb     string    `json:"verb"`
	By       string    `json:"by,omitempty"`
	Text     string    `json:"text"`
}

// Point is what is known of one point.
type Point struct {
	Name     string `json:"point"`
	Sender   string `json:"sender"`
	Receiver string `json:"receiver"`
	Channel  string `json:"channel"`
	Mapping
	Class    *Classification `json:"classification,omitempty"`
	Pains    []Pain          `json:"pain_points"`
	Training []Training      `json:"training"`
	Answers  []Answer        `json:"answers"`
	Step     string          `json:"step"`  // "" before it is mapped
	Steps    []Stage         `json:"steps"` // in the order in which they were reached
	Mapped   time.Time       `json:"mapped_at,omitzero"`
	Retired  time.Time       `json:"retired_at,omitzero"`
	Revision uint64          `json:"revision"` // of the stream, as far as it was read
	History  []Entry         `json:"history"`

	reviewed time.Time // of the last pain point or answer
}

// IsMapped reports whether the point is in the registry.
func (p *Point) IsMapped() bool { return !p.Mapped.IsZero() && p.Retired.IsZero() }

// Since is when the present step was reached.
func (p *Point) Since() time.Time {
	if len(p.Steps) == 0 {
		return time.Time{}
	}
	return p.Steps[len(p.Steps)-1].At
}

// Reached is when a step was last reached, zero where it was not.
func (p *Point) Reached(step string) time.Time {
	for _, s := range slices.Backward(p.Steps) {
		if s.Step == step {
			return s.At
		}
	}
	return time.Time{}
}

// Split takes a point's name apart. Names that people write with spaces are understood; ok is false for what is no point.
func Split(name string) (sender, receiver, channel string, ok bool) {
	parts := [3]string{}
	var rest string
	parts[0], rest, ok = strings.Cut(name, ">")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return "", "", "", false
	}
	parts[1], parts[2] = rest[:at], rest[at+1:]
	for i, p := range parts {
		plain, err := url.PathUnescape(p)
		if err != nil {
			plain = p
		}
		if parts[i] = strings.TrimSpace(plain); parts[i] == "" {
			return "", "", "", false
		}
	}
	return parts[0], parts[1], parts[2], true
}

// Canonical is the one spelling of a point's name. The error is CodeInvalid.
func Canonical(name string) (string, error) {
	sender, receiver, channel, ok := Split(name)
	if !ok {
		return "", ledger.Errorf(ledger.CodeInvalid, op, "say sender>receiver@channel, as `baton points` does; in a shell in quotes", "%.200q is no point", name)
	}
	return ledger.Point(sender, receiver, channel), nil
}

const op = "points"
