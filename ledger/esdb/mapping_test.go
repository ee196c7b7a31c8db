package esdb_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
)

// anyEvent draws events beyond what the intake would pass, with attributes in the order that a record gives them back.
var anyEvent = rapid.Custom(func(t *rapid.T) ledger.Event {
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[a-z<>@%&-]{1,20}`))
	e := ledger.Event{
		ID: text.Draw(t, "id"), Source: text.Draw(t, "source"), Type: text.Draw(t, "type"), Subject: text.Draw(t, "subject"),
		ContentType: rapid.SampledFrom([]string{"", "application/json", "text/plain", "application/cloudevents+json"}).Draw(t, "content type"),
		Actor:       text.Draw(t, "actor"), CorrelationID: text.Draw(t, "correlation"), CausationID: text.Draw(t, "causation"),
		Data:   rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "data"),
		Facets: ledger.Facets{Activity: text.Draw(t, "activity"), Sunset: text.Draw(t, "sunset")},
	}
	if rapid.Bool().Draw(t, "time") {
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "offset"))
		e.Time = time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).In(zone)
	}
	for _, name := range []string{"a", "esdbmetadata", "zz"}[:rapid.IntRange(0, 3).Draw(t, "ext")] {
		e.Ext = append(e.Ext, ledger.Attr{Name: name, Value: text.Draw(t, "value")})
	}
	return e
})

func anyStream(t *rapid.T, subject string) string {
	name := rapid.OneOf(rapid.Just(ledger.JourneyStream(subject)), rapid.Just("x-y-"+subject), rapid.StringMatching(`[a-z]{1,4}(-[a-z]{1,6})?`)).Draw(t, "stream")
	if name[len(name)-1] == '-' {
		return name + "x"
	}
	return name
}

// TestOurEventsComeBack: what EventStoreDB keeps of an event is all of it, down to the bytes of the record.
func TestOurEventsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent.Draw(t, "event")
		stream := anyStream(t, e.Subject)
		recorded := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "recorded"), rapid.Int64Range(0, 999999999).Draw(t, "ns"))
		s, err := esdb.Encode(stream, &e, recorded)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(s.Metadata) {
			t.Fatalf("metadata is no JSON: %s", s.Metadata)
		}
		got, at, ours := esdb.Decode(&s)
		if !ours || !at.Equal(recorded) {
			t.Fatalf("ours %v, recorded %v, want %v", ours, at, recorded)
		}
		want, _ := ledger.EncodeRecord(stream, &e)
		if record, err := ledger.EncodeRecord(stream, &got); err != nil || !bytes.Equal(record, want) {
			t.Fatalf("record (%v)\n%q, want\n%q", err, record, want)
		}
		if !got.Time.Equal(e.Time) {
			t.Fatalf("time %v, want %v", got.Time, e.Time)
		}
		got.Time = e.Time
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("event\n%#v, want\n%#v", got, e)
		}
		again, err := esdb.Encode(stream, &got, at)
		if err != nil || !reflect.DeepEqual(again.Metadata, s.Metadata) || again.ID != s.ID {
			t.Fatalf("the second time round it is %s, was %s (%v)", again.Metadata, s.Metadata, err)
		}
	})
}

// TestForeignEventsAreKept: whatever others write is read as an event whose metadata can be given back.
func TestForeignEventsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := esdb.Stored{Stream: "order-7", ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), Type: rapid.String().Draw(t, "type"),
			ContentType: rapid.SampledFrom([]string{"", esdb.JSON, esdb.Binary, "x"}).Draw(t, "content type"),
			Data:        rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
			Metadata: rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.SampledFrom([]string{`{}`, `null`, `[1]`, `{"baton":1}`, `{"baton":{"v":1}}`,
				`{"baton":{"v":1,"recordedtime":"2026-01-01T00:00:00Z","header":"AQ=="}}`, `{"baton":{"v":2}}`}), func(s string) []byte { return []byte(s) })).Draw(t, "metadata")}
		e, recorded, ours := esdb.Decode(&s)
		if ours || !recorded.IsZero() {
			t.Fatalf("%q was taken for ours", s.Metadata)
		}
		if e.ID != s.ID.String() || e.Source != esdb.ForeignSource || e.Type != s.Type || !bytes.Equal(e.Data, s.Data) {
			t.Fatalf("event %+v of %+v", e, s)
		}
		if len(s.Metadata) == 0 != (len(e.Ext) == 0) {
			t.Fatalf("attributes %v of metadata %q", e.Ext, s.Metadata)
		}
		if len(e.Ext) > 0 {
			if kept, err := base64.RawStdEncoding.DecodeString(e.Ext[0].Value); err != nil || !bytes.Equal(kept, s.Metadata) {
				t.Fatalf("metadata %q came back as %q", s.Metadata, kept)
			}
		}
	})
}

func TestForeignAttributes(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	id := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	for _, c := range []struct {
		stream, typ, contentType, metadata, data string
		want                                     ledger.Event
	}{
		{"journey-J-7", "order-placed", esdb.JSON, `{"$correlationId":"c-1","$causationId":"h-0"}`, `{}`,
			ledger.Event{Subject: "J-7", ContentType: esdb.JSON, CorrelationID: "c-1", CausationID: "h-0"}},
		{"order-7", "order-placed", esdb.Binary, `{"$correlationId":"a\u0007b","$CausationId":"h-0"}`, "x", ledger.Event{ContentType: esdb.Binary}},
		{"order-7", "order-placed", "", `{"$correlationId":7}`, "", ledger.Event{ContentType: esdb.Binary}},
		{"overlay-9", "dev.baton.interaction.recorded.v1", esdb.JSON, "", `{"activity":"triage"}`,
			ledger.Event{Subject: "9", ContentType: esdb.JSON, Facets: ledger.Facets{Activity: "triage"}}},
		{"order-7", "dev.baton.interaction.recorded.v1", esdb.JSON, "", `{"activity":`, ledger.Event{ContentType: esdb.JSON}},
	} {
		s := esdb.Stored{Stream: c.stream, ID: id, Type: c.typ, ContentType: c.contentType, Data: []byte(c.data), Created: created}
		c.want.ID, c.want.Source, c.want.Type, c.want.Time, c.want.Data = id.String(), "/eventstoredb", c.typ, created, s.Data
		if c.metadata != "" {
			s.Metadata = []byte(c.metadata)
			c.want.Ext = []ledger.Attr{{Name: "esdbmetadata", Value: base64.RawStdEncoding.EncodeToString(s.Metadata)}}
		}
		if got, _, ours := esdb.Decode(&s); ours || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: ours %v\n%+v, want\n%+v", c.metadata, ours, got, c.want)
		}
	}
}

// TestCopiesAreForeign: metadata that was copied to another stream or type says nothing of the event that carries it.
func TestCopiesAreForeign(t *testing.T) {
	e := ledger.Event{ID: "h-1", Source: "/desk", Type: "note", Subject: "J-7", Data: []byte(`{}`)}
	s, err := esdb.Encode("journey-J-7", &e, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*esdb.Stored){
		func(s *esdb.Stored) { s.Stream = "journey-J-8" },
		func(s *esdb.Stored) { s.Type = "other" },
		func(s *esdb.Stored) { s.Metadata = bytes.Replace(s.Metadata, []byte(`"v":1`), []byte(`"v":2`), 1) },
		func(s *esdb.Stored) { s.Metadata = bytes.Replace(s.Metadata, []byte(`"baton"`), []byte(`"Baton"`), 1) },
	} {
		copied := s
		change(&copied)
		if _, _, ours := esdb.Decode(&copied); ours {
			t.Errorf("%s of stream %s and type %s was taken for ours", copied.Metadata, copied.Stream, copied.Type)
		}
	}
	if _, _, ours := esdb.Decode(&s); !ours {
		t.Error("the event itself was not")
	}
}

// TestIDsFollowContent: a retry has the first one's UUID, and everything else another.
func TestIDsFollowContent(t *testing.T) {
	e := ledger.Event{ID: "h-1", Source: "/desk", Type: "note", Subject: "J-7", Data: []byte(`{}`)}
	first := esdb.EventID("journey-J-7", &e)
	if first.Version() != 8 || first.Variant() != uuid.RFC4122 {
		t.Errorf("%s is of version %d, variant %s", first, first.Version(), first.Variant())
	}
	e.Facets.Activity = "derived later"
	if esdb.EventID("journey-J-7", &e) != first {
		t.Error("facets count")
	}
	for name, change := range map[string]func(*ledger.Event){
		"data": func(e *ledger.Event) { e.Data = []byte(`{ }`) }, "id": func(e *ledger.Event) { e.ID = "h-2" },
		"id and source": func(e *ledger.Event) { e.ID, e.Source = "-1", "/deskh" }, "type": func(e *ledger.Event) { e.Type = "notes" },
	} {
		other := e
		change(&other)
		if esdb.EventID("journey-J-7", &other) == first {
			t.Errorf("other %s, the same UUID", name)
		}
	}
	if esdb.EventID("journey-J-8", &e) == first {
		t.Error("another stream, the same UUID")
	}
}
