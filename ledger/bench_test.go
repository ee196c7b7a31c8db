package ledger_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// benchEvent is an event of the usual size: data of 512 bytes, every common attribute and facet set.
func benchEvent() (string, *ledger.Event) {
	e := &ledger.Event{
		ID: "01890a5d-ac96-774b-bcce-b302099a8057", Source: "crm/eu-west", Type: ledger.Type("handoff", "offered"), Subject: "1-364285768",
		Time: time.Date(2012, 3, 31, 15, 59, 42, 0, time.FixedZone("", 3600)), ContentType: "application/json",
		Schema: "contract-web>billing@chat/3", Actor: "svc-crm", CorrelationID: "01890a5d-ac96-774b-bcce-b302099a8000",
		Data: []byte(`{"from":{"stage":"bot","party":"bot-7","kind":"bot"},"to":{"stage":"billing","party":"","kind":"human"},"channel":"chat",` +
			`"reason":"refund over limit","envelope":{"mandatory":{"account":"A-7731","order":99812,"amount":"129.90"},"optional":{"locale":"de-DE",` +
			`"previous_contacts":3},"key_insight":"Customer asks for a refund of a double charge; both charges are confirmed.","fields":{"account":` +
			`{"source":"crm","asserted_at":"2012-03-31T15:58:00Z","method":"system","confidence":1}}},"x":"`),
	}
	e.Data = append(e.Data, bytes.Repeat([]byte("a"), 512-len(e.Data)-2)...)
	e.Data = append(e.Data, `"}`...)
	f, err := ledger.DeriveFacets(e.Data)
	if err != nil {
		panic(err)
	}
	e.Facets = f
	return ledger.JourneyStream(e.Subject), e
}

func BenchmarkEncodeRecord(b *testing.B) {
	stream, e := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.EncodeRecord(stream, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeRecordExt(b *testing.B) {
	stream, e := benchEvent()
	e.Ext = []ledger.Attr{{Name: "partitionkey", Value: "7"}, {Name: "sequence", Value: "000012"}, {Name: "tenant", Value: "eu"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.EncodeRecord(stream, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeHeader(b *testing.B) {
	stream, e := benchEvent()
	record, err := ledger.EncodeRecord(stream, e)
	if err != nil {
		b.Fatal(err)
	}
	header, _, err := ledger.SplitRecord(record)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ledger.DecodeHeader(header); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSameContent(b *testing.B) {
	stream, e := benchEvent()
	record, err := ledger.EncodeRecord(stream, e)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !ledger.SameContent(record, stream, e) {
			b.Fatal("the same event differs")
		}
	}
}

func BenchmarkDeriveFacets(b *testing.B) {
	_, e := benchEvent()
	b.SetBytes(int64(len(e.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.DeriveFacets(e.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeafHashes(b *testing.B) {
	leaf := ledger.Leaf{Position: 1, Revision: 1, RecordedTime: time.Unix(1, 0), Type: ledger.Type("handoff", "offered")}
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		_, leaf.PrevHead, scratch = leaf.Hashes(scratch)
	}
}

// BenchmarkJourneyApply folds journeys of 50 events with 16 handoffs; the figure is for one event.
func BenchmarkJourneyApply(b *testing.B) {
	var events []ledger.Recorded
	at := time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(e ledger.Event) {
		n := uint64(len(events) + 1)
		events = append(events, ledger.Recorded{Event: e, Stream: "journey-1", Position: n, Revision: n, RecordedTime: at})
		at = at.Add(time.Minute)
	}
	for i := range 50 {
		stage, next := fmt.Sprint("team-", i/3), fmt.Sprint("team-", i/3+1)
		switch id := fmt.Sprint("h", i/3); i % 3 {
		case 0:
			add(ledger.Event{Type: ledger.Type("interaction", "recorded"), Facets: ledger.Facets{Activity: "work", Stage: stage}})
		case 1:
			add(ledger.Event{ID: id, Type: ledger.Type("handoff", "offered"), Facets: ledger.Facets{Sender: stage, Receiver: next, Channel: "chat"}})
		case 2:
			add(ledger.Event{Type: ledger.Type("handoff", "accepted"), Facets: ledger.Facets{Handoff: id, Stage: next}})
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		var j ledger.Journey
		for i := range events {
			j.Apply(&events[i])
		}
		n += len(events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}
