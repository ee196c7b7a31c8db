package server

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// A body that trickles holds a connection, a goroutine and what was read of it. So it must keep going: it has Limits.Wait, and a second more for each
// bodyRate bytes that have come. operation() bounds the whole of it by bodyTime besides.
const bodyRate = 8 << 10

// steadyBody ends with an error when it is too slow.
type steadyBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	wait  time.Duration
	start time.Time
	n     int64
}

// steady puts every body under that rule.
func (l *limiter) steady(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			body := &steadyBody{ReadCloser: r.Body, rc: http.NewResponseController(w), wait: l.Wait}
			copied := *r
			copied.Body = body
			r = &copied
		}
		next.ServeHTTP(w, r)
	})
}

func (b *steadyBody) Read(p []byte) (int, error) {
	if b.start.IsZero() {
		b.start = time.Now()
	}
	earned := time.Duration(b.n) * time.Second / bodyRate
	_ = b.rc.SetReadDeadline(b.start.Add(min(bodyTime, b.wait+earned))) // a reader without deadlines has no connection that could trickle
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if errors.Is(err, io.EOF) { // the deadline would end a long answer too
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
