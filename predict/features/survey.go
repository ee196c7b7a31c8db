package features

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/table"
)

// Field is a field of the context that is a column: a number, or a category.
type Field struct {
	Name string     `json:"name"`
	Kind table.Kind `json:"kind"`
}

// What a Spec takes of what a Survey saw.
const (
	mostActivities = 24   // counted one by one
	mostFields     = 64   // of the context, without being named
	leastJourneys  = 0.05 // part of the journeys that have such a field
	mostValues     = 64   // of such a field that is a category
	tooMany        = 4096 // values that are told apart
	rareField      = 0.02 // part of a point's offers: what is seldomer is not among what it asks
)

// Survey looks at events of many journeys, by day, to say which columns rows shall have that are made before a time.
type Survey struct {
	seed       maphash.Seed
	activities map[string]days
	journeys   days
	begun      map[string]bool
	fields     map[string]*seen
	points     map[string]*asked
}

// days counts by day since 1970, UTC.
type days map[int64]int

// seen is what was seen of a field.
type seen struct {
	in             map[string]bool // journeys
	journeys       days
	numbers, texts days
	values         map[uint64]int64 // hash of a category → first day
}

// asked is what the offers of a point ask.
type asked struct {
	offers days
	fields map[string]days
}

// NewSurvey begins without anything.
func NewSurvey() *Survey {
	return &Survey{seed: maphash.MakeSeed(), activities: map[string]days{}, journeys: days{}, begun: map[string]bool{}, fields: map[string]*seen{}, points: map[string]*asked{}}
}

// Add looks at the next event, at the time it counts for.
func (s *Survey) Add(r *ledger.Recorded, at time.Time) {
	if category, _ := ledger.SplitStream(r.Stream); category != ledger.CategoryJourney {
		return
	}
	d, journey := at.Unix()/86400, ledger.JourneyOf(r.Stream)
	if !s.begun[journey] {
		s.begun[journey] = true
		s.journeys[d]++
	}
	if a := r.Facets.Activity; a != "" {
		if s.activities[a] == nil {
			s.activities[a] = days{}
		}
		s.activities[a][d]++
	}
	c := ledger.Context{}
	c.Apply(r)
	for name, f := range c {
		s.field(journey, name, f, d)
	}
	if family, verb := ledger.SplitType(r.Type); family == "handoff" && verb == "offered" {
		p := s.points[pointOf(r)]
		if p == nil {
			p = &asked{offers: days{}, fields: map[string]days{}}
			s.points[pointOf(r)] = p
		}
		p.offers[d]++
		for name := range offeredFields(r) {
			if p.fields[name] == nil {
				p.fields[name] = days{}
			}
			p.fields[name][d]++
		}
	}
}

func pointOf(r *ledger.Recorded) string { return pair(r.Facets.Sender, r.Facets.Receiver) }

func (s *Survey) field(journey, name string, f ledger.Field, d int64) {
	v, kind, ok := plain(f.Value)
	if !ok || !fact(f) {
		return
	}
	x := s.fields[name]
	if x == nil {
		x = &seen{in: map[string]bool{}, journeys: days{}, numbers: days{}, texts: days{}, values: map[uint64]int64{}}
		s.fields[name] = x
	}
	if !x.in[journey] {
		x.in[journey] = true
		x.journeys[d]++
	}
	if kind == table.Number {
		x.numbers[d]++
	} else {
		x.texts[d]++
	}
	h := maphash.String(s.seed, v.Text)
	if first, ok := x.values[h]; ok {
		x.values[h] = min(first, d)
	} else if len(x.values) < tooMany {
		x.values[h] = d
	}
}

func (d days) before(day int64) (n int) {
	for at, count := range d {
		if at < day {
			n += count
		}
	}
	return n
}

// Spec says which columns rows have, from what was seen on days before that of a time: the most frequent activities; and of the fields those that are named, or
// where names is nil, those that a twentieth of the journeys have and that are numbers or have few values. No names, not nil: no fields.
func (s *Survey) Spec(before time.Time, names []string) *Spec {
	day := before.Unix() / 86400
	out := &Spec{Activities: s.counted(day), Asked: map[string]int{}}
	if names == nil {
		names = s.usual(day)
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		out.Fields = append(out.Fields, Field{name, s.kind(name, day)})
	}
	for point, p := range s.points {
		if offers := p.offers.before(day); offers > 0 {
			for _, on := range p.fields {
				if n := on.before(day); n > 0 && float64(n) >= rareField*float64(offers) {
					out.Asked[point]++
				}
			}
		}
	}
	return out
}

// Unknown are those of the names that no journey has as a field.
func (s *Survey) Unknown(names []string) (list []string) {
	for _, name := range names {
		if s.fields[name] == nil {
			list = append(list, name)
		}
	}
	return list
}

func (s *Survey) counted(day int64) []string {
	count := map[string]int{}
	for a, on := range s.activities {
		if n := on.before(day); n > 0 {
			count[a] = n
		}
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	return names[:min(mostActivities, len(names))]
}

// usual are the fields that enough journeys have and that are no names, numbers of things or texts, the most usual first where they are too many.
func (s *Survey) usual(day int64) []string {
	count, all := map[string]int{}, s.journeys.before(day)
	for name, x := range s.fields {
		n := x.journeys.before(day)
		if n == 0 || float64(n) < leastJourneys*float64(all) {
			continue
		}
		if s.kind(name, day) == table.Number || x.distinct(day) <= mostValues {
			count[name] = n
		}
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	return names[:min(mostFields, len(names))]
}

func (x *seen) distinct(day int64) (n int) {
	for _, first := range x.values {
		if first < day {
			n++
		}
	}
	if len(x.values) == tooMany {
		return tooMany
	}
	return n
}

// kind is number where each value was one.
func (s *Survey) kind(name string, day int64) table.Kind {
	if x := s.fields[name]; x != nil && x.numbers.before(day) > 0 && x.texts.before(day) == 0 {
		return table.Number
	}
	return table.Category
}
