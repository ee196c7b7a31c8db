package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// Access says who may ask a server, and how much. The zero Access lets everybody on this machine do everything.
type Access struct {
	Keys          *Keyring // nil: everybody is let in
	Hosts         []string // names that requests may be for, besides those of this machine
	World         bool     // requests may come from other machines: for any IP address as well
	PublicMetrics bool     // /metrics needs no key
	Limits        Limits
}

// rule is what the gate must know of an operation.
type rule struct {
	role   Role
	stream bool // the answer lasts as long as its reader likes: Limits.Streams counts it, not Limits.Requests
}

// rules are the operations by the mux's patterns. What nobody has thought of here is a reader's if it is a GET, and else an operator's.
var rules = map[string]rule{
	"GET /healthz": {role: Public}, "GET /readyz": {role: Public}, "GET /docs": {role: Public},
	"GET /openapi.json": {role: Public}, "GET /openapi.yaml": {role: Public}, "GET /openapi-3.0.json": {role: Public}, "GET /openapi-3.0.yaml": {role: Public},
	"GET /asyncapi.json": {role: Public},

	"GET /v1/records": {Reader, true}, "GET /v1/streams": {Reader, true}, "GET /v1/streams/{stream}/records": {Reader, true}, "GET /v1/tail": {Reader, true},

	"POST /v1/events": {role: Writer}, "POST /v1/batches": {role: Writer}, "POST /v1/handoffs": {role: Writer},
	"POST /v1/handoffs/{handoff}/viewed": {role: Writer}, "POST /v1/handoffs/{handoff}/enrich": {role: Writer}, "GET /v1/handoffs/{handoff}/progress": {Reader, true},
	"POST /v1/journeys/{id}/corrections": {role: Writer},
	"POST /v1/handoffs/{handoff}/{verb}": {role: Writer}, "POST /v1/journeys/{id}/suggestions/{verb}": {role: Writer},
	"POST /v1/points/{point}/{verb}": {role: Writer},

	"POST /v1/contracts/{name}/validate": {role: Reader}, "POST /v1/contracts/{name}/{verb}": {role: Operator}, "POST /v1/quarantine/{id}/{verb}": {role: Operator},

	"POST /v1/verify": {role: Operator}, "POST /v1/rebuild": {role: Operator}, "POST /v1/relay/check": {role: Operator},
	"POST /v1/backup": {role: Operator}, "POST /v1/webhooks/{name}/replay": {role: Operator}, "POST /v1/webhooks/{name}/test": {role: Operator},
	"POST /v1/webhooks/{name}/deliveries/{id}/replay": {role: Operator}, "POST /v1/webhooks/{name}/enable": {role: Operator},

	// gRPC and Connect, by POST all of them
	batonv1.HandoffServiceAppendProcedure: {role: Writer}, batonv1.HandoffServiceAppendAllProcedure: {role: Writer},
	batonv1.HandoffServiceHandoffProcedure: {role: Writer}, batonv1.HandoffServiceMoveHandoffProcedure: {role: Writer},
	batonv1.HandoffServiceJourneyProcedure: {role: Reader}, batonv1.HandoffServiceTailProcedure: {Reader, true},
}

// ruleOf is the rule of a request that the mux answers by pattern, "" where it does not.
func (s *Server) ruleOf(pattern string, r *http.Request) rule {
	known, ok := rules[pattern]
	role := s.mounted[pattern]
	gets := pattern == "" || strings.HasPrefix(pattern, "GET ")
	switch {
	case role != Unsaid:
		return rule{role, known.stream}
	case ok:
		return known
	case pattern == "GET /metrics" && s.opts.Access.PublicMetrics:
		return rule{role: Public}
	case gets && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return rule{role: Reader}
	}
	return rule{role: Operator}
}

// describe tells readers of the API's document who may do what.
func (s *Server) describe(doc *huma.OpenAPI) {
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "an API key, as `baton keys add` prints it"}}
	for route, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete} {
			if op == nil {
				continue
			}
			role := s.ruleOf(method+" "+route, &http.Request{Method: method, URL: &url.URL{Path: route}}).role
			if op.Extensions == nil {
				op.Extensions = map[string]any{}
			}
			op.Extensions["x-baton-role"] = role.String()
			if role > Public {
				op.Security = []map[string][]string{{"key": {}}, {}} // none while there are no keys
			}
		}
	}
}

