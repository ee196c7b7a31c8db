package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/enrich"
	"github.com/baton-ledger/baton/predict/external"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// sources are the configured ones by name, with their tokens.
func (a *app) sources() ([]enrich.Source, error) {
	var out []enrich.Source
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Enrich.Sources)) {
		c := a.cfg.Enrich.Sources[name]
		s := enrich.Source{Name: name, Kind: c.Kind, URL: c.URL, Subject: c.Subject, File: c.File, Key: c.Key, Fields: c.Fields, Needs: c.Needs, Points: c.Points, Timeout: c.Timeout}
		if c.TokenFile != "" {
			text, err := os.ReadFile(c.TokenFile)
			if err != nil {
				return nil, ledger.Errorf(ledger.CodeInvalid, "enrich.sources", "write the token into that file, alone", "source %s: token_file: %w", name, err)
			}
			s.Token = strings.TrimSpace(string(text))
		}
		out = append(out, s)
	}
	return out, nil
}

// checkSources refuses what a start of the server would refuse, and snapshot files that cannot be read.
func (a *app) checkSources() error {
	list, err := a.sources()
	for i := range list {
		if s := &list[i]; err == nil && s.Kind == enrich.Snapshot {
			err = enrich.Check(s.File)
		}
	}
	return err
}

// openEnrich makes the follower that asks sources, and that records deliveries where it is told to.
func (a *app) openEnrich(n *node) error {
	list, err := a.sources()
	if err != nil {
		return err
	}
	c := a.cfg.Enrich
	o := enrich.Options{Store: n.store, Append: n.intakeFrom("enrichment"), Sources: list, Class: a.channelClass, MaxAge: c.MaxAge, Logger: a.logger().With("part", "enrichment"),
		Budgets: enrich.Budgets{ledger.RealTime: c.Budget.RealTime, ledger.NearRealTime: c.Budget.NearRealTime, ledger.Async: c.Budget.Async}}
	if a.cfg.NATS.Enabled {
		o.Ask = n.askSource
	}
	if a.cfg.Context.Deliver {
		o.Deliver = a.deliverer(n)
	}
	if n.enriches = len(list) > 0 || a.cfg.Context.Deliver; n.enriches {
		o.Observe = enrichMetrics(n.tell.registry, list)
	}
	n.enricher = enrich.New(o)
	return nil
}

// deliverer records what the receiver of a handoff is given.
func (a *app) deliverer(n *node) func(ctx context.Context, journey, handoff string) error {
	append := n.intakeFrom("context")
	return func(ctx context.Context, journey, handoff string) error {
		o, err := a.briefOptions(ctx, n.store, journey, replay.Moment{}, n.agreed)
		if err == nil {
			_, err = brief.Deliver(ctx, n.store, append, brief.Delivery{Journey: journey, Handoff: handoff}, o)
		}
		return err
	}
}

// askSource asks a source over the connection of the server.
func (n *node) askSource(ctx context.Context, subject string, request []byte) ([]byte, error) {
	return external.Ask(ctx, n.conn, subject, request)
}

// enrichPart is the follower as a part of a server.
func (n *node) enrichPart() part {
	progress := &ledger.Progress{}
	return part{n.enricher.Name(), progress, func(ctx context.Context) error { return n.enricher.Run(ctx, progress) }}
}

// enrichMetrics count what became of sources, and how long it took.
func enrichMetrics(reg prometheus.Registerer, sources []enrich.Source) func(source, outcome string, took time.Duration) {
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_enrichment_outcomes_total",
		Help: "Sources of context by what became of asking them: answered, late (after the channel's budget), failed, skipped."}, []string{"source", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "baton_enrichment_duration_seconds", Help: "Time from asking a source of context to its outcome on disk.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2, 5, 10, 30}}, []string{"source"})
	for i := range sources {
		for _, outcome := range []string{enrich.Answered, enrich.Late, enrich.Failed, enrich.Skipped} {
			outcomes.WithLabelValues(sources[i].Name, outcome)
		}
		seconds.WithLabelValues(sources[i].Name)
	}
	reg.MustRegister(outcomes, seconds)
	return func(source, outcome string, took time.Duration) {
		outcomes.WithLabelValues(source, outcome).Inc()
		if outcome != enrich.Skipped {
			seconds.WithLabelValues(source).Observe(took.Seconds())
		}
	}
}
