package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkScore is one row of fifty members: probabilities of a model's classes.
func BenchmarkScore(b *testing.B) { each(b, func(m *Model, x, p, _ []float64) { m.Score(p, x) }) }

// BenchmarkExplain is one row of fifty members: contributions of all of them.
func BenchmarkExplain(b *testing.B) {
	each(b, func(m *Model, x, _, c []float64) { m.Explain(c, x, 1) })
}

func each(b *testing.B, run func(m *Model, x, p, c []float64)) {
	rng := rand.New(rand.NewPCG(1, 2))
	const members = 50
	additive := &Additive{Outputs: 1, Bias: []float64{0}}
	for j := range members {
		additive.Append(Steps, j, []float64{-1, -0.5, 0, 0.5, 1}, draws(rng, 6), draws(rng, 1))
	}
	additive.Mean = draws(rng, members)
	forest := randomTrees(rng, 60, 9, members)
	forest.Average = true
	forest.Prepare()
	for _, c := range []struct {
		name string
		f    *Function
	}{
		{"additive", &Function{Scale: LogOdds, Additive: additive}},
		{"400 trees of depth 3", &Function{Scale: LogOdds, Trees: randomTrees(rng, 400, 3, members)}},
		{"forest of 60", &Function{Scale: Probability, Trees: forest}},
	} {
		c.f.Outputs, c.f.Width = 1, members
		m := &Model{Function: c.f, Classes: []string{"no", "yes"}, Calibration: Calibration{Method: Platt, A: 1}}
		rows := make([][]float64, 64)
		for i := range rows {
			rows[i] = vector(rng, members)
		}
		nodes := 0
		if c.f.Trees != nil {
			nodes = len(c.f.Trees.Nodes)
		}
		b.Run(fmt.Sprintf("%s, %d nodes", c.name, nodes), func(b *testing.B) {
			p, contributions := make([]float64, 2), make([]float64, members)
			b.ReportAllocs()
			took := make([]time.Duration, 0, b.N)
			for i := range b.N {
				begin := time.Now()
				run(m, rows[i%len(rows)], p, contributions)
				took = append(took, time.Since(begin))
			}
			slices.Sort(took) // the middle says more than the mean on a machine that does other things too
			b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
		})
	}
}