// Principal is who asks.
type Principal struct {
	Name string // of the key; "" for a command of this machine
	Role Role

	key   string // id of the key
	local bool   // a command of this machine
}

type principalKey struct{}

// PrincipalOf is who asks in a request's context; false where no key is asked for.
func PrincipalOf(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// gate lets a request through whose caller may do what it asks for, and has not asked too much.
func (s *Server) gate(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := mux.Handler(r)
		need := s.ruleOf(pattern, r)
		if need.role > Public {
			caller, denied := s.caller(r)
			leave, err := s.limits.enter(caller.id(r), caller.local, need.stream) // who has no key is counted too
			if err != nil {
				s.deny(w, err)
				return
			}
			defer leave()
			if denied == nil {
				denied = caller.may(need.role, r)
			}
			if denied != nil {
				s.deny(w, denied)
				return
			}
			if caller != anybody {
				r = r.WithContext(context.WithValue(r.Context(), principalKey{}, caller))
			}
			if need.stream && caller.key != "" {
				w = &lapsing{ResponseWriter: w, rc: http.NewResponseController(w), ring: s.opts.Access.Keys, key: caller.key}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// anybody is who asks where no key is needed.
var anybody = Principal{Role: Operator}

// caller is whose key a request carries.
func (s *Server) caller(r *http.Request) (Principal, error) {
	keys := s.opts.Access.Keys
	if keys == nil || keys.Open() {
		return anybody, nil
	}
	const hint = "send Authorization: Bearer bt_…; `baton keys add` makes a key"
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return Principal{}, ledger.Errorf(ledger.CodeNotKnown, "ask the server", hint, "the request has no API key")
	}
	return keys.whose(strings.TrimSpace(key), hint)
}

// whose gives the key that is presented, or says that there is no such key.
func (k *Keyring) whose(presented, hint string) (Principal, error) {
	p, known, err := k.find(presented)
	if err == nil && !known {
		err = ledger.Errorf(ledger.CodeNotKnown, "ask the server", hint, "the API key is not known, revoked or expired")
	}
	return p, err
}

// Admit lets a caller in who comes by another way than HTTP, and gives the context by which [Actor] knows them. hint says how a key is
// presented there. Where no keys are asked for, everybody is an operator without a name.
func (k *Keyring) Admit(ctx context.Context, presented, hint string) (context.Context, Principal, error) {
	if k.Open() {
		return ctx, anybody, nil
	}
	if presented == "" {
		return nil, Principal{}, ledger.Errorf(ledger.CodeNotKnown, "ask the server", hint, "the call has no API key")
	}
	p, err := k.whose(presented, hint)
	return context.WithValue(ctx, principalKey{}, p), p, err
}

// Holds reports whether a caller who was let in may still be there.
func (k *Keyring) Holds(p Principal) bool { return p.key == "" || k.holds(p.key) }

// may refuses who has too small a role.
func (p Principal) may(need Role, r *http.Request) error {
	if p.Role >= need {
		return nil
	}
	return ledger.Errorf(ledger.CodeForbidden, "ask the server", "ask with a key of that role: `baton keys add NAME --role "+need.String()+"`",
		"%s is a %s; %s %.200s takes a key of role %s", p.Name, p.Role, r.Method, r.URL.Path, need)
}

// id is what a caller's requests are counted by: the key's name, else the address. Whoever has an IPv6 address has the other 2^64 of its network.
func (p Principal) id(r *http.Request) string {
	if p.Name != "" {
		return p.Name
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip, err := netip.ParseAddr(host)
	if err == nil && ip.Unmap().Is6() {
		network, _ := ip.Prefix(64) // of any IPv6 address
		return "address " + network.String()
	}
	return "address " + host
}

// deny answers what the gate refuses.
func (s *Server) deny(w http.ResponseWriter, err error) {
	switch ledger.CodeOf(err) {
	case ledger.CodeNotKnown:
		w.Header().Set("WWW-Authenticate", `Bearer realm="baton"`)
	case ledger.CodeTooMany:
		w.Header().Set("Retry-After", retryAfter(err))
	}
	refuse(w, ProblemOf(err).Status, err)
}
