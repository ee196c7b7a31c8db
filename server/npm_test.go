package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/npmtool"
)

// TestJavaScriptSDK has the CloudEvents SDK for JavaScript send events in binary, structured and batch mode, and holds what is recorded against
// what it was given.
func TestJavaScriptSDK(t *testing.T) {
	s, c, _, _ := serve(t)
	var out map[string]struct {
		Status   int
		Code     ledger.Code
		Receipts []ledger.Receipt
	}
	printed := npmtool.Node(t, "cloudevents.mjs", s.URL)
	if err := json.Unmarshal([]byte(printed), &out); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	for name, want := range map[string]int{"binary": 1, "structured": 1, "bytes": 1, "text": 1, "batch": 3, "emittedBinary": 1, "emittedStructured": 1, "retry": 1} {
		if got := out[name]; len(got.Receipts) != want || got.Status != 200 && got.Status != 0 { // the emitter gives the body alone
			t.Errorf("%s answers %+v, want %d receipts", name, got, want)
		}
	}
	if !out["retry"].Receipts[0].Duplicate || out["retry"].Receipts[0].LeafHash != out["structured"].Receipts[0].LeafHash {
		t.Errorf("the retry answers %+v", out["retry"])
	}
	if out["conflict"].Code != ledger.CodeIDConflict || out["conflict"].Status != 409 {
		t.Errorf("other content answers %+v", out["conflict"])
	}
	const sent = `{"activity":"call","stage":"sales","attributes":{"note":"ä % ö 👋","n":0.1}}`
	recorded := map[string]ledger.Recorded{}
	for r, err := range c.Read(t.Context(), ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		recorded[r.ID] = r
	}
	for id, data := range map[string]string{"binary": sent, "structured": sent, "bytes": "\x00\x01\xfe\xff", "text": "plain text", "batch-1": sent, "batch-2": sent,
		"batch-3": sent, "emitted-binary": sent, "emitted-structured": sent} {
		r := recorded[id]
		if string(r.Data) != data || r.Source != "/npm" || r.Time.Format("15:04:05.000") != "09:52:00.123" {
			t.Errorf("%s is recorded as %s of %s at %s, want %s", id, r.Data, r.Source, r.Time, data)
		}
	}
	if r := recorded["binary"]; len(r.Ext) != 1 || r.Ext[0] != (ledger.Attr{Name: "tenant", Value: "acme"}) || r.Facets.Stage != "sales" || len(recorded) != 9 {
		t.Errorf("%d events are recorded, binary as %+v", len(recorded), r)
	}
}

// TestLint has redocly read the document as a served ledger gives it.
func TestLint(t *testing.T) {
	s, _, _, _ := serve(t)
	resp, err := http.Get(s.URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := npmtool.Try(t, "node_modules/@redocly/cli/bin/cli.js", "lint", file, "--config", "redocly.yaml", "--format", "stylish")
	if err != nil {
		t.Errorf("redocly: %v\n%s", err, out)
	}
	if strings.Contains(out, "You have") { // warnings are no error to redocly
		t.Errorf("redocly: %s", out)
	}
}
