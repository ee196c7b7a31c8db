package relay

import (
	"log/slog"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// held is why a relay does not get on. Events wait in the ledger meanwhile, where they are safe: that is all the buffer there is, so
// a JetStream that is slow or full costs no memory and no append.
type held struct {
	mu    sync.Mutex
	why   error
	since time.Time
}

// Held says since when the relay holds back and why; nil while it publishes, or has nothing to publish.
func (r *Relay) Held() (since time.Time, why error) {
	r.held.mu.Lock()
	defer r.held.mu.Unlock()
	return r.held.since, r.held.why
}

// hold notes a reason. Each is logged once, not with every try.
func (h *held) hold(log *slog.Logger, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.why == nil
	if first {
		h.since = time.Now()
	}
	if first || ledger.CodeOf(h.why) != ledger.CodeOf(why) || ledger.HintOf(h.why) != ledger.HintOf(why) {
		log.Warn("relay holds back, and goes on from where the stream is", "error", why, "try", ledger.HintOf(why))
	}
	h.why = why
}

// release notes that events got through.
func (h *held) release(log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.why != nil {
		log.Info("relay publishes again", "held back for", time.Since(h.since).Round(time.Millisecond))
	}
	h.why, h.since = nil, time.Time{}
}
