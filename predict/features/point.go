package features

import "github.com/baton-ledger/baton/ledger"

// PointOf names the handoff that a moment is about, and its point.
func PointOf(j *ledger.Journey, last *ledger.Recorded) (handoff, point string) {
	switch Moment(last) {
	case "offered":
		handoff = last.ID
	case "accepted":
		handoff = last.Facets.Handoff
	}
	if i := j.Find(handoff); i >= 0 {
		point = j.Handoffs[i].Point()
	}
	return handoff, point
}
