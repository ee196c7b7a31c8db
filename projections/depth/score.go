package depth

import "math/bits"

// The depth score (definition 2 of the depth practices) is D = Σ w·present·fresh / Σ w over the fields of the agreement, fresh = exp(-age/τ), in thousandths.
// A fold must give the same on every machine, so the exponential is made of integers.

// decay holds exp(-k/32) in millionths, for ages up to 12 τ.
var decay = func() (table [12*32 + 2]int64) {
	const one, step = 1 << 40, 1065683211334 // step is exp(-1/32) · 2^40
	v := uint64(one)
	for k := range table {
		hi, lo := bits.Mul64(v, 1_000_000)
		table[k] = int64(hi<<24 | lo>>40)
		hi, lo = bits.Mul64(v, step)
		v = hi<<24 | lo>>40
	}
	return table
}()

// fresh is exp(-age/life) in millionths; what lives for ever is always fresh.
func fresh(age, life int64) int64 {
	if life <= 0 || age <= 0 {
		return 1_000_000
	}
	if age/life >= 12 {
		return 0
	}
	scaled := age * 32 // ages and lives are milliseconds: far from overflow
	k, rest := scaled/life, scaled%life
	a, b := decay[k], decay[k+1]
	return a - (a-b)*(rest>>10)/max(life>>10, 1)
}

// score is D of what a handoff delivered, in thousandths; -1 where nothing is agreed.
func (h *handoff) score(delivered int64) int32 {
	a := h.series.agreement
	if a.weight <= 0 {
		return -1
	}
	var sum int64
	for _, c := range h.fields {
		if c.flags&wasDelivered == 0 {
			continue
		}
		f := &a.fields[c.field]
		age := int64(0)
		if c.asserted != missing {
			age = delivered - c.asserted
		}
		sum += f.weight * fresh(age, f.life) / 1000
	}
	return int32(min(1000, sum/a.weight))
}
