package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-ledger/baton/ledger"
)

// TestAnswersFitTheirDocument asks every GET endpoint, over an empty ledger and over one with a handoff, and holds each answer against the schema
// that /openapi.json gives for it.
func TestAnswersFitTheirDocument(t *testing.T) {
	s, c, models, _ := serve(t)
	ctx := t.Context()
	doc := document(t, s.URL)
	paths := []string{"/v1/head", "/v1/status", "/v1/checkpoint", "/v1/records", "/v1/streams", "/v1/streams/{stream}", "/v1/streams/{stream}/records",
		"/v1/journeys", "/v1/handoffs", "/v1/summary", "/v1/points", "/v1/reports/custody", "/v1/reports/network", "/v1/proofs/{position}",
		"/v1/journeys/{id}", "/v1/journeys/{id}/timeline", "/v1/webhooks", "/v1/webhooks/{name}/deliveries",
		"/v1/webhooks/{name}/deliveries/{id}"}
	for path, item := range doc["paths"].(map[string]any) {
		if _, get := item.(map[string]any)["get"]; get && path != "/v1/tail" && !slices.Contains(paths, path) { // a tail has no end
			t.Errorf("%s is not asked", path)
		}
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("api.json", doc); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"empty", "filled"} {
		if state == "filled" {
			offer := ledger.Event{ID: "h", Source: "test", Type: ledger.Type("handoff", "offered"), Subject: "J", Data: []byte(
				`{"from":{"stage":"bot"},"to":{"stage":"sales"},"channel":"chat","envelope":{"mandatory":{"need":"x"},"key_insight":"k"}}`)}
			events := []ledger.Event{event("1", "J", `{"activity":"call","stage":"bot"}`), offer, event("2", "J", `{"activity":"call","stage":"sales"}`)}
			if r := c.AppendAll(ctx, batch(ledger.NoStream, events...))[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
			if err := models.CatchUp(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range paths {
			url := strings.NewReplacer("{stream}", "journey-J", "{position}", "1", "{id}", "J").Replace(path)
			status, kind, bodies := ask(t, s.URL+url)
			if status == http.StatusOK && kind == "application/x-ndjson" {
				continue // lines have no schema in OpenAPI; docs/cli-json.md says what they are
			}
			key := fmt.Sprint(status)
			if status != http.StatusOK {
				key = "default"
			}
			at := fmt.Sprintf("api.json#/paths/%s/get/responses/%s/content/%s/schema", escape(path), key, escape(kind))
			schema, err := compiler.Compile(at)
			if err != nil {
				t.Errorf("%s: %s: %v", state, path, err)
				continue
			}
			for _, body := range bodies {
				if err := schema.Validate(body); err != nil {
					t.Errorf("%s: %s: %v", state, path, err)
				}
			}
		}
	}
}

func escape(pointer string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(pointer)
}

func document(t *testing.T, base string) map[string]any {
	_, _, bodies := ask(t, base+"/openapi.json")
	return bodies[0].(map[string]any)
}

// ask gives each JSON value of an answer.
func ask(t *testing.T, url string) (status int, kind string, bodies []any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(bufio.NewReader(resp.Body)); ; {
		d.UseNumber()
		var v any
		switch err := d.Decode(&v); err {
		case nil:
			bodies = append(bodies, v)
		case io.EOF:
			return resp.StatusCode, resp.Header.Get("Content-Type"), bodies
		default:
			t.Fatalf("%s: %v", url, err)
		}
	}
}
