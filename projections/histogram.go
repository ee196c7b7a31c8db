package projections

import (
	"math/bits"
	"time"
)

// A histogram of durations has fixed buckets, eight to each doubling of a millisecond count, so that its counts are integers, add up in
// any order, and tell a quantile to within 6.25 %: bucket 0..7 are 0..7 ms, then (8+m)<<e milliseconds for m in 0..7, e from 0 on.
const (
	subBits     = 3
	BucketCount = 336 // the longest time.Duration falls in 327
)

// bucketOf is the bucket of a duration. A negative one, which odd clocks make, counts as zero.
func bucketOf(d time.Duration) uint32 { return Bucket(d.Milliseconds()) }

// Bucket is the bucket of a count of milliseconds, or of anything else that is spread over magnitudes; less than zero counts as zero. It is below
// BucketCount.
func Bucket(n int64) uint32 {
	ms := uint64(max(0, n))
	if ms < 1<<subBits {
		return uint32(ms)
	}
	e := bits.Len64(ms) - subBits - 1
	return uint32(e<<subBits) + uint32(ms>>e)
}

// BucketRange is the span of a bucket in milliseconds, the upper end excluded.
func BucketRange(bucket uint32) (low, high int64) {
	if bucket < 2<<subBits {
		return int64(bucket), int64(bucket) + 1
	}
	e := int(bucket)>>subBits - 1
	m := int64(bucket) - int64(e)<<subBits
	return m << e, (m + 1) << e
}

// Wait is the distribution of one kind of time, in seconds. Quantiles are read off fixed buckets, at most 6.25 % apart: each is the
// middle of the bucket that holds it.
type Wait struct {
	Count       int64   `json:"count"`
	MeanSeconds float64 `json:"mean_seconds"`
	P50Seconds  float64 `json:"p50_seconds"`
	P90Seconds  float64 `json:"p90_seconds"`
	P95Seconds  float64 `json:"p95_seconds"`
	P99Seconds  float64 `json:"p99_seconds"`
}

// observe counts a duration (or, with n = -1, takes it back) in the histogram at base: BucketCount buckets, then the sum in milliseconds.
func (s *sums) observe(base uint32, d time.Duration, n int64) {
	s.add(base+bucketOf(d), n)
	s.add(base+BucketCount, n*max(0, d.Milliseconds()))
}

// wait reads the histogram at base.
func (s sums) wait(base uint32) Wait {
	var cells []cell
	var w Wait
	for _, c := range s {
		if c.index >= base && c.index < base+BucketCount && c.value > 0 {
			cells, w.Count = append(cells, cell{c.index - base, c.value}), w.Count+c.value
		}
	}
	if w.Count == 0 {
		return w
	}
	w.MeanSeconds = float64(s.get(base+BucketCount)) / float64(w.Count) / 1e3
	for _, q := range []struct {
		percent int64
		to      *float64
	}{{50, &w.P50Seconds}, {90, &w.P90Seconds}, {95, &w.P95Seconds}, {99, &w.P99Seconds}} {
		*q.to = quantile(cells, (w.Count*q.percent+99)/100)
	}
	return w
}

// quantile is the middle, in seconds, of the bucket that holds the rank-th smallest value, ranks from 1.
func quantile(cells []cell, rank int64) float64 {
	for _, c := range cells {
		if rank -= c.value; rank <= 0 {
			low, high := BucketRange(c.index)
			return float64(low+high-1) / 2e3
		}
	}
	return 0
}
