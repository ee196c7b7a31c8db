package simulate

import (
	"cmp"
	"iter"
	"slices"
)

// due is a journey and when its next event is. Journeys with events at the same moment go by their number.
type due struct {
	at      int64
	k       int
	journey *journey
}

// agenda is a heap of the journeys that have begun and not ended.
type agenda []due

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, k int) bool {
	return a[i].at < a[k].at || a[i].at == a[k].at && a[i].k < a[k].k
}
func (a agenda) Swap(i, k int) { a[i], a[k] = a[k], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(due)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	d := (*a)[last]
	(*a)[last] = due{}
	*a = (*a)[:last]
	return d
}

// sliceJourneys is about how many beginnings are in memory at once.
const sliceJourneys = 1 << 16

// beginnings yields the moments at which journeys begin, in order. A journey's moment hangs on its number alone, so they come in no
// order; the window is cut into slices, and each slice goes through all numbers and keeps its own: time instead of memory.
func (s *Simulation) beginnings() iter.Seq[due] {
	return func(yield func(due) bool) {
		parts := int64(s.o.Journeys/sliceJourneys + 1)
		span := int64(s.o.Days)*day/parts + 1
		var list []due
		for i := range parts {
			from := s.arrivals.start + i*span
			list = list[:0]
			for k := range s.o.Journeys {
				if at := s.begin(k); at >= from && at < from+span {
					list = append(list, due{at: at, k: k})
				}
			}
			slices.SortFunc(list, func(a, b due) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.k, b.k)) })
			for _, d := range list {
				if !yield(d) {
					return
				}
			}
		}
	}
}

func (s *Simulation) begin(k int) int64 {
	n := s.base + 3*uint64(k)
	return s.arrivals.at(mix(n^0x5bd1e995), mix((n+1)^0x5bd1e995), mix((n+2)^0x5bd1e995))
}

// arena shares allocations among the data of events.
type arena struct{ buf []byte }

const arenaSize = 256 << 10

// begin gives room for one event's data; keep fixes what was written there.
func (a *arena) begin() []byte {
	if cap(a.buf)-len(a.buf) < 8<<10 {
		a.buf = make([]byte, 0, arenaSize)
	}
	return a.buf[len(a.buf):]
}

func (a *arena) keep(data []byte) []byte {
	if cap(data) == cap(a.buf)-len(a.buf) { // it did not outgrow the arena
		a.buf = a.buf[:len(a.buf)+len(data)]
	}
	return data[:len(data):len(data)]
}
