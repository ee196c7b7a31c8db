package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
)

// appendMetrics count what came in. Labels are the way in (http, grpc, esdb, nats, webhooks, deadlines, overlay, local) and the ledger's codes.
type appendMetrics struct {
	batches *prometheus.CounterVec
	events  *prometheus.CounterVec
	sizes   *prometheus.HistogramVec
	seconds *prometheus.HistogramVec
}

func newAppendMetrics(reg prometheus.Registerer) *appendMetrics {
	m := &appendMetrics{
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_append_batches_total",
			Help: "Batches appended or refused, by way in and result: ok or the error's code."}, []string{"source", "code"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_append_events_total",
			Help: "Events by way in and result: recorded, duplicate (was there already) or refused."}, []string{"source", "result"}),
		sizes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "baton_append_batch_events", Help: "Events of a batch, by way in.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, ledger.MaxBatchEvents}}, []string{"source"}),
		seconds: prometheus.NewHistogramVec(server.Histogram("baton_append_duration_seconds",
			"Time from a call of the intake, of one or more batches, to its answer: until the events are on disk."), []string{"source"}),
	}
	reg.MustRegister(m.batches, m.events, m.sizes, m.seconds)
	return m
}

// stage is the outermost of an intake, so that what later stages refuse counts too.
func (m *appendMetrics) stage(source string) ledger.Stage {
	// Looked up once: a label costs a hash and a lock each time.
	good, recorded, duplicate := m.batches.WithLabelValues(source, "ok"), m.events.WithLabelValues(source, "recorded"), m.events.WithLabelValues(source, "duplicate")
	refused, sizes, seconds := m.events.WithLabelValues(source, "refused"), m.sizes.WithLabelValues(source), m.seconds.WithLabelValues(source)
	return func(next ledger.Append) ledger.Append {
		return func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
			begin := time.Now()
			results := next(ctx, batches)
			seconds.Observe(time.Since(begin).Seconds())
			for i, r := range results {
				sizes.Observe(float64(len(batches[i].Events)))
				if r.Err != nil {
					m.batches.WithLabelValues(source, string(ledger.CodeOf(r.Err))).Inc()
					refused.Add(float64(len(batches[i].Events)))
					continue
				}
				again := duplicates(r.Receipts)
				good.Inc()
				duplicate.Add(float64(again))
				recorded.Add(float64(len(r.Receipts) - again))
			}
			return results
		}
	}
}

func duplicates(receipts []ledger.Receipt) (n int) {
	for i := range receipts {
		if receipts[i].Duplicate {
			n++
		}
	}
	return n
}

// engineMetrics reads the engine's counters when it is scraped.
type engineMetrics struct{ store *pebblestore.Store }

// engineValue is one of them.
type engineValue struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*pebblestore.Metrics) float64
}

func engineGauge(name, help string, of func(*pebblestore.Metrics) float64) engineValue {
	return engineValue{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, of}
}

func engineCounter(name, help string, of func(*pebblestore.Metrics) float64) engineValue {
	return engineValue{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, of}
}

var engineValues = []engineValue{
	engineGauge("baton_disk_free_bytes", "Space left for this user on the ledger's file system.", func(m *pebblestore.Metrics) float64 { return float64(m.FreeBytes) }),
	engineGauge("baton_pebble_disk_bytes", "Size of the ledger's database on disk, the log being written aside.", func(m *pebblestore.Metrics) float64 { return float64(m.DiskBytes) }),
	engineGauge("baton_pebble_wal_bytes", "Size of the write-ahead logs still needed.", func(m *pebblestore.Metrics) float64 { return float64(m.WALBytes) }),
	engineGauge("baton_pebble_memtable_bytes", "Memory of the memtables.", func(m *pebblestore.Metrics) float64 { return float64(m.MemtableBytes) }),
	engineGauge("baton_pebble_l0_files", "Tables not yet merged into a level.", func(m *pebblestore.Metrics) float64 { return float64(m.L0Files) }),
	engineGauge("baton_pebble_l0_sublevels", "Layers of such tables; appends wait when there are 20.", func(m *pebblestore.Metrics) float64 { return float64(m.L0Sublevels) }),
	engineGauge("baton_pebble_compaction_debt_bytes", "Estimate of what has to be rewritten until the database is in shape.", func(m *pebblestore.Metrics) float64 { return float64(m.CompactionDebt) }),
	engineGauge("baton_pebble_compactions_in_progress", "Compactions under way.", func(m *pebblestore.Metrics) float64 { return float64(m.Compacting) }),
	engineGauge("baton_pebble_read_amplification", "Tables that a look-up may have to ask.", func(m *pebblestore.Metrics) float64 { return float64(m.ReadAmp) }),
	engineGauge("baton_pebble_cache_bytes", "Memory of the block cache.", func(m *pebblestore.Metrics) float64 { return float64(m.CacheBytes) }),
	engineCounter("baton_pebble_cache_hits_total", "Blocks found in the cache.", func(m *pebblestore.Metrics) float64 { return float64(m.CacheHits) }),
	engineCounter("baton_pebble_cache_misses_total", "Blocks read from disk.", func(m *pebblestore.Metrics) float64 { return float64(m.CacheMisses) }),
	engineCounter("baton_pebble_flushes_total", "Memtables written to tables.", func(m *pebblestore.Metrics) float64 { return float64(m.Flushes) }),
	engineCounter("baton_pebble_compactions_total", "Compactions done.", func(m *pebblestore.Metrics) float64 { return float64(m.Compactions) }),
}

var writable = prometheus.NewDesc("baton_ledger_writable", "1 while appends are taken, 0 after a failure of the disk or while it is nearly full.", nil, nil)

// Describe makes it a prometheus.Collector.
func (e *engineMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- writable
	for _, v := range engineValues {
		ch <- v.desc
	}
}

// Collect reads all of them at one moment.
func (e *engineMetrics) Collect(ch chan<- prometheus.Metric) {
	m := e.store.Metrics()
	for _, v := range engineValues {
		ch <- prometheus.MustNewConstMetric(v.desc, v.kind, v.of(&m))
	}
	takes := 1.0
	if e.store.Writable() != nil {
		takes = 0
	}
	ch <- prometheus.MustNewConstMetric(writable, prometheus.GaugeValue, takes)
}

// storeMetrics says whether the store of the record answers. The embedded one is in this process.
func (n *node) storeMetrics() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "baton_store_connected", Help: "1 while EventStoreDB answers; always where the record is embedded."}, func() float64 {
		if n.cluster == nil || n.cluster.Answers() {
			return 1
		}
		return 0
	})
}

// natsMetrics reads the connection to NATS.
func natsMetrics(reg prometheus.Registerer, f *fan) {
	reg.MustRegister(f.held)
	if f.conn == nil {
		return
	}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "baton_relay_connected", Help: "1 while the relay is connected to NATS."}, func() float64 {
			if f.conn.IsConnected() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "baton_relay_held_back_seconds", Help: "How long the relay has been holding back: NATS is away, slow, full or refuses it; 0 while it publishes."},
			func() float64 {
				if since, why := f.relay.Held(); why != nil {
					return time.Since(since).Seconds()
				}
				return 0
			}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "baton_relay_reconnects_total", Help: "Connections to NATS that were made again."},
			func() float64 { return float64(f.conn.Stats().Reconnects) }))
}
