package measure

import (
	"math"
	"math/rand/v2"
)

// OverFolds gives the mean of the figures of folds, and its standard error: the deviation over the folds by the root of their number.
// The folds' training parts overlap, so the error is somewhat too small; it is what is usually reported.
func OverFolds(folds []Figures) (mean, se Figures) {
	n := float64(len(folds))
	each := func(get func(*Figures) *float64) {
		var sum, squares float64
		for i := range folds {
			sum += *get(&folds[i]) / n
		}
		for i := range folds {
			d := *get(&folds[i]) - sum
			squares += d * d
		}
		*get(&mean) = sum
		*get(&se) = math.Sqrt(squares / max(n-1, 1) / n)
	}
	for _, get := range members {
		each(get)
	}
	for _, f := range folds {
		mean.Rows += f.Rows
	}
	return mean, se
}

var members = []func(*Figures) *float64{
	func(f *Figures) *float64 { return &f.LogLoss }, func(f *Figures) *float64 { return &f.AUC },
	func(f *Figures) *float64 { return &f.AveragePrecision }, func(f *Figures) *float64 { return &f.Brier },
	func(f *Figures) *float64 { return &f.ECE }, func(f *Figures) *float64 { return &f.Accuracy },
}

// resamples is how often a test part is drawn again.
const resamples = 200

// Bootstrap gives the standard errors of a single test part's figures: the deviation over 200 parts of as many cases, drawn from
// its cases with replacement. Whole cases are drawn since the rows of one are not independent. The expected calibration error of a drawn part is biased upwards;
// its deviation is still what it says.
func Bootstrap(list []Prediction, seed uint64) (se Figures) {
	cases := byCase(list)
	rng := rand.New(rand.NewPCG(seed, 0xb0075742a9))
	var drawn []Figures
	for range resamples {
		var part []Prediction
		for range cases {
			part = append(part, cases[rng.IntN(len(cases))]...)
		}
		drawn = append(drawn, Of(part))
	}
	_, se = OverFolds(drawn)
	for _, get := range members {
		*get(&se) *= math.Sqrt(float64(len(drawn))) // the deviation, not that of a mean
	}
	return se
}

func byCase(list []Prediction) (cases [][]Prediction) {
	at := map[int32]int{}
	for _, p := range list {
		i, ok := at[p.Case]
		if !ok {
			i = len(cases)
			at[p.Case] = i
			cases = append(cases, nil)
		}
		cases[i] = append(cases[i], p)
	}
	return cases
}

// Paired is the mean difference of two losses on the same rows, and its standard error, with rows of one case counted as one draw.
func Paired(a, b []float64, group []int32) (mean, se float64) {
	sums, total := map[int32]float64{}, 0.0
	for i := range a {
		total += a[i] - b[i]
	}
	mean = total / float64(len(a))
	var order []int32
	for i := range a {
		g := int32(i)
		if group != nil {
			g = group[i]
		}
		if _, ok := sums[g]; !ok {
			order = append(order, g)
		}
		sums[g] += a[i] - b[i] - mean
	}
	squares, n := 0.0, float64(len(order))
	for _, g := range order {
		squares += sums[g] * sums[g]
	}
	return mean, math.Sqrt(squares*n/max(n-1, 1)) / float64(len(a))
}
