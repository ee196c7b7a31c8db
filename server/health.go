package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// Check is something besides the ledger and its followers that /readyz asks about. Ask answers at once or when its context ends.
type Check struct {
	Name string
	Ask  func(ctx context.Context) error // nil: good
	Soft bool                            // its failure is a warning: the server is ready all the same
}

// stuckAfter is how long a follower may have work before it and not move. Longer than a rebuild of the models' largest batch takes.
const stuckAfter = time.Minute

// health answers /readyz.
type health struct {
	opts    *Options
	known   func(*http.Request) bool // who may see the checks
	now     func() time.Time
	mu      sync.Mutex
	resting map[string]rest
}

// rest is where something was when it was first seen to stand still with work before it.
type rest struct {
	position uint64
	since    time.Time
}

func newHealth(o *Options, known func(*http.Request) bool) *health {
	return &health{opts: o, known: known, now: time.Now, resting: map[string]rest{}}
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	answer := h.ready(ctx)
	if !h.known(r) { // a probe needs the status; positions, paths and names of endpoints are nobody else's business
		answer.Checks = []client.CheckResult{}
	}
	w.Header().Set("Cache-Control", "no-store")
	if answer.Ready {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	p := ProblemOf(ledger.Errorf(ledger.CodeUnavailable, "readyz", "see the checks that failed; `baton doctor` says more", "the server is not ready"))
	for _, c := range answer.Checks {
		if c.Verdict == "fail" {
			p.Detail = fmt.Sprintf("the server is not ready: %s: %s", c.Name, c.Found)
			break
		}
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(struct {
		*client.Problem
		client.Readiness
	}{p, answer})
}

// ready asks every check. Only what this API itself answers from makes it not ready: a relay or a webhook receiver that is away does not
// take a ledger out of service.
func (h *health) ready(ctx context.Context) client.Readiness {
	out := client.Readiness{Ready: true, Checks: []client.CheckResult{}}
	add := func(c client.CheckResult) {
		out.Checks = append(out.Checks, c)
		out.Ready = out.Ready && c.Verdict != "fail"
	}
	head, err := h.opts.Store.Head(ctx)
	add(result("ledger", fmt.Sprintf("answers, head %d", head.Position), err, false))
	for _, c := range h.opts.Checks {
		add(result(c.Name, "ok", c.Ask(ctx), c.Soft))
	}
	if err != nil {
		return out
	}
	for _, f := range h.opts.Followers {
		add(h.moving("follower "+f.Name, f.Progress.Position(), head.Position, h.opts.Models == nil || f.Name != h.opts.Models.Name()))
	}
	if h.opts.Latest != nil {
		add(h.moving("checkpoint", h.opts.Latest().Size, head.Position, true))
	}
	return out
}

// moving judges something that follows the head.
func (h *health) moving(name string, position, head uint64, soft bool) client.CheckResult {
	rested := h.restingFor(name, position, head)
	found := fmt.Sprintf("at %d of %d", position, head)
	if rested < stuckAfter {
		return client.CheckResult{Name: name, Verdict: "ok", Found: found}
	}
	return result(name, "", ledger.Errorf(ledger.CodeUnavailable, "", "see the server's log for what it waits for", "%s, and has not moved for %s", found,
		rested.Round(time.Second)), soft)
}

// restingFor is how long name is known to have stood at position with work before it: since it was first seen there, so it needs to be asked
// about more than once.
func (h *health) restingFor(name string, position, head uint64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, known := h.resting[name]
	switch {
	case position >= head:
		delete(h.resting, name)
		return 0
	case !known || at.position != position:
		h.resting[name] = rest{position, h.now()}
		return 0
	}
	return h.now().Sub(at.since)
}

func result(name, good string, err error, soft bool) client.CheckResult {
	switch {
	case err == nil:
		return client.CheckResult{Name: name, Verdict: "ok", Found: good}
	case soft:
		return client.CheckResult{Name: name, Verdict: "warn", Found: err.Error(), Try: ledger.HintOf(err)}
	}
	return client.CheckResult{Name: name, Verdict: "fail", Found: err.Error(), Try: ledger.HintOf(err)}
}
