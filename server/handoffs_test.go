package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// post sends JSON and gives status, content type and body.
func post(t *testing.T, url, body string, header ...string) (status int, kind, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(b)
}

const oneCall = `{"journey":"J/1","from":{"stage":"bot","kind":"ai_agent"},"to":{"stage":"sales","party":"Ada"},"channel":"chat","reason":"price",` +
	`"envelope":{"mandatory":{"need":"a price","seats":12345678901234567890}},"data":{"score":0.10}}`

func TestHandOffOverHTTP(t *testing.T) {
	s, c, models, _ := serve(t)
	ctx := t.Context()
	status, _, first := post(t, s.URL+"/v1/handoffs", oneCall, "Idempotency-Key", `"k-1"`)
	var out ledger.HandedOff
	if err := json.Unmarshal([]byte(first), &out); err != nil || status != 200 || out.Handoff != "k-1" || out.State != ledger.Accepted ||
		out.Point != "bot>sales@chat" || out.Owner.Party != "Ada" || len(out.Receipts) != 2 {
		t.Fatalf("answered %d %s", status, first)
	}
	if status, _, body := post(t, s.URL+"/v1/handoffs", oneCall, "Idempotency-Key", `""`); status != 400 || !strings.Contains(body, "Idempotency-Key is empty") {
		t.Errorf("an empty key is answered %d %s", status, body)
	}
	_, _, again := post(t, s.URL+"/v1/handoffs", oneCall, "Idempotency-Key", "k-1")
	if strings.ReplaceAll(again, `,"duplicate":true`, "") != first {
		t.Errorf("the retry answers %s, the first was %s", again, first)
	}
	if status, kind, body := post(t, s.URL+"/v1/handoffs", strings.Replace(oneCall, "Ada", "Bob", 1), "Idempotency-Key", "k-1"); status != 409 ||
		kind != "application/problem+json" || !strings.Contains(body, `"code":"id_conflict"`) || !strings.Contains(body, `"hint"`) {
		t.Errorf("other content under the key: %d %s", status, body)
	}
	if h, err := c.Head(ctx); err != nil || h.Position != 3 {
		t.Errorf("the ledger ends at %d (%v), want 3", h.Position, err)
	}
	v, err := replay.AsOf(ctx, c, "J/1", replay.Moment{})
	if err != nil || v.Journey.Owner().Stage != "sales" || string(v.Context["seats"].Value) != "12345678901234567890" {
		t.Errorf("the journey is %+v, %v", v, err)
	}

	returned, err := c.MoveHandoff(ctx, ledger.HandoffMove{Handoff: "k-1", Verb: ledger.Returned, Journey: "J/1", By: ledger.Party{Stage: "sales"}, Reason: "no budget"})
	if err != nil || returned.State != ledger.Returned || returned.Owner.Stage != "bot" {
		t.Errorf("returned: %+v, %v", returned, err)
	}
	offered, err := c.HandOff(ctx, ledger.HandoffCall{ID: "k-2", Journey: "J/1", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "desk"}, Channel: "mail", OfferOnly: true})
	if err != nil || offered.State != ledger.Offered || len(offered.Anomalies) != 0 {
		t.Errorf("offered: %+v, %v", offered, err)
	}
	if err := models.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	row, err := c.Handoff(ctx, "", "k-2")
	if err != nil || row.Journey != "J/1" || row.State != ledger.Offered || row.Point != "bot>desk@mail" {
		t.Errorf("the row is %+v, %v", row, err)
	}
	if _, err := c.Handoff(ctx, "J/2", "k-2"); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("the handoff of another journey: %v", err)
	}
}

