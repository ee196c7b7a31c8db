package shift

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Day is one day of a rate: K of N. Days are in order; ones without N change nothing.
type Day struct{ N, K float64 }

// Upper is the upper end of the score interval (E. B. Wilson, JASA 22, 1927) of k of n, z standard deviations wide. A rate of which nothing is known is 1.
func Upper(k, n, z float64) float64 {
	if n <= 0 {
		return 1
	}
	p, z2 := k/n, z*z
	return min(1, (p+z2/(2*n)+z*math.Sqrt(p*(1-p)/n+z2/(4*n*n)))/(1+z2/n))
}

// Lower is its lower end.
func Lower(k, n, z float64) float64 {
	if n <= 0 {
		return 0
	}
	return max(0, 1-Upper(n-k, n, z))
}

// TwoProportion is the two-sided p-value of k1 of n1 against k2 of n2 having one rate, by the log-likelihood ratio (G) with one degree of freedom, which
// holds up better at small rates than the normal approximation does.
func TwoProportion(k1, n1, k2, n2 float64) float64 {
	if n1 <= 0 || n2 <= 0 {
		return 1
	}
	return Tail(2*(entropy(k1, n1)+entropy(k2, n2)-entropy(k1+k2, n1+n2)), 1)
}

// entropy is the log-likelihood of k of n at their own rate.
func entropy(k, n float64) (l float64) {
	if k > 0 {
		l += k * math.Log(k/n)
	}
	if k < n {
		l += (n - k) * math.Log((n-k)/n)
	}
	return l
}

// Tail is the probability that χ² with df degrees of freedom exceeds x.
func Tail(x, df float64) float64 {
	if x <= 0 || df <= 0 {
		return 1
	}
	return distuv.ChiSquared{K: df}.Survival(x)
}

// Limits are the three-sigma limits of a p-chart for a day of n at a rate (W. A. Shewhart; Montgomery, Introduction to Statistical Quality Control, ch. 7).
func Limits(rate, n float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	s := 3 * math.Sqrt(rate*(1-rate)/n)
	return max(0, rate-s), min(1, rate+s)
}

// Alarm is what a cumulative sum says of a rate.
type Alarm struct {
	Rate      float64 // that is tested: p0
	Against   float64 // p1
	Threshold float64 // ln(monitored/alpha)
	Highest   float64
	Last      float64 // at the end, never above twice the threshold
	Day       int     // first day above the threshold; -1 without one
	Since     int     // day after the last zero before it: when it began
	Active    bool    // it rose above the threshold and has not been at zero since
}

// CUSUM is the Bernoulli cumulative sum (E. S. Page, Biometrika 41, 1954; Reynolds and Stoumbos, J. Quality Technology 31, 1999) for a rise from p0 to p1:
// S = max(0, S + K·ln(p1/p0) + (N-K)·ln((1-p1)/(1-p0))), a day at a time. At any rate up to p0 it exceeds ln(M/alpha) within M observations with probability
// at most alpha: each observation begins a likelihood ratio, which exceeds M/alpha with probability at most alpha/M (Ville). A day's end is never above the
// sum's highest within it, so taking days does not weaken that.
func CUSUM(days []Day, p0, p1, alpha float64) Alarm {
	a := Alarm{Rate: p0, Against: p1, Day: -1, Since: -1}
	var monitored float64
	for _, d := range days {
		monitored += d.N
	}
	if p0 <= 0 || p1 <= p0 || p1 >= 1 || monitored == 0 {
		return a
	}
	a.Threshold = math.Log(monitored / alpha)
	up, down, zero := math.Log(p1/p0), math.Log((1-p1)/(1-p0)), 0
	for i, d := range days {
		if a.Last = max(0, a.Last+d.K*up+(d.N-d.K)*down); a.Last == 0 {
			zero, a.Active = i+1, false
		}
		a.Highest = max(a.Highest, a.Last)
		if a.Last > a.Threshold {
			a.Active = true
			if a.Day < 0 {
				a.Day, a.Since = i, zero
			}
		}
		a.Last = min(a.Last, 2*a.Threshold)
	}
	return a
}

// Change is the most likely moment at which a rate or a mix changed.
type Change struct {
	Day        int     // the first one after it; -1: there is no day to choose
	Statistic  float64 // twice the log-likelihood ratio of two mixes against one
	P          float64 // that it is so large without a change, at most: Bonferroni over the days
	BeforeN, N float64
}

// Split finds the day that divides a sequence of counts over categories (days × categories) best, by maximum likelihood. Each side needs least
// observations.
func Split(days [][]float64, least float64) Change {
	c := Change{Day: -1, P: 1}
	if len(days) < 2 {
		return c
	}
	all := make([]float64, len(days[0]))
	for _, d := range days {
		for i, v := range d {
			all[i] += v
		}
	}
	whole, left, right := likelihood(all), make([]float64, len(all)), make([]float64, len(all))
	tried := 0.0
	for at := 1; at < len(days); at++ {
		for i, v := range days[at-1] {
			left[i] += v
			right[i] = all[i] - left[i]
		}
		if Total(left) < least || Total(right) < least || Total(days[at]) == 0 {
			continue
		}
		tried++
		if g := 2 * (likelihood(left) + likelihood(right) - whole); g > c.Statistic || c.Day < 0 {
			c.Day, c.Statistic, c.BeforeN, c.N = at, g, Total(left), Total(right)
		}
	}
	df := -1.0
	for _, v := range all {
		if v > 0 {
			df++
		}
	}
	c.P = min(1, tried*Tail(c.Statistic, df))
	return c
}

func likelihood(counts []float64) (l float64) {
	n := Total(counts)
	for _, k := range counts {
		if k > 0 {
			l += k * math.Log(k/n)
		}
	}
	return l
}

// Late is the probability that something seen k times among n is not seen among the first `before`, when the order of the n says nothing: whether it is
// new, or was rare all along.
func Late(k, before, n float64) float64 {
	if k <= 0 || before <= 0 || n <= before {
		return 1
	}
	lg := func(x float64) float64 { v, _ := math.Lgamma(x + 1); return v }
	m := n - before
	if k > m {
		return 0
	}
	return min(1, math.Exp(lg(m)-lg(m-k)-lg(n)+lg(n-k)))
}
