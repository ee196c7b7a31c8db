package server

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
)

// documents serves the API's document as OpenAPI 3.1 and 3.0, in JSON and YAML, each made at the first request for it. Huma's own handlers do the same, but
// two first requests at once race in them.
func documents(mux *http.ServeMux, doc *huma.OpenAPI) {
	for _, d := range []struct {
		path, kind string
		text       func() ([]byte, error)
	}{
		{"/openapi.json", "application/openapi+json", func() ([]byte, error) { return json.Marshal(doc) }},
		{"/openapi-3.0.json", "application/openapi+json", doc.Downgrade},
		{"/openapi.yaml", "application/openapi+yaml", doc.YAML},
		{"/openapi-3.0.yaml", "application/openapi+yaml", doc.DowngradeYAML},
	} {
		text := sync.OnceValues(d.text)
		mux.HandleFunc("GET "+d.path, func(w http.ResponseWriter, _ *http.Request) {
			b, err := text()
			if err != nil {
				refuse(w, http.StatusInternalServerError, ledger.Errorf(ledger.CodeInternal, "describe the API", "", "%w", err))
				return
			}
			w.Header().Set("Content-Type", d.kind)
			_, _ = w.Write(b) // a client that has gone needs no answer
		})
	}
}
