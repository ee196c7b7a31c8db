package main

import (
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/baton-ledger/baton/ledger"
)

// recentSpans remembers which append brought the newest events that have no traceparent of their own, so that what follows them finds the
// trace. It is asked a moment later; what it has forgotten is not traced further.
type recentSpans struct {
	mu    sync.Mutex
	by    map[eventKey]trace.SpanContext
	order [4096]eventKey // a ring: the oldest is forgotten first
	next  int
}

type eventKey struct{ stream, source, id string }

func (r *recentSpans) remember(batches []ledger.Batch, span trace.SpanContext) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = make(map[eventKey]trace.SpanContext, len(r.order))
	}
	for i := range batches {
		for k := range batches[i].Events {
			e := &batches[i].Events[k]
			if e.TraceParent != "" {
				continue
			}
			key := eventKey{batches[i].Stream, e.Source, e.ID}
			delete(r.by, r.order[r.next])
			r.by[key], r.order[r.next] = span, key
			r.next = (r.next + 1) % len(r.order)
		}
	}
}

// of is the append that brought an event, invalid where that is not known.
func (r *recentSpans) of(stream string, e *ledger.Event) trace.SpanContext {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[eventKey{stream, e.Source, e.ID}]
}
