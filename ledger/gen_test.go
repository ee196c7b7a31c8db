package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// golden compares with a file of testdata. UPDATE=1 writes it: do that for what may change, never for the bytes on disk.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs.\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// anyEvent draws events beyond what the intake would pass: engines over the wire carry those too.
var anyEvent = rapid.Custom(func(t *rapid.T) ledger.Event {
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[a-z>@%-]{1,20}`))
	e := ledger.Event{
		ID: text.Draw(t, "id"), Source: text.Draw(t, "source"), Type: text.Draw(t, "type"), Subject: text.Draw(t, "subject"),
		ContentType: text.Draw(t, "content type"), Schema: text.Draw(t, "schema"), Actor: text.Draw(t, "actor"),
		DataSubject: text.Draw(t, "data subject"), CorrelationID: text.Draw(t, "correlation"), CausationID: text.Draw(t, "causation"),
		TraceParent: text.Draw(t, "traceparent"), Time: anyTime.Draw(t, "time"),
		Data: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "data"),
	}
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,9}`), 0, 5, rapid.ID).Draw(t, "names")
	for _, name := range names {
		e.Ext = append(e.Ext, ledger.Attr{Name: name, Value: text.Draw(t, "value")})
	}
	f := &e.Facets
	for _, s := range []*string{&f.Activity, &f.Stage, &f.Party, &f.Kind, &f.Channel, &f.Status, &f.Handoff, &f.Sender, &f.SenderParty,
		&f.SenderKind, &f.Receiver, &f.ReceiverParty, &f.ReceiverKind, &f.Outcome, &f.Reason, &f.Journey, &f.Field} {
		*s = text.Draw(t, "facet")
	}
	return e
})

var anyTime = rapid.Custom(func(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "no time") {
		return time.Time{}
	}
	zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "offset"))
	seconds := rapid.Int64Range(-62135596800+86400, 253402300799-86400).Draw(t, "seconds") // years 1 to 9999
	return time.Unix(seconds, rapid.Int64Range(0, 999999999).Draw(t, "nanos")).In(zone)
})

// anyStream draws names of the forms that the encoding treats differently: with the subject as its rest and without.
func anyStream(t *rapid.T, subject string) string {
	for {
		name := rapid.OneOf(rapid.Just(ledger.JourneyStream(subject)), rapid.Just("x-y-"+subject), rapid.Just(subject),
			rapid.StringMatching(`[a-z]{0,4}-?[a-z-]{0,6}`)).Draw(t, "stream")
		if name == "" || name[len(name)-1] != '-' {
			return name
		}
	}
}
