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
