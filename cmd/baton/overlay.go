package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/external"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/trust"
	"github.com/baton-ledger/baton/server"
)

// modelsDir is where the files of trained models are.
func modelsDir(dir string) string { return filepath.Join(dir, "predict") }

// openOverlay makes the follower that suggests, where a model is configured.
func (a *app) openOverlay(n *node) {
	p := a.cfg.Predict
	if p.Model == "" {
		return
	}
	o := overlay.Options{Store: n.store, Append: n.intakeFrom("overlay"), Models: modelsDir(n.dir), Model: p.Model, Points: p.Points,
		Budget: p.Budget, TTL: p.TTL, HoldOut: p.HoldOut, Monitor: a.monitor(), Logger: a.logger().With("part", "overlay")}
	if a.cfg.NATS.Enabled {
		o.Ask = n.askScorer
	}
	o.Observe = overlayMetrics(n.tell.registry, func() bool { return n.overlay.Status().Scoring })
	demotions := prometheus.NewCounter(prometheus.CounterOpts{Name: "baton_model_demotions_total", Help: "Times that the monitor lowered a model at a point."})
	n.tell.registry.MustRegister(demotions, levelMetrics{n})
	o.Demoted = func(trust.Step) { demotions.Inc() }
	n.overlay = overlay.New(o)
}

// monitor is how models that are shown are looked after.
func (a *app) monitor() trust.Monitor {
	p := a.cfg.Predict
	return trust.Monitor{Every: p.Monitor.Every, Window: p.Monitor.Window, ECE: p.Gate.ECE, Drift: trust.DriftOptions{Alpha: 0.01, Floor: p.DriftFloor}}
}

// levelMetrics tells on which levels the model's versions are.
type levelMetrics struct{ n *node }

var levelDesc = prometheus.NewDesc("baton_overlay_points", "Points by the level of the model's versions there; all points without one of their own count as one.", []string{"level"}, nil)

// Describe implements prometheus.Collector.
func (l levelMetrics) Describe(to chan<- *prometheus.Desc) { to <- levelDesc }

// Collect implements prometheus.Collector.
func (l levelMetrics) Collect(to chan<- prometheus.Metric) {
	for level, points := range l.n.overlay.Status().Levels {
		to <- prometheus.MustNewConstMetric(levelDesc, prometheus.GaugeValue, float64(points), level)
	}
}

// overlayPart is the follower as a part of a server.
func (n *node) overlayPart() part {
	progress := &ledger.Progress{}
	return part{n.overlay.Name(), progress, func(ctx context.Context) error { return n.overlay.Run(ctx, progress) }}
}

// askScorer asks a scorer of another program over the connection of the server.
func (n *node) askScorer(ctx context.Context, subject string, request []byte) ([]byte, error) {
	return external.Ask(ctx, n.conn, subject, request)
}

// outcomesPart is the follower that writes down how suggestions ended.
func (a *app) outcomesPart(n *node) part {
	f := overlay.NewOutcomes(overlay.OutcomeOptions{Store: n.store, Append: n.intakeFrom("overlay"), Logger: a.logger().With("part", "outcomes")})
	progress := &ledger.Progress{}
	return part{f.Name(), progress, func(ctx context.Context) error { return f.Run(ctx, progress) }}
}

// overlayMetrics count what became of the moments that the follower looked at.
func overlayMetrics(reg prometheus.Registerer, scoring func() bool) func(string, time.Duration) {
	moments := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_overlay_moments_total",
		Help: "Handoff moments by outcome: offered (a suggestion was recorded), late (over the budget, or over already) or failed (no model, or not recorded)."}, []string{"outcome"})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "baton_overlay_score_duration_seconds", Help: "Time to read and score one journey.",
		Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, 1}})
	for _, outcome := range []string{overlay.Offered, overlay.Late, overlay.Failed} {
		moments.WithLabelValues(outcome)
	}
	reg.MustRegister(moments, seconds, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "baton_overlay_scoring",
		Help: "1 while there is a model that can be asked."}, func() float64 {
		if scoring() {
			return 1
		}
		return 0
	}))
	return func(outcome string, took time.Duration) {
		if outcome != "" {
			moments.WithLabelValues(outcome).Inc()
		}
		if took > 0 {
			seconds.Observe(took.Seconds())
		}
	}
}

// overlayChecks are what /readyz says of it: a warning, since handoffs flow without suggestions.
func (n *node) overlayChecks() []server.Check {
	if n.overlay == nil {
		return nil
	}
	return []server.Check{{Name: "suggestions", Soft: true, Ask: func(context.Context) error {
		if s := n.overlay.Status(); s.Problem != "" {
			return ledger.Errorf(ledger.CodeUnavailable, "", "train the model, or put its file back; handoffs go on", "%w", errors.New(s.Problem))
		}
		return nil
	}}, {Name: "model level", Soft: true, Ask: func(context.Context) error {
		if s := n.overlay.Status(); s.Lowered != "" {
			return ledger.Errorf(ledger.CodeUnavailable, "", "see `baton predict board` and `baton predict drift`, and train again; `baton predict promote` moves it up", "%w", errors.New(s.Lowered))
		}
		return nil
	}}}
}
