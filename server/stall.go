package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// A list holds an iterator of the database while it is written, and the database cannot close before that: so a reader that takes nothing is
// cut off. stallTime is how long it may take nothing, lastWord how long once the server ends.
const (
	stallTime = time.Minute
	lastWord  = time.Second
)

// bound gives a response a write deadline: patience moves it on, the end of the context brings it near, and end takes it away again, since the
// connection may serve another request.
func bound(ctx context.Context, rc *http.ResponseController) (patience, end func()) {
	var mu sync.Mutex
	var next time.Time
	allow := func(d time.Duration) { _ = rc.SetWriteDeadline(time.Now().Add(d)) } // a writer without deadlines has no connection that could stall
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		allow(lastWord)
	})
	patience = func() {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); ctx.Err() == nil && now.After(next) { // not for each line: it costs a system call's time
			next = now.Add(stallTime / 4)
			allow(stallTime)
		}
	}
	return patience, func() {
		if stop() {
			_ = rc.SetWriteDeadline(time.Time{})
		}
	}
}
