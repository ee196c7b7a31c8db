package wire_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
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
