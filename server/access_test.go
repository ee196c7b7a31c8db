package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// guardedBy serves under the keys of a new directory, with a key of each role.
func guardedBy(t *testing.T, change func(*server.Options)) (base, dir string, keys map[server.Role]string) {
	t.Helper()
	dir = t.TempDir()
	ring, err := server.OpenKeyring(dir)
	if err == nil {
		err = ring.OpenLocal()
	}
	if err != nil {
		t.Fatal(err)
	}
	keys = map[server.Role]string{}
	for _, role := range []server.Role{server.Reader, server.Writer, server.Operator} {
		if keys[role], _, err = ring.Add("the-"+role.String(), role, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	s, _, _, _ := serveWith(t, func(o *server.Options) {
		o.Access.Keys = ring
		o.Append = ledger.Intake(o.Store.(ledger.Appender).AppendAll, server.Actor, ledger.Validate)
		o.Registry = prometheus.NewRegistry()
		change(o)
	})
	return s.URL, dir, keys
}

// request asks with a key, "" for none, and gives the status, the problem where there is one, and the headers.
func request(t *testing.T, method, url, key, body string) (int, client.Problem, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var p client.Problem
	if strings.Contains(resp.Header.Get("Content-Type"), "problem") {
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil && method != http.MethodHead {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, p, resp.Header
}

// public are the operations that nobody needs a key for. Each tells nothing of the ledger.
var public = []string{"GET /healthz", "GET /readyz", "GET /openapi.json", "GET /openapi.yaml", "GET /openapi-3.0.json", "GET /openapi-3.0.yaml", "GET /docs", "GET /asyncapi.json"}

// TestNoRouteIsForgotten walks over every operation of the API's own document, and what is beside it: without a key, with one that does not exist
// and with one of too small a role, each is refused before it does anything.
func TestNoRouteIsForgotten(t *testing.T) {
	reached := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "reached") }
	base, _, keys := guardedBy(t, func(o *server.Options) {
		for _, m := range []server.Mount{{Pattern: "GET /mounted/"}, {Pattern: "POST /mounted/"}, {Pattern: "GET /for/writers", Role: server.Writer},
			{Pattern: "/baton.v1.Test/"}, {Pattern: "GET /for/all", Role: server.Public}} {
			m.Handler = http.HandlerFunc(reached)
			o.Mounts = append(o.Mounts, m)
		}
	})
	operations := map[string]server.Role{ // the role that each must ask for
		"GET /metrics": server.Reader, "GET /mounted/x": server.Reader, "POST /mounted/x": server.Operator, "GET /for/writers": server.Writer,
		"GET /v1/nothing": server.Reader, "DELETE /v1/head": server.Operator, "GET /log/checkpoint": server.Reader, "HEAD /v1/head": server.Reader,
		"POST /baton.v1.Test/Append": server.Operator, "GET /baton.v1.Test/Append": server.Operator,
	}
	described := 0
	for path, item := range document(t, base)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			role, err := server.ParseRole(fmt.Sprint(op.(map[string]any)["x-baton-role"]))
			if err != nil {
				t.Errorf("%s %s: the document does not say the role: %v", method, path, err)
			}
			operations[strings.ToUpper(method)+" "+path] = role
			described++
		}
	}
	if described < 20 {
		t.Fatalf("the document has %d operations", described)
	}
	fill := strings.NewReplacer("{stream}", "journey-J", "{position}", "1", "{id}", "J", "{", "", "}", "")
	for operation, need := range operations {
		method, path, _ := strings.Cut(operation, " ")
		url := base + fill.Replace(path)
		says := func(p client.Problem, code ledger.Code, part string) bool { // where the answer has a problem: gRPC and Connect have errors of their own
			return method == "HEAD" || strings.HasPrefix(path, "/baton.") || p.Code == code && strings.Contains(p.Detail, part) && p.Hint != ""
		}
		for _, key := range []string{"", "bt_unknown", keys[need] + "x"} {
			status, p, header := request(t, method, url, key, "{}")
			if status != http.StatusUnauthorized || !says(p, ledger.CodeNotKnown, "key") || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with the key %q: %d %+v", operation, key, status, p)
			}
		}
		if need > server.Reader {
			status, p, _ := request(t, method, url, keys[need-1], "{}")
			if status != http.StatusForbidden || !says(p, ledger.CodeForbidden, "role "+need.String()) {
				t.Errorf("%s with a %s's key: %d %+v", operation, need-1, status, p)
			}
		}
		if need > server.Reader && strings.HasPrefix(path, "/v1/") || path == "/v1/tail" {
			continue // to do it here would be another test
		}
		if status, p, _ := request(t, method, url, keys[need], "{}"); status == http.StatusUnauthorized || status == http.StatusForbidden {
			t.Errorf("%s with a %s's key: %d %+v", operation, need, status, p)
		}
	}
	for _, operation := range append(public, "GET /for/all") {
		method, path, _ := strings.Cut(operation, " ")
		if status, p, _ := request(t, method, base+path, "", ""); status != http.StatusOK && path != "/readyz" {
			t.Errorf("%s without a key: %d %+v", operation, status, p)
		}
	}
}

