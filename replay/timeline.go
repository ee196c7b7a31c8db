package replay

import (
	"context"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Entry is one event of a journey and what it did. Names are the producer's, as recorded.
type Entry struct {
	Position  uint64        `json:"position"`
	Revision  uint64        `json:"revision"` // of its stream
	Overlay   bool          `json:"overlay,omitempty"`
	ID        string        `json:"id"`
	Source    string        `json:"source"`
	Occurred  time.Time     `json:"occurred_at"`
	Recorded  time.Time     `json:"recorded_at"`
	Gap       time.Duration `json:"gap_ns"`         // from the previous event's occurred time; negative where this one occurred earlier
	Late      bool          `json:"late,omitempty"` // occurred before an event that was recorded earlier
	Type      string        `json:"type"`
	Family    string        `json:"family,omitempty"` // of Baton's own types, as is the verb
	Verb      string        `json:"verb,omitempty"`
	Activity  string        `json:"activity,omitempty"`
	Stage     string        `json:"stage,omitempty"` // who acted
	Party     string        `json:"party,omitempty"`
	Channel   string        `json:"channel,omitempty"`
	Status    string        `json:"status,omitempty"`
	Outcome   string        `json:"outcome,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Holder    ledger.Party  `json:"holder,omitzero"`         // who held the journey after it
	HolderWas *ledger.Party `json:"holder_before,omitempty"` // where custody changed; empty for the first holder
	Handoff   *HandoffMove  `json:"handoff,omitempty"`
	Anomalies []string      `json:"anomalies,omitempty"`
	Closed    bool          `json:"closed,omitempty"`
	Reopened  bool          `json:"reopened,omitempty"`
}

// HandoffMove is what an event did to a handoff. From and To are equal where the event was illegal or repeated.
type HandoffMove struct {
	ID       string              `json:"id"`
	Sender   string              `json:"sender"` // stages
	Receiver string              `json:"receiver"`
	Channel  string              `json:"channel,omitempty"`
	From     ledger.HandoffState `json:"from"` // "" where this is the first heard of it
	To       ledger.HandoffState `json:"to"`
}

// Timeline yields the events of a journey that count at a moment, in the order the journey learned of them. It reads headers
// alone. Errors are those of [Events].
func Timeline(ctx context.Context, r ledger.Reader, journey string, m Moment) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var t teller
		for e, err := range events(ctx, r, journey, m, true, nil) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(t.tell(&e), nil) {
				return
			}
		}
	}
}

// teller folds a journey and tells what each event did.
type teller struct {
	journey  ledger.Journey
	change   ledger.Change // of the last event
	previous time.Time
}

func (t *teller) tell(e *ledger.Recorded) Entry {
	j, f, at := &t.journey, &e.Facets, e.Occurred()
	began, last, open, owner, spans := j.Events > 0, j.Last, j.IsOpen(), j.Owner(), len(j.Custody)
	change := j.Apply(e)
	t.change = change
	family, verb := ledger.SplitType(e.Type)
	out := Entry{Position: e.Position, Revision: e.Revision, Overlay: !isFact(e), ID: e.ID, Source: e.Source, Occurred: at,
		Recorded: e.RecordedTime, Type: e.Type, Family: family, Verb: verb, Activity: f.Activity, Stage: f.Stage, Party: f.Party,
		Channel: f.Channel, Status: f.Status, Outcome: f.Outcome, Reason: f.Reason, Holder: j.Owner(),
		Closed: open && !j.IsOpen(), Reopened: !open && j.IsOpen()}
	if began {
		out.Gap, out.Late = at.Sub(t.previous), at.Before(last)
	}
	t.previous = at
	if len(j.Custody) > spans {
		out.HolderWas = &owner
	}
	if change.Handoff >= 0 {
		h := &j.Handoffs[change.Handoff]
		out.Handoff = &HandoffMove{ID: h.ID, Sender: h.Sender.Stage, Receiver: h.Receiver.Stage, Channel: h.Channel, From: change.From, To: h.State}
	}
	for _, a := range change.Anomalies {
		out.Anomalies = append(out.Anomalies, a.Name)
	}
	return out
}
