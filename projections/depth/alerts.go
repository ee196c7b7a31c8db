package depth

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Thresholds say which drift is worth an alarm; the zero value is good. All of them are of rates and of enough handoffs: a single event alarms nobody.
type Thresholds struct {
	Least int64    // handoffs since the change, default 50
	Rate  float64  // share of these that it concerns, default 0.05; of a distribution, the index beyond its threshold is enough
	Kinds []string // default missing, malformed, enum, structure and distribution: versions that roll out are no fault
}

// Alert is one drift that is on. There is one for each kind, point and field.
type Alert struct {
	Key       string     `json:"key"` // kind, point, contract and field: the same as long as it is on
	Kind      string     `json:"kind"`
	Point     string     `json:"point"`
	Contract  string     `json:"contract,omitempty"`
	Version   int        `json:"version,omitempty"`
	Field     string     `json:"field,omitempty"`
	Since     string     `json:"since,omitempty"`
	Before    float64    `json:"before"`
	After     float64    `json:"after"`
	N         int64      `json:"n"`
	Value     string     `json:"value,omitempty"`
	FirstSeen *Sighting  `json:"first_seen,omitempty"`
	StartedBy *StartedBy `json:"started_by,omitempty"`
	Position  uint64     `json:"position"` // of the report
	Message   string     `json:"message"`
}

// Alerts lists what of a report is worth an alarm, by key. It is a function of the report, so of the ledger up to the report's position.
func Alerts(r DriftReport, t Thresholds) []Alert {
	t.Least, t.Rate = cmp.Or(t.Least, 50), cmp.Or(t.Rate, 0.05)
	if len(t.Kinds) == 0 {
		t.Kinds = []string{DriftMissing, DriftMalformed, DriftEnum, DriftStructure, DriftDistribution}
	}
	out := []Alert{}
	for _, row := range r.Rows {
		if !row.Drifted || !row.Active || row.N < t.Least || !slices.Contains(t.Kinds, row.Kind) || row.Kind != DriftDistribution && row.After < t.Rate {
			continue
		}
		a := Alert{Key: strings.Join([]string{row.Kind, row.Point, row.Contract, row.Field}, "|"), Kind: row.Kind, Point: row.Point, Contract: row.Contract,
			Version: row.Version, Field: row.Field, Since: row.Since, Before: row.Before, After: row.After, N: row.N, Value: row.Value, FirstSeen: row.FirstSeen,
			StartedBy: row.StartedBy, Position: r.Position, Message: row.Sentence()}
		if !slices.ContainsFunc(out, func(b Alert) bool { return b.Key == a.Key }) {
			out = append(out, a) // rows come the surest first
		}
	}
	slices.SortFunc(out, func(a, b Alert) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// Changes compares the alerts of two positions: those that came on, and those that cleared. An alert that stays on is in neither, so whoever tells people
// tells them once.
func Changes(before, now []Alert) (raised, cleared []Alert) {
	missing := func(list []Alert, a Alert) bool {
		return !slices.ContainsFunc(list, func(b Alert) bool { return a.Key == b.Key })
	}
	for _, a := range now {
		if missing(before, a) {
			raised = append(raised, a)
		}
	}
	for _, a := range before {
		if missing(now, a) {
			cleared = append(cleared, a)
		}
	}
	return raised, cleared
}

// Sentence says a row in words, without a value of a personal field.
func (r *DriftRow) Sentence() string {
	field, since := fmt.Sprintf("%q", r.Field), ""
	if r.Since != "" {
		since = " since " + r.Since
	}
	if r.StartedBy != nil {
		since += ", first from " + r.StartedBy.Source
	}
	switch r.Kind {
	case DriftMissing:
		return fmt.Sprintf("%s is missing in %s of the handoffs, %s before%s", field, inPercent(r.After), inPercent(r.Before), since)
	case DriftMalformed:
		return fmt.Sprintf("%s has another form in %s of its values, %s before%s", field, inPercent(r.After), inPercent(r.Before), since)
	case DriftEnum:
		return fmt.Sprintf("%s has the new value %q in %s of the handoffs%s", field, r.Value, inPercent(r.After), since)
	case DriftStructure:
		return fmt.Sprintf("new form %s in %s of the handoffs%s", r.Value, inPercent(r.After), since)
	case DriftDistribution:
		what := ""
		if r.Value != "" {
			what = fmt.Sprintf("; most of it is %q, %s before and %s now", r.Value, inPercent(r.Before), inPercent(r.After))
		}
		return fmt.Sprintf("the values of %s are spread in another way (stability index %.2f, threshold %.2f)%s%s", field, r.Statistic, r.Threshold, what, since)
	}
	return fmt.Sprintf("version %d has %s of the handoffs, %s before%s", r.Version, inPercent(r.After), inPercent(r.Before), since)
}

func inPercent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
