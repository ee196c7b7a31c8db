package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/baton-ledger/baton/predict/model"
)

// world is one in which the truth is known: a state of three kinds, three actions, and journeys whose decisions share a mood.
type world struct {
	effect [3][3]float64 // [kind][action] on the log-odds
	chance [3][3]float64 // [kind][action] with which the logged policy chooses
	mood   float64       // deviation of the part that the decisions of one journey share
	each   int           // decisions in a journey
}

var someWorld = world{effect: [3][3]float64{{0, 0.8, -0.3}, {0.2, -0.4, 0.9}, {-0.5, 0.3, 0.6}},
	chance: [3][3]float64{{0.5, 0.2, 0.3}, {0.2, 0.6, 0.2}, {0.3, 0.3, 0.4}}, mood: 1, each: 3}

// target is the policy to be estimated: another than the logged one.
var target = [3]int{1, 2, 1}

// p is the probability of a good outcome for a mood.
func (w *world) p(kind, action int, mood float64) float64 {
	return model.Logistic(w.effect[kind][action] + w.mood*mood)
}

// value is the truth, by quadrature over moods.
func (w *world) value() (v float64) {
	weight := 0.0
	for m := -6.0; m <= 6; m += 0.01 {
		d := math.Exp(-m * m / 2)
		weight += d
		for kind := range 3 {
			v += d / 3 * w.p(kind, target[kind], m)
		}
	}
	return v / weight
}

// draw makes samples. reward is the model of the outcome, right or wrong; wrongly scales the propensities that are logged.
func (w *world) draw(rng *rand.Rand, journeys int, reward func(kind, action int) float64, wrongly float64) (list []Sample) {
	for j := range journeys {
		mood, kind := rng.NormFloat64(), rng.IntN(3)
		for range w.each {
			action, roll := 0, rng.Float64()
			for action < 2 && roll >= w.chance[kind][action] {
				roll -= w.chance[kind][action]
				action++
			}
			s := Sample{Cluster: fmt.Sprint(j), Reward: reward(kind, action), Direct: reward(kind, target[kind])}
			if rng.Float64() < w.p(kind, action, mood) {
				s.Outcome = 1
			}
			if action == target[kind] {
				s.Weight = 1 / (w.chance[kind][action] * wrongly)
			}
			list = append(list, s)
		}
	}
	return list
}

// TestIntervalsCoverTheTruth: 95 % intervals of all three estimators cover the known truth at about that rate, with decisions that are not independent inside a
// journey. Doubly robust does so too with a model of the outcome that is wrong, and is right with a good model where the logged propensities are not.
func TestIntervalsCoverTheTruth(t *testing.T) {
	const rounds = 600
	w := someWorld
	truth, rng := w.value(), rand.New(rand.NewPCG(3, 4))
	good := func(kind, action int) float64 { // the mood integrated out, nearly
		return model.Logistic(w.effect[kind][action] / math.Sqrt(1+math.Pi/8))
	}
	wrong := func(kind, action int) float64 { return 0.95 - 0.4*float64(action) }
	for _, c := range []struct {
		name    string
		reward  func(kind, action int) float64
		wrongly float64
		covers  []string
	}{
		{"good model", good, 1, []string{"ips", "snips", "dr"}},
		{"wrong model", wrong, 1, []string{"ips", "snips", "dr"}},
		{"wrong propensities, good model", good, 1.4, []string{"dr"}},
	} {
		covered, sum := map[string]float64{}, map[string]float64{}
		for range rounds {
			e := Estimate(w.draw(rng, 250, c.reward, c.wrongly), 0)
			if e.Refused != "" {
				t.Fatal(e.Refused)
			}
			for name, f := range map[string]Figure{"ips": e.IPS, "snips": e.SNIPS, "dr": e.DR} {
				sum[name] += f.Value / rounds
				if f.Low <= truth && truth <= f.High {
					covered[name]++
				}
			}
		}
		for _, name := range c.covers {
			share := covered[name] / rounds
			t.Logf("%s: %s covers %.3f, mean %.4f, truth %.4f", c.name, name, share, sum[name], truth)
			if share < 0.92 || share > 0.975 || math.Abs(sum[name]-truth) > 0.006 {
				t.Errorf("%s: %s covers %.3f of the time, its mean is %.4f, the truth %.4f", c.name, name, share, sum[name], truth)
			}
		}
		if c.wrongly != 1 && covered["ips"]/rounds > 0.5 {
			t.Errorf("inverse propensity is right with propensities that are not: %.3f", covered["ips"]/rounds)
		}
	}
}

// TestAGoodModelNarrows: what doubly robust is for.
func TestAGoodModelNarrows(t *testing.T) {
	w := someWorld
	w.mood = 0
	e := Estimate(w.draw(rand.New(rand.NewPCG(1, 1)), 3000, func(k, a int) float64 { return w.p(k, a, 0) }, 1), 0)
	if e.DR.SE > 0.9*e.IPS.SE {
		t.Errorf("dr ± %.4f, ips ± %.4f", e.DR.SE, e.IPS.SE)
	}
	n := Estimate(w.draw(rand.New(rand.NewPCG(1, 1)), 3000, func(int, int) float64 { return 0 }, 1), 0)
	if n.DR.Value != n.IPS.Value || math.Abs(n.DR.SE-n.IPS.SE) > 1e-12 {
		t.Errorf("without a model dr is %v, ips %v", n.DR.Value, n.IPS.Value)
	}
}

func TestTooFewAreRefused(t *testing.T) {
	w := someWorld
	list := w.draw(rand.New(rand.NewPCG(1, 2)), 20, func(int, int) float64 { return 0.5 }, 1)
	if e := Estimate(list, 0); e.Refused == "" || e.DR.Value != 0 || e.ESS >= FewestESS || e.ESS <= 0 {
		t.Errorf("%+v", e)
	}
	if e := Estimate(nil, 0); e.Refused == "" {
		t.Errorf("%+v", e)
	}
}

// TestClipping is said, and happens only where it was asked for.
func TestClipping(t *testing.T) {
	list := someWorld.draw(rand.New(rand.NewPCG(1, 2)), 400, func(int, int) float64 { return 0.5 }, 1)
	whole, cut := Estimate(list, 0), Estimate(list, 2)
	if whole.Clipped != 0 || whole.Largest != 5 || cut.Clipped != 2 || cut.Largest != 2 || cut.IPS.Value >= whole.IPS.Value {
		t.Errorf("%+v, %+v", whole, cut)
	}
}

// TestESS is by hand: of weights 1, 1 and 2 it is 16/6.
func TestESS(t *testing.T) {
	e := Estimate([]Sample{{Weight: 1}, {Weight: 1}, {Weight: 2}, {}}, 0)
	if math.Abs(e.ESS-16.0/6) > 1e-12 || e.Matched != 3 || e.Rows != 4 {
		t.Errorf("%+v", e)
	}
}
