package simulate

import "time"

// Times are milliseconds since the Unix epoch, UTC.
const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// hours say when a stage works: from and to in hours of the day, by weekday, Sunday first. from == to is closed.
type hours [7]struct{ from, to int64 }

var (
	always   = &hours{{0, 24}, {0, 24}, {0, 24}, {0, 24}, {0, 24}, {0, 24}, {0, 24}}
	office   = &hours{{}, {8, 18}, {8, 18}, {8, 18}, {8, 18}, {8, 17}, {}}
	retail   = &hours{{10, 16}, {8, 21}, {8, 21}, {8, 21}, {8, 21}, {8, 21}, {9, 18}}
	earlyDay = &hours{{}, {6, 15}, {6, 15}, {6, 15}, {6, 15}, {6, 15}, {6, 12}}
)

func weekday(t int64) int { return int((t/day + 4) % 7) } // the epoch began on a Thursday

// add is the moment when so much working time has passed after t; with none, the first working moment at or after t.
func (h *hours) add(t, span int64) int64 {
	for {
		begin := t - t%day
		from, to := begin+h[weekday(t)].from*hour, begin+h[weekday(t)].to*hour
		t = max(t, from)
		if t < to && t+span <= to {
			return t + span
		}
		if t < to {
			span -= to - t
		}
		t = begin + day
	}
}

// Weights, per mille of an ordinary day or hour, of how much begins then.
var (
	weekLoad  = [7]int{520, 1350, 1180, 1100, 1060, 1010, 620}
	monthLoad = [12]int{1060, 950, 980, 970, 960, 940, 900, 880, 1000, 1040, 1280, 1340}
	hourLoad  = [24]int{12, 8, 5, 4, 5, 10, 22, 38, 62, 74, 78, 74, 64, 66, 70, 66, 60, 58, 60, 58, 46, 34, 20, 6}
)

// load is how busy a day is, 1000 being ordinary.
func load(t int64) int {
	return weekLoad[weekday(t)] * monthLoad[time.UnixMilli(t).UTC().Month()-1] / 1000
}

// arrivals is the distribution of beginnings over the window: by season, weekday and hour.
type arrivals struct {
	start      int64
	cumulative []int // of the days' loads
}

func newArrivals(start int64, days int) *arrivals {
	a := &arrivals{start: start, cumulative: make([]int, days)}
	sum := 0
	for d := range a.cumulative {
		sum += load(start + int64(d)*day)
		a.cumulative[d] = sum
	}
	return a
}

// at turns three random numbers into a moment.
func (a *arrivals) at(u, v, w uint64) int64 {
	rank := int(float64(toUnit(u) * float64(a.cumulative[len(a.cumulative)-1])))
	lo, hi := 0, len(a.cumulative)-1
	for lo < hi {
		if mid := (lo + hi) / 2; rank < a.cumulative[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	left, h := int(float64(toUnit(v)*1000)), 0
	for h < 23 && left >= hourLoad[h] {
		left -= hourLoad[h]
		h++
	}
	return a.start + int64(lo)*day + int64(h)*hour + int64(float64(toUnit(w)*float64(hour)))
}
