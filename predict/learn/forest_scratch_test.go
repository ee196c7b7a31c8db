package learn

import (
	"fmt"
	"github.com/baton-ledger/baton/predict/table"
	"math/rand/v2"
	"testing"
	"time"
)

func TestForestScratch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := 5600
	f := &table.Frame{Rows: n}
	y := make([]int32, n)
	for j := 0; j < 40; j++ {
		v := make([]float64, n)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		f.Columns = append(f.Columns, table.Column{Name: fmt.Sprint("c", j), Kind: table.Number, Numbers: v})
	}
	for i := range y {
		if f.Columns[0].Numbers[i]+f.Columns[1].Numbers[i]+rng.NormFloat64() > 0 {
			y[i] = 1
		}
	}
	_, m := table.Fit(f, f.All(), table.Labels{Of: y, Classes: 2}, table.Defaults())
	for _, c := range []int{12, 24, 40} {
		fo := &Forest{Label: "f", Trees: 10, TrialTrees: 10, Leaves: []int{10}, Rows: 5000, Columns: c}
		t0 := time.Now()
		fn, err := fo.Fit(t.Context(), Set{X: m, Y: y, Classes: 2, Seed: 1}, 0)
		fmt.Println(c, time.Since(t0), err, len(fn.Trees.Nodes))
	}
}
