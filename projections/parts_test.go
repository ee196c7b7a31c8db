package projections

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRowsSurvive folds drawn events, and reads back what it writes of the journeys; damage is an error, never a panic.
func TestRowsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := newLedger(t)
		defer store.Close()
		recordAny(t, store, 40)
		for _, j := range folded(t, store) {
			r := row{First: 3, LastAct: epoch, Journey: *j}
			b := r.encode(nil)
			got, err := decodeRow(b)
			check(t, err)
			if x, y := asJSON(t, got), asJSON(t, r); x != y {
				t.Fatalf("wrote %s, read %s", y, x)
			}
			if !bytes.Equal(got.encode(nil), b) {
				t.Fatalf("the same state has two encodings")
			}
			for n := range b {
				if _, err := decodeRow(b[:n]); err == nil {
					t.Fatalf("%d of %d bytes were read as a whole row", n, len(b))
				}
				flipped := bytes.Clone(b)
				flipped[n] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
				_, _ = decodeRow(flipped)
			}
		}
	})
}

// TestKeysOrderAsTuples compares keys of drawn texts, zero bytes among them, with the texts.
func TestKeysOrderAsTuples(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune{0, 1, 'a', 'b', 0xff, 'ü'}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := []string{text.Draw(t, "a1"), text.Draw(t, "a2")}, []string{text.Draw(t, "b1"), text.Draw(t, "b2")}
		x, y := textKey('j', a...), textKey('j', b...)
		if bytes.Compare(x, y) != slices.Compare(a, b) {
			t.Fatalf("%q and %q: keys %x and %x", a, b, x, y)
		}
		first, rest, ok := readText(x[1:])
		second, rest, ok2 := readText(rest)
		if !ok || !ok2 || first != a[0] || second != a[1] || len(rest) != 0 {
			t.Fatalf("%q reads as %q %q", a, first, second)
		}
		for n := range len(x) - 1 {
			if s, rest, ok := readText(x[1 : 1+n]); ok && (s != a[0] || len(rest) > len(x)) {
				t.Fatalf("a cut key reads as %q", s)
			}
		}
	})
}

func TestTimesOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(-1<<35, 1<<38).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name))
		}
		a, b := draw("a"), draw("b")
		x, y := appendTime(nil, a), appendTime(nil, b)
		if bytes.Compare(x, y) != a.Compare(b) {
			t.Fatalf("%v and %v: %x and %x", a, b, x, y)
		}
		if got, _, ok := readTime(x); !ok || !got.Equal(a) {
			t.Fatalf("%v reads as %v", a, got)
		}
	})
}

// TestSumsMergeInAnyOrder merges drawn operands in two groupings and two orders.
func TestSumsMergeInAnyOrder(t *testing.T) {
	operand := rapid.Custom(func(t *rapid.T) []byte {
		var s sums
		for range rapid.IntRange(0, 6).Draw(t, "cells") {
			s.add(rapid.Uint32Range(0, 9).Draw(t, "index"), rapid.Int64Range(-2, 2).Draw(t, "value"))
		}
		return s.encode(nil)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := operand.Draw(t, "a"), operand.Draw(t, "b"), operand.Draw(t, "c")
		merge := func(values ...[]byte) []byte {
			m := must[interface {
				MergeNewer([]byte) error
			}](t)(merger.Merge(keyTotals, values[0]))
			for _, v := range values[1:] {
				check(t, m.MergeNewer(v))
			}
			return m.(*sumMerger).total.encode(nil)
		}
		all := merge(a, b, c)
		for _, other := range [][]byte{merge(c, b, a), merge(merge(a, b), c), merge(a, merge(b, c))} {
			if !bytes.Equal(all, other) {
				t.Fatalf("%x or %x", all, other)
			}
		}
	})
}

// TestBuckets draws durations: each lies in its bucket, and the bucket is at most an eighth of it wide.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, math.MaxInt64/int64(time.Millisecond)).Draw(t, "ms")
		b := bucketOf(time.Duration(ms) * time.Millisecond)
		low, high := BucketRange(b)
		if ms < low || ms >= high || b >= BucketCount || high-low > max(1, low/8) {
			t.Fatalf("%d ms is in bucket %d, %d to %d", ms, b, low, high)
		}
	})
	if bucketOf(-time.Hour) != 0 {
		t.Error("a negative wait is not counted as none")
	}
}

func TestQuantiles(t *testing.T) {
	var s sums
	for i := range 1000 {
		s.observe(histogramQueue, time.Duration(i+1)*time.Second, 1)
	}
	s.observe(histogramQueue, time.Hour, 1)
	s.observe(histogramQueue, time.Hour, -1)
	w := s.waits().Queue
	for want, got := range map[float64]float64{500: w.P50Seconds, 900: w.P90Seconds, 950: w.P95Seconds, 990: w.P99Seconds} {
		if math.Abs(got-want) > want/16 {
			t.Errorf("quantile is %v, want %v within a sixteenth", got, want)
		}
	}
	if w.Count != 1000 || w.MeanSeconds != 500.5 {
		t.Errorf("%+v", w)
	}
}
