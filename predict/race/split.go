package race

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Fold is one way to hold rows back. Both lists are places among the training rows.
type Fold struct{ Train, Test []int }

// Shuffled are folds for rows without an order: each row is held back once, the classes in equal parts.
func Shuffled(y []int32, folds int, seed uint64) []Fold {
	rng := rand.New(rand.NewPCG(seed, 0xf01d5))
	order := rng.Perm(len(y))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(y[a], y[b]) })
	of := make([]int, len(y))
	for i, row := range order {
		of[row] = i % folds
	}
	out := make([]Fold, folds)
	for row, held := range of {
		for f := range out {
			if f == held {
				out[f].Test = append(out[f].Test, row)
			} else {
				out[f].Train = append(out[f].Train, row)
			}
		}
	}
	return out
}

// Forward are folds for rows with an order: the parts after the first share from are each held back in turn, and only what
// was known before a part began is trained on. At[i] is when row i is asked and Known[i] when its label is known, in any unit; a row is
// trained on where Known is not after the beginning of the part.
func Forward(at, known []float64, from float64, folds int) []Fold {
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	edge := func(f int) int {
		share := from + (1-from)*float64(f)/float64(folds)
		i := int(share * float64(len(order)))
		for i > 0 && i < len(order) && at[order[i]] == at[order[i-1]] { // rows of one moment, or case, are not torn
			i++
		}
		return i
	}
	var out []Fold
	for f := range folds {
		low, high := edge(f), edge(f+1)
		if low >= high {
			continue
		}
		fold := Fold{Test: slices.Clone(order[low:high])}
		begin := at[order[low]]
		for _, row := range order[:low] {
			if known[row] <= begin {
				fold.Train = append(fold.Train, row)
			}
		}
		if len(fold.Train) > 0 {
			slices.Sort(fold.Train)
			slices.Sort(fold.Test)
			out = append(out, fold)
		}
	}
	return out
}
