package esdb

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
)

// CheckpointStream holds what the nodes of a ledger agree on: first the founding, then every signed checkpoint. Its events are not the
// ledger's and have no position.
const CheckpointStream = "checkpoint"

// Types of the store's own events. They are none of Baton's event types: nothing folds them.
const (
	foundedType    = "baton-founded"
	checkpointType = "baton-checkpoint"
	indexType      = "baton-index"
)

// Founding is what a node must know before it can take part: who signs the ledger's checkpoints, and the key of its stream tags. The tag key
// may stand beside the stream names that it hides from those who see leaves alone. The signing key is not here: whoever can write to
// EventStoreDB could forge checkpoints with it.
type Founding struct {
	Ledger    uuid.UUID `json:"ledger"` // tells one ledger from another
	PublicKey string    `json:"public_key"`
	TagKey    []byte    `json:"tag_key"`
}

// Founding reads the founding of the ledger; CodeNotFound where none was founded here yet.
func (c *Client) Founding(ctx context.Context) (f Founding, err error) {
	const op = "read the founding of the ledger"
	first, err := c.stream(ctx, CheckpointStream, eventstore.ReadStreamOptions{Direction: eventstore.Forwards, From: eventstore.Start{}}, 1)
	if err != nil {
		return f, err
	}
	if len(first) == 0 {
		return f, ledger.Errorf(ledger.CodeNotFound, op, "open it for writing once", "EventStoreDB holds no ledger yet: stream %q does not exist", CheckpointStream)
	}
	if first[0].Number != 0 || first[0].Type != foundedType || json.Unmarshal(first[0].Data, &f) != nil || len(f.TagKey) != 32 {
		return f, ledger.Errorf(ledger.CodeCorrupt, op, "find out who changed or truncated the stream "+CheckpointStream+", and restore EventStoreDB from a backup",
			"stream %q does not begin with the founding of a ledger (number %d, type %q)", CheckpointStream, first[0].Number, first[0].Type)
	}
	return f, nil
}

// Found founds the ledger, or reads the founding of whoever was faster. Nodes that found at once agree: one append to a stream that does not exist
// succeeds.
func (c *Client) Found(ctx context.Context, f Founding) (Founding, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return f, &ledger.Error{Code: ledger.CodeInternal, Op: "found ledger", Err: err}
	}
	switch n, err := c.count(ctx, IndexStream); {
	case err != nil:
		return f, err
	case n > 0:
		return f, ledger.Errorf(ledger.CodeCorrupt, "found ledger", "find out who removed it, and restore EventStoreDB from a backup",
			"EventStoreDB holds the index of a ledger, of which the stream %s is gone", CheckpointStream)
	}
	event := Stored{ID: nameID(foundedType, data), Type: foundedType, ContentType: JSON, Data: data}
	if err := c.add(ctx, CheckpointStream, 0, []Stored{event}); err != nil && !errors.Is(err, errWrong) {
		return f, err
	}
	return c.Founding(ctx)
}

// nameID is the UUID of one of the store's own events: the same content again is the same event.
func nameID(typ string, data []byte) uuid.UUID {
	h := sha256.New()
	h.Write([]byte(typ))
	h.Write(data)
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id
}

// Empty reports whether there is nothing but what EventStoreDB and the nodes of a ledger write for themselves.
func (c *Client) Empty(ctx context.Context) (bool, error) {
	at, err := c.end(ctx)
	return at == (cursor{}), err
}
