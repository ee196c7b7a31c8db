package contract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Quarantined is the data of contract.quarantined: why a batch is in quarantine, and where it belongs. The events of the batch follow the note in
// its stream, byte for byte as they were sent.
type Quarantined struct {
	Stream  string          `json:"stream"` // where the batch belongs
	Expect  ledger.Expect   `json:"expect"` // what its sender believed of that stream
	Events  int             `json:"events"` // that follow
	First   string          `json:"first"`  // id of the first
	Journey string          `json:"journey,omitempty"`
	Handoff string          `json:"handoff,omitempty"` // of the first offer that broke its contract
	Notices []ledger.Notice `json:"notices"`
}

func quarantineNote(b *ledger.Batch, id string, notices []ledger.Notice) (ledger.Event, error) {
	notices = slices.DeleteFunc(slices.Clone(notices), func(n ledger.Notice) bool { return len(n.Violations) == 0 })
	first := &b.Events[0]
	data, err := json.Marshal(Quarantined{Stream: b.Stream, Expect: b.Expect, Events: len(b.Events), First: first.ID, Journey: ledger.JourneyOf(b.Stream),
		Handoff: notices[0].Event, Notices: notices})
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInternal, "quarantine", "", "%w", err)
	}
	return ledger.Event{ID: "quarantined/" + id, Source: Source, Type: ledger.Type("contract", "quarantined"), Subject: first.Subject,
		Time: first.Time, ContentType: "application/json", DataSubject: first.DataSubject, Data: data}, nil
}

// itemID is what something in quarantine is known by: where it belongs and the offer that broke its contract, byte for byte. The same sent again is the
// same; a second try that is broken in another way is kept beside the first, in a stream of its own as each is.
func itemID(stream string, e *ledger.Event) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", stream, e.Source, e.ID, e.Schema, e.Data))
	return hex.EncodeToString(sum[:16])
}

// Item is one batch in quarantine and what became of it.
type Item struct {
	ID       string        `json:"id"` // of the note
	Position uint64        `json:"position"`
	In       string        `json:"in"` // quarantine stream
	At       time.Time     `json:"at"`
	State    string        `json:"state"` // waiting, released, discarded
	Said     Quarantined   `json:"quarantined"`
	Released *ReleasedData `json:"released,omitempty"`
	Why      string        `json:"why,omitempty"` // of a discard
	By       string        `json:"by,omitempty"`  // who released or discarded it

	revision uint64
}

// ReleasedData is the data of contract.released.
type ReleasedData struct {
	Quarantined string   `json:"quarantined"` // id of the note
	Stream      string   `json:"stream"`
	Positions   []uint64 `json:"positions"`        // of the events where they belong
	Repair      []Step   `json:"repair,omitempty"` // what was changed in the envelopes of offers; none: they are as they were sent
	Why         string   `json:"why,omitempty"`
}

// discarded is the data of contract.discarded.
type discarded struct {
	Quarantined string `json:"quarantined"`
	Why         string `json:"why"`
}

