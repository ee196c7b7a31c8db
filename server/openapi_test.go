package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server"
)

// asked are requests to a ledger with the journey J, in this order: each operation of the document at least once, and refusals of many kinds. A body
// makes it a POST.
var asked = []struct {
	path, kind, body string
	status           int
}{
	{"/v1/handoffs", "", `{"journey":"J","id":"h1","from":{"stage":"bot"},"to":{"stage":"sales"},"channel":"chat","envelope":{"mandatory":{"need":"x"},"key_insight":"k"}}`, 200},
	{"/v1/handoffs", "", `{"journey":"J","id":"h1","from":{"stage":"bot"},"to":{"stage":"desk"},"channel":"chat"}`, 409},
	{"/v1/handoffs", "", `{"journey":"J","from":{"stage":"bot"}}`, 422},
	{"/v1/handoffs", "", `{"journey":`, 400},
	{"/v1/handoffs", "", `{"journey":"J","id":"h2","from":{"stage":"desk"},"to":{"stage":"bot"},"channel":"chat","accept":false}`, 200},
	{"/v1/handoffs/h1/completed", "", `{"journey":"J","outcome":"sold"}`, 200},
	{"/v1/handoffs/h9/completed", "", `{"journey":"J"}`, 404},
	{"/v1/handoffs/h1/expired", "", `{"journey":"J"}`, 422},
	{"/v1/handoffs/h1/viewed", "", `{"journey":"J","by":{"stage":"sales"},"fields":["need"],"side_panel":["doc:1"]}`, 200},
	{"/v1/handoffs/h1/viewed", "", `{"fields":["need"]}`, 200},
	{"/v1/handoffs/h1/viewed", "", `{"journey":"J","fields":[""]}`, 400},
	{"/v1/handoffs/h9/viewed", "", `{"journey":"J"}`, 404},
	{"/v1/journeys/J/corrections", "", `{"field":"need","value":"y","by":"c-1"}`, 200},
	{"/v1/journeys/J/corrections", "", `{"field":"need"}`, 422},
	{"/v1/journeys/nobody/corrections", "", `{"field":"need","value":1}`, 404},
	{"/v1/events", ledger.ContentTypeCloudEvent, `{"specversion":"1.0","id":"e1","source":"s","type":"dev.baton.interaction.recorded.v1","subject":"J","data":{"activity":"call","stage":"bot"}}`, 200},
	{"/v1/events?expect=99", ledger.ContentTypeCloudEvent, `{"specversion":"1.0","id":"e2","source":"s","type":"t","subject":"J"}`, 409},
	{"/v1/events", ledger.ContentTypeCloudEventBatch, `[]`, 400},
	{"/v1/events", ledger.ContentTypeCloudEvent, strings.Repeat(" ", 17<<20), 413},
	{"/v1/batches", "", `{"batches":[{"stream":"journey-K","events":[{"specversion":"1.0","id":"e1","source":"s","type":"t"}]},{"stream":"journey-K","events":[{}]},` +
		`{"stream":"journey-K","expect":7,"events":[{"specversion":"1.0","id":"e2","source":"s","type":"t"}]},` +
		`{"stream":"journey-K","events":[{"specversion":"1.0","id":"e1","source":"s","type":"other"}]}]}`, 200},
	{"/v1/batches", "", `{"batch":[]}`, 400},
	{"/v1/events", ledger.ContentTypeCloudEvent, `{"specversion":"1.0","id":"s/1","source":"s","type":"dev.baton.suggestion.offered.v1","subject":"J","data":{"action":"call"}}`, 200},
	{"/v1/journeys/J/suggestions/accepted", "", `{"suggestion":"s/1","by":{"stage":"sales"}}`, 200},
	{"/v1/journeys/J/suggestions/outcome", "", `{"suggestion":"s/1","outcome":"sold","value":12.5}`, 200},
	{"/v1/journeys/J/suggestions/dismissed", "", `{"suggestion":"s/1","reason":"no"}`, 409},
	{"/v1/journeys/J/suggestions/dismissed", "", `{"suggestion":"s/1"}`, 400},
	{"/v1/journeys/J/suggestions/accepted", "", `{"suggestion":"s/9"}`, 404},
	{"/v1/journeys/J/suggestions/expired", "", `{"suggestion":"s/1"}`, 422},
	{"/v1/journeys/J?shadow=true", "", "", 200},
	{"/v1/contracts/d%2Fr/drafted", "", `{"contract":{"contract":"d/r","version":1,"owner":"d","mode":"quarantine","points":["d>r@chat"],"fields":[{"name":"n","class":"mandatory","classification":"personal","subject":"customer","schema":{"type":"string"}}]}}`, 200},
	{"/v1/contracts/d%2Fr/published", "", `{"version":1}`, 400}, // lint has something to say
	{"/v1/contracts/d%2Fr/exception_granted", "", `{"version":1,"rule":"no-purpose","why":"a test"}`, 200},
	{"/v1/contracts/d%2Fr/published", "", `{"version":1}`, 200}, {"/v1/contracts/d%2Fr/published", "", `{"version":9}`, 400},
	{"/v1/contracts/d%2Fr/validate", "", `{"mandatory":{"n":7}}`, 200}, {"/v1/contracts/d%2Fr/validate", "", `[]`, 400}, {"/v1/contracts/nobody/validate", "", `{}`, 404},
	{"/v1/handoffs", "", `{"journey":"Q","id":"q1","from":{"stage":"d"},"to":{"stage":"r"},"channel":"chat","envelope":{"mandatory":{"n":7}}}`, 202},
	{"/v1/quarantine/q1/release", "", `{}`, 422}, {"/v1/quarantine/q1/discard", "", `{}`, 400},
	{"/v1/quarantine/q1/release", "", `{"why":"a test","repair":[{"drop":"n"},{"set":{"field":"n","class":"mandatory","value":"seven"}}]}`, 200},
	{"/v1/quarantine", "", "", 200}, {"/v1/quarantine?state=waiting", "", "", 200}, {"/v1/quarantine/q1", "", "", 200}, {"/v1/quarantine/nothing", "", "", 404},
	{"/v1/contracts", "", "", 200}, {"/v1/contracts/d%2Fr", "", "", 200}, {"/v1/contracts/nobody", "", "", 404},
	{"/v1/rebuild", "", `{}`, 200},
	{"/v1/verify", "", `{}`, 501}, {"/v1/relay/check", "", `{}`, 501}, {"/v1/backup", "", `{"dir":"x"}`, 501},
	{"/v1/webhooks/w/replay", "", `{}`, 501}, {"/v1/webhooks/w/test", "", `{}`, 501}, {"/v1/webhooks/w/enable", "", `{}`, 501}, {"/v1/webhooks/w/deliveries/1/replay", "", `{}`, 501},
	{"/v1/webhooks", "", "", 501}, {"/v1/webhooks/w/deliveries", "", "", 501}, {"/v1/webhooks/w/deliveries/1", "", "", 501},
	{"/v1/head", "", "", 200}, {"/v1/head?after=x", "", "", 422}, {"/v1/status", "", "", 200}, {"/v1/checkpoint", "", "", 200}, {"/v1/records", "", "", 200},
	{"/v1/records?to=x", "", "", 422}, {"/v1/streams", "", "", 200}, {"/v1/streams/journey-J", "", "", 200}, {"/v1/streams/journey-J/records", "", "", 200},
	{"/v1/journeys", "", "", 200}, {"/v1/journeys?state=weird", "", "", 422}, {"/v1/journeys?anomaly=weird", "", "", 400},
	{"/v1/journeys/J", "", "", 200}, {"/v1/journeys/J?revision=1", "", "", 200}, {"/v1/journeys/J?at=x", "", "", 400}, {"/v1/journeys/nobody", "", "", 404},
	{"/v1/journeys/J/timeline", "", "", 200}, {"/v1/journeys/J/diff?from=1", "", "", 200}, {"/v1/journeys/J/bisect?where=open", "", "", 200},
	{"/v1/journeys/J/whatif?edit=drop:2", "", "", 200}, {"/v1/journeys/J/whatif?edit=drop:99", "", "", 404},
	{"/v1/handoffs", "", "", 200}, {"/v1/handoffs?limit=1", "", "", 200}, {"/v1/handoffs/h1", "", "", 200}, {"/v1/handoffs/h9", "", "", 404},
	{"/v1/points/bot%3Esales@chat/mapped", "", `{"owner":"ops","style":"stateful"}`, 200}, {"/v1/points/bot%3Esales@chat/mapped", "", `{"owner":"ops"}`, 200},
	{"/v1/points/bot%3Esales@chat/pain_recorded", "", `{"pain":"p","text":"asked again","evidence":"event.verb == \"offered\" && data.envelope.mandatory.need == \"x\""}`, 200},
	{"/v1/points/bot%3Esales@chat/pain_recorded", "", `{"pain":"p","text":"asked again","evidence":"evnt.verb"}`, 400},
	{"/v1/points/bot%3Esales@chat/advanced", "", `{}`, 400}, {"/v1/points/bot%3Esales@chat/painted", "", `{}`, 422}, {"/v1/points/bot/mapped", "", `{"owner":"ops"}`, 400},
	{"/v1/points/bot%3Edesk@chat/trained", "", `{"team":"t","share":1}`, 404},
	{"/v1/points/matrix", "", "", 200}, {"/v1/points/matrix?days=x", "", "", 422}, {"/v1/points/matrix?now=2026-01-01T00:00:00Z", "", "", 200}, {"/v1/points/matrix?now=x", "", "", 400}, {"/v1/points/bot%3Esales@chat", "", "", 200}, {"/v1/points/a%3Eb@c", "", "", 404},
	{"/v1/points/bot%3Esales@chat/checklist", "", "", 200}, {"/v1/points/a%3Eb@c/checklist", "", "", 404},
	{"/v1/points/bot%3Esales@chat/evidence?pain=p", "", "", 200}, {"/v1/points/bot%3Esales@chat/evidence?query=reasks", "", "", 200}, {"/v1/points/bot%3Esales@chat/evidence", "", "", 404},
	{"/v1/journeys/J/context", "", "", 200}, {"/v1/journeys/J/context?as_of=@2&overlay=off", "", "", 200}, {"/v1/journeys/J/context?as_of=1&position=1", "", "", 400},
	{"/v1/journeys/J/context?preview=customer&now=now", "", "", 200}, {"/v1/journeys/J/context?deliver=h1&viewer=ann", "", "", 200}, {"/v1/journeys/J/context?deliver=h1&position=3", "", "", 400},
	{"/v1/journeys/J/context?handoff=h9", "", "", 404}, {"/v1/journeys/J/context?now=x", "", "", 400}, {"/v1/journeys/nobody/context", "", "", 404},
	{"/v1/journeys/J/context?wait=0", "", "", 200}, {"/v1/journeys/J/context?wait=2h", "", "", 400},
	{"/v1/handoffs/h1/enrich?journey=J", "", "{}", 202}, {"/v1/handoffs/h9/enrich?journey=J", "", "{}", 404}, {"/v1/handoffs/h9/progress?journey=J", "", "", 404},
	{"/v1/handoffs/h1/snapshots", "", "", 200}, {"/v1/handoffs/h1/snapshots?journey=J&position=3", "", "", 200}, {"/v1/handoffs/h9/snapshots?journey=J", "", "", 404},
	{"/v1/summary", "", "", 200}, {"/v1/points", "", "", 200}, {"/v1/points?limit=1", "", "", 200}, {"/v1/reports/custody", "", "", 200},
	{"/v1/reports/network", "", "", 200}, {"/v1/reports/tiers", "", "", 200}, {"/v1/reports/fields?since=2026-01-01", "", "", 200}, {"/v1/reports/fields?since=soon", "", "", 400},
	{"/v1/reports/drift?baseline_days=7", "", "", 200}, {"/v1/reports/drift?baseline_days=0", "", "", 422}, {"/v1/reports/tiers?until=x", "", "", 400}, {"/v1/proofs/1", "", "", 200}, {"/v1/proofs/99", "", "", 404},
	{"/v1/tail?from=99", "", "", 400},
}

