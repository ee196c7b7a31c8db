package replay_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// TestSuggestionsAsOf: a suggestion is there from its event on, with what became of it by the moment; it is no part of the state's digest.
func TestSuggestionsAsOf(t *testing.T) {
	b := storied(t)
	before, err := replay.AsOf(ctx, b, "j1", replay.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	b.write(
		line{"j1", "suggestion.offered", "s1", 90, `{"handoff":"h2","action":"inform","policy":"advisory","says":"another \u001b[2J handoff","probability":0.25,"expires_at":"2024-03-02T09:00:00Z",
			"reasons":[{"code":"bounces","text":"1 return","effect":"raises","weight":0.5,"evidence":[{"position":12,"revision":11,"type":"x"}]}],"model":{"name":"again","version":2,"hash":"abcdef0123"}}`},
		line{"j1", "suggestion.offered", "s2", 91, `{"probability":"high","reasons":7}`})
	at, err := replay.AsOf(ctx, b, "j1", replay.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	b.answer("s1", "dismissed")
	b.answer("nobody", "accepted")
	now, err := replay.AsOf(ctx, b, "j1", replay.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Suggestions) != 0 || len(at.Suggestions) != 2 || at.Suggestions[0].State != "offered" || now.Suggestions[0].State != "dismissed" || now.Suggestions[1].State != "offered" {
		t.Fatalf("%+v\n%+v\n%+v", before.Suggestions, at.Suggestions, now.Suggestions)
	}
	s := now.Suggestions[0]
	if *s.Probability != 0.25 || s.Model.Version != 2 || s.Reasons[0].Evidence[0].Position != 12 || !s.Expires.Equal(epoch.AddDate(0, 0, 1)) || s.Handoff != "h2" || s.Revision != 3 {
		t.Errorf("%+v", s)
	}
	if odd := now.Suggestions[1]; odd.Probability != nil || odd.Reasons != nil || odd.ID != "s2" {
		t.Errorf("%+v", odd)
	}
	d, err := replay.Diff(ctx, b, "j1", replay.Moment{Position: now.Suggestions[0].Position - 1}, replay.Moment{Position: now.Suggestions[0].Position})
	if err != nil || strings.Contains(strings.ToLower(string(mustJSON(t, d.Changes))), "suggestion") {
		t.Errorf("a difference has forecasts: %s %v", mustJSON(t, d.Changes), err)
	}
	var text bytes.Buffer
	if err := now.WriteText(&text, replay.TextOptions{Width: replay.Unlimited}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Suggestions", "25.0 %", "1 return raises it", "again 2, abcdef01", "dismissed"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "\x1b[2J") {
		t.Error("a control sequence of the record reaches the terminal")
	}
}

// answer says what became of a suggestion.
func (b *book) answer(id, verb string) {
	b.t.Helper()
	b.n++
	b.now = b.now.Add(time.Minute)
	e := ledger.Event{ID: id + verb, Source: "test", Subject: "j1", Type: ledger.Type("suggestion", verb), CausationID: id, Data: []byte(`{}`)}
	if r := b.append(ctx, []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
		b.t.Fatal(r.Err)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
