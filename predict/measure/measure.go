// Package measure says what probabilities are worth: how well they rank, how well they come true, and how sure one can be of either.
package measure

import (
	"cmp"
	"math"
	"slices"
)

// Prediction is the outcome of one row: the probability of each class, and the class that came true. Case groups rows that are not independent of each
// other.
type Prediction struct {
	P    []float64
	Y    int32
	Case int32
}

// Figures are those of a set of predictions. AUC, average precision and Brier are of the second of two classes, and NaN for more.
type Figures struct {
	Rows             int
	LogLoss          float64 // mean of -log p of the class that came true, p kept 1e-15 away from 0
	AUC              float64 // probability that a positive row is above a negative one, ties count half
	AveragePrecision float64 // Σ (recall step)·precision over the thresholds, as scikit-learn has it
	Brier            float64 // mean of (p-y)²; for more than two classes Σ over the classes
	ECE              float64 // expected calibration error, [Bins] equal-mass bins
	Accuracy         float64 // the class with the highest probability came true
}

// Of computes the figures of a set of predictions.
func Of(list []Prediction) Figures {
	f := Figures{Rows: len(list), AUC: math.NaN(), AveragePrecision: math.NaN()}
	if len(list) == 0 {
		f.LogLoss, f.Brier, f.ECE, f.Accuracy = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return f
	}
	for _, p := range list {
		f.LogLoss += Loss(p.P, p.Y)
		f.Brier += brier(p)
		if Top(p.P) == int(p.Y) {
			f.Accuracy++
		}
	}
	n := float64(len(list))
	f.LogLoss, f.Brier, f.Accuracy = f.LogLoss/n, f.Brier/n, f.Accuracy/n
	if len(list[0].P) == 2 {
		f.AUC, f.AveragePrecision = ranking(list)
	}
	f.ECE = Error(Reliability(list))
	return f
}

// Loss is the log loss of one row.
func Loss(p []float64, y int32) float64 { return -math.Log(max(p[y], 1e-15)) }

// Top is the most probable class, the first of equals.
func Top(p []float64) int {
	top := 0
	for k, v := range p {
		if v > p[top] {
			top = k
		}
	}
	return top
}

func brier(p Prediction) float64 {
	if len(p.P) == 2 {
		d := p.P[1] - float64(p.Y)
		return d * d
	}
	sum := 0.0
	for k, v := range p.P {
		if k == int(p.Y) {
			v--
		}
		sum += v * v
	}
	return sum
}

// ranking gives AUC (Mann-Whitney, ties half) and average precision; NaN where one class is missing.
func ranking(list []Prediction) (auc, precision float64) {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b Prediction) int { return cmp.Compare(b.P[1], a.P[1]) })
	var pos, neg, pairs float64 // above the current threshold
	for i := 0; i < len(sorted); {
		var p, n float64
		j := i
		for ; j < len(sorted) && sorted[j].P[1] == sorted[i].P[1]; j++ {
			p += float64(sorted[j].Y)
			n += 1 - float64(sorted[j].Y)
		}
		pairs += n * (pos + p/2)
		pos, neg = pos+p, neg+n
		precision += p * pos / (pos + neg)
		i = j
	}
	if pos == 0 || neg == 0 {
		return math.NaN(), math.NaN()
	}
	return pairs / (pos * neg), precision / pos
}

// Bins is how many equal-mass bins a reliability table has.
const Bins = 15

// Bin is a row of a reliability table: the mean probability said, and how often it came true.
type Bin struct {
	Rows     int     `json:"rows"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Said     float64 `json:"said"`
	CameTrue float64 `json:"came_true"`
}

// Reliability sorts rows by what was said (for two classes: of the second class; for more: of the most probable one) into bins of equally many rows.
func Reliability(list []Prediction) []Bin {
	type said struct{ p, y float64 }
	all := make([]said, len(list))
	for i, p := range list {
		k := 1
		if len(p.P) > 2 {
			k = Top(p.P)
		}
		all[i].p = p.P[k]
		if int(p.Y) == k {
			all[i].y = 1
		}
	}
	slices.SortStableFunc(all, func(a, b said) int { return cmp.Compare(a.p, b.p) })
	var bins []Bin
	for b := range Bins {
		part := all[b*len(all)/Bins : (b+1)*len(all)/Bins]
		if len(part) == 0 {
			continue
		}
		bin := Bin{Rows: len(part), Low: part[0].p, High: part[len(part)-1].p}
		for _, s := range part {
			bin.Said += s.p / float64(len(part))
			bin.CameTrue += s.y / float64(len(part))
		}
		bins = append(bins, bin)
	}
	return bins
}

// Error is the expected calibration error of a reliability table: the mean over rows of |said - came true| of their bin.
func Error(bins []Bin) float64 {
	sum, rows := 0.0, 0.0
	for _, b := range bins {
		sum += float64(b.Rows) * math.Abs(b.Said-b.CameTrue)
		rows += float64(b.Rows)
	}
	return sum / rows
}
