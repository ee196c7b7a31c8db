package depth

import (
	"slices"
	"time"

	"github.com/baton-ledger/baton/projections"
)

// Counters of a field on a day. Those that end in Once leave out handoffs of a journey that was offered at the point before: such values are the same
// ones again, and no draws of their own.
const (
	nOffered = iota
	nOnce
	nDelivered
	nViewed
	nUsed
	nJunk
	nStale     // older than fresh_for when it was offered
	nMalformed // contract.violated says so
	nMalformedOnce
	nRequired // contract.violated: mandatory and absent
	nLost     // asked again, by class
	nIgnored
	nGamed
	nNew
	nMethod   // and those after it, by method
	nCounters = nMethod + len(methods)
)

// fieldDay is one field on one day of a series.
type fieldDay struct {
	n      [nCounters]uint32
	kinds  [kindCount]uint32 // of JSON values, once
	values counts            // categories, or buckets of numbers; once, junk left out
	fill   counts            // buckets of milliseconds
	age    counts            // buckets of minutes
}

// day is one day of a series. Everything that becomes of a handoff counts on the day it was offered.
type day struct {
	handoffs, once, delivered, accepted, completed, violated uint32
	tiers                                                    [4]uint32
	declared                                                 uint32 // handoffs whose tier was declared, and that were looked at
	mismatched                                               uint32
	scored                                                   uint32
	scores                                                   [scoreBins]uint32
	score                                                    uint64 // thousandths
	tokens, tokenHandoffs                                    uint64
	asked, askedAgain, lostHandoffs                          uint32
	prepared, parse                                          counts // buckets of milliseconds
	preparedMS, parseMS                                      uint64
	fields                                                   []fieldDay // by the agreement's fields; those beyond its end are zero
}

const scoreBins = 20

// field gives a field of the day.
func (d *day) field(i int) *fieldDay {
	if i >= len(d.fields) {
		d.fields = slices.Grow(d.fields, i+1-len(d.fields))[:i+1]
	}
	return &d.fields[i]
}

// of reads a field of the day without making it.
func (d *day) of(i int) *fieldDay {
	if i >= len(d.fields) {
		return &noField
	}
	return &d.fields[i]
}

var noField fieldDay

// counts is a sparse histogram over fixed buckets, sorted.
type counts []cell

type cell struct {
	bucket int32
	n      uint32
}

func (c *counts) add(bucket int32, n uint32) {
	i, found := slices.BinarySearchFunc(*c, bucket, func(a cell, b int32) int { return int(a.bucket) - int(b) })
	if found {
		(*c)[i].n += n
		return
	}
	*c = slices.Insert(*c, i, cell{bucket, n})
}

func (c *counts) addAll(more counts) {
	for _, m := range more {
		c.add(m.bucket, m.n)
	}
}

func (c counts) total() (n int64) {
	for _, x := range c {
		n += int64(x.n)
	}
	return n
}

// quantile is the middle of the bucket that holds it, 0 of nothing. Buckets are at most an eighth of what they begin with.
func (c counts) quantile(q float64) float64 {
	rank := int64(q*float64(c.total())) + 1
	for _, x := range c {
		if rank -= int64(x.n); rank <= 0 {
			low, high := projections.BucketRange(uint32(x.bucket))
			return float64(low+high-1) / 2
		}
	}
	if len(c) > 0 {
		low, high := projections.BucketRange(uint32(c[len(c)-1].bucket))
		return float64(low+high-1) / 2
	}
	return 0
}

// sight is where something was seen first.
type sight struct {
	position uint64
	at       int64 // milliseconds
	journey  string
	series   *series
}

// series is the offers of one producer at one point under one version.
type series struct {
	point, source string
	sender        string
	receiver      string
	channel       string
	agreement     *agreement
	first         sight
	last          int64
	handoffs      uint64
	days          map[int32]*day
	newest        *day
	newestDay     int32
	shapes        []shape
	examples      []Mismatch
}

// shape is one form of a value that a producer sends: where it stands, its JSON type and its format.
type shape struct {
	field  int
	class  uint8
	kind   uint8
	path   string // below the field, for members of objects
	n      uint64
	before uint64 // offers of the agreement when it came first here
	first  sight
	last   int64
	sample string
}

// day gives a day of the series.
func (s *series) day(number int32) *day {
	if s.newest != nil && s.newestDay == number {
		return s.newest
	}
	d := s.days[number]
	if d == nil {
		d = &day{}
		s.days[number] = d
	}
	s.newest, s.newestDay = d, number
	return d
}

// dayOf numbers days from 1970-01-01 UTC.
func dayOf(ms int64) int32 {
	d := ms / dayMS
	if ms < d*dayMS {
		d--
	}
	return int32(max(-1<<30, min(d, 1<<30)))
}

// dateOf is the day's beginning.
func dateOf(day int32) time.Time { return time.UnixMilli(int64(day) * dayMS).UTC() }
