package evaluate

import (
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext/prng"
)

// TestShuffleIsNumPys compares with numpy.random.seed(42); numpy.random.permutation(10), which the NumPy documentation of
// many a course prints.
func TestShuffleIsNumPys(t *testing.T) {
	list := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	twister := prng.NewMT19937()
	twister.Seed(42)
	shuffle(list, twister)
	if want := []int{8, 1, 5, 0, 7, 2, 9, 4, 3, 6}; !slices.Equal(list, want) {
		t.Errorf("shuffled %v, NumPy gives %v", list, want)
	}
}

func TestStratifiedKeepsClasses(t *testing.T) {
	y := make([]int32, 103)
	for i := range y {
		if i%4 == 1 {
			y[i] = 1
		}
	}
	folds := stratified(y, 5, 42)
	rows, positive := make([]int, 5), make([]int, 5)
	for i, f := range folds {
		rows[f]++
		positive[f] += int(y[i])
	}
	for f := range 5 {
		if rows[f] < 20 || rows[f] > 21 || positive[f] < 5 || positive[f] > 6 {
			t.Errorf("fold %d has %d rows and %d positive ones", f, rows[f], positive[f])
		}
	}
	if !slices.Equal(folds, stratified(y, 5, 42)) || slices.Equal(folds, stratified(y, 5, 43)) {
		t.Error("folds do not hang on the seed alone")
	}
}
