package simulate

import (
	"math"
	"slices"
	"testing"
	"time"
)

// sides are what is counted before and after the drift.
type sides struct {
	n, version1, version2, business, category, ai float64
	waits                                         []float64
}

func TestTheWorldChangesAtTheDrift(t *testing.T) {
	at := time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC)
	_, h, lines := simulated(t, Options{Seed: 2, Journeys: 12000, Drift: at})
	if !h.Drift.Equal(at) {
		t.Errorf("the header says %s", h.Drift)
	}
	var side [2]sides
	for _, l := range lines {
		if l.Drifted == l.Start.Before(at) {
			t.Fatalf("%s begins at %s and drifted is %v", l.Journey, l.Start, l.Drifted)
		}
		s := &side[0]
		if l.Drifted {
			s = &side[1]
		}
		s.n++
		count(&s.business, l.Segment == "business")
		count(&s.category, l.Category == newCategory)
		count(&s.ai, l.Flow == "ai-agent-to-human")
		if len(l.Handoffs) == 1 && l.Lost == "" {
			s.waits = append(s.waits, l.Features["wait_days"])
		}
		if l.Flow == "returns" {
			count(&s.version1, l.Handoffs[0].Version == 1)
			count(&s.version2, l.Handoffs[0].Version == 2)
		}
		if got, want := l.Features["reasks_x_drift"], l.Features["reasks"]; l.Drifted && got != want || !l.Drifted && got != 0 {
			t.Fatalf("%s: the coefficient of drift works on %g of %g", l.Journey, got, want)
		}
	}
	before, after := side[0], side[1]
	if before.category != 0 || after.category == 0 {
		t.Errorf("the new category: %g before, %g after", before.category, after.category)
	}
	share(t, "version 2 before", before.version2, before.version1+before.version2, 0.1)
	share(t, "version 2 after", after.version2, after.version1+after.version2, 0.7)
	share(t, "AI agents before", before.ai, before.n, 0.06)
	share(t, "AI agents after", after.ai, after.n, 0.14)
	if before.business/before.n+0.05 > after.business/after.n {
		t.Errorf("businesses: %.3f before, %.3f after", before.business/before.n, after.business/after.n)
	}
	slices.Sort(before.waits)
	slices.Sort(after.waits)
	if b, a := before.waits[len(before.waits)*3/4], after.waits[len(after.waits)*3/4]; a < b*1.1 {
		t.Errorf("upper quartile of waits: %.3f days before, %.3f after", b, a)
	}
}

func count(n *float64, on bool) {
	if on {
		*n++
	}
}

// share holds a frequency against its probability: four binomial standard deviations.
func share(t *testing.T, what string, hits, n, p float64) {
	t.Helper()
	if math.Abs(hits-n*p) > 4*math.Sqrt(n*p*(1-p)) || n < 100 {
		t.Errorf("%s: %g of %g, expected a share of %g", what, hits, n, p)
	}
}

// TestThePolicyIsLogged holds the propensities that suggestions carry against how often each action was chosen, and weighs by them: the
// value of "always the best action" and of "always none" come out as the truth has them.
func TestThePolicyIsLogged(t *testing.T) {
	_, lines := parsed(t, large())
	var n, held, shown, taken float64
	chosen, segments := map[[2]string]float64{}, map[string]float64{}
	var value, variance, truth float64
	for _, l := range lines {
		s := l.Suggestion
		if s == nil {
			continue
		}
		n++
		count(&held, s.HoldOut)
		count(&shown, !s.HoldOut)
		count(&taken, s.Taken)
		segments[l.Segment]++
		chosen[[2]string{l.Segment, s.Action}]++
		// What follows a suggestion that was taken estimates that action: weight 1/(propensity · shown · taken).
		truth += s.P[s.Best]
		if s.Taken && s.Action == s.Best {
			w := 1 / (s.Propensity * (1 - holdOut) * acceptance)
			variance += w * w
			if l.Success.Outcome {
				value += w
			}
		}
	}
	share(t, "held out", held, n, holdOut)
	share(t, "taken", taken, shown, acceptance)
	for segment, name := range segmentNames {
		for a, action := range actionNames {
			share(t, name+" "+action, chosen[[2]string{name, action}], segments[name], float64(policyWeights[segment][a])/1000)
		}
	}
	if math.Abs(value-truth) > 4*math.Sqrt(variance) {
		t.Errorf("the best policy is worth %.3f by inverse propensity, %.3f in truth (n %.0f)", value/n, truth/n, n)
	}
}

func TestWorkingHours(t *testing.T) {
	at := func(text string) int64 {
		d, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return d.UnixMilli()
	}
	for _, c := range []struct {
		from string
		add  int64
		want string
	}{
		{"2026-01-05 09:00", hour, "2026-01-05 10:00"},          // Monday
		{"2026-01-05 17:30", hour, "2026-01-06 08:30"},          // over night
		{"2026-01-09 16:00", 2 * hour, "2026-01-12 09:00"},      // Friday ends at five
		{"2026-01-10 12:00", 0, "2026-01-12 08:00"},             // Saturday
		{"2026-01-05 08:00", 10 * hour, "2026-01-05 18:00"},     // to the last minute
		{"2026-01-05 03:00", 11 * hour, "2026-01-06 09:00"},     // before opening
		{"2026-01-05 08:00", 5 * 10 * hour, "2026-01-12 09:00"}, // 49 hours make a week
	} {
		if got := office.add(at(c.from), c.add); got != at(c.want) {
			t.Errorf("%s and %d minutes: %s, want %s", c.from, c.add/minute, moment(got), c.want)
		}
	}
	if day := weekday(at("2026-11-22 10:00")); day != 0 {
		t.Errorf("a Sunday is day %d", day)
	}
}
