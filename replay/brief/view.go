package brief

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// View says that a receiver opened something of a handoff's context.
type View struct {
	Journey   string
	Handoff   string
	By        ledger.Party
	Actor     string   // of the caller's key
	Fields    []string // opened
	SidePanel []string // references opened
	Time      time.Time
}

// Recorded says where something was recorded.
type Recorded struct {
	Journey string         `json:"journey"`
	Handoff string         `json:"handoff,omitempty"`
	Receipt ledger.Receipt `json:"receipt"`
}

// maxOpened bounds what one view opens.
const maxOpened = 500

// See records handoff.viewed. The same view again answers the first receipt. Errors are CodeInvalid, CodeNotFound for a handoff that the journey does
// not have, and those of an append.
func See(ctx context.Context, r ledger.Reader, to ledger.Append, v View) (Recorded, error) {
	for name, list := range map[string][]string{"fields": v.Fields, "side_panel": v.SidePanel} {
		if len(list) > maxOpened {
			return Recorded{}, ledger.Errorf(ledger.CodeTooLarge, "view", "record it in parts", "%s has %d entries, at most %d are allowed", name, len(list), maxOpened)
		}
		for i, text := range list {
			if strings.TrimSpace(text) == "" {
				return Recorded{}, ledger.Errorf(ledger.CodeInvalid, "view", "leave it out", "%s[%d] is empty", name, i)
			}
		}
	}
	h, err := handoffOf(ctx, r, v.Journey, v.Handoff)
	if err != nil {
		return Recorded{}, err
	}
	data := struct {
		Handoff   string       `json:"handoff"`
		From      ledger.Party `json:"from"`
		To        ledger.Party `json:"to"`
		Channel   string       `json:"channel,omitempty"`
		Stage     string       `json:"stage,omitempty"`
		Party     string       `json:"party,omitempty"`
		Kind      string       `json:"kind,omitempty"`
		Fields    []string     `json:"fields"`
		SidePanel []string     `json:"side_panel,omitempty"`
	}{h.ID, h.Sender, h.Receiver, h.Channel, v.By.Stage, v.By.Party, v.By.Kind, union(v.Fields, nil), nil}
	if len(v.SidePanel) > 0 {
		data.SidePanel = union(v.SidePanel, nil)
	}
	receipt, err := record(ctx, to, v.Journey, v.Actor, "viewed", data, v.Time)
	return Recorded{v.Journey, v.Handoff, receipt}, err
}

// CorrectionActivity is the activity of an interaction in which a customer corrects what is said of them.
const CorrectionActivity = "customer_correction"

// Correction is a customer's word about one field of the context.
type Correction struct {
	Journey string
	Field   string
	Value   json.RawMessage // JSON; null takes the field away
	By      string          // token of the customer; "" where it is not known
	Channel string          // on which it was said
	Time    time.Time
	ID      string // of the event; "": a digest of the above
	Actor   string // of the caller's key
}

// Correct records interaction.recorded with the new value. Errors are CodeInvalid, which names the field, CodeNotFound for a journey that is not there,
// and those of an append.
func Correct(ctx context.Context, r ledger.Reader, to ledger.Append, c Correction) (Recorded, error) {
	switch {
	case strings.TrimSpace(c.Field) == "" || len(c.Field) > 256:
		return Recorded{}, ledger.Errorf(ledger.CodeInvalid, "correct", "name one field of the context", "field %.80q is no name", c.Field)
	case !json.Valid(c.Value):
		return Recorded{}, ledger.Errorf(ledger.CodeInvalid, "correct", "send JSON, a text in quotes", "value is missing or no JSON")
	}
	head, err := r.StreamHead(ctx, ledger.JourneyStream(c.Journey))
	if err != nil {
		return Recorded{}, err
	}
	if head.Revision == 0 {
		return Recorded{}, ledger.Errorf(ledger.CodeNotFound, "correct", "list them with `baton journeys`", "journey %.80q is not in the ledger", c.Journey)
	}
	type meta struct {
		Source string `json:"source"`
		Method string `json:"method"`
	}
	type fields struct {
		Fields map[string]meta `json:"fields"`
	}
	data, err := json.Marshal(struct {
		Activity   string                     `json:"activity"`
		Party      string                     `json:"party,omitempty"`
		Kind       string                     `json:"kind"`
		Channel    string                     `json:"channel,omitempty"`
		Field      string                     `json:"field"`
		Attributes map[string]json.RawMessage `json:"attributes"`
		Envelope   fields                     `json:"envelope"`
	}{CorrectionActivity, c.By, "customer", c.Channel, c.Field, map[string]json.RawMessage{c.Field: c.Value}, fields{map[string]meta{c.Field: {"customer", "user"}}}})
	if err != nil {
		return Recorded{}, ledger.Errorf(ledger.CodeInvalid, "correct", "send JSON", "%w", err)
	}
	sum := sha256.Sum256([]byte(c.Journey + "\x00" + c.Actor + "\x00" + c.Time.UTC().Format(time.RFC3339Nano) + "\x00" + string(data)))
	e := ledger.Event{ID: cmp.Or(c.ID, "correction/"+hex.EncodeToString(sum[:16])), Source: RecordSource, Type: ledger.Type("interaction", "recorded"), Subject: c.Journey,
		Time: c.Time, ContentType: "application/json", Actor: c.Actor, Data: data}
	receipt, err := appendOne(ctx, to, ledger.JourneyStream(c.Journey), e)
	return Recorded{Journey: c.Journey, Receipt: receipt}, err
}
