package projections

// written remembers, in 4 MiB whatever comes, which journeys a rebuild's worker has put into the database: a Bloom filter of three bits each.
// Most journeys a worker meets are new, and to look each of them up in every file it has written costs more than to fold it. "No" is
// certain; a wrong "yes" costs the look-up.
type written []uint64

func newWritten() written { return make(written, 1<<19) }

// bits gives a journey's three bits (double hashing: Kirsch and Mitzenmacher, 2006).
func (w written) bits(id string) [3]uint64 {
	h := hash(id)
	step := h>>32 | 1
	mask := uint64(len(w))<<6 - 1
	return [3]uint64{h & mask, (h + step) & mask, (h + 2*step) & mask}
}

func (w written) add(id string) {
	for _, b := range w.bits(id) {
		w[b>>6] |= 1 << (b & 63)
	}
}

// has is true for every journey that was added, and where there is no memory at all (a live folder has none).
func (w written) has(id string) bool {
	if w == nil {
		return true
	}
	for _, b := range w.bits(id) {
		if w[b>>6]&(1<<(b&63)) == 0 {
			return false
		}
	}
	return true
}
