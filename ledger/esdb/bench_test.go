package esdb

import (
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// BenchmarkDecode is what a node does to each event that it mirrors, before the mirror itself.
func BenchmarkDecode(b *testing.B) {
	e := ledger.Event{ID: "01890a5d-ac96-774b-bcce-b302099a8057", Source: "import:bpi13", Type: "dev.baton.handoff.offered.v1", Subject: "1-364285768",
		Time: time.Unix(1.7e9, 0), ContentType: "application/json", Data: make([]byte, 512),
		Facets: ledger.Facets{Activity: "Queued", Stage: "V5 3rd", Sender: "V5 3rd", Receiver: "V30", Channel: "ticket"}}
	s, err := Encode("journey-1-364285768", &e, time.Unix(1.8e9, 12345))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Encode("journey-1-364285768", &e, time.Unix(1.8e9, 12345)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("recorded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r := recorded(&s); r.RecordedTime.IsZero() {
				b.Fatal("not ours")
			}
		}
	})
}
