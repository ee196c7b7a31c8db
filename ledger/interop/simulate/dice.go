package simulate

import (
	"math/bits"
	"math/rand/v2"
)

// dice is the stream of random numbers of one journey: PCG-DXSM, whose output is fixed by its paper. What is made of its numbers is
// here and not rand.Rand's, so that no release of Go can change it.
type dice struct{ pcg rand.PCG }

func (d *dice) seed(a, b uint64) { d.pcg.Seed(a, b) }

// below gives an integer in [0, n). The bias of the multiplication is below n/2^64.
func (d *dice) below(n int) int {
	hi, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int(hi)
}

// unit gives a number in (0, 1).
func (d *dice) unit() float64 { return toUnit(d.pcg.Uint64()) }

func toUnit(u uint64) float64 { return (float64(u>>12) + 0.5) / (1 << 52) }

func (d *dice) chance(p float64) bool { return d.unit() < p }

// between gives an integer in [lo, hi].
func (d *dice) between(lo, hi int) int { return lo + d.below(hi-lo+1) }

func (d *dice) normal() float64 { return normalQuantile(d.unit()) }

// lognormal gives a whole number, at least 1, with a median and the standard deviation of its logarithm.
func (d *dice) lognormal(median, sigma float64) int64 {
	return max(1, int64(float64(median*exp(float64(sigma*d.normal())))))
}

// pick gives an index with a probability in proportion to its weight.
func (d *dice) pick(weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := d.below(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// mix is the finalizer of SplitMix64: a bijection in which every bit of the input changes half of the output.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
