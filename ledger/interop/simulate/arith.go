package simulate

import "math"

// Go may compute x*y+z in one rounding where the machine can, and package math has assembly for some machines: either would make
// other bytes there. So the functions are our own, and every product is converted, which the language says rounds it.

// exp is e^x for |x| < 700, with a relative error of about 1e-15.
func exp(x float64) float64 {
	const ln2hi, ln2lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(k*ln2hi) - float64(k*ln2lo)
	sum := 1.0
	for n := 14.0; n >= 1; n-- {
		sum = 1 + float64(float64(sum*r)/n)
	}
	return math.Ldexp(sum, int(k))
}

// log is the natural logarithm of a positive x.
func log(x float64) float64 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = float64(m*2), k-1
	}
	s := (m - 1) / (m + 1)
	s2, sum := float64(s*s), 0.0
	for n := 21.0; n >= 1; n -= 2 {
		sum = 1/n + float64(sum*s2)
	}
	return float64(2*float64(s*sum)) + float64(float64(k)*math.Ln2)
}

// logistic is 1/(1+e^-x).
func logistic(x float64) float64 { return 1 / (1 + exp(-min(max(x, -40), 40))) }

// horner evaluates a polynomial, its highest power first.
func horner(x float64, coefficients ...float64) (sum float64) {
	for _, c := range coefficients {
		sum = float64(sum*x) + c
	}
	return sum
}

// normalQuantile is the inverse of the standard normal distribution function, after P. J. Acklam: relative error below 1.2e-9.
func normalQuantile(p float64) float64 {
	tail := func(q float64) float64 {
		return horner(q, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00,
			2.938163982698783e+00) / horner(q, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1)
	}
	const low = 0.02425
	switch {
	case p < low:
		return tail(math.Sqrt(float64(-2 * log(p))))
	case p > 1-low:
		return -tail(math.Sqrt(float64(-2 * log(1-p))))
	}
	q := p - 0.5
	r := float64(q * q)
	return float64(q*horner(r, -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01,
		2.506628277459239e+00)) / horner(r, -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
		-1.328068155288572e+01, 1)
}

// round cuts a number to so many parts of one: what is written is what was calculated with.
func round(x, parts float64) float64 { return math.Floor(float64(x*parts)+0.5) / parts }
