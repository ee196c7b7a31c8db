package replay

import (
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// update brings the scope up to an event that the teller has applied: only what the event changed is made again.
func (s *scope) update(t *teller, r *ledger.Recorded, e *Entry) {
	s.journey = &t.journey
	if i := t.change.Handoff; i >= 0 {
		v := newHandoffVar(&s.journey.Handoffs[i])
		if i < len(s.handoffs) {
			s.handoffs[i] = v
		} else {
			s.handoffs = append(s.handoffs, v)
		}
	}
	s.anomalies = append(s.anomalies, e.Anomalies...)
	s.context.Apply(r)
	s.event = &eventVar{ID: e.ID, Source: e.Source, Type: e.Type, Family: e.Family, Verb: e.Verb, Activity: e.Activity, Stage: e.Stage,
		Party: e.Party, Channel: e.Channel, Status: e.Status, Handoff: r.Facets.Handoff, Outcome: e.Outcome, Reason: e.Reason,
		Actor: r.Actor, Time: e.Occurred, Recorded: e.Recorded, Position: int64(e.Position), Revision: int64(e.Revision),
		Overlay: e.Overlay, Late: e.Late}
}

func newScope() *scope {
	return &scope{context: ledger.Context{}, decoded: map[string]any{}, decodedAt: map[string]uint64{}, anomalies: []string{}, handoffs: []handoffVar{}}
}

func newHandoffVar(h *ledger.Handoff) handoffVar {
	return handoffVar{ID: h.ID, State: string(h.State), Open: h.State.Open(), Point: h.Point(), Sender: h.Sender.Stage,
		SenderParty: h.Sender.Party, Receiver: h.Receiver.Stage, ReceiverParty: h.Receiver.Party, Channel: h.Channel,
		AcceptedBy: h.AcceptedBy.Stage, Outcome: h.Outcome, Reason: h.Reason, PingPong: h.PingPong,
		OfferedAt: h.Offered, AcceptedAt: h.Accepted, EndedAt: h.Ended}
}

// values are the context fields, decoded once for each time they were said, and only where an expression asks for them.
func (s *scope) values() map[string]any {
	for name := range s.decoded {
		if _, there := s.context[name]; !there {
			delete(s.decoded, name)
			delete(s.decodedAt, name)
		}
	}
	for name, f := range s.context {
		if s.decodedAt[name] != f.Position {
			s.decoded[name], s.decodedAt[name] = expr.Decode(f.Value), f.Position
		}
	}
	return s.decoded
}
