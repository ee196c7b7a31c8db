package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
)

// through keeps an event as an append does: the intake, with the actor of a key, and the record.
func through(t rapid.TB, stream string, e ledger.Event, actor string) ledger.Recorded {
	t.Helper()
	if e.Actor == "" {
		e.Actor = actor
	}
	var kept ledger.Event
	checked := ledger.Intake(func(_ context.Context, b []ledger.Batch) []ledger.Result {
		kept = b[0].Events[0]
		return make([]ledger.Result, 1)
	}, ledger.Validate)
	if err := checked(context.Background(), []ledger.Batch{{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err; err != nil {
		t.Fatalf("%+v: %v", e, err)
	}
	record, err := ledger.EncodeRecord(stream, &kept)
	if err != nil {
		t.Fatal(err)
	}
	r := ledger.Recorded{Stream: stream, Position: 9, Revision: 3, RecordedTime: time.Unix(5, 600).UTC(), Record: record}
	if _, r.Event, err = ledger.DecodeRecord(record); err != nil {
		t.Fatal(err)
	}
	return r
}

// producers draws events that the intake takes.
var producers = rapid.Custom(func(t *rapid.T) ledger.Event {
	word := rapid.StringMatching(`[a-zäö<&>@-]{0,12}`)
	e := ledger.Event{ID: "i" + word.Draw(t, "id"), Source: "/" + word.Draw(t, "source"), Type: rapid.SampledFrom([]string{"note", "dev.baton.interaction.recorded.v1"}).Draw(t, "type"),
		Subject: rapid.SampledFrom([]string{"", "J-7", "other"}).Draw(t, "subject"), ContentType: rapid.SampledFrom([]string{"", "application/json", "text/plain"}).Draw(t, "content type"),
		Actor: rapid.SampledFrom([]string{"", "desk", "crm"}).Draw(t, "actor"), CorrelationID: word.Draw(t, "correlation"), CausationID: word.Draw(t, "causation"),
		Schema: word.Draw(t, "schema"), Data: []byte(`{"activity": "call", "n": 1.0}`)}
	if e.Type == "note" && rapid.Bool().Draw(t, "empty") {
		e.Data = nil
	}
	if e.Type != "note" {
		e.ContentType = "application/json"
	}
	if rapid.Bool().Draw(t, "time") {
		e.Time = time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).In(time.FixedZone("", 3600))
	}
	if rapid.Bool().Draw(t, "ext") {
		e.Ext = []ledger.Attr{{Name: "tenant", Value: word.Draw(t, "tenant")}}
	}
	return e
})

// TestOursIsUnwrapped: what an adapter appends is the adapter's event in this ledger, and is read back as it was appended: also when a key
// has named the actor, when the metadata was written by hand, or with facets of another version.
func TestOursIsUnwrapped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := producers.Draw(t, "event")
		e.Facets = derived(&e)
		if rapid.Bool().Draw(t, "other facets") {
			e.Facets.Activity = "what another version derives"
		}
		stream := rapid.SampledFrom([]string{"journey-J-7", "order-1"}).Draw(t, "stream")
		s, err := esdb.Encode(stream, &e, time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "recorded"), 123))
		if err != nil {
			t.Fatal(err)
		}
		switch rapid.IntRange(0, 3).Draw(t, "variant") {
		case 1:
			s.Metadata = bytes.Replace(s.Metadata, []byte("{"), []byte(`{ "own": 7, `), 1)
		case 2:
			s.ID = uuid.New()
		case 3:
			s.Metadata = append([]byte(" "), s.Metadata...)
		}
		actor := rapid.SampledFrom([]string{"", "crm"}).Draw(t, "key")
		kept := through(t, stream, eventOf(&s, actor), actor)
		if kept.ID != e.ID || kept.Source != e.Source || kept.Subject != e.Subject || !kept.Time.Equal(e.Time) || kept.Schema != e.Schema {
			t.Fatalf("kept %+v of %+v", kept.Event, e)
		}
		if e.Actor == "" && kept.Actor != actor || e.Actor != "" && kept.Actor != e.Actor {
			t.Fatalf("actor is %q", kept.Actor)
		}
		sameStored(t, s, &kept)
	})
}

