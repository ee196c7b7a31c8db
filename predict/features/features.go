// Package features turns a journey, as far as it has gone, into the row that a model is trained on and asked with.
//
// A [Builder] takes the events of a journey's stream one by one and can give a row after each. It reads headers alone (type, facets, time) and no
// clock: hours are counted between events. So a row hangs on the events added so far and on nothing else, and what is appended later cannot
// change it. The overlay is not read: suggestions made of suggestions would confirm themselves.
//
// A row has the columns of the table in columns.go, and how often each activity of the [Spec] was there. [AsOf] reads the ledger up to a position
// and gives a [Snapshot]: the row with its names, and a digest.
//
// # The digest
//
// SHA-256 over "baton/features", a zero byte, the version as a varint, and for each column: its name (length as a varint, bytes); then "n" and the number's
// IEEE 754 bits, big endian, all NaN as one; or "c" and the category (length, bytes).
package features

import (
	"strings"
	"time"
	"unique"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/table"
)

// Version is that of what the columns mean. A model of another one cannot be asked.
const Version = 1

// Spec says which activities are counted one by one.
type Spec struct{ Activities []string }

// Place is an event that a feature comes from.
type Place struct {
	Position uint64 `json:"position"`
	Revision uint64 `json:"revision"`
	Type     string `json:"type"`
}

// What places are kept of: the last event of each sort.
const (
	atStart = iota
	atLast
	atBefore
	atActivity
	atActivityBefore
	atActivity2Before
	atOffered
	atAccepted
	atDeclined
	atReturned
	atEnded
	atCompleted
	atBounce
	atQuestion
	atSwitch
	atOwner
	places
)

// Builder folds one journey. It is made by [Spec.New].
type Builder struct {
	spec  *Spec
	index map[string]int // of spec.Activities

	journey  ledger.Journey
	at       [places]Place
	countAt  []Place
	counts   []float64
	held     map[string]bool // stages that had custody
	owner    string
	before   string // the owner before
	activity [3]string
	first    string // stage that began it
	channel  string
	moment   string // verb of the last handoff event that was offered or accepted
	point    [2]string
	reason   string
	kind     string

	start, previous, now time.Time
	handed               time.Time // last offer or acceptance
	waited               time.Duration

	interactions, offered, accepted, declined, returned, ended, completed int
	bounces, questions, switches, open                                    int
}

// New begins a journey.
func (s *Spec) New() *Builder {
	b := &Builder{spec: s, index: make(map[string]int, len(s.Activities)), counts: make([]float64, len(s.Activities)),
		countAt: make([]Place, len(s.Activities)), held: map[string]bool{}}
	for i, a := range s.Activities {
		b.index[a] = i
	}
	return b
}

// Moment gives the verb of an event that is a critical transition, offered or accepted, and "" for any other.
func Moment(r *ledger.Recorded) string {
	family, verb := ledger.SplitType(r.Type)
	if category, _ := ledger.SplitStream(r.Stream); family != "handoff" || category != ledger.CategoryJourney || verb != "offered" && verb != "accepted" {
		return ""
	}
	return verb
}

// Add takes the next event of the journey's stream. A time before the last one counts as no time passed.
func (b *Builder) Add(r *ledger.Recorded) {
	place, at := Place{r.Position, r.Revision, unique.Make(r.Type).Value()}, r.Occurred()
	if b.journey.Events == 0 {
		b.start, b.now, b.handed, b.at[atStart] = at, at, at, place
	}
	b.previous = b.now
	if at.After(b.now) {
		b.now = at
	}
	b.at[atBefore], b.at[atLast] = b.at[atLast], place
	change := b.journey.Apply(r)
	switch family, verb := ledger.SplitType(r.Type); family {
	case "interaction":
		b.act(r, place)
	case "handoff":
		b.hand(r, verb, place, change)
	case "question":
		if verb == "asked" {
			b.questions++
			b.at[atQuestion] = place
		}
	}
	b.custody(place)
	if c := r.Facets.Channel; c != "" && c != b.channel {
		if b.channel != "" {
			b.switches++
			b.at[atSwitch] = place
		}
		b.channel = strings.Clone(c)
	}
	if b.first == "" {
		b.first = strings.Clone(r.Facets.Stage)
	}
	if k := r.Facets.Kind; k != "" && k != b.kind {
		b.kind = strings.Clone(k)
	}
}

