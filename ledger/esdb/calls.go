package esdb

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
)

// cursor is a place in the all-stream.
type cursor = eventstore.Position

// logged is an event of the all-stream with its place there.
type logged struct {
	Stored
	at cursor
}

// anyNumber expects nothing of a stream; other expectations are the number of its last event plus one, 0 for none.
const anyNumber = math.MaxUint64

// add appends to a stream whose events are count so far. errWrong: it has another number of them.
func (c *Client) add(ctx context.Context, stream string, count uint64, events []Stored) error {
	o := eventstore.AppendToStreamOptions{ExpectedRevision: eventstore.Any{}}
	switch {
	case count == 0:
		o.ExpectedRevision = eventstore.NoStream{}
	case count != anyNumber:
		o.ExpectedRevision = eventstore.Revision(count - 1)
	}
	data := make([]eventstore.EventData, len(events))
	for i := range events {
		e := &events[i]
		data[i] = eventstore.EventData{EventID: e.ID, EventType: e.Type, ContentType: eventstore.ContentTypeBinary, Data: e.Data, Metadata: e.Metadata}
		if e.ContentType == JSON {
			data[i].ContentType = eventstore.ContentTypeJson
		}
	}
	_, err := call(ctx, c, "append to EventStoreDB", func(ctx context.Context, client *eventstore.Client) (*eventstore.WriteResult, error) {
		return client.AppendToStream(ctx, stream, o, data...)
	})
	if err != nil && strings.Contains(err.Error(), "Append Size") {
		return ledger.Errorf(ledger.CodeTooLarge, "append", "raise MaxAppendSize (and MaxAppendEventSize) of the EventStoreDB nodes to 16 MiB, or send less at once", "%w", err)
	}
	return err
}

// count is how many events a stream has had.
func (c *Client) count(ctx context.Context, stream string) (uint64, error) {
	last, err := c.stream(ctx, stream, eventstore.ReadStreamOptions{Direction: eventstore.Backwards, From: eventstore.End{}}, 1)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Number + 1, nil
}

// stream reads up to n events of a stream; none of one that does not exist.
func (c *Client) stream(ctx context.Context, stream string, o eventstore.ReadStreamOptions, n uint64) ([]logged, error) {
	events, err := call(ctx, c, "read from EventStoreDB", func(ctx context.Context, client *eventstore.Client) ([]logged, error) {
		read, err := client.ReadStream(ctx, stream, o, n)
		return drain(read, err, nil)
	})
	if errors.Is(err, errNoStream) {
		return nil, nil
	}
	return events, err
}

// all reads up to n events of the all-stream, system events among them, and no more than it must to find the one that is enough.
func (c *Client) all(ctx context.Context, o eventstore.ReadAllOptions, n uint64, enough func(*logged) bool) ([]logged, error) {
	return call(ctx, c, "read from EventStoreDB", func(ctx context.Context, client *eventstore.Client) ([]logged, error) {
		read, err := client.ReadAll(ctx, o, n)
		return drain(read, err, enough)
	})
}

// drain reads to the end, or to the first event that is enough.
func drain(read *eventstore.ReadStream, err error, enough func(*logged) bool) (events []logged, _ error) {
	if err != nil {
		return nil, err
	}
	defer read.Close()
	for {
		e, err := read.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		if e.Event == nil {
			continue
		}
		events = append(events, logOf(e.Event))
		if enough != nil && enough(&events[len(events)-1]) {
			return events, nil
		}
	}
}

func logOf(e *eventstore.RecordedEvent) logged {
	return logged{Stored{Stream: e.StreamID, ID: e.EventID, Type: e.EventType, ContentType: e.ContentType, Metadata: e.UserMetadata, Data: e.Data,
		Number: e.EventNumber, Created: e.CreatedDate}, e.Position}
}
