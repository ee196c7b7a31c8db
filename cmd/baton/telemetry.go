package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/server"
)

// telemetry is what a served ledger tells of itself: metrics always, traces where a collector is configured. Nil, as for every command that
// does not serve, tells nothing and costs nothing.
type telemetry struct {
	registry *prometheus.Registry
	appends  *appendMetrics
	checks   *checkMetrics
	traces   *tracing // nil: off
}

func (a *app) startTelemetry(ctx context.Context, n *node) (*telemetry, error) {
	t := &telemetry{registry: prometheus.NewRegistry()}
	t.appends, t.checks = newAppendMetrics(t.registry), newCheckMetrics(t.registry)
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
		&engineMetrics{store: n.disk}, signedAt(filepath.Join(n.dir, notary.CheckpointFile)), n.storeMetrics())
	if a.cfg.Trace.Endpoint == "" {
		return t, nil
	}
	var err error
	t.traces, err = startTracing(ctx, tracingOptions{endpoint: a.cfg.Trace.Endpoint, sample: a.cfg.Trace.Sample, ledger: ledgerID(n.keys), log: a.logger(), registry: t.registry})
	return t, err
}

// stages are those of a way in, which source names.
func (t *telemetry) stages(source string) []ledger.Stage {
	if t == nil {
		return nil
	}
	list := []ledger.Stage{t.appends.stage(source)}
	if t.traces != nil {
		list = append(list, t.traces.stage(source))
	}
	return list
}

// contracts is told of each check of an offer against its contract; nil where nobody wants to know.
func (t *telemetry) contracts() func(contract string, took time.Duration, broken bool) {
	if t == nil {
		return nil
	}
	return t.checks.checked
}

// handled is what a follower tells of the events it handled, under the name of its spans; nil where nobody wants to know.
func (t *telemetry) handled(span string) func(events []ledger.Recorded, start, end time.Time) {
	if t == nil || t.traces == nil {
		return nil
	}
	return t.traces.handled(span)
}

// requests is what the server tells of each request; nil where nobody wants to know.
func (t *telemetry) requests() server.Observer {
	if t == nil || t.traces == nil {
		return nil
	}
	return func(r *http.Request, route string) (context.Context, func(int)) { return t.traces.request(r, route) }
}

// close sends what is left, for a few seconds at most.
func (t *telemetry) close() {
	if t != nil && t.traces != nil {
		t.traces.close()
	}
}

// checks is what /readyz asks besides the ledger and its followers.
func (n *node) checks(f *fan) []server.Check {
	list := []server.Check{{Name: "disk", Ask: func(context.Context) error { return n.disk.Writable() }}}
	list = append(list, n.clusterChecks()...)
	list = append(list, n.overlayChecks()...)
	if f.conn != nil {
		list = append(list, server.Check{Name: "nats", Soft: true, Ask: func(context.Context) error {
			if f.conn.IsConnected() {
				_, why := f.relay.Held()
				return why
			}
			return ledger.Errorf(ledger.CodeUnavailable, "", "see to the NATS server; appends go on, and are published when it is back", "not connected")
		}})
	}
	return list
}

// signedAt reads when the newest checkpoint was written: a note holds no time.
func signedAt(file string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "baton_checkpoint_timestamp_seconds",
		Help: "When the newest signed checkpoint was written; 0 before the first."}, func() float64 {
		info, err := os.Stat(file)
		if err != nil {
			return 0
		}
		return float64(info.ModTime().UnixNano()) / 1e9
	})
}
