package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// TestAnswerOverHTTP: an answer by one call, the same by the client; a key of the call's own, and refusals with codes.
func TestAnswerOverHTTP(t *testing.T) {
	s, c, _, _ := serve(t)
	offered := func(id, data string) {
		e := ledger.Event{ID: id, Source: "other", Type: ledger.Type("suggestion", "offered"), Subject: "J/1", Data: []byte(data)}
		if r := c.AppendAll(t.Context(), []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	offered("suggestion/1/2", `{"action":"call","handoff":"h1"}`)
	offered("suggestion/1/3", `{"action":"secret","policy":"shadow"}`)
	const body = `{"suggestion":"suggestion/1/2","by":{"stage":"sales"},"reason":"agreed"}`
	url := s.URL + "/v1/journeys/J%2F1/suggestions/"
	status, _, first := post(t, url+"accepted", body, "Idempotency-Key", `"k"`)
	var out replay.Answered
	if err := json.Unmarshal([]byte(first), &out); err != nil || status != 200 || out.Receipt.ID != "k" || out.Suggestion.State != "accepted" || out.Suggestion.Answer.Action != "call" {
		t.Fatalf("answered %d %s", status, first)
	}
	if _, _, again := post(t, url+"accepted", body, "Idempotency-Key", "k"); strings.ReplaceAll(again, `,"duplicate":true`, "") != first {
		t.Errorf("the retry answers %s, the first was %s", again, first)
	}
	if status, kind, p := post(t, url+"accepted", body); status != 409 || kind != "application/problem+json" || !strings.Contains(p, `"code":"answered"`) || !strings.Contains(p, "accepted by") {
		t.Errorf("accepted again: %d %s", status, p)
	}
	if status, _, p := post(t, url+"accepted", body, "Idempotency-Key", `""`); status != 400 {
		t.Errorf("an empty key: %d %s", status, p)
	}
	worth := 3.5
	ended, err := c.Say(t.Context(), replay.Answer{Journey: "J/1", Suggestion: "suggestion/1/2", Verb: "outcome", Outcome: "sold", Value: &worth, By: ledger.Party{Stage: "sales"}})
	if err != nil || ended.Suggestion.Outcome.Outcome != "sold" || *ended.Suggestion.Outcome.Value != 3.5 {
		t.Errorf("%+v %v", ended, err)
	}
	for query, want := range map[string]bool{"": false, "?shadow=true": true, "?shadow=false": false} {
		resp, err := http.Get(s.URL + "/v1/journeys/J%2F1" + query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || strings.Contains(string(body), "secret") != want {
			t.Errorf("%q: %d %s %v", query, resp.StatusCode, body, err)
		}
	}
}

// TestAnswerIsTheKeys: the name of the key is who answered, and a reader's does not do.
func TestAnswerIsTheKeys(t *testing.T) {
	base, _, keys := guardedBy(t, func(*server.Options) {})
	writer := client.New(base, client.Options{Key: keys[server.Writer]})
	e := ledger.Event{ID: "s1", Source: "other", Type: ledger.Type("suggestion", "offered"), Subject: "J", Data: []byte(`{"action":"call"}`)}
	if r := writer.AppendAll(t.Context(), []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	shown := replay.Answer{Journey: "J", Suggestion: "s1", Verb: "shown"}
	if _, err := client.New(base, client.Options{Key: keys[server.Reader]}).Say(t.Context(), shown); !errors.Is(err, ledger.CodeForbidden) {
		t.Errorf("a reader: %v", err)
	}
	for _, role := range []server.Role{server.Writer, server.Operator} { // shown to both, and two events
		if out, err := client.New(base, client.Options{Key: keys[role]}).Say(t.Context(), shown); err != nil || out.Receipt.Duplicate {
			t.Errorf("%s: %+v %v", role, out, err)
		}
	}
	out, err := writer.Say(t.Context(), replay.Answer{Journey: "J", Suggestion: "s1", Verb: "accepted"})
	if err != nil || out.Suggestion.Answer.Actor != "the-writer" {
		t.Errorf("%+v %v", out, err)
	}
	again := replay.Answer{Journey: "J", Suggestion: "s1", Verb: "accepted"}
	if _, err := client.New(base, client.Options{Key: keys[server.Operator]}).Say(t.Context(), again); !errors.Is(err, ledger.CodeAnswered) || !strings.Contains(err.Error(), "the-writer") {
		t.Errorf("another one accepts: %v", err)
	}
}
