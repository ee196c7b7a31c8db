package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

const oneEvent = `{"specversion":"1.0","id":"e-1","source":"/crm","type":"dev.baton.handoff.offered.v1","subject":"SR-7",
 "time":"2010-04-08T12:30:00.5+02:00","dataschema":"urn:contract:3","tenant":"north","attempt": 9007199254740993 ,"live":true,"gone":null,
 "data" : {"amount": 12345678901234567890.10, "a":[1, {"b":"}\"]"}] , "note":"a>b"} , "actor":"bot-2"}`

func TestParseCloudEventKeepsEverything(t *testing.T) {
	e, err := ledger.ParseCloudEvent([]byte(oneEvent))
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Event{ID: "e-1", Source: "/crm", Type: "dev.baton.handoff.offered.v1", Subject: "SR-7", Schema: "urn:contract:3", Actor: "bot-2",
		Time: time.Date(2010, 4, 8, 12, 30, 0, 5e8, time.FixedZone("", 7200)),
		Ext:  []ledger.Attr{{Name: "attempt", Value: "9007199254740993"}, {Name: "live", Value: "true"}, {Name: "tenant", Value: "north"}},
		Data: []byte(`{"amount": 12345678901234567890.10, "a":[1, {"b":"}\"]"}] , "note":"a>b"}`)}
	if e.Time.Format(time.RFC3339Nano) != "2010-04-08T12:30:00.5+02:00" || !e.Time.Equal(want.Time) {
		t.Errorf("time %v, want %v", e.Time, want.Time)
	}
	if e.Time = want.Time; !reflect.DeepEqual(e, want) {
		t.Errorf("got  %+v\nwant %+v\ndata %s", e, want, e.Data)
	}
}

// valid is the shortest event with some members put in.
func valid(members string) string {
	return `{"specversion":"1.0","id":"1","source":"s","type":"t"` + members + `}`
}

func TestParseCloudEventRefuses(t *testing.T) {
	for doc, names := range map[string]string{
		`{"specversion":"1.0","source":"s","type":"t"}`:           "id is missing",
		`{"specversion":"1.0","id":"1","source":"s","type":null}`: "type is missing",
		`{"specversion":"1.0","id":"1","type":"t"}`:               "source is missing",
		`{"id":"1","source":"s","type":"t"}`:                      "specversion",
		`{"specversion":"0.3","id":"1","source":"s","type":"t"}`:  "specversion",
		`{"specversion":"1.0","id":7,"source":"s","type":"t"}`:    "id is not a string",
		valid(`,"id":"2"`):                      `attribute "id" stands twice`,
		valid(`,"\u0069d":"2"`):                 `attribute "id" stands twice`,
		valid(`,"time":"8 April"`):              "time",
		valid(`,"data":1,"data_base64":"MQ=="`): "data_base64",
		valid(`,"data_base64":"MQ"`):            "data_base64",
		valid(`,"data_base64":5`):               "data_base64",
		valid(`,"tenant":{"a":1}`):              `"tenant"`,
		valid(`,"data":tru`):                    "byte",
		valid(`,"data":{"a":1]`):                "byte",
		valid("") + "x":                         "byte",
		`"text"`:                                "JSON object",
		``:                                      "not valid JSON",
		`[]`:                                    "JSON object",
		"{\"specversion\":\"1.0\",\"id\":\"\xff\"}":                                             "UTF-8",
		valid(`,"recordedtime":"x","stream":"a","position":1,"revision":1`):                     "recordedtime",
		valid(`,"recordedtime":"2010-04-08T12:30:00Z","stream":"a","position":-1,"revision":1`): "position",
	} {
		_, err := ledger.ParseCloudEvent([]byte(doc))
		if err == nil || !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), names) || ledger.HintOf(err) == "" {
			t.Errorf("%s\n gave %v (hint %q), want an error naming %s", doc, err, ledger.HintOf(err), names)
		}
	}
}

func TestParseCloudEventData(t *testing.T) {
	for members, want := range map[string]string{
		`,"data":null`: "null",
		`,"data":"x"`:  `"x"`,
		`,"data":"x\ny","datacontenttype":"text/plain"`:          "x\ny",
		`,"data":{"a":1},"datacontenttype":"text/plain"`:         `{"a":1}`,
		`,"data_base64":"AP8=","datacontenttype":"image/png"`:    "\x00\xff",
		`,"data_base64":"IHsgfQo=","datacontenttype":"a/b+json"`: " { }\n",
		`,"data": [ 1 ,2 ]  `:                                    "[ 1 ,2 ]",
		`,"data":1e400`:                                          "1e400",
	} {
		e, err := ledger.ParseCloudEvent([]byte(valid(members)))
		if err != nil || string(e.Data) != want {
			t.Errorf("%s gave %q, %v; want %q", members, e.Data, err, want)
		}
	}
}

func TestParseCloudEventBatch(t *testing.T) {
	events, err := ledger.ParseCloudEventBatch([]byte(" [ " + oneEvent + " , " + valid("") + "]\n"))
	if err != nil || len(events) != 2 || events[0].ID != "e-1" || events[1].ID != "1" {
		t.Errorf("%+v, %v", events, err)
	}
	if events, err := ledger.ParseCloudEventBatch([]byte("[]")); err != nil || len(events) != 0 {
		t.Errorf("empty batch: %v, %v", events, err)
	}
	_, err = ledger.ParseCloudEventBatch([]byte("[" + oneEvent + `,{"specversion":"1.0"}]`))
	if err == nil || !strings.Contains(err.Error(), "event 2") || !strings.Contains(err.Error(), "id is missing") {
		t.Errorf("second event without id: %v", err)
	}
	if _, err = ledger.ParseCloudEventBatch([]byte(oneEvent)); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("an object as batch: %v", err)
	}
}

