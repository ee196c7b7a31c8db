// Package prefix makes features of a case as it stands: events are added one by one, and a row can be taken after each. What is in a
// row hangs on the events added so far and on nothing else, so a feature cannot know the future.
//
// A row has, in the order of [Spec.Columns]: the last activities, one by one and together; how often each activity of the spec was
// there; the party that has the work, the one before, both together, how many changes, returns and different parties there
// were; place in the case, hours since its beginning, since the last event, the last change and the activity's last time; hour and weekday; and the
// attributes of the last event that are named in the spec.
package prefix

import "time"

// Event is what is read of an event.
type Event struct {
	Activity   string
	Time       time.Time
	Party      string   // "": nobody is named
	Attributes []string // as many as the spec names
}

// Spec says which features there are.
type Spec struct {
	Activities []string // counted one by one
	Attributes []string
	Parties    bool // whether the log names parties
}

// Builder folds one case. The zero value is not usable; see [Spec.New].
type Builder struct {
	spec   *Spec
	index  map[string]int // of spec.Activities
	counts []float64
	last   [lags]string
	length int

	first, previous, now time.Time // of events
	attributes           []string

	party, before    string
	changed          time.Time
	changes, returns int
	visits           map[string]int
	lastOf           map[string]time.Time
	sinceSame        float64
}

// lags is how many activities a row names.
const lags = 4

// hoursPerNano turns durations into hours.
const hoursPerNano = 1.0 / float64(time.Hour)

// New begins a case.
func (s *Spec) New() *Builder {
	b := &Builder{spec: s, index: map[string]int{}, counts: make([]float64, len(s.Activities))}
	for i, a := range s.Activities {
		b.index[a] = i
	}
	b.Reset()
	return b
}

// Reset begins another case.
func (b *Builder) Reset() {
	index, counts, spec := b.index, b.counts, b.spec
	clear(counts)
	*b = Builder{spec: spec, index: index, counts: counts, visits: map[string]int{}, lastOf: map[string]time.Time{}, sinceSame: -1,
		attributes: make([]string, len(spec.Attributes))}
}

// Add takes the next event. A time before the last one counts as no time passed.
func (b *Builder) Add(e Event) {
	if b.length == 0 {
		b.first, b.previous, b.now, b.changed = e.Time, e.Time, e.Time, e.Time
	}
	b.previous, b.now = b.now, later(b.now, e.Time)
	b.length++
	copy(b.last[1:], b.last[:])
	b.last[0] = e.Activity
	if i, ok := b.index[e.Activity]; ok {
		b.counts[i]++
	}
	b.sinceSame = -1
	if at, ok := b.lastOf[e.Activity]; ok {
		b.sinceSame = hours(at, b.now)
	}
	b.lastOf[e.Activity] = b.now
	b.attributes = append(b.attributes[:0], e.Attributes...)
	b.hand(e.Party)
}

// hand follows the party.
func (b *Builder) hand(party string) {
	if party == "" || party == b.party {
		return
	}
	if b.party != "" {
		b.changes++
		b.before, b.changed = b.party, b.now
		if b.visits[party] > 0 {
			b.returns++
		}
	}
	b.party = party
	b.visits[party]++
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func hours(from, to time.Time) float64 { return float64(to.Sub(from)) * hoursPerNano }
