package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// checkMetrics count what contracts say of offers on their way in.
type checkMetrics struct {
	checks  *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newCheckMetrics(reg prometheus.Registerer) *checkMetrics {
	m := &checkMetrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_contract_checks_total",
			Help: "Offers held against a contract, by contract and result: kept or broken."}, []string{"contract", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "baton_contract_check_duration_seconds", Help: "Time one check takes.",
			Buckets: []float64{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2}}),
	}
	reg.MustRegister(m.checks, m.seconds)
	return m
}

func (m *checkMetrics) checked(contract string, took time.Duration, broken bool) {
	result := "kept"
	if broken {
		result = "broken"
	}
	m.checks.WithLabelValues(contract, result).Inc()
	m.seconds.Observe(took.Seconds())
}
