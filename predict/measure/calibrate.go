package measure

import (
	"cmp"
	"math"
	"slices"

	"github.com/baton-ledger/baton/predict/model"
)

// isotonicRows is from how many rows on a calibration is isotonic: fewer rows make its steps noise (Niculescu-Mizil, Caruana 2005
// find Platt's better below about a thousand; steps of a few thousand rows still cost ranking, so we wait longer).
const isotonicRows = 20_000

// Raw is a row's raw outputs from a function that was not trained on it, and its class.
type Raw struct {
	V []float64 // Outputs members, on the function's scale
	Y int32
}

// Calibrate fits a calibration on rows that the function was not trained on: Platt's for two classes, isotonic from 20,000 rows
// on, a temperature for more classes. It is kept only where it helps rows that it was not fitted on: each half of the rows is judged
// by the fit of the other half, and the log loss must fall.
func Calibrate(rows []Raw, scale model.Scale, outputs int) model.Calibration {
	if len(rows) < 50 {
		return model.Calibration{Method: model.None, Rows: len(rows)}
	}
	fit := fitter(rows, scale, outputs)
	halves := [2][]Raw{}
	for i, r := range rows {
		halves[i%2] = append(halves[i%2], r)
	}
	f := &model.Function{Scale: scale, Outputs: outputs}
	none := model.Calibration{Method: model.None}
	before := loss(f, none, rows)
	after := (loss(f, fit(halves[0]), halves[1])*float64(len(halves[1])) + loss(f, fit(halves[1]), halves[0])*float64(len(halves[0]))) / float64(len(rows))
	c := none
	if after < before {
		c = fit(rows)
	}
	c.Rows, c.LossBefore, c.LossAfter = len(rows), before, after
	return c
}

func fitter(rows []Raw, scale model.Scale, outputs int) func([]Raw) model.Calibration {
	switch {
	case outputs > 1:
		return func(rows []Raw) model.Calibration { return temperature(rows, scale, outputs) }
	case len(rows) >= isotonicRows:
		return func(rows []Raw) model.Calibration { return isotonic(rows, scale) }
	}
	return func(rows []Raw) model.Calibration { return platt(rows, scale) }
}

func loss(f *model.Function, c model.Calibration, rows []Raw) float64 {
	m := model.Model{Function: f, Calibration: c}
	p, sum := make([]float64, max(f.Outputs, 2)), 0.0
	for _, r := range rows {
		copy(p, r.V)
		m.Calibrate(p)
		sum += Loss(p, r.Y)
	}
	return sum / float64(len(rows))
}

// platt fits logistic(a·v + b) to smoothed targets (Platt 1999) by Newton's method.
func platt(rows []Raw, scale model.Scale) model.Calibration {
	var pos, neg float64
	for _, r := range rows {
		pos += float64(r.Y)
		neg += 1 - float64(r.Y)
	}
	high, low := (pos+1)/(pos+2), 1/(neg+2)
	a, b := 1.0, 0.0
	for range 50 {
		var ga, gb, haa, hab, hbb float64
		for _, r := range rows {
			v, t := logOdds(r.V[0], scale), low
			if r.Y == 1 {
				t = high
			}
			p := model.Logistic(a*v + b)
			d, w := p-t, p*(1-p)
			ga, gb = ga+d*v, gb+d
			haa, hab, hbb = haa+w*v*v, hab+w*v, hbb+w
		}
		haa, hbb = haa+1e-9, hbb+1e-9
		det := haa*hbb - hab*hab
		if det <= 0 {
			break
		}
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		a, b = a-da, b-db
		if math.Abs(da)+math.Abs(db) < 1e-10 {
			break
		}
	}
	if math.IsNaN(a) || math.IsNaN(b) || a <= 0 { // ranks must not turn round
		return model.Calibration{Method: model.None}
	}
	return model.Calibration{Method: model.Platt, A: a, B: b}
}

func logOdds(v float64, scale model.Scale) float64 {
	if scale == model.Probability {
		return model.Logit(v)
	}
	return v
}

// temperature finds the a of softmax(a·scores) with the lowest log loss by golden section over log a.
func temperature(rows []Raw, scale model.Scale, outputs int) model.Calibration {
	f := &model.Function{Scale: scale, Outputs: outputs}
	at := func(logA float64) float64 {
		return loss(f, model.Calibration{Method: model.Temperature, A: math.Exp(logA)}, rows)
	}
	low, high := -1.6, 1.6
	ratio := (math.Sqrt(5) - 1) / 2
	for range 24 {
		left, right := high-ratio*(high-low), low+ratio*(high-low)
		if at(left) < at(right) {
			high = right
		} else {
			low = left
		}
	}
	return model.Calibration{Method: model.Temperature, A: math.Exp((low + high) / 2)}
}

// isotonic pools adjacent violators (Ayer et al. 1955) and keeps the middle of each pool; between pools it is straight, so that
// ranks are kept but for ends of pools.
func isotonic(rows []Raw, scale model.Scale) model.Calibration {
	type pool struct{ said, hits, rows float64 }
	sorted := make([]pool, len(rows))
	for i, r := range rows {
		p := r.V[0]
		if scale == model.LogOdds {
			p = model.Logistic(p)
		}
		sorted[i] = pool{p, float64(r.Y), 1}
	}
	slices.SortStableFunc(sorted, func(a, b pool) int { return cmp.Or(cmp.Compare(a.said, b.said), cmp.Compare(b.hits, a.hits)) }) // of equals the hits first: they become one pool
	var pools []pool
	for _, p := range sorted {
		for n := len(pools) - 1; n >= 0 && pools[n].hits*p.rows >= p.hits*pools[n].rows; n-- {
			p = pool{p.said + pools[n].said, p.hits + pools[n].hits, p.rows + pools[n].rows}
			pools = pools[:n]
		}
		pools = append(pools, p)
	}
	c := model.Calibration{Method: model.Isotonic}
	for _, p := range pools {
		c.X = append(c.X, p.said/p.rows)
		c.Y = append(c.Y, (p.hits+0.5)/(p.rows+1)) // never quite 0 or 1
	}
	for i := 1; i < len(c.Y); i++ {
		c.Y[i] = max(c.Y[i], c.Y[i-1]) // the halves may have turned neighbours round
	}
	return c
}
