package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/baton-ledger/baton/ledger"
	batonesdb "github.com/baton-ledger/baton/ledger/esdb"
)

// TestAppendAndRead: what the official client appends it reads back byte for byte, in both directions, from a stream and from all.
func TestAppendAndRead(t *testing.T) {
	s := serve(t)
	var sent []esdb.EventData
	for i := range 40 {
		e := event(fmt.Sprint("type-", i%3))
		if i%4 == 0 {
			e.ContentType, e.Data, e.Metadata = esdb.ContentTypeBinary, []byte{0, 1, byte(i)}, nil
		}
		sent = append(sent, e)
	}
	w := s.mustAdd(t, "order-1", esdb.NoStream{}, sent[:20]...)
	if w.NextExpectedVersion != 19 || w.CommitPosition != 20 {
		t.Errorf("the first append answers %+v", w)
	}
	if w = s.mustAdd(t, "order-1", esdb.Revision(19), sent[20:]...); w.NextExpectedVersion != 39 {
		t.Errorf("the second answers %+v", w)
	}
	ctx := within(t)
	read := func(o esdb.ReadStreamOptions, n uint64) []*esdb.RecordedEvent {
		r, err := s.ReadStream(ctx, "order-1", o, n)
		return all(t, r, err)
	}
	got := read(esdb.ReadStreamOptions{}, 1000)
	if len(got) != 40 {
		t.Fatalf("%d events", len(got))
	}
	for i, e := range got {
		want := sent[i]
		contentType := "application/json"
		if want.ContentType == esdb.ContentTypeBinary {
			contentType = "application/octet-stream"
		}
		if e.EventID != want.EventID || e.EventType != want.EventType || !bytes.Equal(e.Data, want.Data) || !bytes.Equal(e.UserMetadata, want.Metadata) ||
			e.ContentType != contentType || e.EventNumber != uint64(i) || e.Position.Commit != uint64(i)+1 || e.StreamID != "order-1" || e.CreatedDate.Year() < 2020 {
			t.Fatalf("event %d is %+v, want %+v", i, e, want)
		}
	}
	numbers := func(events []*esdb.RecordedEvent) (out []uint64) {
		for _, e := range events {
			out = append(out, e.EventNumber)
		}
		return out
	}
	readAll := func(o esdb.ReadAllOptions, n uint64) []uint64 {
		r, err := s.ReadAll(ctx, o, n)
		return numbers(all(t, r, err))
	}
	for name, c := range map[string]struct{ got, want []uint64 }{
		"from 37":              {numbers(read(esdb.ReadStreamOptions{From: esdb.Revision(37)}, 10)), []uint64{37, 38, 39}},
		"from past the end":    {numbers(read(esdb.ReadStreamOptions{From: esdb.Revision(40)}, 10)), nil},
		"backwards":            {numbers(read(esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, 2)), []uint64{39, 38}},
		"backwards from 2":     {numbers(read(esdb.ReadStreamOptions{From: esdb.Revision(2), Direction: esdb.Backwards}, 10)), []uint64{2, 1, 0}},
		"backwards from start": {numbers(read(esdb.ReadStreamOptions{From: esdb.Start{}, Direction: esdb.Backwards}, 10)), []uint64{0}},
		"all from 39":          {readAll(esdb.ReadAllOptions{From: esdb.Position{Commit: 39, Prepare: 39}}, 10), []uint64{38, 39}},
		"all, two":             {readAll(esdb.ReadAllOptions{From: esdb.Start{}}, 2), []uint64{0, 1}},
		"all from end":         {readAll(esdb.ReadAllOptions{From: esdb.End{}}, 2), nil},
		"all back":             {readAll(esdb.ReadAllOptions{From: esdb.End{}, Direction: esdb.Backwards}, 3), []uint64{39, 38, 37}},
		"all back from 3":      {readAll(esdb.ReadAllOptions{From: esdb.Position{Commit: 3, Prepare: 3}, Direction: esdb.Backwards}, 3), []uint64{1, 0}},
		"all back from start":  {readAll(esdb.ReadAllOptions{From: esdb.Start{}, Direction: esdb.Backwards}, 3), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s gives %v, want %v", name, c.got, c.want)
		}
	}
	back := read(esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, 1000)
	for i, e := range back {
		if e.EventNumber != uint64(39-i) {
			t.Fatalf("backwards, event %d is number %d", i, e.EventNumber)
		}
	}
	if len(back) != 40 {
		t.Errorf("backwards there are %d", len(back))
	}
	r, err := s.ReadStream(ctx, "no-such", esdb.ReadStreamOptions{}, 1)
	if err == nil {
		_, err = r.Recv()
	}
	if codeOf(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("a stream that is not there answers %v", err)
	}
}