// TestProblemsSayWhatToDo sends what is wrong, one thing at a time: each answer is a problem with the ledger's code that names the place and says what to do.
func TestProblemsSayWhatToDo(t *testing.T) {
	s, c, _, _ := serve(t)
	if r := c.AppendAll(t.Context(), batch(ledger.Any, event("1", "J", `{"activity":"call","stage":"bot"}`)))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	if _, err := c.HandOff(t.Context(), ledger.HandoffCall{ID: "h", Journey: "J", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "desk"}, Channel: "mail"}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, body string // a body makes it a POST
		status     int
		code       ledger.Code
		want       []string
	}{
		{"/v1/handoffs", strings.Replace(oneCall, `"journey":"J/1",`, "", 1), 422, ledger.CodeInvalid, []string{"journey"}},
		{"/v1/handoffs", strings.Replace(oneCall, `"stage":"bot",`, "", 1), 422, ledger.CodeInvalid, []string{"body.from", "stage"}},
		{"/v1/handoffs", strings.Replace(oneCall, `"channel":"chat"`, `"channel":""`, 1), 422, ledger.CodeInvalid, []string{"body.channel"}},
		{"/v1/handoffs", strings.Replace(oneCall, `"channel":"chat"`, `"channel":7`, 1), 422, ledger.CodeInvalid, []string{"body.channel", "string"}},
		{"/v1/handoffs", strings.Replace(oneCall, `"reason"`, `"raeson"`, 1), 422, ledger.CodeInvalid, []string{"raeson"}},
		{"/v1/handoffs", strings.Replace(oneCall, `"score"`, `"channel"`, 1), 400, ledger.CodeInvalid, []string{"data.channel"}},
		{"/v1/handoffs", oneCall[:50], 400, ledger.CodeInvalid, nil},
		{"/v1/handoffs/h/seen", `{"journey":"J"}`, 422, ledger.CodeInvalid, []string{"path.verb", "accepted, declined, completed"}},
		{"/v1/handoffs/x/completed", `{"journey":"J"}`, 404, ledger.CodeNotFound, []string{`"x"`}},
		{"/v1/handoffs/h/completed", `{"journey":"K"}`, 404, ledger.CodeNotFound, []string{`"K"`}},
		{"/v1/handoffs/nothing", "", 404, ledger.CodeNotFound, []string{"nothing"}},
		{"/v1/handoffs?state=weird", "", 422, ledger.CodeInvalid, []string{"query.state", "withdrawn", "weird"}},
		{"/v1/handoffs?order=size", "", 422, ledger.CodeInvalid, []string{"query.order", "open, wait"}},
		{"/v1/handoffs?after=!", "", 400, ledger.CodeInvalid, []string{"after"}},
		{"/v1/handoffs?limit=0", "", 422, ledger.CodeInvalid, []string{"query.limit"}},
		{"/v1/journeys?state=weird", "", 422, ledger.CodeInvalid, []string{"query.state", "open, closed"}},
		{"/v1/journeys?anomaly=zomby", "", 400, ledger.CodeInvalid, []string{"anomaly", "zombie, "}},
		{"/v1/journeys?stat=open", "", 422, ledger.CodeInvalid, []string{"query.stat"}},
		{"/v1/journeys/nobody", "", 404, ledger.CodeNotFound, []string{"nobody"}},
		{"/v1/journeys/J?at=monday", "", 400, ledger.CodeInvalid, []string{"at: "}},
		{"/v1/journeys/J?at=2026-01-01&revision=1", "", 400, ledger.CodeInvalid, []string{"revision and at contradict"}},
		{"/v1/journeys/J?revision=99", "", 404, ledger.CodeNotFound, []string{"99"}},
		{"/v1/journeys/J/timeline?after=x", "", 422, ledger.CodeInvalid, []string{"query.after"}},
		{"/v1/journeys/J/diff", "", 422, ledger.CodeInvalid, []string{"query.from"}},
		{"/v1/journeys/J/diff?from=1&to=monday", "", 400, ledger.CodeInvalid, []string{"to: "}},
		{"/v1/journeys/J/bisect", "", 422, ledger.CodeInvalid, []string{"query.where"}},
		{"/v1/journeys/J/bisect?where=owner+==+7", "", 400, ledger.CodeInvalid, nil},
		{"/v1/journeys/J/whatif?edit=drop:9", "", 404, ledger.CodeNotFound, []string{"9"}},
		{"/v1/journeys/J/whatif?edit=explode:1", "", 400, ledger.CodeInvalid, []string{"explode"}},
		{"/v1/points?after=!", "", 400, ledger.CodeInvalid, []string{"after"}},
		{"/v1/reports/network?level=city", "", 422, ledger.CodeInvalid, []string{"query.level", "resource"}},
		{"/v1/reports/network?top=3&limit=2", "", 400, ledger.CodeInvalid, []string{"top"}},
		{"/v1/reports/custody?now=soon", "", 400, ledger.CodeInvalid, []string{"now"}},
		{"/v1/proofs/99", "", 404, ledger.CodeNotFound, []string{"99"}},
		{"/v1/proofs/first", "", 422, ledger.CodeInvalid, []string{"path.position"}},
		{"/v1/verify", "{}", 501, ledger.CodeUnsupported, nil},
		{"/v1/batches", `{"batches":[{"stream":7}]}`, 400, ledger.CodeInvalid, []string{"batches[0].stream"}},
		{"/v1/nothing", "", 404, ledger.CodeNotFound, []string{"/v1/nothing"}},
		{"/v1/journeys", "{}", 405, ledger.CodeInvalid, []string{"POST"}},
	} {
		t.Run(strings.ReplaceAll(tc.path, "/", "."), func(t *testing.T) {
			var status int
			var kind, body string
			if tc.body != "" {
				status, kind, body = post(t, s.URL+tc.path, tc.body)
			} else {
				var bodies []any
				status, kind, bodies = ask(t, s.URL+tc.path)
				b, _ := json.Marshal(bodies[0])
				body = string(b)
			}
			var p struct {
				Code         ledger.Code
				Status       int
				Detail, Hint string
			}
			if err := json.Unmarshal([]byte(body), &p); err != nil || kind != "application/problem+json" || status != tc.status || p.Status != status || p.Code != tc.code || p.Hint == "" {
				t.Errorf("answers %d %s %s, want %d %s and a hint", status, kind, body, tc.status, tc.code)
			}
			for _, want := range tc.want {
				if !strings.Contains(p.Detail+p.Hint, want) {
					t.Errorf("%q and %q do not say %q", p.Detail, p.Hint, want)
				}
			}
		})
	}
	if h, err := c.Head(t.Context()); err != nil || h.Position != 3 {
		t.Errorf("the ledger ends at %d (%v), want 3: a refused request left something", h.Position, err)
	}
}

