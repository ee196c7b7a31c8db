package brief

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// RecordSource is the source of what is recorded here for callers who name none.
const RecordSource = "baton/context"

// Delivery asks for a brief and for the record that it was given to somebody.
type Delivery struct {
	Journey string
	Handoff string
	To      string // who was given it; "": the receiver
	Actor   string // of the caller's key
}

// Delivered says what was recorded of a delivery.
type Delivered struct {
	Brief   Brief          `json:"brief"`
	Receipt ledger.Receipt `json:"receipt"`
}

// deliveredData is the data of handoff.delivered.
type deliveredData struct {
	Handoff     string       `json:"handoff"`
	From        ledger.Party `json:"from"`
	To          ledger.Party `json:"to"`
	Channel     string       `json:"channel,omitempty"`
	GivenTo     string       `json:"given_to,omitempty"`
	Fields      []string     `json:"fields"`
	Missing     []string     `json:"missing,omitempty"`
	Stale       []string     `json:"stale,omitempty"`
	Tokens      int          `json:"tokens"`
	Tier        string       `json:"tier"`
	Style       string       `json:"style,omitempty"`
	Contract    string       `json:"contract,omitempty"`
	Version     int          `json:"version,omitempty"`
	Variant     string       `json:"variant,omitempty"`
	Upcasts     []Applied    `json:"upcasts,omitempty"`
	KeyInsight  string       `json:"key_insight,omitempty"` // said or made
	Suggestions []string     `json:"suggestions,omitempty"` // ids
	Digest      ledger.Hash  `json:"envelope_digest"`
	Resolver    string       `json:"resolver"`
	Position    uint64       `json:"as_of_position,omitempty"` // the brief as of it is this one, by the contracts of then
}

// Deliver makes the brief of a handoff as of now and records handoff.delivered with its fields and digest. What was given once is recorded once: the same
// brief to the same receiver again answers the first receipt. The options' Handoff and Moment are those of the delivery.
func Deliver(ctx context.Context, r ledger.Reader, to ledger.Append, d Delivery, o Options) (Delivered, error) {
	o.Handoff = d.Handoff
	if !o.Moment.IsZero() {
		return Delivered{}, ledger.Errorf(ledger.CodeInvalid, "deliver", "leave the moment out", "only what is known now can be delivered, not %s", o.Moment)
	}
	b, err := Assemble(ctx, r, d.Journey, o)
	if err != nil {
		return Delivered{}, err
	}
	h, err := handoffOf(ctx, r, d.Journey, d.Handoff)
	if err != nil {
		return Delivered{}, err
	}
	receipt, err := deliver(ctx, r, to, d.Journey, d.Actor, b.delivered(h, d.To), b.Position)
	return Delivered{b, receipt}, err
}

func (b *Brief) delivered(h *ledger.Handoff, to string) deliveredData {
	d := deliveredData{Handoff: h.ID, From: h.Sender, To: h.Receiver, Channel: h.Channel, GivenTo: to, Fields: []string{}, Tokens: b.Tokens, Tier: b.Tier, Style: b.Style,
		Upcasts: b.Applied, Digest: b.Digest, Resolver: Resolver}
	for _, f := range b.Fields {
		if d.Fields = append(d.Fields, f.Name); f.Stale {
			d.Stale = append(d.Stale, f.Name)
		}
	}
	for _, m := range b.Missing {
		d.Missing = append(d.Missing, m.Name)
	}
	for _, s := range b.Suggestions {
		d.Suggestions = append(d.Suggestions, s.ID)
	}
	if c := b.Contract; c != nil {
		d.Contract, d.Version, d.Variant = c.Name, c.Version, c.Variant
	}
	if i := b.Insight; i != nil {
		d.KeyInsight = "said"
		if i.Made {
			d.KeyInsight = "made"
		}
	}
	return d
}

// handoffOf folds a journey's facts for one handoff.
func handoffOf(ctx context.Context, r ledger.Reader, journey, handoff string) (*ledger.Handoff, error) {
	var j ledger.Journey
	for e, err := range r.ReadStream(ctx, ledger.JourneyStream(journey), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			return nil, err
		}
		j.Apply(&e)
	}
	i := j.Find(handoff)
	if i < 0 {
		return nil, ledger.Errorf(ledger.CodeNotFound, "context", "look at the handoffs of the journey; a handoff's id is that of its offered event",
			"journey %.80q has no handoff %.80q", journey, handoff)
	}
	return &j.Handoffs[i], nil
}

// record appends an event about a handoff to the overlay. Its id is a digest of what it says, so that the same said again is known as that.
func record(ctx context.Context, to ledger.Append, journey, actor, verb string, data any, at time.Time) (ledger.Receipt, error) {
	e, err := said(journey, actor, verb, data, at)
	if err != nil {
		return ledger.Receipt{}, err
	}
	return appendOne(ctx, to, ledger.OverlayStream(journey), e)
}

func said(journey, actor, verb string, data any, at time.Time) (ledger.Event, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInvalid, verb, "send JSON", "%w", err)
	}
	sum := sha256.Sum256([]byte(journey + "\x00" + actor + "\x00" + at.UTC().Format(time.RFC3339Nano) + "\x00" + string(text)))
	return ledger.Event{ID: verb + "/" + hex.EncodeToString(sum[:16]), Source: RecordSource, Type: ledger.Type("handoff", verb), Subject: journey, Time: at,
		ContentType: "application/json", Actor: actor, Data: text}, nil
}

// deliver appends a delivery. The position of the brief is in the event and not in its id: what was given again, after others had said other things, is
// the event that is there.
func deliver(ctx context.Context, r ledger.Reader, to ledger.Append, journey, actor string, d deliveredData, position uint64) (ledger.Receipt, error) {
	e, err := said(journey, actor, "delivered", d, time.Time{})
	if err != nil {
		return ledger.Receipt{}, err
	}
	d.Position = position
	if e.Data, err = json.Marshal(d); err != nil {
		return ledger.Receipt{}, ledger.Errorf(ledger.CodeInternal, "deliver", "", "%w", err)
	}
	stream := ledger.OverlayStream(journey)
	for try := 0; ; try++ {
		expect := ledger.Expect(0)
		for earlier, err := range r.ReadStream(ctx, stream, ledger.ReadOptions{}) {
			if err != nil {
				return ledger.Receipt{}, err
			}
			if expect = ledger.Expect(earlier.Revision); earlier.ID == e.ID && earlier.Source == e.Source {
				e.Data, expect = earlier.Data, ledger.Any
				break
			}
		}
		result := to(ctx, []ledger.Batch{{Stream: stream, Expect: expect, Events: []ledger.Event{e}}})[0]
		switch {
		case errors.Is(result.Err, ledger.CodeStaleRevision) && try < 10: // something came in between, this delivery perhaps
			continue
		case result.Err != nil:
			return ledger.Receipt{}, result.Err
		}
		return result.Receipts[0], nil
	}
}

func appendOne(ctx context.Context, to ledger.Append, stream string, e ledger.Event) (ledger.Receipt, error) {
	result := to(ctx, []ledger.Batch{{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}})[0]
	if result.Err != nil {
		return ledger.Receipt{}, result.Err
	}
	return result.Receipts[0], nil
}
