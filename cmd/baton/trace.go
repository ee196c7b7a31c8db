package main

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/baton-ledger/baton/ledger"
)

// tracing makes the spans of a served ledger:
//
//	POST /v1/events    a request; its parent is the request's traceparent header
//	└ append           one call of the intake, whatever its batches
//	append event       one event with a traceparent of its own, which is its parent; linked to the append
//	relay publish      an event on its way into the NATS stream
//	project            an event on its way into the read models
//
// A traceparent in an event names the trace that the event belongs to, from its producer on. So each such event has a span of its own there: a
// batch may carry events of many traces, and the request that brought them may be a forwarder's. The last two have the same parent,
// because what happens to an event later, after a restart too, knows of its beginning only what is recorded.
//
// The header of a request is not written into its events: it says who sent them, not what they are, and an event sent again under another
// trace must stay the same event. Events without a traceparent follow their request's trace from memory alone.
//
// Spans carry the position and no names of journeys: traces go where the ledger's access rules do not reach.
type tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	w3c      propagation.TraceContext
	recent   recentSpans
	now      func() time.Time
}

const (
	// traceAge is how old a recorded event may be for its publishing or folding to be a span: a catch-up of years is no part of their traces.
	traceAge = time.Hour
	// traceEvents bounds the events of one call that follow the request's trace: an import is not a thousand spans.
	traceEvents = 100
)

// request is a server.Observer. Probes and scrapes make no spans.
func (t *tracing) request(r *http.Request, route string) (context.Context, func(status int)) {
	ctx := r.Context()
	switch route {
	case "GET /healthz", "GET /readyz", "GET /metrics":
		return ctx, func(int) {}
	case "":
		route = r.Method
	}
	ctx, span := t.tracer.Start(t.w3c.Extract(ctx, propagation.HeaderCarrier(r.Header)), route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", route)))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// stage makes the spans of an append.
func (t *tracing) stage(source string) ledger.Stage {
	return func(next ledger.Append) ledger.Append {
		return func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
			events := 0
			for i := range batches {
				events += len(batches[i].Events)
			}
			start := t.now()
			ctx, span := t.tracer.Start(ctx, "append", trace.WithTimestamp(start), trace.WithAttributes(attribute.String("baton.source", source),
				attribute.Int("baton.batches", len(batches)), attribute.Int("baton.events", events)))
			request := span.SpanContext()
			if request.IsSampled() && events <= traceEvents {
				t.recent.remember(batches, request)
			}
			results := next(ctx, batches)
			end := t.now()
			for i := range results {
				if err := results[i].Err; err != nil {
					span.SetStatus(codes.Error, string(ledger.CodeOf(err)))
				}
				t.appended(&batches[i], results[i], request, start, end)
			}
			span.End(trace.WithTimestamp(end))
			return results
		}
	}
}

// appended makes the spans of a batch's events in their own traces.
func (t *tracing) appended(b *ledger.Batch, r ledger.Result, request trace.SpanContext, start, end time.Time) {
	for i := range b.Events {
		e := &b.Events[i]
		parent := t.parent(e)
		if !parent.IsSampled() {
			continue
		}
		_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), "append event", trace.WithTimestamp(start),
			trace.WithLinks(trace.Link{SpanContext: request}), trace.WithAttributes(attribute.String("cloudevents.event_type", e.Type)))
		if r.Err != nil {
			span.SetStatus(codes.Error, string(ledger.CodeOf(r.Err)))
		} else {
			span.SetAttributes(attribute.Int64("baton.position", int64(r.Receipts[i].Position)), attribute.Bool("baton.duplicate", r.Receipts[i].Duplicate))
		}
		span.End(trace.WithTimestamp(end))
	}
}

// handled makes the spans of events that a follower handled.
func (t *tracing) handled(name string) func(events []ledger.Recorded, start, end time.Time) {
	return func(events []ledger.Recorded, start, end time.Time) {
		for i := range events {
			e := &events[i]
			if end.Sub(e.RecordedTime) > traceAge {
				continue
			}
			parent := t.parent(&e.Event)
			if !parent.IsValid() {
				parent = t.recent.of(e.Stream, &e.Event)
			}
			if !parent.IsSampled() {
				continue
			}
			_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), name, trace.WithTimestamp(start), trace.WithAttributes(
				attribute.String("cloudevents.event_type", e.Type), attribute.Int64("baton.position", int64(e.Position)), attribute.Int("baton.batch_events", len(events))))
			span.End(trace.WithTimestamp(end))
		}
	}
}

// parent is the span that an event's own traceparent names; invalid where it has none, or one that is not of W3C Trace Context.
func (t *tracing) parent(e *ledger.Event) trace.SpanContext {
	if e.TraceParent == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": e.TraceParent}
	for _, a := range e.Ext {
		if a.Name == "tracestate" {
			carrier[a.Name] = a.Value
		}
	}
	return trace.SpanContextFromContext(t.w3c.Extract(context.Background(), carrier))
}