// TestReplayOverHTTP holds the API's answers against those of package replay over the same ledger.
func TestReplayOverHTTP(t *testing.T) {
	s, c, _, _ := serve(t)
	ctx := t.Context()
	if _, err := c.HandOff(ctx, ledger.HandoffCall{ID: "h", Journey: "J", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "desk"}, Channel: "mail"}); err != nil {
		t.Fatal(err)
	}
	if r := c.AppendAll(ctx, batch(ledger.Any, event("1", "J", `{"activity":"call","stage":"bot"}`)))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	edits, err := replay.ParseEdits([]string{"drop:4"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]func() (any, error){
		"diff?from=1&to=@4": func() (any, error) {
			return replay.Diff(ctx, c, "J", replay.Moment{Revision: 1}, replay.Moment{Position: 4})
		},
		"bisect?where=owner+%3D%3D+%22desk%22": func() (any, error) { return replay.Bisect(ctx, c, "J", replay.Moment{}, `owner == "desk"`) },
		"whatif?edit=drop:4":                   func() (any, error) { return replay.WhatIf(ctx, c, "J", replay.Moment{}, edits) },
		"?revision=2":                          func() (any, error) { return replay.AsOf(ctx, c, "J", replay.Moment{Revision: 2}) },
	} {
		v, err := want()
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		separator := "/"
		if path[0] == '?' {
			separator = ""
		}
		resp, err := http.Get(s.URL + "/v1/journeys/J" + separator + path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || strings.TrimSpace(string(got)) != string(b) {
			t.Errorf("%s answers %s, %v, want %s", path, got, err, b)
		}
	}
	var names []string
	v, err := replay.AsOf(ctx, c, "J", replay.Moment{})
	for _, a := range v.Journey.Anomalies {
		names = append(names, a.Name)
	}
	if err != nil || !slices.Equal(names, []string{"zombie"}) {
		t.Errorf("the journey has %v, %v", names, err)
	}
}

// TestBrokenLettersAreRefused: they would all become one letter, and journeys that differ in them one journey.
func TestBrokenLettersAreRefused(t *testing.T) {
	s, _, _, _ := serve(t)
	body := `{"id":"h","journey":"P` + "\xff" + `","from":{"stage":"a"},"to":{"stage":"b"},"channel":"chat"}`
	for _, path := range []string{"/v1/handoffs", "/v1/handoffs/h/completed"} {
		if status, _, answer := post(t, s.URL+path, body); status != http.StatusBadRequest || !strings.Contains(answer, "UTF-8") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
}