// TestForeignIsKept: and so is everything else.
func TestForeignIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := esdb.Stored{Stream: rapid.SampledFrom([]string{"journey-J-7", "order-1"}).Draw(t, "stream"), ID: uuid.New(),
			Type:        rapid.SampledFrom([]string{"order-placed", "$>", "Ä b", "dev.baton.interaction.recorded.v1"}).Draw(t, "type"),
			ContentType: rapid.SampledFrom([]string{esdb.JSON, esdb.Binary}).Draw(t, "content type"), Data: []byte(`{"activity":"call"}`),
			Metadata: rapid.SampledFrom([][]byte{nil, {}, {0}, []byte("{}"), []byte(`{"$correlationId":"c","$causationId":"d"}`), []byte("null"),
				[]byte(`{"baton":{"v":1}}`)}).Draw(t, "metadata")}
		if s.Type != "dev.baton.interaction.recorded.v1" || s.ContentType == esdb.Binary {
			s.Type, s.Data = "order-placed", rapid.SampledFrom([][]byte{nil, []byte("7"), []byte(`{}`)}).Draw(t, "data")
		}
		actor := rapid.SampledFrom([]string{"", "crm"}).Draw(t, "key")
		kept := through(t, s.Stream, eventOf(&s, actor), actor)
		if kept.Source != esdb.ForeignSource || kept.ID != s.ID.String() || kept.Actor != actor {
			t.Fatalf("kept as %+v", kept.Event)
		}
		sameStored(t, s, &kept)
		again := verbatim(eventOf(&s, actor), &s) // one that came twice
		again.ID += "@4"
		kept = through(t, s.Stream, again, actor)
		sameStored(t, s, &kept)
	})
}

func sameStored(t rapid.TB, s esdb.Stored, kept *ledger.Recorded) {
	t.Helper()
	got, err := rendered(kept)
	s.Number, s.Created = kept.Revision-1, kept.RecordedTime
	for _, b := range []*[]byte{&s.Metadata, &s.Data, &got.Metadata, &got.Data} {
		if len(*b) == 0 {
			*b = nil
		}
	}
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Fatalf("%v: read back\n%+v %s\nwas appended\n%+v %s\nkept %+v", err, got, got.Metadata, s, s.Metadata, kept.Event)
	}
}

// TestMarksAreNotBelieved: attributes with the names of ours may come in by any way. They must not make clients see another event, or an
// actor who did not send it.
func TestMarksAreNotBelieved(t *testing.T) {
	real := ledger.Event{ID: "h-1", Source: "/desk", Type: "note", Subject: "J-7", Actor: "alice", ContentType: "application/json", Data: []byte(`{}`)}
	said, err := esdb.Encode("journey-J-7", &real, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	metadata := base64.RawStdEncoding.EncodeToString(said.Metadata)
	for name, c := range map[string]struct {
		change func(*ledger.Event)
		ext    []ledger.Attr
	}{
		"another actor":    {func(e *ledger.Event) { e.Actor = "mallory" }, []ledger.Attr{{Name: idExt, Value: said.ID.String()}, {Name: esdb.MetadataExt, Value: metadata}}},
		"another event":    {func(e *ledger.Event) { e.Schema = "x" }, []ledger.Attr{{Name: idExt, Value: said.ID.String()}, {Name: esdb.MetadataExt, Value: metadata}}},
		"foreign, actor":   {func(e *ledger.Event) { e.Source, e.Actor, e.ID = esdb.ForeignSource, "mallory", said.ID.String() }, []ledger.Attr{{Name: esdb.MetadataExt, Value: metadata}}},
		"no metadata":      {func(e *ledger.Event) {}, []ledger.Attr{{Name: idExt, Value: said.ID.String()}}},
		"no base64":        {func(e *ledger.Event) {}, []ledger.Attr{{Name: idExt, Value: said.ID.String()}, {Name: esdb.MetadataExt, Value: "%"}}},
		"no uuid":          {func(e *ledger.Event) {}, []ledger.Attr{{Name: idExt, Value: "7"}, {Name: esdb.MetadataExt, Value: metadata}}},
		"no time":          {func(e *ledger.Event) {}, []ledger.Attr{{Name: timeExt, Value: "yesterday"}}},
		"time and id":      {func(e *ledger.Event) {}, []ledger.Attr{{Name: idExt, Value: uuid.NewString()}, {Name: timeExt, Value: "2026-01-01T00:00:00Z"}}},
		"foreign, more":    {func(e *ledger.Event) { e.Source, e.ID = esdb.ForeignSource, uuid.NewString() }, []ledger.Attr{{Name: "tenant", Value: "acme"}}},
		"foreign, no uuid": {func(e *ledger.Event) { e.Source = esdb.ForeignSource }, nil},
		"upper-case uuid":  {func(e *ledger.Event) { e.Source, e.ID = esdb.ForeignSource, strings.ToUpper(uuid.NewString()) }, nil},
	} {
		e := real
		c.change(&e)
		e.Ext = c.ext
		kept := through(t, "journey-J-7", e, "")
		want, err := esdb.Encode("journey-J-7", &kept.Event, kept.RecordedTime)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rendered(&kept)
		if err != nil || got.ID != want.ID || !bytes.Equal(got.Metadata, want.Metadata) {
			t.Errorf("%s: clients see %s %s (%v)", name, got.ID, got.Metadata, err)
		}
	}
}
