package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
)

// parseUUID reads an id in either of the protocol's forms.
func parseUUID(id *shared.UUID) (uuid.UUID, error) {
	switch v := id.GetValue().(type) {
	case *shared.UUID_Structured_:
		var out uuid.UUID
		binary.BigEndian.PutUint64(out[:8], uint64(v.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(out[8:], uint64(v.Structured.GetLeastSignificantBits()))
		return out, nil
	case *shared.UUID_String_:
		out, err := uuid.Parse(v.String_)
		if err != nil {
			return out, fmt.Errorf("the event's id %.60q is no UUID", v.String_)
		}
		return out, nil
	}
	return uuid.Nil, errors.New("the event's id is missing")
}

// uuidOf writes an id in the form that the client asked for.
func uuidOf(id uuid.UUID, structured bool) *shared.UUID {
	if !structured {
		return &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
	}
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits: int64(binary.BigEndian.Uint64(id[:8])), LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:]))}}}
}

// ticks counts 100 ns since the Unix epoch. A client of ours ends its process over a number that it cannot parse, so it is always one.
func ticks(t time.Time) int64 { return t.Unix()*1e7 + int64(t.Nanosecond())/100 }

func streamID(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

// eventResp is the message that carries one event.
func eventResp(r *ledger.Recorded, structured bool) (*streams.ReadResp, error) {
	s, err := rendered(r)
	if err != nil {
		return nil, err
	}
	event := &streams.ReadResp_ReadEvent_RecordedEvent{
		Id: uuidOf(s.ID, structured), StreamIdentifier: streamID(s.Stream), StreamRevision: s.Number,
		PreparePosition: r.Position, CommitPosition: r.Position,
		Metadata:       map[string]string{"type": s.Type, "content-type": s.ContentType, "created": strconv.FormatInt(ticks(s.Created), 10)},
		CustomMetadata: s.Metadata, Data: s.Data,
	}
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: event, Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: r.Position}}}}, nil
}
