package learn

import (
	"math"
	"slices"

	"github.com/baton-ledger/baton/predict/table"
)

// maxBins is how many values of a number are told apart, besides the missing one.
const maxBins = 126

// binned is a matrix in small integers. Bin 0 of a number is the missing value, bin b > 0 the values in (edge[b-2], edge[b-1]]; bin 0 of
// a category is none of the members, bin b the member b-1.
type binned struct {
	blocks []binnedBlock
	bins   int // of all blocks
	rows   int
}

type binnedBlock struct {
	table.Block
	bin    []uint8
	edges  []float64
	at     int // of its first bin among those of all blocks
	count  int // of its bins
	number bool
}

// bin puts a matrix into bins. Blocks that cannot split anything are left out.
func bin(m *table.Matrix) *binned {
	b := &binned{rows: m.Rows}
	for _, block := range m.Blocks {
		bb := binnedBlock{Block: block, at: b.bins, number: block.Numbers != nil}
		if bb.number {
			bb.edges = edges(block.Numbers)
			bb.count = len(bb.edges) + 2
			bb.bin = binNumbers(block.Numbers, bb.edges)
		} else {
			bb.count = block.Width + 1
			bb.bin = make([]uint8, len(block.Codes))
			for i, c := range block.Codes {
				bb.bin[i] = uint8(c + 1)
			}
		}
		if constant(bb.bin) || bb.count > math.MaxUint8+1 {
			continue
		}
		b.blocks, b.bins = append(b.blocks, bb), b.bins+bb.count
	}
	return b
}

func constant(bins []uint8) bool {
	for _, b := range bins {
		if b != bins[0] {
			return false
		}
	}
	return true
}

// edges are the upper ends of the bins but the last: between all values where they are few, else at equal numbers of rows.
func edges(values []float64) []float64 {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	var out []float64
	if len(distinct) <= maxBins {
		for i := 1; i < len(distinct); i++ {
			out = append(out, between(distinct[i-1], distinct[i]))
		}
		return out
	}
	for b := 1; b < maxBins; b++ {
		at := b * len(sorted) / maxBins
		next, _ := slices.BinarySearch(distinct, sorted[at])
		if next == 0 {
			continue
		}
		if e := between(distinct[next-1], distinct[next]); len(out) == 0 || e > out[len(out)-1] {
			out = append(out, e)
		}
	}
	return out
}

// between is a number in [low, high), the middle where there is one.
func between(low, high float64) float64 {
	if mid := low + (high-low)/2; mid < high {
		return mid
	}
	return low
}

func binNumbers(values, edges []float64) []uint8 {
	out := make([]uint8, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			at, _ := slices.BinarySearch(edges, v)
			out[i] = uint8(at + 1)
		}
	}
	return out
}