// TestSubscribe: what is there, caught up, and what comes.
func TestSubscribe(t *testing.T) {
	s := serve(t)
	first := s.mustAdd(t, "order-1", esdb.Any{}, event("a"), event("b"), event("c"))
	sub, err := s.SubscribeToAll(within(t), esdb.SubscribeToAllOptions{From: esdb.Position{Commit: 1, Prepare: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	one, err := s.SubscribeToStream(within(t), "order-2", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	expect := func(sub *esdb.Subscription, want string) {
		t.Helper()
		e := sub.Recv()
		got := "?"
		switch {
		case e.EventAppeared != nil:
			got = e.EventAppeared.Event.EventType
		case e.CaughtUp != nil:
			got = "caught up"
		case e.CheckPointReached != nil:
			got = fmt.Sprint("checkpoint ", e.CheckPointReached.Commit)
		case e.SubscriptionDropped != nil:
			got = "dropped: " + e.SubscriptionDropped.Error.Error()
		}
		if got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	expect(sub, "b")
	expect(sub, "c")
	expect(sub, "caught up")
	expect(one, "caught up")
	s.mustAdd(t, "order-2", esdb.NoStream{}, event("d"))
	s.mustAdd(t, "order-1", esdb.Revision(first.NextExpectedVersion), event("e"))
	s.mustAdd(t, "order-2", esdb.Revision(0), event("f"))
	for _, want := range []string{"d", "e", "f"} {
		expect(sub, want)
	}
	expect(one, "d")
	expect(one, "f")
	filtered, err := s.SubscribeToAll(within(t), esdb.SubscribeToAllOptions{From: esdb.Start{}, MaxSearchWindow: 1, CheckpointInterval: 2,
		Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"order-2"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer filtered.Close()
	for _, want := range []string{"checkpoint 2", "d", "checkpoint 4", "f", "checkpoint 6", "caught up"} {
		expect(filtered, want)
	}
	s.mustAdd(t, "order-1", esdb.Any{}, event("g"), event("h"), event("i"))
	expect(filtered, "checkpoint 8")
	s.mustAdd(t, "order-2", esdb.Any{}, event("j"))
	expect(filtered, "j")
	rare, err := s.SubscribeToAll(within(t), esdb.SubscribeToAllOptions{From: esdb.Start{}, MaxSearchWindow: math.MaxUint32, CheckpointInterval: math.MaxUint32,
		Filter: &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "^[dj]$"}})
	if err != nil {
		t.Fatal(err)
	}
	defer rare.Close()
	for _, want := range []string{"d", "j", "checkpoint 10", "caught up"} {
		expect(rare, want)
	}
	s.stop()
	e := filtered.Recv()
	for e.CheckPointReached != nil {
		e = filtered.Recv()
	}
	if e.SubscriptionDropped == nil {
		t.Errorf("after the server ended the subscription says %+v", e)
	}
}

// TestOtherWaysIn: what came in by another way is, to an adapter that reads it by the protocol, the event that was recorded; and a copy of it
// in another ledger is that too.
func TestOtherWaysIn(t *testing.T) {
	s := serve(t)
	sent := ledger.Event{ID: "h-1", Source: "/desk", Type: "dev.baton.handoff.offered.v1", Subject: "J-1", Actor: "desk", CorrelationID: "c-1", ContentType: "application/json",
		Ext: []ledger.Attr{{Name: "tenant", Value: "acme"}}, Data: []byte(`{"from":{"stage":"a"},"to":{"stage":"b"},"channel":"chat"}`)}
	intake := ledger.Intake(s.store.AppendAll, ledger.Validate)
	if err := intake(t.Context(), []ledger.Batch{{Stream: "journey-J-1", Expect: ledger.NoStream, Events: []ledger.Event{sent}}})[0].Err; err != nil {
		t.Fatal(err)
	}
	seen := func(s *served) (*esdb.RecordedEvent, batonesdb.Stored) {
		r, err := s.ReadStream(within(t), "journey-J-1", esdb.ReadStreamOptions{}, 1)
		e := all(t, r, err)[0]
		return e, batonesdb.Stored{Stream: e.StreamID, ID: e.EventID, Type: e.EventType, ContentType: e.ContentType, Metadata: e.UserMetadata, Data: e.Data}
	}
	recorded := func(s *served) (r ledger.Recorded) {
		for r, err := range s.store.Read(t.Context(), ledger.ReadOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		return r
	}
	e, stored := seen(s)
	first := recorded(s)
	got, at, ours := batonesdb.Decode(&stored)
	if record, err := ledger.EncodeRecord("journey-J-1", &got); !ours || err != nil || !bytes.Equal(record, first.Record) || !at.Equal(first.RecordedTime) {
		t.Errorf("an adapter sees %+v of %v (ours: %v)", got, at, ours)
	}
	if !strings.HasPrefix(string(e.UserMetadata), `{"$correlationId":"c-1","baton":{`) {
		t.Errorf("metadata is %s", e.UserMetadata)
	}
	other := serve(t)
	other.mustAdd(t, "journey-J-1", esdb.NoStream{}, esdb.EventData{EventID: e.EventID, EventType: e.EventType, ContentType: esdb.ContentTypeJson, Data: e.Data, Metadata: e.UserMetadata})
	again, _ := seen(other)
	if again.EventID != e.EventID || !bytes.Equal(again.UserMetadata, e.UserMetadata) {
		t.Errorf("the copy is seen as %s %s", again.EventID, again.UserMetadata)
	}
	if r := recorded(other); r.ID != "h-1" || r.Facets != first.Facets || r.Facets.Sender != "a" || len(r.Ext) != 2 {
		t.Errorf("and is %+v", r.Event)
	}
}

// TestLastPosition: clients that say they can take it are told where a stream ends, others never.
func TestLastPosition(t *testing.T) {
	s := serve(t)
	s.mustAdd(t, "s-1", esdb.NoStream{}, event("a"), event("b"), event("c"))
	for compatibility, want := range []string{"0 1", "0 1 last 2"} {
		call, err := streams.NewStreamsClient(s.bare(t)).Read(within(t), &streams.ReadReq{Options: &streams.ReadReq_Options{
			StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("s-1")},
				RevisionOption: &streams.ReadReq_Options_StreamOptions_Start{}}},
			CountOption: &streams.ReadReq_Options_Count{Count: 2}, ControlOption: &streams.ReadReq_Options_ControlOption{Compatibility: uint32(compatibility)}}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for m, err := call.Recv(); !errors.Is(err, io.EOF); m, err = call.Recv() {
			switch c := m.GetContent().(type) {
			case *streams.ReadResp_Event:
				got = append(got, fmt.Sprint(c.Event.Event.StreamRevision))
			case *streams.ReadResp_LastStreamPosition:
				got = append(got, fmt.Sprint("last ", c.LastStreamPosition))
			default:
				t.Fatalf("%v, %v", m, err)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("with compatibility %d: %v, want %s", compatibility, got, want)
		}
	}
}
