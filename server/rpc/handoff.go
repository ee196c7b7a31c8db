package rpc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/baton-ledger/baton/ledger"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// Handoff hands a journey over in one call.
func (s *service) Handoff(ctx context.Context, in *batonv1.HandoffRequest) (*batonv1.HandoffResponse, error) {
	c := ledger.HandoffCall{ID: in.GetId(), Source: in.GetSource(), Journey: in.GetJourney(), From: partyOf(in.GetFrom()), To: partyOf(in.GetTo()),
		Channel: in.GetChannel(), Reason: in.GetReason(), Data: members(in.GetData()), OfferOnly: in.GetOfferOnly(), Schema: in.GetDataschema(),
		DataSubject: in.GetDatasubject(), CorrelationID: in.GetCorrelationid()}
	if in.GetEnvelope() != "" {
		c.Envelope = json.RawMessage(in.GetEnvelope())
	}
	var err error
	if c.Time, err = occurred(in.GetTime()); err != nil {
		return nil, fail(err)
	}
	return handedOff(ledger.HandOff(ctx, s.Store, s.write, c))
}

// MoveHandoff says what became of a handoff.
func (s *service) MoveHandoff(ctx context.Context, in *batonv1.MoveHandoffRequest) (*batonv1.HandoffResponse, error) {
	m := ledger.HandoffMove{Handoff: in.GetHandoff(), Verb: ledger.HandoffState(in.GetVerb()), ID: in.GetId(), Source: in.GetSource(),
		Journey: in.GetJourney(), By: partyOf(in.GetBy()), Reason: in.GetReason(), Outcome: in.GetOutcome(), Data: members(in.GetData())}
	var err error
	if m.Time, err = occurred(in.GetTime()); err != nil {
		return nil, fail(err)
	}
	return handedOff(ledger.MoveHandoff(ctx, s.Store, s.write, m))
}

func handedOff(h ledger.HandedOff, err error) (*batonv1.HandoffResponse, error) {
	if err != nil {
		return nil, fail(err)
	}
	return &batonv1.HandoffResponse{Handoff: h.Handoff, Journey: h.Journey, Point: h.Point, State: string(h.State), Owner: party(h.Owner),
		Anomalies: h.Anomalies, Receipts: receipts(h.Receipts)}, nil
}

// occurred reads a time as events have it, "" being none.
func occurred(text string) (time.Time, error) {
	var e ledger.Event
	if text == "" {
		return time.Time{}, nil
	}
	err := e.SetAttribute("time", text)
	return e.Time, err
}

func partyOf(p *batonv1.Party) ledger.Party {
	return ledger.Party{Stage: p.GetStage(), Party: p.GetParty(), Kind: p.GetKind()}
}

func members(in map[string]string) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(in))
	for name, value := range in {
		out[name] = json.RawMessage(value)
	}
	return out
}