// TestCloudEventRoundTrip: what is rendered is JSON, parses to the same recorded event, and imports to the same event.
func TestCloudEventRoundTrip(t *testing.T) {
	text := rapid.StringMatching(`[ -~äß漢😀"\\<>&]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", 60*rapid.IntRange(-800, 800).Draw(t, "zone"))
		r := ledger.Recorded{Stream: "journey-1", Position: rapid.Uint64Range(1, 1<<62).Draw(t, "position"), Revision: 3,
			RecordedTime: time.Unix(1700000000, 12345).UTC()}
		r.ID, r.Source, r.Type = "a"+text.Draw(t, "id"), "b"+text.Draw(t, "source"), "c"+text.Draw(t, "type")
		r.Subject, r.CausationID = text.Draw(t, "subject"), text.Draw(t, "cause")
		r.Time = time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(zone)
		r.ContentType = rapid.SampledFrom([]string{"", "application/json", "text/plain", "x/y+json"}).Draw(t, "type")
		r.Data = rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.SampledFrom([][]byte{
			[]byte(`{"n": 12345678901234567890}`), []byte(" 1"), []byte("[1,\n2]"), []byte("null"), []byte(`"x"`)})).Draw(t, "data")
		if v := text.Draw(t, "ext"); v != "" {
			r.Ext = []ledger.Attr{{Name: "tenant", Value: v}}
		}
		for _, doc := range [][]byte{ledger.AppendCloudEvent(nil, &r), ledger.AppendCloudEventLine(nil, &r)} {
			got, err := ledger.ParseRecordedCloudEvent(doc)
			if err != nil || !json.Valid(doc) {
				t.Fatalf("%s: %v", doc, err)
			}
			if !got.Time.Equal(r.Time) || got.Time.Format(time.RFC3339Nano) != r.Time.Format(time.RFC3339Nano) || !bytes.Equal(got.Data, r.Data) {
				t.Fatalf("time or data changed: %s", doc)
			}
			got.Time, got.Data = r.Time, r.Data
			if !reflect.DeepEqual(got, r) {
				t.Fatalf("got  %+v\nwant %+v", got, r)
			}
			e, err := ledger.ParseCloudEvent(doc)
			if err != nil || ledger.RetryDigest(r.Stream, &e) != ledger.RetryDigest(r.Stream, &r.Event) {
				t.Fatalf("an import of %s is another event: %+v, %v", doc, e, err)
			}
		}
		if bytes.ContainsAny(ledger.AppendCloudEventLine(nil, &r), "\r\n") {
			t.Fatal("more than one line")
		}
	})
}

// TestPlaceNamesOfAProducer: the names that Baton writes are put aside where a producer uses them, whatever the way in.
func TestPlaceNamesOfAProducer(t *testing.T) {
	e, err := ledger.ParseCloudEvent([]byte(valid(`,"position":"left","recordedtime":"2010-04-08T12:30:00Z"`)))
	want := []ledger.Attr{{Name: "sentposition", Value: "left"}, {Name: "sentrecordedtime", Value: "2010-04-08T12:30:00Z"}}
	if err != nil || !reflect.DeepEqual(e.Ext, want) {
		t.Errorf("%v, %v", e.Ext, err)
	}
	var h ledger.Event
	if err := h.SetAttribute("position", "left"); err != nil || !reflect.DeepEqual(h.Ext, want[:1]) {
		t.Errorf("by header: %v, %v", h.Ext, err)
	}
	r := ledger.Recorded{Event: e, Position: 9, Revision: 1, Stream: "journey-1", RecordedTime: time.Unix(1, 0).UTC()}
	got, err := ledger.ParseRecordedCloudEvent(ledger.AppendCloudEvent(nil, &r))
	if err != nil || got.Position != 9 || !reflect.DeepEqual(got.Ext, want) {
		t.Errorf("rendered and parsed: %+v, %v", got, err)
	}
}

// TestSetAttribute: setting what Attributes yields gives the event back.
func TestSetAttribute(t *testing.T) {
	want, err := ledger.ParseCloudEvent([]byte(oneEvent))
	if err != nil {
		t.Fatal(err)
	}
	var got ledger.Event
	for name, value := range (&ledger.Recorded{Event: want}).Attributes() {
		if err := got.SetAttribute(name, value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	got.SortExt()
	got.Data = want.Data
	if ledger.RetryDigest("s", &got) != ledger.RetryDigest("s", &want) || len(got.Ext) != 3 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for name, value := range map[string]string{"time": "soon", "specversion": "2"} {
		if err := got.SetAttribute(name, value); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func FuzzParseCloudEvent(f *testing.F) {
	f.Add([]byte(oneEvent))
	f.Add([]byte(valid(`,"data":[{"a":"\\"},[]]`)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, err := ledger.ParseCloudEvent(doc)
		if err != nil {
			if ledger.CodeOf(err) != ledger.CodeInvalid {
				t.Errorf("code of %v", err)
			}
			return
		}
		again, err := ledger.ParseCloudEvent(ledger.AppendCloudEvent(nil, &ledger.Recorded{Event: e}))
		if err != nil || ledger.RetryDigest("s", &again) != ledger.RetryDigest("s", &e) {
			t.Errorf("%q: rendered and parsed is another event: %v", doc, err)
		}
	})
}

func BenchmarkCloudEvent(b *testing.B) {
	doc := []byte(valid(`,"subject":"SR-7","time":"2010-04-08T12:30:00Z","data":{"text":"` + strings.Repeat("x", 480) + `"}`))
	r, _ := ledger.ParseRecordedCloudEvent(doc)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ledger.ParseCloudEvent(doc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("render", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = ledger.AppendCloudEvent(buf[:0], &r)
		}
	})
}
