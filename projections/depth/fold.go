package depth

import (
	"cmp"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// Options of a fold; the zero value is good.
type Options struct {
	Contracts contract.Catalogue        // what offers follow; nil: nothing is known but what they say themselves
	Policy    func(point string) string // tier that a point declares, "" for none; what a delivery says comes first. nil: none does
	Days      int                       // that are kept, default 400
	Horizon   time.Duration             // without an event after which a journey is forgotten, default 60 days
	Series    int                       // series that are kept apart, default 20,000
	Renew     func() Options            // of a fold that begins anew, since contracts or points changed; nil: it never does
}

// Fold counts. It is for one goroutine at a time.
type Fold struct {
	o          Options
	position   uint64
	asOf       int64 // last occurred time of a fact
	clock      int32 // newest day of an event that had happened when it was recorded
	agreements map[agreementKey]*agreement
	series     map[seriesKey]*series
	order      []*series // as they were first seen
	journeys   map[string]*journey
	handoffs   map[handoffKey]*handoff
	funnels    map[string]*funnel // by stage
	offer      offer
	dropped    Dropped
}

// Dropped counts what the fold's limits left out.
type Dropped struct {
	Offers uint64 `json:"offers"` // of series beyond Options.Series
	Fields uint64 `json:"fields"` // of one envelope or agreement beyond 512
}

type agreementKey struct {
	name    string
	version int
}

type seriesKey struct {
	point, source string
	agreement     agreementKey
}

type handoffKey struct{ journey, id string }

// NewFold begins at the first event.
func NewFold(o Options) *Fold {
	o.Days, o.Horizon, o.Series = cmp.Or(o.Days, 400), cmp.Or(o.Horizon, 60*24*time.Hour), cmp.Or(o.Series, 20_000)
	return &Fold{o: o, clock: -1 << 30, asOf: -1 << 62, agreements: map[agreementKey]*agreement{}, series: map[seriesKey]*series{},
		journeys: map[string]*journey{}, handoffs: map[handoffKey]*handoff{}, funnels: map[string]*funnel{}}
}

// Position is the last position that was counted.
func (f *Fold) Position() uint64 { return f.position }

// AsOf is the last occurred time of a fact, the zero time before the first.
func (f *Fold) AsOf() time.Time {
	if f.asOf == -1<<62 {
		return time.Time{}
	}
	return time.UnixMilli(f.asOf).UTC()
}

// Open counts the journeys and handoffs that may still change.
func (f *Fold) Open() (journeys, handoffs int) { return len(f.journeys), len(f.handoffs) }

// Dropped counts what the limits left out.
func (f *Fold) Dropped() Dropped { return f.dropped }

// Add counts one event. Events come in the order of their positions, each once; those up to Position are passed over.
func (f *Fold) Add(r *ledger.Recorded) {
	if r.Position <= f.position {
		return
	}
	f.position = r.Position
	id := ledger.JourneyOf(r.Stream)
	if id == "" {
		return
	}
	at := r.Occurred().UnixMilli()
	if strings.HasPrefix(r.Stream, ledger.CategoryJourney) {
		f.asOf = max(f.asOf, at)
	}
	f.tick(at, r.RecordedTime.UnixMilli())
	family, verb := ledger.SplitType(r.Type)
	switch family {
	case "handoff":
		f.handoff(r, id, verb, at)
	case "journey":
		f.journeyEvent(r, id, verb, at)
	case "interaction":
		f.acted(r, id, at)
	case "question":
		f.question(r, id, verb, at)
	case "suggestion":
		f.suggestion(r, id, verb, at)
	case "contract":
		if verb == "violated" && r.Source == "baton/contracts" {
			f.violated(r, id)
		}
	}
}

// tick moves the fold's day forward and forgets what is too old. An event that claims to be of a time after it was recorded does not move it: one such
// event would wipe out everything else.
func (f *Fold) tick(at, recorded int64) {
	today := dayOf(at)
	if today <= f.clock || at > recorded+dayMS {
		return
	}
	f.clock = today
	oldest := today - int32(f.o.Days)
	for _, s := range f.order {
		for number := range s.days {
			if number <= oldest {
				delete(s.days, number)
				if s.newestDay == number {
					s.newest = nil
				}
			}
		}
	}
	for _, u := range f.funnels {
		for number := range u.days {
			if number <= oldest {
				delete(u.days, number)
			}
		}
	}
	idle := at - f.o.Horizon.Milliseconds()
	for _, j := range f.journeys {
		if j.last < idle {
			f.forget(j)
		}
	}
}

// seriesOf is the series of an offer, nil beyond the limit.
func (f *Fold) seriesOf(r *ledger.Recorded, at int64, journey string) *series {
	point := ledger.Point(r.Facets.Sender, r.Facets.Receiver, r.Facets.Channel)
	name, version, named := contract.ReadSchema(r.Schema)
	if !named {
		name = point
	}
	a := f.agreements[agreementKey{name, version}]
	if s := f.series[seriesKey{point, r.Source, agreementKey{name, version}}]; s != nil {
		f.consult(a, r.Schema, point, at)
		s.last = max(s.last, at)
		return s
	}
	if len(f.order) >= f.o.Series {
		f.dropped.Offers++
		return nil
	}
	point, name = strings.Clone(point), strings.Clone(name)
	if a == nil {
		a = &agreement{name: name, version: version, at: map[string]int{}, asked: -1 << 30}
		f.agreements[agreementKey{name, version}] = a
	}
	f.consult(a, r.Schema, point, at)
	s := &series{point: point, source: strings.Clone(r.Source), sender: strings.Clone(r.Facets.Sender), receiver: strings.Clone(r.Facets.Receiver),
		channel: strings.Clone(r.Facets.Channel), agreement: a, last: at, days: map[int32]*day{},
		first: sight{position: r.Position, at: at, journey: strings.Clone(journey)}}
	s.first.series = s
	f.series[seriesKey{point, s.source, agreementKey{name, version}}] = s
	f.order = append(f.order, s)
	return s
}

// consult asks the catalogue for an agreement's contract, once a day until there is one.
func (f *Fold) consult(a *agreement, schema, point string, at int64) {
	if a.doc != nil || f.o.Contracts == nil || a.asked == dayOf(at) {
		return
	}
	a.asked = dayOf(at)
	if c := f.o.Contracts(schema, point); c != nil {
		a.adopt(c)
	}
}
