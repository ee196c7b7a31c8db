package train

import (
	"cmp"
	"maps"
	"slices"
)

// mostClasses is how many activities are told apart; rarest is in how many training examples one must have come.
const (
	mostClasses = 48
	rarest      = 5
)

// name gives the classes their names and numbers. Those of next-activity are what was frequent when the cut came; what was rare or not there is Other.
func (s *set) name(t Target) {
	if s.classes = t.Classes(); t.Kind != NextActivity {
		return
	}
	count := map[string]int{}
	for _, x := range s.list {
		if !x.known.After(s.cut) && x.at.Before(s.cut) && x.next != End {
			count[x.next]++
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n < rarest })
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	s.classes = append(s.classes, names[:min(mostClasses, len(names))]...)
	number := map[string]int32{}
	for i, class := range s.classes {
		number[class] = int32(i)
	}
	for i := range s.list {
		class, there := number[s.list[i].next]
		if s.list[i].label = number[Other]; there {
			s.list[i].label = class
		}
	}
}
