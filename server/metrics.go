package server

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Histogram gives the options of every duration that Baton measures: classic buckets from 0.1 ms to 30 s for whoever scrapes text, native
// ones for whoever asks for them.
func Histogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: name, Help: help,
		Buckets:                     []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour}
}

// httpMetrics counts requests. Labels are route patterns, methods and status codes, never what a client may choose.
type httpMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	rejected *prometheus.CounterVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
}

func newHTTPMetrics(reg prometheus.Registerer) *httpMetrics {
	m := &httpMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_http_requests_total",
			Help: "Requests answered, by route pattern, method and status code."}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(Histogram("baton_http_request_duration_seconds",
			"Time to answer a request, by route pattern and method; event streams are left out."), []string{"route", "method"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_http_rejected_total",
			Help: "Requests turned away before they were tried, by reason: not_known, forbidden, too_large, other_host, too_many, headers_too_large."}, []string{"reason"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "baton_http_requests_in_flight", Help: "Requests being answered now, event streams included."}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "baton_http_sse_clients", Help: "Clients of server-sent events connected now."}),
	}
	for _, reason := range rejections {
		m.rejected.WithLabelValues(reason) // there from the start, so that a rate sees the first
	}
	reg.MustRegister(m.requests, m.seconds, m.rejected, m.inFlight, m.streams)
	return m
}

// rejections says which statuses are refusals of the door rather than answers.
var rejections = map[int]string{
	http.StatusUnauthorized: "not_known", http.StatusForbidden: "forbidden", http.StatusRequestEntityTooLarge: "too_large",
	http.StatusMisdirectedRequest: "other_host", http.StatusTooManyRequests: "too_many", http.StatusRequestHeaderFieldsTooLarge: "headers_too_large",
}

// observe is an Observer.
func (m *httpMetrics) observe(r *http.Request, pattern string) (context.Context, func(int)) {
	method, route := routeOf(r, pattern)
	begin, stream := time.Now(), false
	m.inFlight.Inc()
	if a, ok := r.Context().Value(answerKey{}).(*observedAnswer); ok {
		a.begun = func(h http.Header) {
			if stream = strings.HasPrefix(h.Get("Content-Type"), "text/event-stream"); stream {
				m.streams.Inc()
			}
		}
	}
	return r.Context(), func(status int) {
		m.inFlight.Dec()
		m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
		if reason := rejections[status]; reason != "" {
			m.rejected.WithLabelValues(reason).Inc()
		}
		if stream {
			m.streams.Dec()
			return
		}
		m.seconds.WithLabelValues(route, method).Observe(time.Since(begin).Seconds())
	}
}

// ledgerMetrics reads head, followers and checkpoint when it is scraped.
type ledgerMetrics struct {
	opts                                            *Options
	head, position, lag, handled, signed, uncovered *prometheus.Desc
}

func newLedgerMetrics(o *Options) *ledgerMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &ledgerMetrics{opts: o,
		head:      desc("baton_ledger_head_position", "Position of the last durable event."),
		position:  desc("baton_follower_position", "Position of the last event that the follower has handled.", "follower"),
		lag:       desc("baton_follower_lag_events", "Durable events that the follower has not handled yet.", "follower"),
		handled:   desc("baton_follower_last_batch_timestamp_seconds", "When the follower handled its last batch, 0 before the first.", "follower"),
		signed:    desc("baton_checkpoint_size_events", "Events that the newest signed checkpoint covers."),
		uncovered: desc("baton_checkpoint_uncovered_events", "Durable events after the newest signed checkpoint."),
	}
}

// Describe and Collect make it a prometheus.Collector.
func (m *ledgerMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect never waits for the disk: all of it is in memory.
func (m *ledgerMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	head, err := m.opts.Store.Head(context.Background())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(m.head, err)
		return
	}
	gauge(m.head, float64(head.Position))
	for _, f := range m.opts.Followers {
		at := f.Progress.Position()
		gauge(m.position, float64(at), f.Name)
		gauge(m.lag, float64(head.Position-min(head.Position, at)), f.Name)
		when := 0.0
		if t := f.Progress.At(); !t.IsZero() {
			when = float64(t.UnixNano()) / 1e9
		}
		gauge(m.handled, when, f.Name)
	}
	if m.opts.Latest != nil {
		size := m.opts.Latest().Size
		gauge(m.signed, float64(size))
		gauge(m.uncovered, float64(head.Position-min(head.Position, size)))
	}
}

// metricsHandler serves what was registered, ours and the caller's.
func metricsHandler(reg *prometheus.Registry, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg, MaxRequestsInFlight: 4, EnableOpenMetrics: true,
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)})
}
