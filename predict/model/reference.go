package model

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/baton-ledger/baton/predict/table"
)

// ScoreReference is the column of what the model says.
const ScoreReference = "score"

// bins of a reference, those for other categories and for missing values aside.
const referenceBins = 10

// Reference is how a column was distributed when the model was made: what drift counts against. It holds no single value of a row beyond the most frequent
// categories, which the features hold too.
type Reference struct {
	Column   string     `json:"column"`
	Kind     table.Kind `json:"kind"`
	Edges    []float64  `json:"edges,omitempty"` // of a number: bin i holds Edges[i-1] < v ≤ Edges[i], the last one what is above
	Top      []string   `json:"top,omitempty"`   // of a category: bin i holds Top[i], the next one all others
	Counts   []int      `json:"counts"`          // rows of each bin; the last bin is of missing values
	Rows     int        `json:"rows"`
	Journeys int        `json:"journeys"` // that the rows are of
}

// NewReference bins the values of a column: at most ten bins of about equally many rows, or the nine most frequent categories and the others.
func NewReference(column string, kind table.Kind, values []table.Value, journeys int) Reference {
	r := Reference{Column: column, Kind: kind, Rows: len(values), Journeys: journeys}
	if kind == table.Number {
		r.Edges = edges(values)
		r.Counts = make([]int, len(r.Edges)+2)
	} else {
		r.Top = top(values)
		r.Counts = make([]int, len(r.Top)+2)
	}
	for _, v := range values {
		r.Counts[r.Bin(v)]++
	}
	return r
}

// Bin is the bin of a value.
func (r *Reference) Bin(v table.Value) int {
	missing := len(r.Counts) - 1
	if r.Kind == table.Number {
		if math.IsNaN(v.Number) {
			return missing
		}
		return sort.SearchFloat64s(r.Edges, v.Number)
	}
	if v.Text == "" {
		return missing
	}
	if i := slices.Index(r.Top, v.Text); i >= 0 {
		return i
	}
	return len(r.Top)
}

func edges(values []table.Value) (list []float64) {
	var sorted []float64
	for _, v := range values {
		if !math.IsNaN(v.Number) {
			sorted = append(sorted, v.Number)
		}
	}
	slices.Sort(sorted)
	for i := 1; i < referenceBins && len(sorted) > 0; i++ {
		e := sorted[(len(sorted)-1)*i/referenceBins]
		if e < sorted[len(sorted)-1] && (len(list) == 0 || e > list[len(list)-1]) {
			list = append(list, e)
		}
	}
	return list
}

func top(values []table.Value) (list []string) {
	count := map[string]int{}
	for _, v := range values {
		if v.Text == "" {
			continue
		}
		if count[v.Text]++; count[v.Text] == 1 {
			list = append(list, v.Text)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	return list[:min(len(list), referenceBins-1)]
}
