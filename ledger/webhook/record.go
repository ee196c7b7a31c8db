package webhook

import (
	"strconv"
	"time"
)

// State of a delivery.
type State string

// The states.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Dead      State = "dead"
)

// Delivery is one event on its way to one endpoint. Attempts counts since it was queued, or last replayed.
type Delivery struct {
	ID        string    `json:"id" doc:"the event's position, as text"`
	Position  uint64    `json:"position"`
	WebhookID string    `json:"webhook_id" doc:"the header every attempt carries"`
	Stream    string    `json:"stream"`
	Journey   string    `json:"journey,omitempty"`
	EventID   string    `json:"event_id"`
	Type      string    `json:"type"`
	Point     string    `json:"point,omitempty"`
	State     State     `json:"state" enum:"pending,delivered,dead"`
	Reason    string    `json:"reason,omitempty" doc:"why it is dead"`
	Attempts  int       `json:"attempts"`
	Queued    time.Time `json:"queued_at"`
	Next      time.Time `json:"next_attempt_at,omitzero"`
	GiveUp    time.Time `json:"give_up_at,omitzero"`
	Ended     time.Time `json:"ended_at,omitzero"`
	Replays   int       `json:"replays,omitempty"`
	Unnoted   string    `json:"unnoted,omitempty" doc:"why handoff.delivered could not be appended"`
	Log       []Attempt `json:"log,omitempty" doc:"attempts, the newest 20"`
}

// Attempt is one request and what came of it: a status, or an error where there was none.
type Attempt struct {
	At       time.Time `json:"at"`
	Duration int64     `json:"duration_ns"`
	Status   int       `json:"status,omitempty"`
	Error    string    `json:"error,omitempty"`
	Response string    `json:"response,omitempty" doc:"beginning of the answer's body, without control characters"`
}

// keptAttempts bounds the log of one delivery.
const keptAttempts = 20

func (d *Delivery) note(a Attempt) {
	d.Log = append(d.Log, a)
	d.Log = d.Log[max(0, len(d.Log)-keptAttempts):]
}

// account is what is stored of an endpoint.
type account struct {
	Cursor      uint64    `json:"cursor"`
	Gone        string    `json:"gone,omitempty"` // why it was switched off by its receiver
	Until       time.Time `json:"until,omitzero"`
	Round       int       `json:"round,omitempty"`
	Failures    int       `json:"failures,omitempty"` // in a row
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	Delivered   int64     `json:"delivered"` // ever
	Attempts    int64     `json:"attempts"`  // ever
	Kept        int64     `json:"kept"`      // delivered ones still stored
	Dead        int64     `json:"dead"`      // stored
}

func idOf(position uint64) string { return strconv.FormatUint(position, 10) }
