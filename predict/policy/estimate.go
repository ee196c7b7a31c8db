package policy

import (
	"fmt"
	"math"
)

// FewestESS is the effective sample size below which nothing is estimated.
const FewestESS = 50

// z975 is the 97.5 % point of the standard normal distribution: intervals are of 95 %.
const z975 = 1.959963984540054

// Sample is one decision as an estimator sees it. Weight is π(a|x)/e(a|x) for the arm a that was received, under the policy π that is
// estimated: 0 where a deterministic policy chooses another. Direct is Σ_a π(a|x)·m(x,a) and Reward m(x,a) of the arm received, for a model m
// of the outcome that was not fitted on this sample.
type Sample struct {
	Cluster        string // samples of one cluster are not independent: the journey
	Outcome        float64
	Weight         float64
	Direct, Reward float64
}

// Figure is an estimate of a policy's value with its 95 % interval.
type Figure struct {
	Value float64 `json:"value"`
	SE    float64 `json:"se"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`

	influence []float64
}

// Estimates are those of one policy. Where Refused says why there are none, the figures are zero.
type Estimates struct {
	Rows    int     `json:"rows"`
	Matched int     `json:"matched"` // decisions whose arm the policy could have chosen
	ESS     float64 `json:"ess"`     // effective sample size
	Largest float64 `json:"largest_weight"`
	Clipped float64 `json:"clipped_at,omitempty"` // weights above were cut to it, which biases
	IPS     Figure  `json:"ips"`
	SNIPS   Figure  `json:"snips"`
	DR      Figure  `json:"dr"`
	Refused string  `json:"refused,omitempty"`
}

// Estimate gives the value of a policy from samples of another one. With n samples, weights w, outcomes y:
//
//	IPS    (1/n) Σ w·y                    Horvitz and Thompson 1952
//	SNIPS  Σ w·y / Σ w                    Swaminathan and Joachims 2015
//	DR     (1/n) Σ [d + w·(y - r)]        Dudík, Langford and Li 2011; d is Direct, r is Reward
//	ESS    (Σ w)² / Σ w²                  Kong 1992
//
// DR is right where the weights are, whatever the model. Standard errors are those of the means of influence values (for SNIPS: of its linearisation
// w·(y - V)/mean(w)), summed in each cluster first. Weights above clip are cut to it where clip is above 0, and Clipped says so. With an ESS below
// [FewestESS] it is refused.
func Estimate(samples []Sample, clip float64) Estimates {
	out := Estimates{Rows: len(samples)}
	n := float64(len(samples))
	var sum, squares, ips, dr float64
	w := make([]float64, len(samples))
	for i, s := range samples {
		w[i] = s.Weight
		if clip > 0 && w[i] > clip {
			w[i], out.Clipped = clip, clip
		}
		if w[i] > 0 {
			out.Matched++
		}
		sum, squares, out.Largest = sum+w[i], squares+w[i]*w[i], max(out.Largest, w[i])
		ips += w[i] * s.Outcome / n
		dr += (s.Direct + w[i]*(s.Outcome-s.Reward)) / n
	}
	if squares > 0 {
		out.ESS = sum * sum / squares
	}
	if out.ESS < FewestESS {
		out.Refused = fmt.Sprintf("the effective sample size is %.1f, at least %d are needed: %d of %d decisions were as this policy chooses", out.ESS, FewestESS, out.Matched, out.Rows)
		return out
	}
	snips := ips * n / sum
	each := func(value float64, influence func(i int) float64) Figure {
		f := Figure{Value: value, influence: make([]float64, len(samples))}
		for i := range samples {
			f.influence[i] = influence(i)
		}
		f.interval(samples)
		return f
	}
	out.IPS = each(ips, func(i int) float64 { return w[i]*samples[i].Outcome - ips })
	out.SNIPS = each(snips, func(i int) float64 { return w[i] * (samples[i].Outcome - snips) * n / sum })
	out.DR = each(dr, func(i int) float64 { return samples[i].Direct + w[i]*(samples[i].Outcome-samples[i].Reward) - dr })
	return out
}

// interval fills the standard error and the interval from the influence values. Sums run in the order of the samples: the same in, the same out.
func (f *Figure) interval(samples []Sample) {
	at, sums := map[string]int{}, []float64{}
	for i, s := range samples {
		k, ok := at[s.Cluster]
		if !ok {
			k = len(sums)
			at[s.Cluster] = k
			sums = append(sums, 0)
		}
		sums[k] += f.influence[i]
	}
	squares, g := 0.0, float64(len(sums))
	for _, v := range sums {
		squares += v * v
	}
	f.SE = math.Sqrt(squares*g/max(g-1, 1)) / float64(len(samples))
	f.Low, f.High = f.Value-z975*f.SE, f.Value+z975*f.SE
}

// Difference is a minus b, both estimated from the same samples, with the interval of the difference: the two are not independent.
func Difference(a, b Figure, samples []Sample) Figure {
	f := Figure{Value: a.Value - b.Value, influence: make([]float64, len(samples))}
	for i := range samples {
		f.influence[i] = a.influence[i] - b.influence[i]
	}
	f.interval(samples)
	return f
}
