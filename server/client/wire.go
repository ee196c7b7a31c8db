package client

import (
	"encoding/json"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

// Record is one recorded event on the wire: its place, and the record's bytes in base64. Line by line it is what a ledger.Reader
// yields, so a client folds, replays and checks exactly what the holder of the directory would.
type Record struct {
	Position     uint64      `json:"position,omitempty"`
	Revision     uint64      `json:"revision,omitempty"`
	RecordedTime time.Time   `json:"recorded_time,omitzero"`
	PrevHead     ledger.Hash `json:"prev_head,omitzero"`
	Record       []byte      `json:"record,omitempty"`
	Problem      *Problem    `json:"problem,omitempty" doc:"why the list ends here; it is the last line then"`
}

// RecordOf puts an event that was read with its data on the wire.
func RecordOf(r *ledger.Recorded) Record {
	return Record{Position: r.Position, Revision: r.Revision, RecordedTime: r.RecordedTime, PrevHead: r.PrevHead, Record: r.Record}
}

// Recorded gives the event back, or the error that the list ended with.
func (w *Record) Recorded() (ledger.Recorded, error) {
	if w.Problem != nil {
		return ledger.Recorded{}, w.Problem.Ledger()
	}
	stream, e, err := ledger.DecodeRecord(w.Record)
	return ledger.Recorded{Event: e, Stream: stream, Position: w.Position, Revision: w.Revision, RecordedTime: w.RecordedTime,
		PrevHead: w.PrevHead, Record: w.Record}, err
}

// StreamLine is the head of a stream on the wire.
type StreamLine struct {
	ledger.StreamHead
	Problem *Problem `json:"problem,omitempty" doc:"why the list ends here; it is the last line then"`
}

// BatchWire is one batch of an append.
type BatchWire struct {
	Stream string            `json:"stream"`
	Expect ledger.Expect     `json:"expect" doc:"revision, 0 no stream, -1 any, -2 an existing stream"`
	Events []json.RawMessage `json:"events" doc:"CloudEvents 1.0 JSON"`
}

// ResultWire is the answer to one batch.
type ResultWire struct {
	Receipts []ledger.Receipt `json:"receipts,omitempty"`
	Notices  []ledger.Notice  `json:"notices,omitempty" doc:"what contracts say against events of the batch"`
	Problem  *Problem         `json:"problem,omitempty"`
}

// Batches is the body of an append of batches.
type Batches struct {
	Batches []BatchWire `json:"batches" maxItems:"10000"`
}

// Results is its answer, a result for each batch in order.
type Results struct {
	Results []ResultWire `json:"results"`
}

// Receipts is the answer to an append of events, a receipt for each in order.
type Receipts struct {
	Receipts []ledger.Receipt `json:"receipts"`
	Notices  []ledger.Notice  `json:"notices,omitempty" doc:"what contracts say against events; those of a batch that went to quarantine have receipts of a stream quarantine-<source>~<digits>"`
}

// List is a page of a list. Next is the cursor of its last item, "" at the end.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// FollowerStatus says how far a follower is.
type FollowerStatus struct {
	Name     string    `json:"name"`
	Position uint64    `json:"position"`
	Lag      uint64    `json:"lag"`
	At       time.Time `json:"at,omitzero"`
}

// Status is what the holder of a ledger says of itself.
type Status struct {
	Head       ledger.Head        `json:"head"`
	Checkpoint *notary.Checkpoint `json:"checkpoint,omitempty"`
	NATS       string             `json:"nats,omitempty" doc:"URL of the NATS server, without credential"`
	Followers  []FollowerStatus   `json:"followers"`
}

// Handoff is the body of a handoff in one call: see [ledger.HandoffCall]. Accept that is absent is true.
type Handoff struct {
	ID            string                     `json:"id,omitempty" maxLength:"247" doc:"of the handoff; default: the header Idempotency-Key, or else a random one"`
	Source        string                     `json:"source,omitempty" maxLength:"256" doc:"of the events, a URI reference; default baton/handoffs"`
	Journey       string                     `json:"journey" minLength:"1" maxLength:"504"`
	From          Party                      `json:"from" doc:"who hands over"`
	To            Party                      `json:"to" doc:"who takes over"`
	Channel       string                     `json:"channel" minLength:"1" maxLength:"1024" doc:"chat, phone, e-mail …"`
	Reason        string                     `json:"reason,omitempty" maxLength:"1024"`
	Time          time.Time                  `json:"time,omitzero" doc:"when it happened; default: when it is recorded"`
	Accept        *bool                      `json:"accept,omitempty" default:"true" doc:"false offers it alone: the receiver accepts or declines in a call of its own"`
	Envelope      json.RawMessage            `json:"envelope,omitempty" doc:"context that goes along: an object with mandatory, optional and forward_looking (objects) and key_insight"`
	Data          map[string]json.RawMessage `json:"data,omitempty" doc:"further members of the offer's data, kept as they are"`
	Schema        string                     `json:"dataschema,omitempty" maxLength:"1024" doc:"contract and version that the offer follows"`
	DataSubject   string                     `json:"datasubject,omitempty" maxLength:"256" doc:"whose data it is, a token"`
	CorrelationID string                     `json:"correlationid,omitempty" maxLength:"256"`
}

// Party is one end of a handoff.
type Party struct {
	Stage string `json:"stage" minLength:"1" maxLength:"1024" doc:"group, team or system"`
	Party string `json:"party,omitempty" maxLength:"1024" doc:"the person, bot or agent in it"`
	Kind  string `json:"kind,omitempty" maxLength:"1024" doc:"human, bot, ai_agent, system, team, partner, customer"`
}

// View is the body of what a receiver opened: see [brief.View].
type View struct {
	Journey   string    `json:"journey,omitempty" maxLength:"504" doc:"that the handoff is of; default: looked up in the read models"`
	By        *Party    `json:"by,omitempty" doc:"who opened it"`
	Fields    []string  `json:"fields,omitempty" maxItems:"500" doc:"that were opened"`
	SidePanel []string  `json:"side_panel,omitempty" maxItems:"500" doc:"references of the side panel that were opened"`
	Time      time.Time `json:"time,omitzero" doc:"when it happened; default: when it is recorded"`
}

// Correction is the body of a customer's correction: see [brief.Correction].
type Correction struct {
	Field   string          `json:"field" minLength:"1" maxLength:"256" doc:"of the context"`
	Value   json.RawMessage `json:"value" doc:"what is right, any JSON; null takes the field away"`
	By      string          `json:"by,omitempty" maxLength:"256" doc:"token of the customer"`
	Channel string          `json:"channel,omitempty" maxLength:"1024"`
	Time    time.Time       `json:"time,omitzero" doc:"when it happened; default: when it is recorded"`
}

// Move is the body of a move of a handoff: see [ledger.HandoffMove].
type Move struct {
	ID      string                     `json:"id,omitempty" maxLength:"256" doc:"of the event; default: the header Idempotency-Key, or else the handoff's and the verb"`
	Source  string                     `json:"source,omitempty" maxLength:"256" doc:"of the event, a URI reference; default baton/handoffs"`
	Journey string                     `json:"journey" minLength:"1" maxLength:"504"`
	By      *Party                     `json:"by,omitempty" doc:"who moves it; of an acceptance the default is the receiver"`
	Reason  string                     `json:"reason,omitempty" maxLength:"1024"`
	Outcome string                     `json:"outcome,omitempty" maxLength:"1024"`
	Time    time.Time                  `json:"time,omitzero" doc:"when it happened; default: when it is recorded"`
	Data    map[string]json.RawMessage `json:"data,omitempty" doc:"further members of the event's data, kept as they are"`
}

// Answer is the body of what is said of a suggestion: see [replay.Answer].
type Answer struct {
	Suggestion string    `json:"suggestion" minLength:"1" maxLength:"256" doc:"its id"`
	By         *Party    `json:"by,omitempty" doc:"who says so; the key's name is recorded besides"`
	Action     string    `json:"action,omitempty" maxLength:"1024" doc:"with modified, and required there: what was done instead"`
	Reason     string    `json:"reason,omitempty" maxLength:"1024" doc:"required with dismissed; may be with accepted and modified"`
	Outcome    string    `json:"outcome,omitempty" maxLength:"1024" doc:"with outcome, and required there"`
	Value      *float64  `json:"value,omitempty" doc:"with outcome: what it was worth"`
	Time       time.Time `json:"time,omitzero" doc:"when it happened; default: when it is recorded"`
	ID         string    `json:"id,omitempty" maxLength:"256" doc:"of the event; default: the header Idempotency-Key, or else a digest of the call"`
	Source     string    `json:"source,omitempty" maxLength:"256" doc:"of the event, a URI reference; default baton/answers"`
}
