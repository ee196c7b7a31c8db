package ledger

import "encoding/json"

// AnswerSource is the source of answers to suggestions for callers who name none, and OutcomeSource that of the outcomes that a journey's close gives.
const (
	AnswerSource  = "baton/answers"
	OutcomeSource = "baton/outcomes"
)

// PolicyShadow is the policy of suggestions that are made to be judged, and shown to nobody.
const PolicyShadow = "shadow"

// SuggestionSource is the source of the suggestions that Baton makes. Where another source took one's id, what is said of the id is said of Baton's.
const SuggestionSource = "baton/overlay"

// Withheld reports whether the data of a suggestion.offered says that nobody is shown it: its policy is [PolicyShadow], or hold_out is true. What nobody sees
// nobody answers, and what would have happened without suggestions can be told from such ones alone.
func Withheld(data []byte) bool {
	var d struct {
		Policy  any `json:"policy"` // any: data of others may have other things there
		HoldOut any `json:"hold_out"`
	}
	return json.Unmarshal(data, &d) == nil && (d.Policy == PolicyShadow || d.HoldOut == true)
}

// IsAnswer reports whether a verb of a suggestion is what somebody decided about it: accepted, modified, dismissed.
func IsAnswer(verb string) bool {
	return verb == "accepted" || verb == "modified" || verb == "dismissed"
}
