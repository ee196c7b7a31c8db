package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// inProtocol lets callers by gRPC and Connect read why they were turned away: what guards answer with a problem document is put in the words of
// the caller's protocol. A gRPC client would make its own guess of the HTTP status and drop the rest.
func inProtocol(next http.Handler) http.Handler {
	errors := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/baton.") || !errors.IsSupported(r) {
			next.ServeHTTP(w, r)
			return
		}
		a := &problemCatcher{ResponseWriter: w}
		next.ServeHTTP(a, r)
		var p client.Problem
		if a.caught && json.Unmarshal(a.body.Bytes(), &p) == nil {
			if p.Code == ledger.CodeNotFound { // no such path, and so no such procedure: handlers say it of journeys themselves
				p.Code = ledger.CodeUnsupported
			}
			w.Header().Del("Content-Type")
			_ = errors.Write(w, r, batonv1.FromProblem(&p)) // a client that has gone needs no answer
		}
	})
}

// problemCatcher keeps a problem document back, and lets all else through.
type problemCatcher struct {
	http.ResponseWriter
	caught bool
	body   bytes.Buffer
}

func (a *problemCatcher) WriteHeader(status int) {
	if a.caught = strings.HasPrefix(a.Header().Get("Content-Type"), "application/problem+json"); !a.caught {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *problemCatcher) Write(b []byte) (int, error) {
	if a.caught {
		return a.body.Write(b)
	}
	return a.ResponseWriter.Write(b)
}

// Flush is for those who ask the writer itself.
func (a *problemCatcher) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// Unwrap is for [http.ResponseController].
func (a *problemCatcher) Unwrap() http.ResponseWriter { return a.ResponseWriter }
