package server

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// guarded keeps web pages out. The API listens on loopback, perhaps without keys, but every page that a browser on this machine opens could
// ask it too: by a form or a script (the browser says where it comes from), or under a name of its own that it has resolve
// to 127.0.0.1 (the Host says so). A server of the outer world is asked for by its address, which no page can claim, or by a name of Access.Hosts.
func (a *Access) guarded(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.serves(r.Host) {
			hint := "ask for 127.0.0.1 or localhost; a proxy in front sends that as Host, or a name that `hosts` in the configuration has"
			refuse(w, http.StatusMisdirectedRequest, ledger.Errorf(ledger.CodeInvalid, "ask the server", hint, "Host %.100q is not a name of this server", r.Host))
			return
		}
		if err := cross.Check(r); err != nil {
			refuse(w, http.StatusForbidden, ledger.Errorf(ledger.CodeInvalid, "ask the server", "ask from a page of this server, or from a program", "%w", err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serves reports whether a request for host, with or without a port, is for this server. HTTP/1.0 may leave it out.
func (a *Access) serves(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); ip != nil {
		return a.World || ip.IsLoopback()
	}
	return host == "" || host == "localhost" || slices.ContainsFunc(a.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// known answers a problem where the mux has no handler: it would answer plain text.
func known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		var answer statusOnly
		answer.header = w.Header() // Allow, Location
		h.ServeHTTP(&answer, r)
		switch answer.status {
		case http.StatusNotFound:
			refuse(w, answer.status, ledger.Errorf(ledger.CodeNotFound, "ask the server", "see /docs or /openapi.json", "there is no %.200q", r.URL.Path))
		case http.StatusMethodNotAllowed:
			refuse(w, answer.status, ledger.Errorf(ledger.CodeInvalid, "ask the server", "use "+w.Header().Get("Allow"), "%.20s does not go with %.200q", r.Method, r.URL.Path))
		default:
			w.WriteHeader(answer.status) // a redirect to the clean path
		}
	})
}

// statusOnly takes what the mux answers and keeps its status.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

func refuse(w http.ResponseWriter, status int, err error) {
	p := ProblemOf(err)
	p.Status, p.Title = status, http.StatusText(status)
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p) // a client that has gone needs no answer
}
