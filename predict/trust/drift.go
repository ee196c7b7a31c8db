package trust

import (
	"cmp"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/table"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/projections/shift"
)

// Classical is the population stability index that is usually taken for a change worth acting on, whatever the sample.
const Classical = 0.2

// DriftOptions say when an index counts.
type DriftOptions struct {
	Alpha float64 // of a false alarm on any of the columns together
	Floor float64 // least index that counts, however large the sample
}

// Drifted is the index of a column.
type Drifted struct {
	Column    string  `json:"column"`
	PSI       float64 `json:"psi"`
	Threshold float64 `json:"threshold"` // at this sample size
	Classical float64 `json:"classical"`
	Bins      int     `json:"bins"`
	Drifted   bool    `json:"drifted"`
}

// DriftReport is how far a window of moments lies from what the model was made on.
type DriftReport struct {
	Model    Model     `json:"model"`
	Moments  int       `json:"moments"`
	Journeys int       `json:"journeys"`
	First    uint64    `json:"first_position"`
	Last     uint64    `json:"last_position"`
	Alpha    float64   `json:"alpha"`
	Floor    float64   `json:"floor"`
	Columns  []Drifted `json:"columns"` // furthest beyond its threshold first
	Drifted  int       `json:"drifted"`
}

// Drift compares a window of moments with the references in the model's card. The error is CodeUnsupported where it has none.
//
// PSI = Σ (a-b)·ln(a/b) over the shares of the bins. Without drift it is about (1/n + 1/m)·χ² with B-1 degrees of freedom (B. Yurdakul and J. Naranjo, Statistical
// properties of the population stability index, Journal of Risk Model Validation 14(4), 2020), so the threshold is that law's quantile at 1-α/k for k columns
// (Bonferroni), and the floor at least. n and m are the journeys, not the moments: those of one journey go together. Bins that fewer than five journeys
// are to be expected in on the smaller side are taken together, since the law does not hold for them.
func Drift(m *registry.Loaded, window []Moment, o DriftOptions) (*DriftReport, error) {
	for kind, why := range map[string]string{registry.Actions: "models of actions: their file holds no histograms", registry.KindExternal: "another program's models: what they were trained on is not known here"} {
		if m.Kind == kind {
			return nil, ledger.Errorf(ledger.CodeUnsupported, "drift", "see `baton predict board` for how its probabilities come true", "drift is not measured for %s", why)
		}
	}
	refs := m.Model.Card.References
	if len(refs) == 0 {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "drift", "train it again with `baton predict train`", "model %s, version %d has no reference to count drift against", m.Name, m.Version)
	}
	out := &DriftReport{Model: ModelOf(m.Registered), Moments: len(window), Alpha: o.Alpha, Floor: o.Floor, Columns: []Drifted{}}
	if len(window) == 0 {
		return out, nil
	}
	out.First, out.Last = window[0].Position, window[len(window)-1].Position
	out.Journeys = int(slices.Max(groups(window))) + 1
	columns := m.Spec.Columns()
	for i := range refs {
		ref := &refs[i]
		at := slices.IndexFunc(columns, func(c table.Column) bool { return c.Name == ref.Column })
		if at < 0 && (ref.Column != model.ScoreReference || m.Target == train.NextActivity) {
			continue // of more than two classes the reference is of what came, which moments without a label have not
		}
		counts := make([]int, len(ref.Counts))
		for k := range window {
			v := table.Value{Number: window[k].P}
			if at >= 0 {
				v = window[k].Row[at]
			}
			counts[ref.Bin(v)]++
		}
		d := Index(ref.Counts, counts, ref.Journeys, out.Journeys, o.Alpha/float64(len(refs)), o.Floor)
		d.Column = ref.Column
		if d.Drifted {
			out.Drifted++
		}
		out.Columns = append(out.Columns, d)
	}
	slices.SortStableFunc(out.Columns, func(a, b Drifted) int { return cmp.Compare(b.PSI/b.Threshold, a.PSI/a.Threshold) })
	return out, nil
}

// Index is the PSI of two histograms over the same bins and its threshold, for n and m independent draws behind them. Half a row is added to each bin.
func Index(reference, now []int, n, m int, alpha, floor float64) Drifted {
	a, b := shift.Pool(floats(reference), floats(now), min(n, m))
	d := Drifted{Bins: len(a), Classical: Classical, Threshold: floor}
	if len(a) < 2 || n == 0 || m == 0 {
		return d
	}
	d.PSI = shift.PSI(a, b, 0.5, 0)
	d.Threshold = max(floor, shift.Law(len(a), float64(n), float64(m), alpha))
	d.Drifted = d.PSI > d.Threshold
	return d
}

func floats(list []int) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}
