package policy

import (
	"fmt"
	"math"
	"testing"
)

var somewhere = Choice{Action: "call", Best: "call", Scores: []Score{{Action: None, Supported: true}, {Action: "call", Supported: true}, {Action: "rare"}, {Action: "mail", Supported: true}}}

// TestFrequenciesAreThePropensities: over many handoffs each action is chosen as often as what is logged says, and holding out hangs on nothing.
func TestFrequenciesAreThePropensities(t *testing.T) {
	const n = 60000
	abstained := Choice{Action: None, Best: "call", Abstained: true, Scores: somewhere.Scores}
	unsupported := Choice{Action: None, Best: None, Scores: somewhere.Scores[1:]} // none is not among the candidates
	for name, c := range map[string]Choice{"chosen": somewhere, "abstained": abstained, "without none": unsupported} {
		count, logged, held := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for i := range n {
			s := Select(c, 0.3, 0.2, DrawsOf("hash", fmt.Sprint("handoff-", i)))
			count[s.Action]++
			if was, ok := logged[s.Action]; ok && was != s.Propensity {
				t.Fatalf("%s: %s is logged with %g and %g", name, s.Action, was, s.Propensity)
			}
			if logged[s.Action] = s.Propensity; s.HoldOut {
				held[s.Action]++
			}
		}
		sum := 0.0
		for action, p := range logged {
			sum += p
			if math.Abs(count[action]-n*p) > 4*math.Sqrt(n*p*(1-p)) {
				t.Errorf("%s: %s was chosen %.0f times of %d, logged %g", name, action, count[action], n, p)
			}
			if m := count[action]; math.Abs(held[action]-0.2*m) > 4*math.Sqrt(m*0.16) {
				t.Errorf("%s: %.0f of %.0f %s were held out", name, held[action], m, action)
			}
		}
		if math.Abs(sum-1) > 1e-12 || count["rare"] > 0 {
			t.Errorf("%s: propensities add up to %g, %v", name, sum, count)
		}
	}
}

// TestDraws: nothing is random without exploring, and the same handoff draws the same.
func TestDraws(t *testing.T) {
	for i := range 200 {
		id := fmt.Sprint(i)
		if s := Select(somewhere, 0, 0, DrawsOf("hash", id)); s != (Selected{"call", 1, false}) {
			t.Fatalf("%+v", s)
		}
		if DrawsOf("hash", id) != DrawsOf("hash", id) || DrawsOf("hash", id) == DrawsOf("hash2", id) {
			t.Fatal("a draw does not hang on the hash and the event")
		}
	}
	if Draw("a", "bc", "d") == Draw("ab", "c", "d") || Draw("a", "b", "cd") == Draw("a", "bc", "d") {
		t.Error("parts run into each other")
	}
	if v := Draw("0123456789abcdef", "handoff-1", "explore"); v < 0 || v >= 1 {
		t.Error(v)
	}
}
