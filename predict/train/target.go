// Package train learns from the ledger what becomes of journeys.
//
// An example is a journey as it stands at a moment: right after a handoff was offered or accepted. Its row is that of package features, which knows
// nothing of what comes later. Its label is what came of it, and counts only when it was known by the cut; otherwise quick
// outcomes would be known early and slow ones taken for none.
//
//	target                 label 1                                                  known
//	handover-within:24h    another handoff is offered in the 24 h after the moment  24 h after it
//	outcome:X              the journey is closed next with outcome X                when it is closed
//	next-activity          one class each: the activity of the next interaction       when it is recorded, or the journey closes first
//	churn                  the customer is lost                                     when that is said
//
// A customer is lost where feedback.recorded about the field churn has the outcome "churned" (it is kept with another one), or a journey is closed with the outcome
// "churned". In a ledger without such feedback a journey that is closed otherwise counts as kept.
//
// The end is the last time anything occurred in a journey, times in an event's own future left out. The last part of the examples by time is held out: the model
// learns from those whose label was known when it begins, and its figures are of that part, which it has not seen. Inside the training rows the
// learners race (package race) on folds that lie later than what is trained on; where labels come too late for that, on
// folds of whole journeys. The same events and the same seed give the same file.
package train

import (
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Target is what is to be told.
type Target struct {
	Kind    string        // handover-within, outcome, churn, next-activity
	Horizon time.Duration // of handover-within
	Outcome string        // of outcome
}

// ParseTarget reads handover-within:24h, outcome:X, churn or next-activity. The error is CodeInvalid.
func ParseTarget(text string) (t Target, err error) {
	const hint = "say handover-within:24h, outcome:X, churn or next-activity"
	kind, rest, _ := strings.Cut(text, ":")
	switch t.Kind = kind; {
	case text == "churn", text == NextActivity:
	case kind == "outcome" && rest != "":
		t.Outcome = rest
	case kind == "handover-within":
		if t.Horizon, err = time.ParseDuration(rest); err != nil || t.Horizon <= 0 {
			return t, ledger.Errorf(ledger.CodeInvalid, "target", hint, "%q is no length of time", rest)
		}
	default:
		return t, ledger.Errorf(ledger.CodeInvalid, "target", hint, "there is no target %q", text)
	}
	return t, nil
}

// NextActivity is the target with more than two classes: the activities, End where the journey closes first, and Other for those that are rare.
const (
	NextActivity = "next-activity"
	End          = "(end)"
	Other        = "(other)"
)

// Classes names both labels, and those of next-activity that hang on no data.
func (t Target) Classes() []string {
	switch t.Kind {
	case NextActivity:
		return []string{End, Other}
	case "churn":
		return []string{"stays", "churns"}
	case "outcome":
		return []string{"ends otherwise", "ends as " + t.Outcome}
	}
	return []string{"stays", "is handed over again within " + short(t.Horizon)}
}

// Says is the second class in a sentence: "the journey ...".
func (t Target) Says() string {
	switch t.Kind {
	case NextActivity:
		return "the most probable next activity"
	case "churn":
		return "the customer is lost"
	case "outcome":
		return "the journey ends as " + t.Outcome
	}
	return "another handoff within " + short(t.Horizon)
}

func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
