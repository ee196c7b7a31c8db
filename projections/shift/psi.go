package shift

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// PSI is the population stability index of two histograms over the same bins, Σ (p-q)·ln(p/q) over their shares. add is counted in each bin beforehand
// (half a row keeps empty bins finite), floor is the least that a share is taken for.
func PSI(a, b []float64, add, floor float64) (psi float64) {
	k := float64(len(a))
	sumA, sumB := Total(a)+add*k, Total(b)+add*k
	if sumA == 0 || sumB == 0 {
		return 0
	}
	for i := range a {
		p, q := max((a[i]+add)/sumA, floor), max((b[i]+add)/sumB, floor)
		if p != q {
			psi += (p - q) * math.Log(p/q)
		}
	}
	return psi
}

// Pool takes the bins together in which fewer than five of the smaller side's draws are to be expected: the law of an index does not hold for them.
func Pool(reference, now []float64, draws int) (a, b []float64) {
	var restA, restB float64
	rows := Total(reference) + Total(now)
	for i := range reference {
		x, y := reference[i], now[i]
		if (x+y)/max(rows, 1)*float64(draws) < 5 {
			restA, restB = restA+x, restB+y
			continue
		}
		a, b = append(a, x), append(b, y)
	}
	if restA+restB > 0 {
		a, b = append(a, restA), append(b, restB)
	}
	return a, b
}

// Law is the index that two samples of n and m draws of one distribution over so many bins exceed with probability alpha: without change the index is
// about (1/n + 1/m)·χ² with bins-1 degrees of freedom (B. Yurdakul and J. Naranjo, Statistical properties of the population stability index, Journal of Risk
// Model Validation 14(4), 2020).
func Law(bins int, n, m, alpha float64) float64 {
	if bins < 2 || n <= 0 || m <= 0 {
		return 0
	}
	return (1/n + 1/m) * distuv.ChiSquared{K: float64(bins - 1)}.Quantile(1-alpha)
}

// Bootstrap is the threshold of Law found by drawing: so many times n and m are drawn from the two histograms taken together, and the index of each pair is
// taken. alpha is far below what a few hundred draws show, so the tail is that of the gamma distribution with the draws' mean and variance (χ² is one). The
// same seed gives the same threshold.
func Bootstrap(a, b []float64, floor, alpha float64, draws int, seed uint64) float64 {
	n, m := Total(a), Total(b)
	if len(a) < 2 || n == 0 || m == 0 {
		return 0
	}
	dice := rand.New(rand.NewPCG(seed, 0x5851f42d4c957f2d))
	shares := make([]float64, len(a))
	for i := range a {
		shares[i] = (a[i] + b[i]) / (n + m)
	}
	x, y := make([]float64, len(a)), make([]float64, len(a))
	var sum, squares float64
	for range draws {
		multinomial(dice, n, shares, x)
		multinomial(dice, m, shares, y)
		v := PSI(x, y, 0, floor)
		sum, squares = sum+v, squares+v*v
	}
	mean := sum / float64(draws)
	variance := squares/float64(draws) - mean*mean
	if mean <= 0 || variance <= 0 {
		return 0
	}
	return distuv.Gamma{Alpha: mean * mean / variance, Beta: mean / variance}.Quantile(1 - alpha)
}

// multinomial draws n over shares that sum to one.
func multinomial(dice *rand.Rand, n float64, shares, out []float64) {
	left := 1.0
	for i, p := range shares {
		switch {
		case n <= 0 || left <= 0:
			out[i] = 0
			continue
		case p >= left || i == len(shares)-1:
			out[i] = n
		default:
			out[i] = distuv.Binomial{N: n, P: p / left, Src: dice}.Rand()
		}
		n, left = n-out[i], left-p
	}
}

// Total is the sum.
func Total(list []float64) (sum float64) {
	for _, v := range list {
		sum += v
	}
	return sum
}
