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
)

// apiDocument is /openapi.json of a server, and how often each operation was asked.
type apiDocument struct {
	doc        map[string]any
	compiler   *jsonschema.Compiler
	operations map[string]int
}

func newDocument(t *testing.T, base string) *apiDocument {
	t.Helper()
	d := &apiDocument{doc: document(t, base), compiler: jsonschema.NewCompiler(), operations: map[string]int{}}
	for path, item := range d.doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			d.operations[strings.ToUpper(method)+" "+path] = 0
		}
	}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("api.json", d.doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// route is the path of the document that a request goes to: of several the one that says more of it.
func (d *apiDocument) route(method, path string) (best string) {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if _, there := d.operations[method+" "+path]; there {
		return path // said in so many words, as the mux prefers it
	}
	for operation := range d.operations {
		m, route, _ := strings.Cut(operation, " ")
		if m == method && slices.EqualFunc(strings.Split(route, "/"), parts, func(a, b string) bool { return a == b || strings.HasPrefix(a, "{") && b != "" }) &&
			(best == "" || strings.Count(route, "{") < strings.Count(best, "{")) {
			best = route
		}
	}
	return best
}

// ask sends a request and validates the answer; want 0 is any status.
func (d *apiDocument) ask(t *testing.T, base, path, kind, body string, want int) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "" {
		kind = "application/json"
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want != 0 && resp.StatusCode != want {
		t.Errorf("%s %s answers %d %.300s, want %d", method, path, resp.StatusCode, b, want)
	}
	route := d.route(method, path)
	d.operations[method+" "+route]++
	kind = resp.Header.Get("Content-Type")
	if resp.StatusCode >= 400 && kind != "application/problem+json" {
		t.Errorf("%s %s: the error is %s", method, path, kind)
	}
	var bodies []any
	if kind == "application/x-ndjson" {
		for line := range strings.Lines(string(b)) {
			bodies = append(bodies, decode(t, line))
		}
	} else {
		bodies = append(bodies, decode(t, string(b)))
	}
	d.validate(t, route, strings.ToLower(method), resp.StatusCode, kind, path, bodies)
}

func (d *apiDocument) validate(t *testing.T, route, method string, status int, kind, path string, bodies []any) {
	t.Helper()
	at := fmt.Sprintf("api.json#/paths/%s/%s/responses/%d/content/%s/schema", escape(route), method, status, escape(kind))
	schema, err := d.compiler.Compile(at)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return
	}
	for _, body := range bodies {
		if err := schema.Validate(body); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}
}

// examples validates those of an operation and says how many there are.
func (d *apiDocument) examples(t *testing.T, path, method string, op map[string]any) (n int) {
	content := map[string]any{}
	if body, ok := op["requestBody"].(map[string]any); ok {
		content["requestBody"] = body["content"]
	}
	for status, answer := range op["responses"].(map[string]any) {
		content["responses/"+status] = answer.(map[string]any)["content"]
	}
	for place, kinds := range content {
		kinds, _ := kinds.(map[string]any)
		for kind, media := range kinds {
			example, ok := media.(map[string]any)["example"]
			if !ok {
				continue
			}
			n++
			schema, err := d.compiler.Compile(fmt.Sprintf("api.json#/paths/%s/%s/%s/content/%s/schema", escape(path), method, place, escape(kind)))
			if err == nil {
				err = schema.Validate(example)
			}
			if err != nil {
				t.Errorf("the example of %s %s %s %s: %v", method, path, place, kind, err)
			}
		}
	}
	return n
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return v
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
