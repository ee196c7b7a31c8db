package trust

import (
	"fmt"
	"math"
	"slices"

	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/registry"
)

// Monitor says how models that are shown are looked after. Everything is counted in the ledger, nothing by a clock.
type Monitor struct {
	Every  int     // moments between two looks; 0: never
	Window int     // the last outcomes, and the last moments, that are looked at; those before the last step at the point are not
	ECE    float64 // calibration error that is bearable
	Drift  DriftOptions
}

// Each look raises a false alarm with about this probability at a point, in a world that does not change.
const falseAlarm = 0.001

// least outcomes or moments that are looked at.
const leastWatched = 100

// Watched is what a look at a point found.
type Watched struct {
	Point       string       `json:"point"`
	ReadTo      uint64       `json:"read_to"`
	Outcomes    int          `json:"outcomes"`
	Journeys    int          `json:"journeys"`
	Expected    float64      `json:"expected"` // sum of what was said
	Observed    int          `json:"observed"`
	Z           float64      `json:"z"`
	ZLimit      float64      `json:"z_limit"`
	ECE         float64      `json:"ece"`
	ECELimit    float64      `json:"ece_limit"`
	Drift       *DriftReport `json:"drift,omitempty"` // of all points together
	Calibration bool         `json:"calibration_breach"`
	Drifted     bool         `json:"drift_breach"`
	Why         string       `json:"why,omitempty"`
}

// Breach says whether it is to go down.
func (w *Watched) Breach() bool { return w.Calibration || w.Drifted }

// Calibrated looks at the last outcomes of a point. What was said breaks with what came where the sum of label less probability is too many standard errors from 0 and
// a fiftieth a row at least, or where the calibration error is above the bearable one and above what chance gives. The variance of the sum is the larger of Σ p(1-p) and
// of the sum of squares by journey.
func (mon Monitor) Calibrated(known []Moment, seed uint64) (w Watched) {
	known = known[max(0, len(known)-mon.Window):]
	if w.Outcomes = len(known); w.Outcomes < leastWatched {
		return w
	}
	group, variance := groups(known), 0.0
	sums := map[int32]float64{}
	for i, m := range known {
		w.Expected += m.P
		w.Observed += int(m.Label)
		variance += m.P * (1 - m.P)
		sums[group[i]] += float64(m.Label) - m.P
	}
	w.Journeys = len(sums)
	clustered := 0.0
	for g := range int32(len(sums)) { // in order, as floating sums are not the same in another
		clustered += sums[g] * sums[g]
	}
	gap := float64(w.Observed) - w.Expected
	// The mean gap is taken out: where all is off, the squares of journeys would otherwise hide it.
	clustered = max(clustered-gap*gap/float64(len(sums)), 0)
	spread := max(variance, clustered)
	w.Z, w.ZLimit = gap/math.Sqrt(max(spread, 1e-9)), quantile(1-falseAlarm/4)
	c := newBinned(known, group)
	w.ECE, w.ECELimit = c.ece(nil), max(mon.ECE, c.chance(falseAlarm/2, math.Sqrt(spread/max(variance, 1e-9)), seed))
	switch {
	case math.Abs(w.Z) > w.ZLimit && math.Abs(gap) > 0.02*float64(w.Outcomes):
		w.Calibration = true
		w.Why = fmt.Sprintf("%.1f of %d outcomes were to be expected, %d came (z %.1f, limit %.1f)", w.Expected, w.Outcomes, w.Observed, w.Z, w.ZLimit)
	case w.ECE > w.ECELimit:
		w.Calibration = true
		w.Why = fmt.Sprintf("the calibration error of the last %d outcomes is %.3f, limit %.3f", w.Outcomes, w.ECE, w.ECELimit)
	}
	return w
}

// Watch looks at a version at a point where it has been on its level since a position. Drift lowers it where what it says has drifted. Features alone do not: five hundred moments of
// two days differ in their weekdays from a year, and harm nobody; where a feature's drift does harm, what comes true shows it. Moments are all that it was not trained on, as known at the position to.
func (mon Monitor) Watch(m *registry.Loaded, list []Moment, point string, since, to uint64) Watched {
	w := mon.Calibrated(Select(list, point, since), Seed(m.Hash))
	w.Point, w.ReadTo = point, to
	var window []Moment
	for _, one := range list {
		if one.Position > since {
			window = append(window, one)
		}
	}
	window = window[max(0, len(window)-mon.Window):]
	if len(window) < leastWatched {
		return w
	}
	o := mon.Drift
	o.Alpha = falseAlarm
	o.Floor = max(o.Floor, Classical) // an alarm is worth a look from the floor on, a demotion from where it is a change by any rule
	r, err := Drift(m, window, o)
	if err != nil {
		return w // a model without references is watched by what comes true alone
	}
	at := slices.IndexFunc(r.Columns, func(d Drifted) bool { return d.Column == model.ScoreReference })
	if at < 0 || !r.Columns[at].Drifted {
		return w
	}
	score := r.Columns[at]
	r.Columns = r.Columns[:min(len(r.Columns), max(at+1, 5))]
	w.Drift, w.Drifted = r, true
	if w.Why != "" {
		w.Why += "; "
	}
	w.Why += fmt.Sprintf("what it says has drifted over the last %d moments (PSI %.2f, limit %.2f); furthest off: %s", r.Moments, score.PSI, score.Threshold, r.Columns[0].Column)
	return w
}