// Inbox yields what is and was in quarantine, by stream and in the order in which it came.
func Inbox(ctx context.Context, r ledger.Reader) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for head, err := range r.Streams(ctx, ledger.CategoryQuarantine+"-", "") {
			if err != nil {
				yield(nil, err)
				return
			}
			items, err := inStream(ctx, r, head.Stream)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// inStream folds one quarantine stream. Its other events are what is in quarantine, and those without a subject.
func inStream(ctx context.Context, r ledger.Reader, stream string) (items []*Item, err error) {
	byID := map[string]*Item{}
	for e, err := range r.ReadStream(ctx, stream, ledger.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		family, verb := ledger.SplitType(e.Type)
		if family != "contract" || e.Source != Source {
			continue
		}
		var d struct {
			Quarantined
			Of string `json:"quarantined"`
		}
		if json.Unmarshal(e.Data, &d) != nil {
			continue
		}
		switch item := byID[d.Of]; {
		case verb == "quarantined":
			item := &Item{ID: e.ID, Position: e.Position, In: stream, At: e.RecordedTime, State: "waiting", Said: d.Quarantined, revision: e.Revision}
			items, byID[e.ID] = append(items, item), item
		case item == nil || item.State != "waiting":
		case verb == "released":
			item.State, item.By, item.Released = "released", e.Actor, new(ReleasedData)
			_ = json.Unmarshal(e.Data, item.Released)
		case verb == "discarded":
			var why discarded
			_ = json.Unmarshal(e.Data, &why)
			item.State, item.By, item.Why = "discarded", e.Actor, why.Why
		}
	}
	return items, nil
}

// FindItem gives what is in quarantine by its id, or the beginning of one, or the id of the handoff. The error is CodeNotFound, or CodeInvalid for
// a beginning that several share.
func FindItem(ctx context.Context, r ledger.Reader, id string) (*Item, error) {
	var found, waiting []*Item
	for item, err := range Inbox(ctx, r) {
		if err != nil {
			return nil, err
		}
		if item.ID == id {
			return item, nil
		}
		short := strings.TrimPrefix(item.ID, "quarantined/")
		if item.Said.Handoff != id && (len(id) < 4 || !strings.HasPrefix(short, strings.TrimPrefix(id, "quarantined/"))) {
			continue
		}
		if found = append(found, item); item.State == "waiting" {
			waiting = append(waiting, item)
		}
	}
	switch {
	case len(found) == 0:
		return nil, ledger.Errorf(ledger.CodeNotFound, "quarantine", "list what is there with `baton contracts inbox`", "nothing in quarantine has the id %.80q", id)
	case len(found) == 1:
		return found[0], nil
	case len(waiting) == 1:
		return waiting[0], nil
	}
	return nil, ledger.Errorf(ledger.CodeInvalid, "quarantine", "take one of their own ids, see `baton contracts inbox --all`", "%d things in quarantine are of %.80q", len(found), id)
}

// Release is what is done about something in quarantine.
type Release struct {
	ID     string // as FindItem takes it
	Repair []Step // changes of the envelopes of its offers; none: as they were sent
	Why    string
	By     string // actor
}

// Payload reads the events of something in quarantine, as they were sent.
func Payload(ctx context.Context, r ledger.Reader, item *Item) (events []ledger.Recorded, err error) {
	for e, err := range r.ReadStream(ctx, item.In, ledger.ReadOptions{From: item.revision + 1, To: item.revision + uint64(item.Said.Events)}) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	if len(events) != item.Said.Events {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "quarantine", "run `baton verify`", "%d of %d events of %s are there", len(events), item.Said.Events, item.ID)
	}
	return events, nil
}

// ReleaseItem appends the events to the stream they belong to, through an intake that checks contracts, and says so in quarantine. What still breaks its
// contract stays where it is: the error is CodeViolation. Released again, it answers as before. An offer that is repaired keeps
// its id, and names the original in the attribute "repairof".
func ReleaseItem(ctx context.Context, r ledger.Reader, to ledger.Append, do Release) (*Item, error) {
	if len(do.Repair) > 0 && do.Why == "" {
		return nil, ledger.Errorf(ledger.CodeInvalid, "release", "say why what was sent may be changed", "a repair needs a reason")
	}
	item, err := FindItem(ctx, r, do.ID)
	if err != nil || item.State == "released" {
		return item, err
	}
	if item.State != "waiting" {
		return item, ledger.Errorf(ledger.CodeInvalid, "release", "see `baton contracts inbox --all`", "%s was %s", item.ID, item.State)
	}
	kept, err := Payload(ctx, r, item)
	if err != nil {
		return item, err
	}
	events := make([]ledger.Event, len(kept))
	for i := range kept {
		events[i] = kept[i].Event
	}
	if len(do.Repair) > 0 {
		if err := repairAll(events, item, do.Repair); err != nil {
			return item, err
		}
	}
	if err := stillBroken(ctx, r, events); err != nil {
		return item, err
	}
	result := to(ctx, []ledger.Batch{{Stream: item.Said.Stream, Expect: ledger.Any, Events: events}})[0]
	if code := ledger.CodeOf(result.Err); code == ledger.CodeIDConflict || code == ledger.CodePartialBatch {
		return item, ledger.Errorf(code, "release", "its sender has sent it anew: look at the journey, and discard this one", "%w", result.Err)
	}
	if result.Err != nil {
		return item, result.Err
	}
	if result.Receipts[0].Stream != item.Said.Stream { // a contract came between, and it is in quarantine as it was
		return item, broken(item.Said.Notices)
	}
	d := ReleasedData{Quarantined: item.ID, Stream: item.Said.Stream, Repair: do.Repair, Why: do.Why}
	for _, receipt := range result.Receipts {
		d.Positions = append(d.Positions, receipt.Position)
	}
	if err := settle(ctx, to, item, "released", d, do.By); err != nil {
		return item, err
	}
	item.State, item.By, item.Released = "released", do.By, &d
	return item, nil
}

