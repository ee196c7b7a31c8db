package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/predict/table"
)

// drawn makes an arena by hand: no features, a flat model of the outcome, two actions beside none. With confounded, people follow when it will go well anyhow.
func drawn(n int, confounded bool, seed uint64) *arena {
	rng := rand.New(rand.NewPCG(seed, 5))
	a := &arena{data: &data{actions: []string{None, "call", "mail"}}}
	success := map[string]float64{None: 0.4, "call": 0.6, "mail": 0.3}
	for i := range n {
		d := Decision{Journey: fmt.Sprint(i), ID: fmt.Sprint("s", i), Candidates: a.actions, HoldOut: rng.Float64() < 0.2, Followed: None, Row: []table.Value{}}
		d.Action, d.Propensity = None, 0.5
		if roll := rng.Float64(); roll < 0.3 {
			d.Action, d.Propensity = "call", 0.3
		} else if roll < 0.5 {
			d.Action, d.Propensity = "mail", 0.2
		}
		luck := rng.Float64()
		follows := rng.Float64() < 0.6
		if confounded {
			follows = luck < 0.6 // the lucky ones
		}
		if !d.HoldOut && follows {
			d.Followed = d.Action
		}
		y := 0.0
		if luck < success[d.Followed] {
			y = 1
		}
		a.decisions, a.y = append(a.decisions, d), append(a.y, y)
		for range a.actions {
			a.reward = append(a.reward, 0.45)
		}
	}
	a.count()
	return a
}

// TestFollowing: both ways are right where following is random; where it is not, intent to treat still is, and the effect of what was done is not.
func TestFollowing(t *testing.T) {
	const call = 1
	shown := func(confounded bool) float64 { // the truth of suggesting to call: 0.6 follow
		if confounded {
			return 0.6 // all who would go well with a call are lucky and follow
		}
		return 0.6*0.6 + 0.4*0.4
	}
	for _, confounded := range []bool{false, true} {
		rows := drawn(40000, confounded, 9)
		itt := Estimate(rows.intent(func(int) int { return call }), 0)
		done := Estimate(rows.taken(func(int) int { return call }), 0)
		none := Estimate(rows.taken(func(int) int { return 0 }), 0)
		if truth := shown(confounded); math.Abs(itt.DR.Value-truth) > 4*itt.DR.SE {
			t.Errorf("confounded %v: suggesting is worth %.3f ± %.3f, truth %.3f", confounded, itt.DR.Value, itt.DR.SE, truth)
		}
		off := math.Abs(done.DR.Value-0.6) > 4*done.DR.SE
		if off != confounded {
			t.Errorf("confounded %v: doing is worth %.3f ± %.3f, truth 0.6", confounded, done.DR.Value, done.DR.SE)
		}
		if math.Abs(none.IPS.Value-0.4) > 4*none.IPS.SE || math.Abs(none.DR.Value-0.4) > 4*none.DR.SE {
			t.Errorf("confounded %v: doing nothing is worth %.3f ± %.3f, truth 0.4", confounded, none.DR.Value, none.DR.SE)
		}
	}
}

// TestTheTable: the policies, their difference, and what is refused by name.
func TestTheTable(t *testing.T) {
	a := drawn(4000, false, 2)
	chosen := make([]int, len(a.decisions))
	for i := range chosen {
		chosen[i] = 1
	}
	better := a.table(IntentToTreat, chosen, 2)
	if better.Refused || better.Difference == nil || better.Difference.Low <= 0 || !strings.Contains(better.Verdict, "beats always mail") || len(better.Policies) != 4 {
		t.Errorf("%+v", better)
	}
	same := a.table(IntentToTreat, chosen, 1)
	if same.Difference.Value != 0 || !strings.Contains(same.Verdict, "does not beat always call") {
		t.Errorf("%+v", same)
	}
	a.actions = append(a.actions, "fax")
	a.follow = append(a.follow, 0)
	a.reward = make([]float64, 4*len(a.decisions))
	chosen[7] = 3
	for _, name := range []string{IntentToTreat, Taken} {
		if none := a.table(name, chosen, 1); !none.Refused || none.Difference != nil || !strings.Contains(none.Policies[0].Refused, "fax") {
			t.Errorf("%s: %+v", name, none)
		}
	}
	chosen[7] = 1
	a.decisions[9].Candidates = []string{None, "mail"}
	if none := a.table(IntentToTreat, chosen, 2); !none.Refused || !strings.Contains(none.Verdict, "no candidate") {
		t.Errorf("%+v", none)
	}
	few := drawn(60, false, 2)
	if none := few.table(IntentToTreat, make([]int, 60), 1); !none.Refused || !strings.Contains(none.Verdict, "effective sample size") {
		t.Errorf("%+v", none)
	}
}
