package points

import (
	"fmt"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// The six steps of a point's life. After iterated it is monitored again.
const (
	Identified  = "identified"
	Classified  = "classified"
	Designed    = "designed"
	Implemented = "implemented"
	Monitored   = "monitored"
	Iterated    = "iterated"
)

// LifeSteps lists the steps in order.
func LifeSteps() []string {
	return []string{Identified, Classified, Designed, Implemented, Monitored, Iterated}
}

// NextStep is the step after another, "" after what is none.
func NextStep(step string) string {
	steps := LifeSteps()
	i := slices.Index(steps, step)
	switch {
	case i < 0:
		return ""
	case i+1 < len(steps):
		return steps[i+1]
	}
	return Monitored
}

// Requirements says what a point lacks for a step, in words; nothing where it may go there.
//
//	classified   a declared criticality
//	designed     a version of its contract, drafted or further
//	implemented  an offer that follows the contract
//	monitored    o.Monitored handoffs under the contract; after iterated, so many since then
//	iterated     since the point was monitored: a new version of the contract, or a review (a pain point or an answer to the checklist)
func (p *Point) Requirements(step string, f *Facts, o Options) []string {
	o = o.withDefaults()
	missing := []string{}
	lacks := func(format string, args ...any) { missing = append(missing, fmt.Sprintf(format, args...)) }
	switch step {
	case Classified:
		if p.Class == nil {
			lacks("a criticality: `baton points classify '%s' --criticality low|high --why …`", p.Name)
		}
	case Designed:
		switch {
		case f.Contract.Name == "":
			lacks("the name of a contract: `baton points map '%s' --contract NAME`", p.Name)
		case len(f.Contract.Versions) == 0:
			lacks("a drafted or published version of contract %s", f.Contract.Name)
		}
	case Implemented:
		if f.UnderContract == 0 {
			lacks("an offer that follows the contract (none of the last %d handoffs that were read does)", f.Read)
		}
	case Monitored:
		n := f.UnderContract
		since := ""
		if p.Step == Iterated {
			n, since = f.UnderContractSince, " since "+p.Since().Format("2006-01-02")
		}
		if n < o.Monitored {
			lacks("%d handoffs under the contract%s, %d are needed", n, since, o.Monitored)
		}
	case Iterated:
		monitored := p.Reached(Monitored)
		if !f.Contract.newer(monitored) && !p.reviewed.After(monitored) {
			lacks("a new version of the contract or a review since %s: a pain point recorded or decided, or an answer to the checklist", monitored.Format("2006-01-02"))
		}
	}
	return missing
}

// advance decides a step: which one, and what is missing for it. Steps are taken one at a time, in their order.
func (p *Point) advance(c *Change, f *Facts, o Options) (step string, missing []string, err error) {
	step = c.To
	if step == "" {
		step = NextStep(p.Step)
	}
	if !slices.Contains(LifeSteps(), step) {
		return "", nil, refuse("use one of "+strings.Join(LifeSteps(), ", "), "to: there is no step %.40q", step)
	}
	if next := NextStep(p.Step); step != next {
		missing = append(missing, fmt.Sprintf("the steps before %s: it is %s, and the next is %s", step, p.Step, next))
	}
	missing = append(missing, p.Requirements(step, f, o)...)
	switch {
	case len(missing) == 0 && !c.Force:
	case len(missing) == 0:
		c.Force = false // nothing is missing: there is nothing to force
	case c.Force && c.Why == "":
		return "", nil, refuse("say why it goes on in spite of what is missing", "why is missing: a step is forced, and it lacks %s", strings.Join(missing, "; "))
	case !c.Force:
		return "", nil, refuse("do what is missing, or force the step with a reason: --force --why …", "it cannot be %s: missing is %s", step, strings.Join(missing, "; "))
	}
	return step, missing, nil
}

func refuse(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, op, hint, format, args...)
}
