package trust

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/baton-ledger/baton/predict/measure"
)

// Figures are what a model shows on moments that it was not trained on. Journeys count as one draw each.
type Figures struct {
	Outcomes int     `json:"outcomes"`
	Journeys int     `json:"journeys"`
	First    uint64  `json:"first_position"`
	Last     uint64  `json:"last_position"`
	Rate     float64 `json:"rate"` // how often label 1 came, or what was said of more than two classes
	Said     float64 `json:"said"` // mean probability of that
	ECE      float64 `json:"ece"`
	ECEUpper float64 `json:"ece_upper"` // one-sided, 95 %
	Bins     int     `json:"bins"`
	LogLoss  float64 `json:"log_loss"`
	BaseLoss float64 `json:"base_log_loss"` // of the constant that fits these outcomes best, which nobody knew before
	Worse    float64 `json:"worse"`         // log loss less that of the constant; below 0 is better
	WorseLow float64 `json:"worse_low"`     // 95 % interval
	WorseUp  float64 `json:"worse_high"`
}

// figures computes them. Seed is of the bootstrap.
func figures(list []Moment, seed uint64) (f Figures) {
	f.Outcomes = len(list)
	if f.Outcomes == 0 {
		return f
	}
	f.First, f.Last = list[0].Position, list[len(list)-1].Position
	for _, m := range list {
		f.Rate += float64(m.Label) / float64(f.Outcomes)
		f.Said += m.P / float64(f.Outcomes)
	}
	group := groups(list)
	f.Journeys = int(slices.Max(group)) + 1
	ours, base := losses(list, rates(list))
	for i := range ours {
		f.LogLoss += ours[i] / float64(len(ours))
		f.BaseLoss += base[i] / float64(len(ours))
	}
	mean, se := measure.Paired(ours, base, group)
	z := quantile(0.975)
	f.Worse, f.WorseLow, f.WorseUp = mean, mean-z*se, mean+z*se
	c := newBinned(list, group)
	f.Bins, f.ECE = c.bins, c.ece(nil)
	f.ECEUpper = f.ECE + quantile(0.95)*c.deviation(seed)
	return f
}

// rates are the shares of what came, by class.
func rates(list []Moment) map[string]float64 {
	out := map[string]float64{}
	for i := range list {
		class, _ := list[i].outcome()
		out[class] += 1 / float64(len(list))
	}
	return out
}

// losses are those of the model and of constant probabilities, row by row.
func losses(list []Moment, rates map[string]float64) (ours, base []float64) {
	for i := range list {
		class, p := list[i].outcome()
		ours = append(ours, measure.Loss([]float64{p}, 0))
		base = append(base, measure.Loss([]float64{rates[class]}, 0))
	}
	return ours, base
}

// groups numbers the journeys.
func groups(list []Moment) []int32 {
	number, out := map[string]int32{}, make([]int32, len(list))
	for i, m := range list {
		n, ok := number[m.Journey]
		if !ok {
			n = int32(len(number))
			number[m.Journey] = n
		}
		out[i] = n
	}
	return out
}

// binned is a set of moments in bins of equally many by what was said. The number of bins grows with the rows, fifty in each and fifteen at most: with the
// fifteen of a large test part, a hundred outcomes would show an error of a tenth by chance alone.
type binned struct {
	bins     int
	journeys int
	bin      []int32
	group    []int32
	p        []float64
	gap      []float64 // label less probability
}

func newBinned(list []Moment, group []int32) *binned {
	n := len(list)
	c := &binned{bins: min(max(n/50, 2), measure.Bins), bin: make([]int32, n), group: group}
	order := make([]int, n)
	for i, m := range list {
		order[i] = i
		c.p, c.gap = append(c.p, m.P), append(c.gap, float64(m.Label)-m.P)
		c.journeys = max(c.journeys, int(group[i])+1)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[a].P, list[b].P) })
	for k, i := range order {
		c.bin[i] = int32(k * c.bins / n)
	}
	return c
}

// ece is the expected calibration error with each journey counted as often as weight says, once for nil.
func (c *binned) ece(weight []float64) float64 {
	sums, rows := make([]float64, c.bins), 0.0
	for i, gap := range c.gap {
		w := 1.0
		if weight != nil {
			w = weight[c.group[i]]
		}
		sums[c.bin[i]] += w * gap
		rows += w
	}
	total := 0.0
	for _, s := range sums {
		total += math.Abs(s)
	}
	return total / max(rows, 1)
}

// deviation is that of the error over 200 draws of as many journeys, with replacement.
func (c *binned) deviation(seed uint64) float64 {
	const draws = 200
	rng, weight := rand.New(rand.NewPCG(seed, 0x7205)), make([]float64, c.journeys)
	var sum, squares float64
	for range draws {
		clear(weight)
		for range c.journeys {
			weight[rng.IntN(c.journeys)]++
		}
		e := c.ece(weight)
		sum += e
		squares += e * e
	}
	mean := sum / draws
	return math.Sqrt(max(squares/draws-mean*mean, 0) * draws / (draws - 1))
}

// chance is the error that a calibrated model passes with probability alpha, for these probabilities: over 1,000 draws of labels, by the quantile of a normal law around
// their mean, so that small tails need no more draws. Spread widens it where rows of one journey go together.
func (c *binned) chance(alpha, spread float64, seed uint64) float64 {
	const draws = 1000
	rng, sums := rand.New(rand.NewPCG(seed, 0xc4a9ce)), make([]float64, c.bins)
	var sum, squares float64
	for range draws {
		clear(sums)
		for i, p := range c.p {
			if rng.Float64() < p {
				sums[c.bin[i]] += 1 - p
			} else {
				sums[c.bin[i]] -= p
			}
		}
		e := 0.0
		for _, s := range sums {
			e += math.Abs(s) / float64(len(c.p))
		}
		sum += e
		squares += e * e
	}
	mean := sum / draws
	return spread * (mean + quantile(1-alpha)*math.Sqrt(max(squares/draws-mean*mean, 0)))
}

// quantile is that of the standard normal law.
func quantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }

// beside is how much more log loss the model has than a constant, a row, and its standard error with journeys as draws.
type beside struct{ mean, se float64 }

func figuresBeside(list []Moment, rates map[string]float64) beside {
	ours, base := losses(list, rates)
	mean, se := measure.Paired(ours, base, groups(list))
	return beside{mean, se}
}
