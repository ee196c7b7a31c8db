package rpc

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/baton-ledger/baton/ledger"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// batch reads one batch. Without a stream it goes where its first event belongs; events that belong elsewhere are refused, since a batch is all or
// none and so of one stream.
func batch(in *batonv1.AppendRequest) (ledger.Batch, error) {
	b := ledger.Batch{Stream: in.GetStream(), Expect: ledger.Any, Events: make([]ledger.Event, len(in.GetEvents()))}
	if in.Expect != nil {
		b.Expect = ledger.Expect(in.GetExpect())
	}
	for i, m := range in.GetEvents() {
		e, err := event(m)
		if err != nil {
			return b, err
		}
		b.Events[i] = e
		if in.GetStream() != "" {
			continue
		}
		stream := ledger.StreamFor(&e)
		if i > 0 && stream != b.Stream {
			return b, ledger.Errorf(ledger.CodeInvalid, "append", "send one batch for each stream, as AppendAll does, or name the stream",
				"event %d of %d (id %.80q) belongs to stream %.80q, the first one to %.80q", i+1, len(b.Events), e.ID, stream, b.Stream)
		}
		b.Stream = stream
	}
	if len(b.Events) == 0 {
		return b, ledger.Errorf(ledger.CodeInvalid, "append", "put at least one event into it", "the batch has no events")
	}
	return b, nil
}

// event reads one event. Attributes go in by name, in order, so that the same message always gives the same answer.
func event(in *batonv1.Event) (ledger.Event, error) {
	e := ledger.Event{ID: in.GetId(), Source: in.GetSource(), Type: in.GetType(), Subject: in.GetSubject(), ContentType: in.GetDatacontenttype(),
		Schema: in.GetDataschema(), Data: in.GetData()}
	var err error
	if e.Time, err = occurred(in.GetTime()); err != nil {
		return e, err
	}
	for _, name := range slices.Sorted(maps.Keys(in.GetAttributes())) {
		if slices.Contains(fields, name) {
			return e, ledger.Errorf(ledger.CodeInvalid, "append", "send it as the field "+name, "attributes[%q] has a field of its own", name)
		}
		if err := e.SetAttribute(name, in.GetAttributes()[name]); err != nil {
			return e, err
		}
	}
	e.SortExt()
	return e, nil
}

// fields are the attributes that a message has a field for.
var fields = []string{"id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "specversion", "data", "data_base64"}

// recorded is an event on its way out.
func recorded(r *ledger.Recorded) *batonv1.RecordedEvent {
	e := &batonv1.Event{Data: r.Data}
	for name, value := range (&ledger.Recorded{Event: r.Event}).Attributes() { // the place has fields of its own
		switch name {
		case "id":
			e.Id = value
		case "source":
			e.Source = value
		case "type":
			e.Type = value
		case "subject":
			e.Subject = value
		case "time":
			e.Time = value
		case "datacontenttype":
			e.Datacontenttype = value
		case "dataschema":
			e.Dataschema = value
		default:
			if e.Attributes == nil {
				e.Attributes = map[string]string{}
			}
			e.Attributes[name] = value
		}
	}
	return &batonv1.RecordedEvent{Event: e, Stream: r.Stream, Position: r.Position, Revision: r.Revision, RecordedTime: timestamp(r.RecordedTime)}
}

func receipts(in []ledger.Receipt) []*batonv1.Receipt {
	out := make([]*batonv1.Receipt, len(in))
	for i := range in {
		r := &in[i]
		out[i] = &batonv1.Receipt{Stream: r.Stream, Id: r.ID, Position: r.Position, Revision: r.Revision, RecordedTime: timestamp(r.RecordedTime),
			LeafHash: r.LeafHash[:], Duplicate: r.Duplicate}
	}
	return out
}

// timestamp is absent for the zero time, as instant is zero for what is absent; and for the year 0, which RFC 3339 has and Timestamp has not.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if ts := timestamppb.New(t); !t.IsZero() && ts.IsValid() {
		return ts
	}
	return nil
}

func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
