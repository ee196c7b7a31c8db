package rpc

import (
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// view renders a journey as it stood.
func view(v replay.View) *batonv1.JourneyResponse {
	j, digest := &v.Journey, replay.Digest(v)
	out := &batonv1.JourneyResponse{Id: j.ID, Revision: j.Revision, OverlayRevision: j.Overlay, Position: j.Position,
		Events: uint32(v.Events), NotYet: uint32(v.NotYet), Started: timestamp(j.Started), Last: timestamp(j.Last), Recorded: timestamp(j.Recorded),
		Closed: timestamp(j.Closed), Outcome: j.Outcome, Owner: party(j.Owner()), Activity: j.Activity, Status: j.Status, Channel: j.Channel,
		Stage: j.Stage, Party: j.Party, Links: j.Links, Digest: digest[:]}
	for _, s := range j.Custody {
		out.Custody = append(out.Custody, &batonv1.Span{Holder: party(s.Holder), From: timestamp(s.From), Until: timestamp(s.Until), Handoff: s.Handoff})
	}
	for i := range j.Handoffs {
		out.Handoffs = append(out.Handoffs, handoff(&j.Handoffs[i]))
	}
	for _, a := range j.Anomalies {
		out.Anomalies = append(out.Anomalies, &batonv1.Anomaly{Name: a.Name, Position: a.Position, Revision: a.Revision, Handoff: a.Handoff, Stage: a.Stage})
	}
	if len(v.Context) > 0 {
		out.Context = make(map[string]*batonv1.ContextField, len(v.Context))
	}
	for name, f := range v.Context {
		out.Context[name] = &batonv1.ContextField{Value: string(f.Value), Class: f.Class, Revision: f.Revision, Position: f.Position, Said: timestamp(f.Said),
			Source: f.Source}
	}
	return out
}

func handoff(h *ledger.Handoff) *batonv1.Handoff {
	return &batonv1.Handoff{Id: h.ID, State: string(h.State), Sender: party(h.Sender), Receiver: party(h.Receiver), Channel: h.Channel, Point: h.Point(),
		Position: h.Position, Revision: h.Revision, AcceptedBy: party(h.AcceptedBy), Offered: timestamp(h.Offered), Delivered: timestamp(h.Delivered),
		Viewed: timestamp(h.Viewed), Accepted: timestamp(h.Accepted), FirstAct: timestamp(h.FirstAct), LastAct: timestamp(h.LastAct),
		Ended: timestamp(h.Ended), Outcome: h.Outcome, Reason: h.Reason, PingPong: h.PingPong, SenderHeld: h.SenderHeld}
}

// party is absent where nothing is known of it.
func party(p ledger.Party) *batonv1.Party {
	if p.IsZero() {
		return nil
	}
	return &batonv1.Party{Stage: p.Stage, Party: p.Party, Kind: p.Kind}
}