func (b *Builder) act(r *ledger.Recorded, place Place) {
	b.interactions++
	copy(b.activity[1:], b.activity[:])
	b.activity[0] = strings.Clone(r.Facets.Activity)
	b.at[atActivity2Before], b.at[atActivityBefore], b.at[atActivity] = b.at[atActivityBefore], b.at[atActivity], place
	if i, ok := b.index[r.Facets.Activity]; ok {
		b.counts[i]++
		b.countAt[i] = place
	}
}

func (b *Builder) hand(r *ledger.Recorded, verb string, place Place, change ledger.Change) {
	if change.Handoff < 0 {
		return
	}
	h := &b.journey.Handoffs[change.Handoff]
	if was, is := change.From.Open(), h.State.Open(); is && !was {
		b.open++
	} else if was && !is {
		b.open--
	}
	switch verb {
	case "offered":
		b.offered++
		b.at[atOffered] = place
	case "accepted":
		b.accepted++
		b.at[atAccepted] = place
		if wait := b.now.Sub(h.Offered); !h.Offered.IsZero() && wait > 0 {
			b.waited += wait
		}
	case "declined":
		b.declined++
		b.at[atDeclined] = place
	case "returned":
		b.returned++
		b.at[atReturned] = place
	case "completed":
		b.completed++
		b.at[atCompleted] = place
	default:
		b.ended++
		b.at[atEnded] = place
	}
	if verb == "offered" || verb == "accepted" {
		b.moment, b.handed = unique.Make(verb).Value(), b.now
		b.point = [2]string{h.Sender.Stage, h.Receiver.Stage}
	}
	if r.Facets.Reason != "" {
		b.reason = strings.Clone(r.Facets.Reason)
	}
}

// custody notes who has the journey now, and whether it came back to a former owner.
func (b *Builder) custody(place Place) {
	owner := b.journey.Owner().Stage
	if owner == "" || owner == b.owner {
		return
	}
	if b.held[owner] {
		b.bounces++
		b.at[atBounce] = place
	}
	b.before, b.owner = b.owner, owner
	b.held[owner] = true
	b.at[atOwner] = place
}

// Journey is the fold of what was added.
func (b *Builder) Journey() *ledger.Journey { return &b.journey }

// Columns are those of a row.
func (s *Spec) Columns() (columns []table.Column) {
	for _, c := range fixed {
		columns = append(columns, table.Column{Name: c.name, Kind: c.kind})
	}
	for _, a := range s.Activities {
		columns = append(columns, table.Column{Name: countOf + a, Kind: table.Number})
	}
	return columns
}

// Row appends the features as they stand to dst, in the order of Columns.
func (b *Builder) Row(dst []table.Value) []table.Value {
	for i := range fixed {
		dst = append(dst, fixed[i].value(b))
	}
	for _, n := range b.counts {
		dst = append(dst, table.Value{Number: n})
	}
	return dst
}

// SpecOf reads the spec off a model's columns. The error is CodeUnsupported where they are not those of this version.
func SpecOf(e *table.Encoding) (*Spec, error) {
	fail := func(format string, args ...any) error {
		return ledger.Errorf(ledger.CodeUnsupported, "read features", "train the model again with `baton predict train`", format, args...)
	}
	if len(e.Columns) < len(fixed) {
		return nil, fail("the model has %d columns, a journey %d and more", len(e.Columns), len(fixed))
	}
	s := &Spec{}
	for i, c := range e.Columns {
		if i < len(fixed) {
			if c.Name != fixed[i].name || c.Kind != fixed[i].kind {
				return nil, fail("column %d of the model is %q, that of a journey %q", i+1, c.Name, fixed[i].name)
			}
			continue
		}
		name, ok := strings.CutPrefix(c.Name, countOf)
		if !ok || c.Kind != table.Number {
			return nil, fail("the model has a column %q, which journeys do not have", c.Name)
		}
		s.Activities = append(s.Activities, name)
	}
	return s, nil
}
