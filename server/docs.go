package server

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

// docsPart is one tag of the document with its operations.
type docsPart struct {
	*huma.Tag
	Operations []docsOperation
}

type docsOperation struct {
	*huma.Operation
	Bodies  []docsBody // of the request
	Answers []docsAnswer
	Role    any
}

type docsBody struct{ Kind, Example string }

type docsAnswer struct{ Status, Text, Kinds string }

// docs serves a page made of the document. It needs nothing from elsewhere, runs no script, and is made once.
func docs(mux *http.ServeMux, doc *huma.OpenAPI) {
	var page bytes.Buffer
	t := template.Must(template.New("docs").Parse(docsHTML))
	if err := t.Execute(&page, map[string]any{"Info": doc.Info, "Intro": strings.Split(doc.Info.Description, "\n\n"), "Parts": docsParts(doc)}); err != nil {
		panic(err) // the template and the document are both our own
	}
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		_, _ = w.Write(page.Bytes()) // a client that has gone needs no answer
	})
}

func docsParts(doc *huma.OpenAPI) (parts []docsPart) {
	for _, tag := range doc.Tags {
		part := docsPart{Tag: tag}
		for _, item := range doc.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Post} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					part.Operations = append(part.Operations, docsOf(op))
				}
			}
		}
		slices.SortFunc(part.Operations, func(a, b docsOperation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(b.Method, a.Method)) // the whole before its parts, doing before looking
		})
		parts = append(parts, part)
	}
	return parts
}

func docsOf(op *huma.Operation) docsOperation {
	out := docsOperation{Operation: op, Role: op.Extensions["x-baton-role"]}
	if op.RequestBody != nil {
		for kind, m := range op.RequestBody.Content {
			var example bytes.Buffer
			if raw, ok := m.Example.(json.RawMessage); ok {
				_ = json.Indent(&example, raw, "", "  ") // our own examples, which a test checks
			}
			out.Bodies = append(out.Bodies, docsBody{kind, example.String()})
		}
		slices.SortFunc(out.Bodies, func(a, b docsBody) int { return strings.Compare(a.Kind, b.Kind) })
	}
	var refusals []string
	for status, r := range op.Responses {
		kinds := slices.Sorted(maps.Keys(r.Content))
		if slices.Equal(kinds, []string{"application/problem+json"}) {
			refusals = append(refusals, status) // all of one form: a row each would hide the answer that is looked for
			continue
		}
		out.Answers = append(out.Answers, docsAnswer{status, r.Description, strings.Join(kinds, ", ")})
	}
	slices.SortFunc(out.Answers, func(a, b docsAnswer) int { return strings.Compare(a.Status, b.Status) })
	if slices.Sort(refusals); len(refusals) > 0 {
		out.Answers = append(out.Answers, docsAnswer{"else", strings.Join(refusals, " "), "application/problem+json"})
	}
	return out
}