// TestRolesAreThoughtOf: what is no GET has the role that somebody chose for it, not the operator's that stands for nobody's choice.
func TestRolesAreThoughtOf(t *testing.T) {
	s, _, _, _ := serve(t)
	want := map[string]string{"/v1/events": "writer", "/v1/batches": "writer", "/v1/handoffs": "writer", "/v1/handoffs/{handoff}/{verb}": "writer",
		"/v1/journeys/{id}/suggestions/{verb}": "writer",
		"/v1/contracts/{name}/validate":        "reader", "/v1/contracts/{name}/{verb}": "operator", "/v1/quarantine/{id}/{verb}": "operator",
		"/v1/verify": "operator", "/v1/rebuild": "operator", "/v1/relay/check": "operator", "/v1/backup": "operator",
		"/v1/points/{point}/{verb}":     "writer",
		"/v1/handoffs/{handoff}/viewed": "writer", "/v1/handoffs/{handoff}/enrich": "writer", "/v1/journeys/{id}/corrections": "writer",
		"/v1/webhooks/{name}/replay": "operator", "/v1/webhooks/{name}/test": "operator", "/v1/webhooks/{name}/enable": "operator",
		"/v1/webhooks/{name}/deliveries/{id}/replay": "operator"}
	for path, item := range document(t, s.URL)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			role := op.(map[string]any)["x-baton-role"]
			switch chosen := want[path]; {
			case method == "get" && role != "reader", method == "post" && role != chosen:
				t.Errorf("%s %s is for the role %v: say in access.go whose it is, and here", method, path, role)
			case method == "post":
				delete(want, path)
			case method != "get":
				t.Errorf("%s %s: say here whose it is", method, path)
			}
		}
	}
	for path := range want {
		t.Errorf("POST %s is not in the document", path)
	}
}

// TestKeysComeAndGo changes the keys while the server runs, as another process does.
func TestKeysComeAndGo(t *testing.T) {
	dir := t.TempDir()
	ring, err := server.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, _, _, _ := serveWith(t, func(o *server.Options) { o.Access.Keys = ring })
	url := s.URL + "/v1/head"
	expect := func(when, key string, want int) {
		t.Helper()
		if status, p, _ := request(t, "GET", url, key, ""); status != want {
			t.Errorf("%s: %d, want %d: %+v", when, status, want, p)
		}
	}
	expect("no keys", "", 200)
	expect("no keys, but one is sent", "bt_whatever", 200)
	other, err := server.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string, role server.Role, expires time.Time) (string, server.APIKey) {
		t.Helper()
		key, stored, err := other.Add(name, role, expires)
		if err != nil {
			t.Fatal(err)
		}
		return key, stored
	}
	first, stored := add("crm", server.Reader, time.Time{})
	expect("a first key, none sent", "", 401)
	expect("the first key", first, 200)
	second, _ := add("crm", server.Reader, time.Time{})
	expect("the second key of that name", second, 200)
	if _, err := other.Revoke(stored.ID); err != nil {
		t.Fatal(err)
	}
	expect("the revoked key", first, 401)
	expect("the other of that name", second, 200)
	short, _ := add("brief", server.Reader, time.Now().Add(1100*time.Millisecond))
	expect("a key that will expire", short, 200)
	for deadline := time.After(10 * time.Second); ; {
		status, _, _ := request(t, "GET", url, short, "")
		if status == 401 {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the key does not expire")
		default:
		}
	}
	for _, name := range []string{"crm", "brief"} {
		if _, err := other.Revoke(name); err != nil {
			t.Fatal(err)
		}
	}
	expect("no key is left, none sent", "", 401)
	file := filepath.Join(dir, "keys", "api.json")
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "bt_") {
		t.Errorf("the file holds %s, %v", text, err)
	}
	third, _ := add("crm", server.Writer, time.Time{})
	expect("a third key", third, 200)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"gone":     func() error { return os.Remove(file) },
		"cut":      func() error { return os.WriteFile(file, whole[:len(whole)/2], 0o600) },
		"readable": func() error { return os.Chmod(file, 0o644) },
		"a role": func() error {
			return os.WriteFile(file, []byte(strings.Replace(string(whole), "writer", "king", 1)), 0o600)
		},
		"no digests": func() error { return os.WriteFile(file, []byte(`{"keys":[{"name":"crm","role":"writer"}]}`), 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		expect(name, third, 503)
		expect(name+", none sent", "", 401)
		if err := errors.Join(os.WriteFile(file, whole, 0o600), os.Chmod(file, 0o600)); err != nil {
			t.Fatal(err)
		}
		expect(name+" and put right", third, 200)
	}
}

