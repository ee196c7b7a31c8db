package projections

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// sums is a sparse vector of int64 counters, cells in ascending order of index, none zero. Counters shared by many journeys are
// never read and written back: each batch merges its own sums into the stored ones, so that the order in which journeys are folded
// does not show, and a rebuild can fold them in parallel.
type sums []cell

type cell struct {
	index uint32
	value int64
}

// add counts v more at an index. The zero cells it may leave are dropped by encode.
func (s *sums) add(index uint32, v int64) {
	i, found := slices.BinarySearchFunc(*s, index, func(c cell, at uint32) int { return int(c.index) - int(at) })
	if !found {
		*s = slices.Insert(*s, i, cell{index: index})
	}
	(*s)[i].value += v
}

func (s sums) get(index uint32) int64 {
	i, found := slices.BinarySearchFunc(s, index, func(c cell, at uint32) int { return int(c.index) - int(at) })
	if !found {
		return 0
	}
	return s[i].value
}

// encode gives pairs of (index less the one before, value), varints; equal sums have equal bytes, and sums of nothing have none.
func (s sums) encode(buf []byte) []byte {
	last := uint32(0)
	for _, c := range s {
		if c.value != 0 {
			buf = binary.AppendUvarint(buf, uint64(c.index-last))
			buf = binary.AppendVarint(buf, c.value)
			last = c.index
		}
	}
	return buf
}

func decodeSums(b []byte) (sums, error) {
	var s sums
	last := uint64(0)
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		value, m := binary.Varint(b[max(n, 0):])
		if last += step; n <= 0 || m <= 0 || last > 1<<31 {
			return nil, damaged("counters")
		}
		s, b = append(s, cell{uint32(last), value}), b[n+m:]
	}
	return s, nil
}

// plus merges two vectors.
func (s sums) plus(t sums) sums {
	out := make(sums, 0, len(s)+len(t))
	for len(s) > 0 && len(t) > 0 {
		switch {
		case s[0].index < t[0].index:
			out, s = append(out, s[0]), s[1:]
		case s[0].index > t[0].index:
			out, t = append(out, t[0]), t[1:]
		default:
			out = append(out, cell{s[0].index, s[0].value + t[0].value})
			s, t = s[1:], t[1:]
		}
	}
	return append(append(out, s...), t...)
}

// merger is the merge operator of the read-model database: sums add, the first time keeps the earlier, the last time the later.
var merger = &pebble.Merger{
	Name: "baton.projections.1",
	Merge: func(key, value []byte) (pebble.ValueMerger, error) {
		if len(key) > 0 && key[0] == spaceTime {
			return &extremeMerger{latest: bytes.Equal(key, keyLastAt), value: bytes.Clone(value)}, nil
		}
		s, err := decodeSums(value)
		return &sumMerger{s}, err
	},
}

type sumMerger struct{ total sums }

func (m *sumMerger) MergeNewer(value []byte) error {
	s, err := decodeSums(value)
	m.total = m.total.plus(s)
	return err
}

func (m *sumMerger) MergeOlder(value []byte) error { return m.MergeNewer(value) }

func (m *sumMerger) Finish(bool) ([]byte, io.Closer, error) { return m.total.encode(nil), nil, nil }

type extremeMerger struct {
	latest bool
	value  []byte
}

func (m *extremeMerger) MergeNewer(value []byte) error {
	if bytes.Compare(value, m.value) > 0 == m.latest {
		m.value = append(m.value[:0], value...)
	}
	return nil
}

func (m *extremeMerger) MergeOlder(value []byte) error { return m.MergeNewer(value) }

func (m *extremeMerger) Finish(bool) ([]byte, io.Closer, error) { return m.value, nil, nil }
