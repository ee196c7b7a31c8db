package trust

import (
	"math"
	"strings"
)

// Uplift is how much more often things go well where a suggestion was shown than where a random draw kept it back. What is
// good hangs on the target: of outcome:X that it comes, of all others that it does not.
type Uplift struct {
	Shown     int     `json:"shown"`
	Held      int     `json:"held_out"`
	GoodShown float64 `json:"good_shown"` // rates
	GoodHeld  float64 `json:"good_held_out"`
	Uplift    float64 `json:"uplift"`
	Low       float64 `json:"low"` // 95 % interval
	High      float64 `json:"high"`
	se        float64
}

// good is 1 where a label is what one wants.
func good(target string, label int32) float64 {
	if strings.HasPrefix(target, "outcome:") {
		return float64(label)
	}
	return float64(1 - label)
}

// uplift compares the arms, as they were drawn: a suggestion that was shown and never looked at counts as shown. Its variance is the sum of squares of each journey's part in the
// difference of the means, with G/(G-1) for G journeys, since moments of a journey go together.
func uplift(list []Moment, of map[uint64]arm, target string) (u Uplift) {
	var sums [2]float64
	var rows [2]float64
	for _, m := range list {
		if a, ok := of[m.Position]; ok {
			sums[index(a)] += good(target, m.Label)
			rows[index(a)]++
		}
	}
	u.Shown, u.Held = int(rows[0]), int(rows[1])
	if u.Shown == 0 || u.Held == 0 {
		return u
	}
	u.GoodShown, u.GoodHeld = sums[0]/rows[0], sums[1]/rows[1]
	u.Uplift = u.GoodShown - u.GoodHeld
	var order []string
	parts := map[string]float64{}
	for _, m := range list {
		a, ok := of[m.Position]
		if !ok {
			continue
		}
		if _, ok := parts[m.Journey]; !ok {
			order = append(order, m.Journey)
		}
		if y := good(target, m.Label); a.HoldOut {
			parts[m.Journey] -= (y - u.GoodHeld) / rows[1]
		} else {
			parts[m.Journey] += (y - u.GoodShown) / rows[0]
		}
	}
	for _, journey := range order {
		u.se += parts[journey] * parts[journey]
	}
	n := float64(len(order))
	u.se = math.Sqrt(u.se * n / max(n-1, 1))
	u.Low, u.High = u.Uplift-quantile(0.975)*u.se, u.Uplift+quantile(0.975)*u.se
	return u
}

func index(a arm) int {
	if a.HoldOut {
		return 1
	}
	return 0
}