// TestTailsEndWithTheirKey revokes the key of a tail that is open: the tail ends with the next event, and does not begin again.
func TestTailsEndWithTheirKey(t *testing.T) {
	base, dir, _ := guardedBy(t, func(*server.Options) {})
	ring, err := server.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, stored, err := ring.Add("watch", server.Reader, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	local := client.New(base, client.Options{Key: server.LocalToken(dir)})
	var appends sync.WaitGroup
	defer appends.Wait()
	defer cancel()
	appends.Go(func() {
		for tick, i := time.Tick(20*time.Millisecond), 0; ctx.Err() == nil; i++ {
			if r := local.AppendAll(ctx, batch(ledger.Any, event(fmt.Sprint(i), "J", `{"activity":"call"}`)))[0]; r.Err != nil && ctx.Err() == nil {
				t.Error(r.Err)
			}
			<-tick
		}
	})
	n := 0
	for _, err := range client.New(base, client.Options{Key: key}).Tail(ctx, client.TailOptions{From: 1}) {
		if err != nil {
			if !errors.Is(err, ledger.CodeNotKnown) || n == 0 {
				t.Errorf("after %d events the tail ends with %v", n, err)
			}
			return
		}
		if n++; n == 1 {
			if _, err := ring.Revoke(stored.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Errorf("the tail ended without an error after %d events", n)
}

func TestKeyring(t *testing.T) {
	dir := t.TempDir()
	ring, err := server.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !ring.Open() || ring.Usable() != 0 {
		t.Error("a new ring is closed")
	}
	key, stored, err := ring.Add("crm", server.Writer, time.Time{})
	if err != nil || !strings.HasPrefix(key, "bt_") || len(key) != len("bt_")+43 || ring.Open() || ring.Usable() != 1 {
		t.Errorf("added %q %+v, %v", key, stored, err)
	}
	info, err := os.Stat(filepath.Join(dir, "keys", "api.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	for name, tt := range map[string]struct {
		err  func() error
		code ledger.Code
	}{
		"no name":       {func() error { _, _, err := ring.Add("", server.Reader, time.Time{}); return err }, ledger.CodeInvalid},
		"a space":       {func() error { _, _, err := ring.Add("a b", server.Reader, time.Time{}); return err }, ledger.CodeInvalid},
		"a long name":   {func() error { _, _, err := ring.Add(strings.Repeat("n", 200), server.Reader, time.Time{}); return err }, ledger.CodeInvalid},
		"past":          {func() error { _, _, err := ring.Add("x", server.Reader, time.Unix(1, 0)); return err }, ledger.CodeInvalid},
		"another role":  {func() error { _, _, err := ring.Add("crm", server.Operator, time.Time{}); return err }, ledger.CodeInvalid},
		"nobody":        {func() error { _, err := ring.Revoke("nobody"); return err }, ledger.CodeNotFound},
		"role":          {func() error { _, err := server.ParseRole("public"); return err }, ledger.CodeInvalid},
		"while another": {func() error { return whileAnotherChanges(dir, ring) }, ledger.CodeLocked},
	} {
		if err := tt.err(); !errors.Is(err, tt.code) || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := ring.Usable(); n != 1 {
		t.Errorf("%d keys after what was refused, want 1", n)
	}
}

func whileAnotherChanges(dir string, ring *server.Keyring) error {
	next := filepath.Join(dir, "keys", "api.json.new")
	if err := os.WriteFile(next, nil, 0o600); err != nil {
		return err
	}
	defer os.Remove(next)
	_, _, err := ring.Add("other", server.Reader, time.Time{})
	return err
}

// TestLocalToken lets commands of this machine in, and nobody after its end.
func TestLocalToken(t *testing.T) {
	dir := t.TempDir()
	ring, err := server.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ring.Add("crm", server.Reader, time.Time{}); err != nil {
		t.Fatal(err)
	}
	s, _, _, _ := serveWith(t, func(o *server.Options) { o.Access.Keys = ring })
	old := ""
	for range 2 {
		if err := ring.OpenLocal(); err != nil {
			t.Fatal(err)
		}
		token := server.LocalToken(dir)
		if status, p, _ := request(t, "POST", s.URL+"/v1/rebuild", token, ""); status != 200 {
			t.Errorf("rebuild with the local token: %d %+v", status, p)
		}
		if status, _, _ := request(t, "GET", s.URL+"/v1/head", old, ""); old != "" && status != 401 {
			t.Errorf("the token of the last start: %d", status)
		}
		old = token
	}
	if err := ring.CloseLocal(); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := request(t, "GET", s.URL+"/v1/head", old, ""); status != 401 || server.LocalToken(dir) != "" {
		t.Errorf("after the end the token is answered with %d, the file holds %q", status, server.LocalToken(dir))
	}
}

// TestActor appends under keys: who sent an event is who has the key.
func TestActor(t *testing.T) {
	base, dir, keys := guardedBy(t, func(*server.Options) {})
	ctx := context.Background()
	writer := client.New(base, client.Options{Key: keys[server.Writer]})
	operator := client.New(base, client.Options{Key: keys[server.Operator]})
	by := func(id, actor string) []ledger.Batch {
		e := event(id, "J", `{"activity":"call"}`)
		e.Actor = actor
		return batch(ledger.Any, e)
	}
	local := client.New(base, client.Options{Key: server.LocalToken(dir)})
	// An event from before there were keys: commands of this machine name nobody.
	if r := local.AppendAll(ctx, by("old", ""))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, tt := range []struct {
		name      string
		c         *client.Client
		id, actor string
		code      ledger.Code // "" is recorded
		again     bool
	}{
		{"nobody is named", writer, "1", "", "", false},
		{"the retry", writer, "1", "", "", true},
		{"the retry that names itself", writer, "1", "the-writer", "", true},
		{"names itself", writer, "2", "the-writer", "", false},
		{"names another", writer, "3", "desk", ledger.CodeForbidden, false},
		{"an operator names another", operator, "3", "desk", "", false},
		{"a retry of it by the writer", writer, "3", "", ledger.CodeIDConflict, false},
		{"an operator repeats what the writer sent", operator, "1", "", ledger.CodeIDConflict, false},
		{"an operator repeats it under the writer's name", operator, "1", "the-writer", "", true},
		{"sent before there were keys", writer, "old", "", "", true},
	} {
		r := tt.c.AppendAll(ctx, by(tt.id, tt.actor))[0]
		if tt.code != "" {
			if !errors.Is(r.Err, tt.code) {
				t.Errorf("%s: %+v", tt.name, r)
			}
			continue
		}
		if r.Err != nil || r.Receipts[0].Duplicate != tt.again {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
	if _, err := writer.Verify(ctx); !errors.Is(err, ledger.CodeForbidden) {
		t.Errorf("a writer that verifies is answered %v", err)
	}
	want := map[string]string{"old": "", "1": "the-writer", "2": "the-writer", "3": "desk"}
	n := 0
	for r, err := range operator.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; r.Actor != want[r.ID] {
			t.Errorf("%s has the actor %q, want %q", r.ID, r.Actor, want[r.ID])
		}
	}
	if n != len(want) {
		t.Errorf("%d events, want %d", n, len(want))
	}
}

// TestOwnSources: nobody takes the ids of what Baton is about to say.
func TestOwnSources(t *testing.T) {
	base, _, keys := guardedBy(t, func(*server.Options) {})
	for _, tt := range []struct {
		role   server.Role
		source string
		code   ledger.Code
	}{
		{server.Writer, "baton/deadlines", ledger.CodeForbidden},
		{server.Writer, "baton/webhooks", ledger.CodeForbidden},
		{server.Writer, ledger.HandoffSource, ""},
		{server.Writer, "batonical", ""},
		{server.Operator, "baton/deadlines", ""}, // who imports what another ledger exported
	} {
		e := event("expired/handoff/h", "J", `{"activity":"call"}`)
		e.Source = tt.source
		r := client.New(base, client.Options{Key: keys[tt.role]}).AppendAll(t.Context(), batch(ledger.Any, e))[0]
		if ledger.CodeOf(r.Err) != tt.code {
			t.Errorf("a %s as %s: %v", tt.role, tt.source, r.Err)
		}
	}
}

// TestPublicMetrics: the figures need a key, unless the configuration says otherwise.
func TestPublicMetrics(t *testing.T) {
	for open, want := range map[bool]int{false: http.StatusUnauthorized, true: http.StatusOK} {
		base, _, _ := guardedBy(t, func(o *server.Options) { o.Access.PublicMetrics = open })
		if status, p, _ := request(t, "GET", base+"/metrics", "", ""); status != want {
			t.Errorf("public %v: %d, want %d: %+v", open, status, want, p)
		}
	}
}
