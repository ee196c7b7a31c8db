package main

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/baton-ledger/baton/ledger"
)

type tracingOptions struct {
	endpoint string
	sample   float64
	ledger   string // id
	log      *slog.Logger
	registry prometheus.Registerer
}

const (
	traceQueue = 8192            // spans that wait for the collector, about 1 KiB each; further ones are dropped
	traceTime  = 5 * time.Second // for one export, its retries included; and for the last one when the process ends
)

// startTracing makes spans and a sender for them. A collector that is away is no error: nothing waits for it.
func startTracing(ctx context.Context, o tracingOptions) (*tracing, error) {
	exporter, err := otlptracehttp.New(ctx, collector(o.endpoint)...)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "start traces", "set trace.endpoint as http://127.0.0.1:4318, or leave it empty", "%w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "baton"), attribute.String("service.instance.id", o.ledger),
		attribute.String("service.version", version())), resource.WithFromEnv())
	if err != nil {
		o.log.Warn("OTEL_RESOURCE_ATTRIBUTES is not understood", "error", err)
	}
	out := newSender(exporter, o)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(out), sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.sample))))
	return &tracing{provider: provider, tracer: provider.Tracer("github.com/baton-ledger/baton"), now: time.Now}, nil
}

// close sends what waits.
func (t *tracing) close() {
	ctx, cancel := context.WithTimeout(context.Background(), traceTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // a collector that is away is in the log and the counters already
}

// collector reads the configured address.
func collector(endpoint string) []otlptracehttp.Option {
	address, user := collectorURL(endpoint)
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(address), otlptracehttp.WithTimeout(traceTime)}
	if user != nil {
		password, _ := user.Password()
		options = append(options, otlptracehttp.WithHeaders(map[string]string{
			"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))}))
	}
	return options
}

// collectorURL takes a configured address apart: a base gets the path that OTLP/HTTP prescribes, and the user goes into a header.
func collectorURL(endpoint string) (address string, user *url.Userinfo) {
	u, err := url.Parse(endpoint)
	if err != nil { // config has checked it
		return endpoint, nil
	}
	user, u.User = u.User, nil
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), user
}

// sender bounds and counts what the SDK's batch processor would drop in silence: it lets no more spans in than its queue holds.
type sender struct {
	sdktrace.SpanProcessor
	exporter              sdktrace.SpanExporter
	waiting               atomic.Int64
	sent, failed, dropped prometheus.Counter
	log                   *slog.Logger
	away                  bool // the last export failed; exports run one at a time
}

func newSender(exporter sdktrace.SpanExporter, o tracingOptions) *sender {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_trace_spans_total",
		Help: "Spans by what became of them: sent, failed (the collector did not take them) or dropped (too many waited)."}, []string{"result"})
	o.registry.MustRegister(spans)
	s := &sender{exporter: exporter, log: o.log, sent: spans.WithLabelValues("sent"), failed: spans.WithLabelValues("failed"), dropped: spans.WithLabelValues("dropped")}
	s.SpanProcessor = sdktrace.NewBatchSpanProcessor(exports{s}, sdktrace.WithMaxQueueSize(2*traceQueue), sdktrace.WithBatchTimeout(time.Second),
		sdktrace.WithExportTimeout(traceTime))
	return s
}

// OnEnd takes a span, or counts it as dropped.
func (s *sender) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if s.waiting.Add(1) > traceQueue {
		s.waiting.Add(-1)
		s.dropped.Inc()
		return
	}
	s.SpanProcessor.OnEnd(span)
}

// exports is the sender as the batch processor sees it.
type exports struct{ *sender }

// ExportSpans sends a batch, and says in the log when the collector goes away and comes back.
func (e exports) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.exporter.ExportSpans(ctx, spans)
	e.waiting.Add(-int64(len(spans)))
	if err != nil {
		e.failed.Add(float64(len(spans)))
	} else {
		e.sent.Add(float64(len(spans)))
	}
	switch {
	case err != nil && !e.away:
		e.log.Warn("traces are lost: the collector does not take them", "error", err)
	case err == nil && e.away:
		e.log.Info("the collector takes traces again")
	}
	e.away = err != nil
	return nil
}

// Shutdown ends the exporter.
func (e exports) Shutdown(ctx context.Context) error { return e.exporter.Shutdown(ctx) }