// TestAnswersFitTheirDocument asks every operation, over an empty ledger what needs nothing in it, and holds each answer, lines and refusals among them,
// against the schema that /openapi.json gives for its status and content type.
func TestAnswersFitTheirDocument(t *testing.T) {
	s, c, models, _ := serve(t)
	d := newDocument(t, s.URL)
	for _, a := range asked {
		if a.body == "" {
			d.ask(t, s.URL, a.path, a.kind, a.body, 0)
		}
	}
	if r := c.AppendAll(t.Context(), batch(ledger.NoStream, event("0", "J", `{"activity":"call","stage":"bot"}`)))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, a := range asked {
		if err := models.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.ask(t, s.URL, a.path, a.kind, a.body, a.status)
	}
	for operation, times := range d.operations {
		if times == 0 && operation != "GET /v1/tail" { // it does not end, and has tests of its own
			t.Errorf("%s is not asked", operation)
		}
	}
}

// TestRareErrorsFitTheirDocument has the problems that the requests above do not bring about, each under the status of its code.
func TestRareErrorsFitTheirDocument(t *testing.T) {
	s, _, _, _ := serve(t)
	d := newDocument(t, s.URL)
	for _, code := range []ledger.Code{ledger.CodeNotKnown, ledger.CodeForbidden, ledger.CodeTooMany, ledger.CodeDiskFull, ledger.CodeUnavailable, ledger.CodeInternal} {
		p := server.ProblemOf(ledger.Errorf(code, "append", "wait", "the disk is full"))
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		d.validate(t, "/v1/events", "post", p.Status, "application/problem+json", string(code), []any{decode(t, string(b))})
	}
}

