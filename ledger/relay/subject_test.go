package relay_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

func TestSubject(t *testing.T) {
	offered := ledger.Recorded{Stream: "journey-SR-7"}
	offered.Type = ledger.Type("handoff", "offered")
	offered.Facets = ledger.Facets{Sender: "line 1", Receiver: "line.2", Channel: "e-mail"}
	foreign := ledger.Recorded{Stream: "journey-SR-7"}
	foreign.Type = "com.example.order.*.>"
	const partition = "baton.v1.16." // FNV-1a 64 of "SR-7", modulo 64
	for want, r := range map[string]*ledger.Recorded{
		partition + "handoff.offered.line%25201%3Eline%2E2@e-mail": &offered,
		partition + "other.com%2Eexample%2Eorder%2E%2A%2E%3E._":    &foreign,
	} {
		if got := relay.Subject(r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got, want := relay.FilterSubject("handoff", "", ledger.Point("line 1", "line.2", "e-mail")),
		"baton.v1.*.handoff.*.line%25201%3Eline%2E2@e-mail"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNoTextForgesASubject: whatever a producer sends, a subject has its six tokens, no wildcard, and a bounded length; different points
// and types have different ones.
func TestNoTextForgesASubject(t *testing.T) {
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{".", "*", ">", " ", "", "_", "a.b", "\r\n", "\x00", "%2E",
		"dev.baton.handoff.offered.v1", "dev.baton.a*b.c.v1", "dev.baton..v1", strings.Repeat("x", 1000), strings.Repeat("x", 1001), strings.Repeat("é.", 400)}))
	draw := func(t *rapid.T) ledger.Recorded {
		r := ledger.Recorded{Stream: hostile.Draw(t, "stream")}
		r.Type, r.ID, r.Subject = hostile.Draw(t, "type"), hostile.Draw(t, "id"), hostile.Draw(t, "subject")
		r.Facets = ledger.Facets{Sender: hostile.Draw(t, "sender"), Receiver: hostile.Draw(t, "receiver"), Channel: hostile.Draw(t, "channel")}
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		s := relay.Subject(&a)
		tokens := strings.Split(s, ".")
		if len(tokens) != 6 || tokens[0] != "baton" || tokens[1] != "v1" || strings.ContainsAny(s, "*> \t\r\n\x00") || len(s) > 640 {
			t.Fatalf("%q", s)
		}
		for _, token := range tokens {
			if token == "" || len(token) > 200 {
				t.Fatalf("token %q of %q", token, s)
			}
		}
		b.Stream = a.Stream
		fa, fb := a.Facets, b.Facets
		pointed := fa.Sender != "" && fa.Receiver != "" && fb.Sender != "" && fb.Receiver != ""
		if different := a.Type != b.Type || pointed && fa != fb; different && s == relay.Subject(&b) {
			t.Fatalf("%+v and %+v share %q", a, b, s)
		}
	})
}

// TestQuarantinedSubject: nobody who subscribes to handoffs gets one that broke its contract.
func TestQuarantinedSubject(t *testing.T) {
	r := ledger.Recorded{Event: ledger.Event{Type: ledger.Type("handoff", "offered"), Facets: ledger.Facets{Sender: "a", Receiver: "b", Channel: "c"}}, Stream: "quarantine-app"}
	if got := relay.Subject(&r); !strings.Contains(got, ".quarantine.offered.") {
		t.Error(got)
	}
	r.Type = ledger.Type("contract", "quarantined")
	if got := relay.Subject(&r); !strings.Contains(got, ".contract.quarantined.") {
		t.Error(got)
	}
	r.Stream, r.Type = "journey-J", ledger.Type("handoff", "offered")
	if got := relay.Subject(&r); !strings.Contains(got, ".handoff.offered.") {
		t.Error(got)
	}
}
