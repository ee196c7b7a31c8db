package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// TestRefusals sends what no client should: each is answered by a problem that says what to do, and nothing is written.
func TestRefusals(t *testing.T) {
	s, c, _, _ := serve(t)
	binary := []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "s", "ce-type", "x", "ce-subject", "J"}
	huge := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string // name, value, name, value
		status                   int
		code                     ledger.Code
		says                     string
	}{
		{"unknown path", "GET", "/v1/nothing", "", nil, 404, ledger.CodeNotFound, "/v1/nothing"},
		{"wrong method", "DELETE", "/v1/head", "", nil, 405, ledger.CodeInvalid, "DELETE"},
		{"foreign host", "GET", "/v1/head", "", []string{"Host", "pages.example:80"}, 421, ledger.CodeInvalid, "pages.example"},
		{"foreign page", "POST", "/v1/rebuild", "", []string{"Origin", "https://pages.example"}, 403, ledger.CodeInvalid, "cross-origin"},
		{"foreign form", "POST", "/v1/batches", "{}", []string{"Sec-Fetch-Site", "cross-site"}, 403, ledger.CodeInvalid, "cross-origin"},
		{"time", "GET", "/v1/reports/custody?now=noon", "", nil, 400, ledger.CodeInvalid, "now"},
		{"large body of a wrong type", "POST", "/v1/batches", huge, []string{"Content-Type", "text/plain"}, 415, ledger.CodeInvalid, "content type"},
		{"empty batch", "POST", "/v1/events", "[]", []string{"Content-Type", ledger.ContentTypeCloudEventBatch}, 400, ledger.CodeInvalid, "no events"},
		{"no specversion", "POST", "/v1/events", "{}", binary[2:], 400, ledger.CodeInvalid, "ce-specversion"},
		{"header twice", "POST", "/v1/events", "{}", append([]string{"ce-id", "2"}, binary...), 400, ledger.CodeInvalid, "Ce-Id"},
		{"broken escape", "POST", "/v1/events", "{}", append([]string{"ce-note", "100%"}, binary...), 400, ledger.CodeInvalid, "Ce-Note"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(tt.headers); i += 2 {
			if tt.headers[i] == "Host" {
				req.Host = tt.headers[i+1]
			} else {
				req.Header.Add(tt.headers[i], tt.headers[i+1])
			}
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var p client.Problem
		err = json.NewDecoder(resp.Body).Decode(&p)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || p.Status != tt.status || p.Code != tt.code || !strings.Contains(p.Detail, tt.says) ||
			len(p.Detail) > 1000 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: answered %s, %v, %+v", tt.name, resp.Status, err, p)
		}
	}
	if h, err := c.Head(t.Context()); err != nil || h.Position != 0 {
		t.Errorf("something was written: %+v, %v", h, err)
	}
}

// TestMoments asks for a journey as it stood: the parameters reach the replay.
func TestMoments(t *testing.T) {
	s, c, _, _ := serve(t)
	events := []ledger.Event{event("1", "J", `{"activity":"call"}`), event("2", "J", `{"activity":"mail"}`), event("3", "J", `{"activity":"chat"}`)}
	if r := c.AppendAll(t.Context(), batch(ledger.NoStream, events...))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	for query, want := range map[string]int{"": 3, "?revision=2": 2, "?position=1": 1, "?at=noon": 0, "?revision=0": 0} {
		for _, path := range []string{"/v1/journeys/J", "/v1/journeys/J/timeline"} {
			status, _, bodies := ask(t, s.URL+path+query)
			if want == 0 {
				if status != http.StatusBadRequest {
					t.Errorf("%s%s is answered with %d, want 400", path, query, status)
				}
				continue
			}
			got, body := 0, bodies[0].(map[string]any)
			if items, ok := body["items"].([]any); ok {
				got = len(items)
			} else if n, ok := body["events"].(json.Number); ok {
				i, _ := n.Int64()
				got = int(i)
			}
			if status != http.StatusOK || got != want {
				t.Errorf("%s%s is answered with %d and %d events, want %d", path, query, status, got, want)
			}
		}
	}
}