// TestDocumentIsComplete requires words, a part, answers and examples that fit for each operation.
func TestDocumentIsComplete(t *testing.T) {
	s, _, _, _ := serve(t)
	d := newDocument(t, s.URL)
	if v := d.doc["openapi"].(string); !strings.HasPrefix(v, "3.1") {
		t.Errorf("version %s", v)
	}
	info := d.doc["info"].(map[string]any)
	if info["license"] == nil || d.doc["servers"] == nil || d.doc["components"].(map[string]any)["securitySchemes"] == nil {
		t.Errorf("license, servers or security schemes are missing: %v", info)
	}
	ids, examples := map[string]bool{}, 0
	for path, item := range d.doc["paths"].(map[string]any) {
		for method, v := range item.(map[string]any) {
			op := v.(map[string]any)
			id := fmt.Sprint(op["operationId"])
			if ids[id] || id == "" {
				t.Errorf("%s %s: operationId %q is not its own", method, path, id)
			}
			ids[id] = true
			if tags, _ := op["tags"].([]any); len(tags) != 1 || tags[0] == "" || op["summary"] == nil || op["description"] == nil {
				t.Errorf("%s has the tags %v, summary %v, description %v", id, tags, op["summary"], op["description"])
			}
			for _, status := range []string{"200", "400", "401", "403", "422", "429", "500", "503", "default"} {
				answers := op["responses"].(map[string]any)
				if status == "200" && answers["202"] != nil { // begun, and not done
					continue
				}
				if answers[status] == nil {
					t.Errorf("%s has no answer %s", id, status)
				}
			}
			examples += d.examples(t, path, method, op)
		}
	}
	if examples < 8 {
		t.Errorf("the document has %d examples", examples)
	}
}

// TestDocsPage requires a page that names every operation and needs nothing from elsewhere.
func TestDocsPage(t *testing.T) {
	s, _, _, _ := serve(t)
	resp, err := http.Get(s.URL + "/docs")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	page := string(b)
	for _, foreign := range []string{"http://", "https://", "<script", "<link", "<img", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %s", foreign)
		}
	}
	if whole, part := strings.Index(page, ">/v1/handoffs<"), strings.Index(page, ">/v1/handoffs/{handoff}"); whole < 0 || part < whole {
		t.Errorf("/v1/handoffs is at %d, after a path below it at %d", whole, part)
	}
	for operation := range newDocument(t, s.URL).operations {
		method, path, _ := strings.Cut(operation, " ")
		if !strings.Contains(page, fmt.Sprintf(`>%s</span><span class="path">%s<`, method, path)) {
			t.Errorf("the page does not show %s", operation)
		}
	}
}
