package evaluate

import (
	"math/bits"

	"gonum.org/v1/gonum/mathext/prng"
)

// stratified assigns a fold to each row as scikit-learn's StratifiedKFold(shuffle=True, random_state=seed) does, so that figures
// stand beside published ones on the same folds: classes are numbered as they appear, the folds of a class's rows are repeated in
// order and shuffled by NumPy's legacy generator, the Mersenne Twister.
func stratified(y []int32, folds int, seed uint64) []int {
	class, order := map[int32]int{}, []int32{}
	for _, label := range y {
		if _, ok := class[label]; !ok {
			class[label] = len(order)
			order = append(order, label)
		}
	}
	counts := make([]int, len(order))
	for _, label := range y {
		counts[class[label]]++
	}
	allocation := allocate(counts, folds)
	twister := prng.NewMT19937()
	twister.Seed(seed)
	out := make([]int, len(y))
	for k, label := range order {
		var of []int
		for fold := range folds {
			for range allocation[fold][k] {
				of = append(of, fold)
			}
		}
		shuffle(of, twister)
		for i, l := range y {
			if l == label {
				out[i], of = of[0], of[1:]
			}
		}
	}
	return out
}

// allocate says how many rows of each class a fold gets: every folds-th row of the sorted labels.
func allocate(counts []int, folds int) [][]int {
	out := make([][]int, folds)
	for f := range out {
		out[f] = make([]int, len(counts))
	}
	at := 0
	for k, n := range counts {
		for range n {
			out[at%folds][k]++
			at++
		}
	}
	return out
}

// shuffle is NumPy's RandomState.shuffle.
func shuffle(list []int, twister *prng.MT19937) {
	for i := len(list) - 1; i > 0; i-- {
		j := below(uint32(i), twister)
		list[i], list[j] = list[j], list[i]
	}
}

// below draws a number from 0 to most by masking and drawing again.
func below(most uint32, twister *prng.MT19937) uint32 {
	mask := uint32(1)<<bits.Len32(most) - 1
	for {
		if v := twister.Uint32() & mask; v <= most {
			return v
		}
	}
}