// stillBroken is the error of events that the intake would not let through: they stay where they are.
func stillBroken(ctx context.Context, r ledger.Reader, events []ledger.Event) error {
	g, err := Load(ctx, r, 0)
	if err != nil {
		return err
	}
	var notices []ledger.Notice
	for i := range events {
		if events[i].Type != offered {
			continue
		}
		n, ok := g.Check(&events[i])
		if blocks := Mode(n.Mode) == Quarantine || Mode(n.Mode) == Reject; ok && blocks && len(n.Violations) > 0 {
			notices = append(notices, n)
		}
	}
	if len(notices) == 0 {
		return nil
	}
	return broken(notices)
}

func broken(notices []ledger.Notice) error {
	return &ledger.Error{Code: ledger.CodeViolation, Op: "release", Err: &ledger.Broken{Notices: notices},
		Hint: "repair it with --rename, --move, --drop or --set, publish a version that it fits, or one of a milder mode"}
}

// Discard says that something in quarantine is not wanted. It stays in the record.
func Discard(ctx context.Context, r ledger.Reader, to ledger.Append, id, why, by string) (*Item, error) {
	item, err := FindItem(ctx, r, id)
	switch {
	case err != nil:
		return nil, err
	case why == "":
		return item, ledger.Errorf(ledger.CodeInvalid, "discard", "say why with --why", "the reason is missing")
	case item.State == "discarded":
		return item, nil
	case item.State != "waiting":
		return item, ledger.Errorf(ledger.CodeInvalid, "discard", "see `baton contracts inbox --all`", "%s was %s", item.ID, item.State)
	}
	if err := settle(ctx, to, item, "discarded", discarded{Quarantined: item.ID, Why: why}, by); err != nil {
		return item, err
	}
	item.State, item.Why, item.By = "discarded", why, by
	return item, nil
}

func settle(ctx context.Context, to ledger.Append, item *Item, verb string, data any, by string) error {
	text, err := json.Marshal(data)
	if err != nil {
		return ledger.Errorf(ledger.CodeInternal, verb, "", "%w", err)
	}
	e := ledger.Event{ID: verb + strings.TrimPrefix(item.ID, "quarantined"), Source: Source, Type: ledger.Type("contract", verb), Subject: item.Said.Journey,
		ContentType: "application/json", Actor: by, CausationID: item.ID, Data: text}
	return to(ctx, []ledger.Batch{{Stream: item.In, Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err
}

// repairAll changes the envelopes of the offers in place; events are copies.
func repairAll(events []ledger.Event, item *Item, steps []Step) error {
	changed := false
	for i := range events {
		e := &events[i]
		if e.Type != offered {
			continue
		}
		envelope, _ := ReadEnvelope(e)
		better, err := (&Upcast{Steps: steps}).Apply(envelope)
		if err != nil {
			return err
		}
		data, err := withEnvelope(e.Data, better)
		if err != nil {
			return err
		}
		e.Data, changed = data, true
		e.Ext = append(slices.Clone(e.Ext), ledger.Attr{Name: "repairof", Value: item.ID})
		e.SortExt()
	}
	if !changed {
		return ledger.Errorf(ledger.CodeInvalid, "release", "release it without a repair", "%s has no offer whose envelope could be repaired", item.ID)
	}
	return nil
}

// withEnvelope puts another envelope into an offer's data. Members of the two that contracts know nothing of stay as they are, byte for byte.
func withEnvelope(data []byte, envelope Envelope) ([]byte, error) {
	var members, parts, better map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "release", "discard it, and have it sent again", "the offer's data is no object: %w", err)
	}
	text, err := json.Marshal(envelope)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "release", "give values as JSON", "%w", err)
	}
	if json.Unmarshal(members["envelope"], &parts) != nil || parts == nil {
		parts = map[string]json.RawMessage{}
	}
	for _, known := range []string{"mandatory", "optional", "forward_looking", "fields", "key_insight", "side_panel"} {
		delete(parts, known)
	}
	_ = json.Unmarshal(text, &better) // it was just written
	maps.Copy(parts, better)
	if members["envelope"], err = json.Marshal(parts); err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, "release", "", "%w", err)
	}
	return json.Marshal(members)
}
