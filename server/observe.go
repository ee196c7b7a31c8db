package server

import (
	"context"
	"net/http"
	"strings"
)

// Observer is told of each request as it begins: the pattern of the route that answers it, "" where none does. It gives the context that the
// request goes on with, and a function that is told the status when the answer has ended.
type Observer func(r *http.Request, route string) (context.Context, func(status int))

// observe registers what is counted, and tells metrics and Options.Observe of each request.
func (s *Server) observe(mux *http.ServeMux, next http.Handler) http.Handler {
	var observers []Observer
	if reg := s.opts.Registry; reg != nil {
		reg.MustRegister(newLedgerMetrics(&s.opts))
		observers = append(observers, newHTTPMetrics(reg).observe)
		mux.Handle("GET /metrics", metricsHandler(reg, s.opts.Logger))
	}
	if s.opts.Observe != nil {
		observers = append(observers, s.opts.Observe)
	}
	observers = append(observers, s.logged) // last: its context has what the others put there
	return observed(mux, next, observers...)
}

// logged writes down each request that failed for a reason of ours; /readyz says so by itself.
func (s *Server) logged(r *http.Request, route string) (context.Context, func(int)) {
	return r.Context(), func(status int) {
		if status >= http.StatusInternalServerError && route != "GET /readyz" {
			s.opts.Logger.WarnContext(r.Context(), "a request failed", "route", route, "method", r.Method, "status", status)
		}
	}
}

// observed is outermost, so that what guards refuse is seen too. It asks the mux for the route itself: the pattern that the mux notes lies in a
// copy of the request by then.
func observed(mux *http.ServeMux, next http.Handler, observers ...Observer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, route := mux.Handler(r)
		ends := make([]func(int), len(observers))
		answer := &observedAnswer{ResponseWriter: w, ended: func(status int) {
			for i := len(ends) - 1; i >= 0; i-- {
				ends[i](status)
			}
		}}
		ctx := context.WithValue(r.Context(), answerKey{}, answer)
		for i, o := range observers {
			ctx, ends[i] = o(r.WithContext(ctx), route)
		}
		defer answer.end() // a handler that panics has ended too
		next.ServeHTTP(answer, r.WithContext(ctx))
		if answer.status == 0 {
			answer.status = http.StatusOK // what net/http sends where nothing was written
		}
	})
}

// answerKey leads observers to the answer under way.
type answerKey struct{}

// observedAnswer notes the status, and when an answer turns out to be a stream of server-sent events.
type observedAnswer struct {
	http.ResponseWriter
	status int
	begun  func(http.Header) // told when the headers go out; nil: nobody
	ended  func(status int)
}

func (a *observedAnswer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
		if a.begun != nil {
			a.begun(a.Header())
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *observedAnswer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Flush is for those who ask the writer itself; http.ResponseController finds what is below by Unwrap.
func (a *observedAnswer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

func (a *observedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *observedAnswer) end() {
	if a.status == 0 {
		a.status = http.StatusInternalServerError
	}
	a.ended(a.status)
}

// routeOf takes a pattern apart for labels. Both parts are from small sets whatever was sent: the method is "other" where the pattern does
// not say it and it is not one of HTTP's own, the route is "other" where no pattern matched.
func routeOf(r *http.Request, pattern string) (method, route string) {
	method, route, found := strings.Cut(pattern, " ")
	if !found {
		method, route = "other", pattern
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
			method = r.Method
		}
	}
	if route == "" {
		route = "other"
	}
	return method, route
}
