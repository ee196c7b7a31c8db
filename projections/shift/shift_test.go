package shift_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/baton-ledger/baton/projections/shift"
)

func near(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if !(math.Abs(got-want) <= off) {
		t.Errorf("%s: %g, want %g", what, got, want)
	}
}

func TestPSI(t *testing.T) {
	// By hand: 0.5 to 0.25 and 0.5 to 0.75.
	near(t, "PSI", shift.PSI([]float64{10, 10}, []float64{5, 15}, 0, 0), 0.25*math.Log(2)+0.25*math.Log(1.5), 1e-12)
	near(t, "an empty bin at the floor", shift.PSI([]float64{10, 10, 0}, []float64{10, 8, 2}, 0, 1e-6), 0.1*math.Log(0.5/0.4)+(0.1-1e-6)*math.Log(0.1/1e-6), 1e-12)
	a, b := shift.Pool([]float64{50, 1, 2, 47}, []float64{48, 2, 1, 49}, 100)
	if len(a) != 3 || a[2] != 3 || b[2] != 3 {
		t.Errorf("pooled to %v and %v", a, b)
	}
}

// TestThresholdsHold draws samples without a change: those beyond a threshold are as many as alpha says, by the limit law and by the bootstrap.
func TestThresholdsHold(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) []float64 {
		out := make([]float64, 4)
		for range n {
			out[[]int{0, 0, 0, 0, 1, 1, 1, 2, 2, 3}[dice.IntN(10)]]++
		}
		return out
	}
	const trials, alpha = 400, 0.05
	law, drawn := 0, 0
	for i := range trials {
		a, b := draw(300), draw(150)
		psi := shift.PSI(a, b, 0, 1e-6)
		if psi > shift.Law(4, 300, 150, alpha) {
			law++
		}
		if psi > shift.Bootstrap(a, b, 1e-6, alpha, 200, uint64(i)) {
			drawn++
		}
	}
	for what, n := range map[string]int{"law": law, "bootstrap": drawn} { // 20 expected; four standard deviations are 17
		if n < 3 || n > 37 {
			t.Errorf("%s: %d of %d beyond the threshold, expected %g", what, n, trials, alpha*trials)
		}
	}
	if a, b := draw(300), draw(150); shift.Bootstrap(a, b, 1e-6, 0.01, 100, 7) != shift.Bootstrap(a, b, 1e-6, 0.01, 100, 7) {
		t.Error("the same seed gives another threshold")
	}
}

func TestRates(t *testing.T) {
	near(t, "Wilson's upper end of 10 of 50", shift.Upper(10, 50, 1.96), 0.3304, 1e-3) // Newcombe's tables
	near(t, "its lower end", shift.Lower(10, 50, 1.96), 0.1124, 1e-3)
	near(t, "equal rates", shift.TwoProportion(10, 100, 20, 200), 1, 1e-6)
	// G of the table 10/90, 30/70 is 12.98; χ² with one degree of freedom.
	near(t, "10 % and 30 %", shift.TwoProportion(10, 100, 30, 100), distuv.ChiSquared{K: 1}.Survival(12.9864), 1e-5)
	low, high := shift.Limits(0.1, 100)
	near(t, "lower limit", low, 0.01, 1e-12)
	near(t, "upper limit", high, 0.19, 1e-12)
}

// TestLateCountsOrders compares with every order of a small set: three marked ones among six, the first two places free of them.
func TestLateCountsOrders(t *testing.T) {
	orders, free := 0, 0
	for mask := range 64 {
		n := 0
		for i := range 6 {
			n += mask >> i & 1
		}
		if n == 3 {
			orders++
			if mask&3 == 0 {
				free++
			}
		}
	}
	near(t, "late", shift.Late(3, 2, 6), float64(free)/float64(orders), 1e-12)
	near(t, "more than there is room for", shift.Late(5, 2, 6), 0, 0)
}

// TestSplitFindsTheDay changes a share on day 30.
func TestSplitFindsTheDay(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 9))
	days := make([][]float64, 60)
	for i := range days {
		days[i] = make([]float64, 2)
		p := 0.1
		if i >= 30 {
			p = 0.4
		}
		for range 20 {
			if dice.Float64() < p {
				days[i][0]++
			} else {
				days[i][1]++
			}
		}
	}
	c := shift.Split(days, 50)
	if c.Day < 28 || c.Day > 32 || c.P > 1e-9 {
		t.Errorf("%+v", c)
	}
	if c := shift.Split(days[:30], 50); c.P < 1e-3 {
		t.Errorf("a change where there is none: %+v", c)
	}
}

// TestCUSUMKeepsItsPromise: no more false alarms than alpha at the tested rate, and one soon after a rise.
func TestCUSUMKeepsItsPromise(t *testing.T) {
	dice := rand.New(rand.NewPCG(8, 8))
	run := func(rate func(day int) float64) shift.Alarm {
		days := make([]shift.Day, 60)
		for i := range days {
			days[i].N = 20
			for range 20 {
				if dice.Float64() < rate(i) {
					days[i].K++
				}
			}
		}
		return shift.CUSUM(days, 0.1, 0.25, 0.05)
	}
	alarms := 0
	for range 400 {
		if run(func(int) float64 { return 0.1 }).Day >= 0 {
			alarms++
		}
	}
	if alarms > 37 { // 20 are promised at most, and four standard deviations
		t.Errorf("%d false alarms of 400", alarms)
	}
	a := run(func(day int) float64 {
		if day >= 25 {
			return 0.3
		}
		return 0.1
	})
	if a.Since < 22 || a.Since > 27 || a.Day < a.Since || a.Day > 32 || !a.Active {
		t.Errorf("a rise on day 25: %+v", a)
	}
	b := run(func(day int) float64 {
		if day >= 15 && day < 25 {
			return 0.4
		}
		return 0.05
	})
	if b.Day < 0 || b.Active {
		t.Errorf("a rise that is over: %+v", b)
	}
}
