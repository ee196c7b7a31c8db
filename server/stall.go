package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// An answer that nobody takes holds a goroutine and a connection; a list holds an iterator of the database besides, and the database cannot close
// before that. So a reader that takes nothing is cut off: after Limits.Stall, and after lastWord once the server ends.
const lastWord = time.Second

// patient gives every answer that rule.
func (l *limiter) patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &patientAnswer{ResponseWriter: w, rc: http.NewResponseController(w), ctx: r.Context(), stall: l.Stall}
		a.allow(0) // what the answer before it on this connection has left
		stop := context.AfterFunc(a.ctx, a.hurry)
		defer func() {
			stop()
			a.begin() // net/http writes the rest when the handler is done
			a.done()
		}()
		next.ServeHTTP(a, r)
	})
}

// patientAnswer has a deadline while something is written, and none in between: HTTP/2 ends a stream whose deadline passes in silence.
type patientAnswer struct {
	http.ResponseWriter
	rc    *http.ResponseController
	ctx   context.Context
	stall time.Duration

	mu      sync.Mutex
	writing bool
}

// piece is how much of an answer has Limits.Stall to be taken: a large one on a slow line goes on as long as it moves.
const piece = 64 << 10

func (a *patientAnswer) Write(b []byte) (n int, err error) {
	for {
		a.begin()
		k, err := a.ResponseWriter.Write(b[:min(len(b), piece)])
		a.end()
		if n, b = n+k, b[k:]; err != nil || len(b) == 0 {
			return n, err
		}
	}
}

// FlushError is for [http.ResponseController].
func (a *patientAnswer) FlushError() error {
	a.begin()
	defer a.end()
	return a.rc.Flush()
}

// Flush is for those who ask the writer itself.
func (a *patientAnswer) Flush() { _ = a.FlushError() } // the next Write says why

// Unwrap is for [http.ResponseController].
func (a *patientAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *patientAnswer) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing = true
	if a.ctx.Err() != nil {
		a.allow(min(lastWord, a.stall))
	} else {
		a.allow(a.stall)
	}
}

func (a *patientAnswer) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing = false
	a.allow(0)
}

// done waits for a hurry under way and keeps out one to come: the writer is no more once the handler has returned (HTTP/2 would panic).
func (a *patientAnswer) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing = false
}

// hurry ends a write under way soon.
func (a *patientAnswer) hurry() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.writing {
		a.allow(min(lastWord, a.stall))
	}
}

// allow sets the deadline; 0 is none.
func (a *patientAnswer) allow(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = a.rc.SetWriteDeadline(at) // a writer without deadlines has no connection that could stall
}
