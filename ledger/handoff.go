package ledger

import (
	"fmt"
	"slices"
	"time"
)

// HandoffState is where a handoff stands. It is the verb of the last legal move.
type HandoffState string

// The states. Declined and those after it are final.
const (
	None      HandoffState = ""
	Offered   HandoffState = "offered"
	Delivered HandoffState = "delivered"
	Viewed    HandoffState = "viewed"
	Accepted  HandoffState = "accepted"
	Declined  HandoffState = "declined"
	Expired   HandoffState = "expired"
	Withdrawn HandoffState = "withdrawn"
	Completed HandoffState = "completed"
	Returned  HandoffState = "returned"
	Failed    HandoffState = "failed"
)

// Quarantined is what a call answers of a handoff that broke its contract and was put aside: the journey knows nothing of it.
const Quarantined HandoffState = "quarantined"

// moves is the handoff state machine: from each state, the legal verbs. A verb leads to the state of its name, save that a view
// or a delivery never takes a handoff back.
var moves = map[HandoffState][]HandoffState{
	None:      {Offered},
	Offered:   {Delivered, Viewed, Accepted, Declined, Expired, Withdrawn, Failed},
	Delivered: {Delivered, Viewed, Accepted, Declined, Expired, Withdrawn, Failed},
	Viewed:    {Delivered, Viewed, Accepted, Declined, Expired, Withdrawn, Failed},
	Accepted:  {Delivered, Viewed, Completed, Returned, Failed}, // the overlay may tell of a delivery late
	Completed: {Delivered, Viewed},
}

// rank orders the states a handoff passes before its end.
var rank = map[HandoffState]int{Offered: 1, Delivered: 2, Viewed: 3, Accepted: 4}

// Open reports whether a handoff waits for its receiver: offered, and neither accepted nor ended.
func (s HandoffState) Open() bool { return s == Offered || s == Delivered || s == Viewed }

// Move gives the state after a verb, and the name of the anomaly where the move is illegal: "" for legal ones. An illegal move
// changes nothing, except that a handoff first heard of by another verb than offered takes that verb's state: the fact happened.
func Move(from, verb HandoffState) (next HandoffState, anomaly string) {
	switch {
	case slices.Contains(moves[from], verb):
		if rank[verb] > 0 && rank[verb] < rank[from] || from == Completed {
			return from, ""
		}
		return verb, ""
	case from == None:
		return verb, fmt.Sprintf("%s_without_offer", verb)
	case from == verb || from.Open() && verb == Offered:
		return from, fmt.Sprintf("%s_twice", verb)
	case rank[from] > 0 && rank[from] < rank[Accepted]:
		return from, fmt.Sprintf("%s_before_accepted", verb)
	}
	return from, fmt.Sprintf("%s_after_%s", verb, from)
}

// IllegalMoves are the names of all anomalies that Move can give, sorted.
func IllegalMoves() []string {
	states := []HandoffState{None}
	for _, verb := range catalogue["handoff"] {
		states = append(states, HandoffState(verb))
	}
	var names []string
	for _, from := range states {
		for _, verb := range states[1:] {
			if _, anomaly := Move(from, verb); anomaly != "" {
				names = append(names, anomaly)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Party is one end of a handoff: a group, team or system, and who acts for it.
type Party struct {
	Stage string `json:"stage,omitempty"`
	Party string `json:"party,omitempty"`
	Kind  string `json:"kind,omitempty"`
}

// IsZero reports whether nothing is known of the party.
func (p Party) IsZero() bool { return p == Party{} }

// Handoff is one handoff as far as a journey has gone. Times are occurred times, zero where that did not happen.
type Handoff struct {
	ID         string       `json:"id"` // id of the offered event
	State      HandoffState `json:"state"`
	Sender     Party        `json:"sender"`
	Receiver   Party        `json:"receiver"`
	Channel    string       `json:"channel,omitempty"`
	Position   uint64       `json:"position"` // of the first event heard of it
	Revision   uint64       `json:"revision"`
	AcceptedBy Party        `json:"accepted_by,omitzero"`
	Offered    time.Time    `json:"offered_at,omitzero"`
	Delivered  time.Time    `json:"delivered_at,omitzero"`
	Viewed     time.Time    `json:"viewed_at,omitzero"`
	Accepted   time.Time    `json:"accepted_at,omitzero"`
	FirstAct   time.Time    `json:"first_act_at,omitzero"` // of the receiver, after accepting
	LastAct    time.Time    `json:"last_act_at,omitzero"`
	Ended      time.Time    `json:"ended_at,omitzero"` // completed, declined, returned …
	Outcome    string       `json:"outcome,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	PingPong   string       `json:"ping_pong,omitempty"`   // "direct": A→B→A; "indirect": back to an earlier holder with more than one between
	SenderHeld bool         `json:"sender_held,omitempty"` // the sender had custody when it offered
}

// Point is the handoff point: Point(sender stage, receiver stage, channel).
func (h *Handoff) Point() string { return Point(h.Sender.Stage, h.Receiver.Stage, h.Channel) }

// stamp notes when a verb first happened.
func (h *Handoff) stamp(verb HandoffState, at time.Time) {
	field := &h.Ended
	switch verb {
	case Offered:
		field = &h.Offered
	case Delivered:
		field = &h.Delivered
	case Viewed:
		field = &h.Viewed
	case Accepted:
		field = &h.Accepted
	}
	if field.IsZero() {
		*field = at
	}
}
