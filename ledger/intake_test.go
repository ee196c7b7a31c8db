package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// sink is the end of an intake: it keeps what passed.
type sink struct{ batches []ledger.Batch }

func (s *sink) append(_ context.Context, batches []ledger.Batch) []ledger.Result {
	s.batches = append(s.batches, batches...)
	results := make([]ledger.Result, len(batches))
	for i, b := range batches {
		results[i].Receipts = make([]ledger.Receipt, len(b.Events))
		results[i].Receipts[0].ID = b.Events[0].ID
	}
	return results
}

func goodBatch() ledger.Batch {
	return ledger.Batch{Stream: "journey-7", Expect: ledger.Any, Events: []ledger.Event{{ID: "a", Source: "s", Subject: "7",
		Type: ledger.Type("interaction", "recorded"), Data: []byte(`{"activity":"call","stage":"desk","from":"x"}`)}}}
}

// typed gives a good batch another type and data.
func typed(family, verb, data string) func(*ledger.Batch) {
	return func(b *ledger.Batch) { b.Events[0].Type, b.Events[0].Data = ledger.Type(family, verb), []byte(data) }
}

func first(change func(*ledger.Event)) func(*ledger.Batch) {
	return func(b *ledger.Batch) { change(&b.Events[0]) }
}

func many(n int, data []byte) func(*ledger.Batch) {
	return func(b *ledger.Batch) {
		b.Events = nil
		for i := range n {
			b.Events = append(b.Events, ledger.Event{ID: fmt.Sprint(i), Source: "s", Type: "foreign", ContentType: "text/plain", Data: data})
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	const inv, big = ledger.CodeInvalid, ledger.CodeTooLarge
	x := func(n int) string { return strings.Repeat("x", n) }
	ext := func(attrs ...ledger.Attr) func(*ledger.Batch) { return first(func(e *ledger.Event) { e.Ext = attrs }) }
	for _, c := range []struct {
		name   string
		change func(*ledger.Batch)
		code   ledger.Code
		says   string
	}{
		{"no stream", func(b *ledger.Batch) { b.Stream = "" }, inv, "stream is missing"},
		{"stream without a name", func(b *ledger.Batch) { b.Stream = "journey-" }, inv, `stream "journey-"`},
		{"stream too long", func(b *ledger.Batch) { b.Stream = x(513) }, big, "stream has 513 bytes, at most 512"},
		{"stream not UTF-8", func(b *ledger.Batch) { b.Stream = "journey-\xff" }, inv, "stream is not valid UTF-8"},
		{"stream with NUL", func(b *ledger.Batch) { b.Stream = "journey-\x00" }, inv, "stream has a control character at byte 8"},
		{"no events", func(b *ledger.Batch) { b.Events = nil }, inv, "no events"},
		{"1001 events", many(1001, nil), big, "1001 events, at most 1000"},
		{"batch bytes", many(9, make([]byte, 1<<20)), big, "9437184 bytes of data, at most 8388608"},
		{"expectation", func(b *ledger.Batch) { b.Expect = -3 }, inv, "expected revision -3"},
		{"id twice", func(b *ledger.Batch) { b.Events = append(b.Events, b.Events[0]) }, inv, `id "a" from source "s" stands twice`},
		{"no id", first(func(e *ledger.Event) { e.ID = "" }), inv, "id is missing"},
		{"no source", first(func(e *ledger.Event) { e.Source = "" }), inv, "source is missing"},
		{"no type", first(func(e *ledger.Event) { e.Type = "" }), inv, "type is missing"},
		{"long id", first(func(e *ledger.Event) { e.ID = x(257) }), big, "id has 257 bytes, at most 256"},
		{"long source", first(func(e *ledger.Event) { e.Source = x(257) }), big, "source has 257 bytes"},
		{"id not UTF-8", first(func(e *ledger.Event) { e.ID = "a\xc3" }), inv, "id is not valid UTF-8"},
		{"source with newline", first(func(e *ledger.Event) { e.Source = "a\nb" }), inv, "source has a control character at byte 1"},
		{"subject", first(func(e *ledger.Event) { e.Subject = x(505) }), big, "subject has 505 bytes, at most 504"},
		{"content type", first(func(e *ledger.Event) { e.ContentType = "a\x7f" }), inv, "datacontenttype has a control character"},
		{"schema", first(func(e *ledger.Event) { e.Schema = x(1025) }), big, "dataschema has 1025 bytes"},
		{"actor", first(func(e *ledger.Event) { e.Actor = "\xff" }), inv, "actor is not valid UTF-8"},
		{"data subject", first(func(e *ledger.Event) { e.DataSubject = "\x85\xff" }), inv, "datasubject is not valid UTF-8"},
		{"correlation", first(func(e *ledger.Event) { e.CorrelationID = "\u0085" }), inv, "correlationid has a control character"},
		{"causation", first(func(e *ledger.Event) { e.CausationID = x(257) }), big, "causationid has 257"},
		{"traceparent", first(func(e *ledger.Event) { e.TraceParent = "\t" }), inv, "traceparent has a control character"},
		{"ext name", ext(ledger.Attr{Name: "Tenant"}), inv, `extension attribute "Tenant"`},
		{"ext without name", ext(ledger.Attr{Value: "x"}), inv, `extension attribute ""`},
		{"ext name in the middle", ext(ledger.Attr{Name: "a-b"}), inv, `extension attribute "a-b"`},
		{"ext twice", ext(ledger.Attr{Name: "a"}, ledger.Attr{Name: "a"}), inv, `extension attribute "a" stands twice`},
		{"ext of its own", ext(ledger.Attr{Name: "id", Value: "b"}), inv, `extension attribute "id" has the name`},
		{"ext value", ext(ledger.Attr{Name: "a", Value: "\x00"}), inv, "a has a control character"},
		{"time", first(func(e *ledger.Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), inv, "time is in year 10000"},
		{"unknown family", typed("hand", "offered", `{}`), inv, `unknown family "hand"`},
		{"unknown verb", typed("handoff", "offer", `{}`), inv, `family "handoff" has no verb "offer"`},
		{"no version", first(func(e *ledger.Event) { e.Type = "dev.baton.handoff.offered" }), inv, `type "dev.baton.handoff.offered" is not of Baton's form`},
		{"prefix and suffix in one", first(func(e *ledger.Event) { e.Type = "dev.baton.v1" }), inv, `type "dev.baton.v1"`},
		{"data", first(func(e *ledger.Event) { e.Data = make([]byte, 1<<20+1) }), big, "data has 1048577 bytes, at most 1048576"},
		{"not JSON", first(func(e *ledger.Event) { e.Data = []byte(`{"activity":"call",}`) }), inv, "data is not valid JSON: expected a string at byte 19"},
		{"JSON not UTF-8", first(func(e *ledger.Event) { e.Data = []byte("{\"activity\":\"\xff\"}") }), inv, "data is not valid UTF-8"},
		{"JSON with NUL", first(func(e *ledger.Event) { e.Data = []byte("{\"activity\":\"a\x00\"}") }), inv, "control character in a string at byte 14"},
		{"deep", first(func(e *ledger.Event) { e.Data = []byte(strings.Repeat("[", 10000) + strings.Repeat("]", 10000)) }), big, "nested more than 512 deep"},
		{"foreign and not JSON", first(func(e *ledger.Event) { e.Type, e.Data = "foreign", []byte("tru") }), inv, "data is not valid JSON"},
		{"no activity", typed("interaction", "recorded", `{"stage":"desk"}`), inv, "data.activity is missing"},
		{"activity no string", typed("interaction", "recorded", `{"activity":7}`), inv, "data.activity is missing"},
		{"no data", typed("interaction", "recorded", ``), inv, "data.activity is missing"},
		{"no sender", typed("handoff", "offered", `{"to":"b","channel":"c"}`), inv, "data.from.stage is missing"},
		{"no receiver", typed("handoff", "offered", `{"from":{"stage":"a"},"to":{"party":"b"},"channel":"c"}`), inv, "data.to.stage is missing"},
		{"no channel", typed("handoff", "offered", `{"from":"a","to":"b"}`), inv, "data.channel is missing"},
		{"no handoff", typed("handoff", "accepted", `{"handoff":""}`), inv, "data.handoff is missing"},
		{"no journey", typed("journey", "linked", `{}`), inv, "data.journey is missing"},
		{"long facet", typed("interaction", "recorded", `{"activity":"`+x(1025)+`"}`), big, "data.activity has 1025 bytes"},
		{"deadline that is no time", typed("handoff", "offered", `{"from":"a","to":"b","channel":"c","expires_at":"tomorrow"}`), inv, `data.expires_at: "tomorrow" is not a time`},
		{"suggestion's deadline", typed("suggestion", "offered", `{"expires_at":"2026-01-02"}`), inv, "data.expires_at"},
		{"sunset that is no time", typed("contract", "published", `{"sunset":"never"}`), inv, "data.sunset"},
		{"facet with newline", typed("interaction", "recorded", `{"activity":"a\nb"}`), inv, "data.activity has a control character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sink
			bad, good := goodBatch(), goodBatch()
			c.change(&bad)
			good.Events[0].ID = "good"
			results := ledger.Intake(s.append, ledger.Validate)(context.Background(), []ledger.Batch{good, bad, good})
			err := results[1].Err
			if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.says) || results[1].Receipts != nil {
				t.Errorf("%v (%s), want %s with %q", err, ledger.CodeOf(err), c.code, c.says)
			}
			if ledger.HintOf(err) == "" {
				t.Errorf("%v: no hint", err)
			}
			if len(s.batches) != 2 || results[0].Err != nil || results[2].Err != nil || results[2].Receipts[0].ID != "good" {
				t.Errorf("the batches beside it: %+v", results)
			}
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, change := range map[string]func(*ledger.Batch){
		"as it is":    func(*ledger.Batch) {},
		"limits":      first(func(e *ledger.Event) { e.ID, e.Source, e.Subject = x(256), x(256), x(504) }),
		"1000 events": many(1000, nil),
		"8 MiB":       many(8, make([]byte, 1<<20)),
		"512 deep": first(func(e *ledger.Event) {
			e.Type, e.Data = "foreign", []byte(strings.Repeat("[", 512)+strings.Repeat("]", 512))
		}),
		"large numbers":    typed("interaction", "recorded", `{"activity":"a","n":9007199254740993,"m":1e400,"o":-0.0}`),
		"foreign bytes":    first(func(e *ledger.Event) { e.Type, e.ContentType, e.Data = "foreign", "application/x", []byte{0, 255} }),
		"foreign reason":   first(func(e *ledger.Event) { e.Type, e.Data = "foreign", []byte(`{"reason":"`+x(5000)+`\n","stage":"s"}`) }),
		"foreign no data":  first(func(e *ledger.Event) { e.Type, e.Data = "foreign", nil }),
		"from as string":   typed("handoff", "offered", `{"from":"a","to":"b","channel":"c"}`),
		"from as object":   typed("handoff", "offered", `{"from":{"stage":"a"},"to":{"stage":"b"},"channel":"c"}`),
		"expect exists":    func(b *ledger.Batch) { b.Expect = ledger.StreamExists },
		"other source":     func(b *ledger.Batch) { b.Events = append(b.Events, b.Events[0]); b.Events[1].Source = "t" },
		"any other text":   first(func(e *ledger.Event) { e.ID = "日本\u202e😀 %>@" }),
		"year 1 is absent": first(func(e *ledger.Event) { e.Time = time.Time{} }),
		"ext":              first(func(e *ledger.Event) { e.Ext = []ledger.Attr{{Name: "b", Value: ""}, {Name: "a1", Value: "ü"}} }),
	} {
		var s sink
		b := goodBatch()
		change(&b)
		want := make([]string, len(b.Events))
		for i := range want {
			want[i] = string(b.Events[i].Data)
		}
		if r := ledger.Intake(s.append, ledger.Validate)(context.Background(), []ledger.Batch{b}); r[0].Err != nil {
			t.Errorf("%s: %v", name, r[0].Err)
			continue
		}
		for i, e := range s.batches[0].Events {
			if string(e.Data) != want[i] {
				t.Errorf("%s: data changed to %q", name, e.Data)
			}
			if !strings.HasPrefix(e.Type, ledger.TypePrefix) && e.Facets != (ledger.Facets{}) {
				t.Errorf("%s: facets of a foreign type: %+v", name, e.Facets)
			}
		}
	}
}

// TestValidateDerives: facets come from the data, whatever the producer says, and the caller's events stay as they are.
func TestValidateDerives(t *testing.T) {
	var s sink
	b := goodBatch()
	b.Events[0].Facets = ledger.Facets{Stage: "forged", Reason: "forged"}
	if r := ledger.Intake(s.append, ledger.Validate)(context.Background(), []ledger.Batch{b}); r[0].Err != nil {
		t.Fatal(r[0].Err)
	}
	if got, want := s.batches[0].Events[0].Facets, (ledger.Facets{Activity: "call", Stage: "desk", Sender: "x"}); got != want {
		t.Errorf("facets %+v, want %+v", got, want)
	}
	if b.Events[0].Facets.Stage != "forged" {
		t.Error("the caller's event was written to")
	}
	s = sink{}
	b.Events[0].Data, b.Events[0].Type = []byte{1}, ledger.Type("feedback", "recorded")
	b.Events[0].ContentType = "application/octet-stream"
	r := ledger.Intake(s.append, ledger.Validate)(context.Background(), []ledger.Batch{b})
	if r[0].Err != nil || s.batches[0].Events[0].Facets != (ledger.Facets{}) {
		t.Errorf("data that is not JSON: %v, facets %+v", r[0].Err, s.batches)
	}
}

// TestIntakeOrder: the first stage is the outermost.
func TestIntakeOrder(t *testing.T) {
	var order []string
	stage := func(name string) ledger.Stage {
		return func(next ledger.Append) ledger.Append {
			return func(ctx context.Context, b []ledger.Batch) []ledger.Result {
				order = append(order, name)
				return next(ctx, b)
			}
		}
	}
	var s sink
	ledger.Intake(s.append, stage("authorise"), stage("contract"), ledger.Validate)(context.Background(), []ledger.Batch{goodBatch()})
	if strings.Join(order, " ") != "authorise contract" || len(s.batches) != 1 {
		t.Errorf("stages ran as %v, %d batches arrived", order, len(s.batches))
	}
}

func TestIsJSON(t *testing.T) {
	for typ, want := range map[string]bool{"": true, "application/json": true, "application/json; charset=utf-8": true, "text/json": true,
		"application/cloudevents+json": true, "APPLICATION/JSON": true, "application/jsonx": false, "text/plain": false, ";": false, "json": false} {
		if ledger.IsJSON(typ) != want {
			t.Errorf("IsJSON(%q) is %v", typ, !want)
		}
	}
}
