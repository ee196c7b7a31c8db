package trust_test

import (
	"math/rand/v2"
	"testing"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/table"
	"github.com/baton-ledger/baton/predict/trust"
)

var monitor = trust.Monitor{Every: 500, Window: 500, ECE: 0.1, Drift: trust.DriftOptions{Alpha: 0.01, Floor: 0.1}}

// TestMonitor over many worlds: one that changes after the promotion is noticed, one that does not is left alone.
func TestMonitor(t *testing.T) {
	changed := func(rng *rand.Rand, _ string) (said, truth float64) {
		p := 0.05 + 0.7*rng.Float64()
		return p, min(1, 0.5*p+0.4)
	}
	const worlds = 150
	alarms, noticed := 0, 0
	for seed := range uint64(worlds) {
		if w := monitor.Calibrated(world{seed, channels, honest}.moments(500, 1), 1); w.Breach() {
			alarms++
		}
		if w := monitor.Calibrated(world{seed, channels, changed}.moments(500, 1), 1); w.Breach() {
			noticed++
		}
	}
	t.Logf("of %d worlds: %d false alarms, %d changes noticed", worlds, alarms, noticed)
	if alarms > 2 || noticed < worlds*99/100 {
		t.Errorf("%d false alarms, %d changes noticed", alarms, noticed)
	}
}

// TestMonitorOfClusters: journeys whose three labels are one raise no more false alarms.
func TestMonitorOfClusters(t *testing.T) {
	alarms := 0
	const worlds = 150
	for seed := range uint64(worlds) {
		list := world{seed, channels, func(rng *rand.Rand, _ string) (float64, float64) { return 0.3, 0.3 }}.moments(501, 1)
		for i := range list {
			list[i].Label = list[i/3*3].Label
		}
		if w := monitor.Calibrated(list, 1); w.Breach() {
			alarms++
		}
	}
	t.Logf("%d of %d", alarms, worlds)
	if alarms > 3 {
		t.Errorf("%d of %d worlds raised an alarm", alarms, worlds)
	}
}

// TestDriftThreshold: under no drift the rate of alarms over 20 columns is about what was asked for at each sample size, while the classical limit alarms
// nearly always on a small sample; and a shift is found.
func TestDriftThreshold(t *testing.T) {
	const columns, worlds, alpha = 20, 300, 0.05
	for _, size := range []int{60, 150, 500, 2000} {
		alarms, classical, found := 0, 0, 0
		for seed := range uint64(worlds) {
			rng := rand.New(rand.NewPCG(seed, uint64(size)))
			alarm, loose := false, false
			for column := range columns {
				ref := reference(rng, 1000)
				d := index(ref, rng, size, 0, alpha/columns)
				alarm, loose = alarm || d.Drifted, loose || d.PSI > trust.Classical
				if column == 0 && index(ref, rng, size, 0.8, alpha/columns).Drifted {
					found++
				}
			}
			alarms, classical = alarms+one(alarm), classical+one(loose)
		}
		t.Logf("%5d rows: %3d false alarms of %d worlds at %g (limit 0.2: %d); a shift of 0.8 deviations found in %d", size, alarms, worlds, alpha, classical, found)
		if alarms > worlds*9/100 { // three standard deviations above 5 %
			t.Errorf("%d rows: %d of %d worlds without drift raised an alarm", size, alarms, worlds)
		}
		if least := map[int]int{60: worlds / 3, 150: worlds * 9 / 10, 500: worlds * 99 / 100, 2000: worlds * 99 / 100}[size]; found < least {
			t.Errorf("%d rows: the shift was found in %d of %d worlds", size, found, worlds)
		}
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func reference(rng *rand.Rand, n int) model.Reference {
	values := make([]table.Value, n)
	for i := range values {
		values[i].Number = rng.NormFloat64()
	}
	return model.NewReference("x", table.Number, values, n)
}

func index(ref model.Reference, rng *rand.Rand, n int, shift, alpha float64) trust.Drifted {
	counts := make([]int, len(ref.Counts))
	for range n {
		counts[ref.Bin(table.Value{Number: rng.NormFloat64() + shift})]++
	}
	return trust.Index(ref.Counts, counts, ref.Rows, n, alpha, 0)
}

// TestWatchDrift: a model whose probabilities are another sort than those held out goes down even where they come true; one that says the same sort of things, and one
// that was promoted only behind the moments, stays.
func TestWatchDrift(t *testing.T) {
	said := make([]table.Value, 2000)
	for i, m := range (world{1, channels, honest}).moments(len(said), 1) {
		said[i].Number = m.P
	}
	m := loaded(registry.Registered{Name: "again", Hash: "1111111111111111aa"})
	m.Model.Card.References = []model.Reference{model.NewReference(model.ScoreReference, table.Number, said, 700)}
	low := func(rng *rand.Rand, _ string) (float64, float64) {
		p := 0.05 + 0.2*rng.Float64()
		return p, p
	}
	alarms := 0
	for seed := range uint64(100) {
		same, other := world{seed, channels, honest}.moments(500, 100), world{seed, channels, low}.moments(500, 100)
		if w := monitor.Watch(m, same, "p", 50, 600); w.Breach() {
			alarms++
		}
		if w := monitor.Watch(m, other, "p", 50, 600); !w.Drifted || w.Calibration || w.Drift == nil || w.Why == "" {
			t.Fatalf("world %d: %+v", seed, w)
		}
		if w := monitor.Watch(m, other, "p", 600, 600); w.Breach() || w.Outcomes != 0 {
			t.Fatalf("world %d: moments before the promotion count: %+v", seed, w)
		}
	}
	if alarms > 1 {
		t.Errorf("%d of 100 worlds without drift raised an alarm", alarms)
	}
}
