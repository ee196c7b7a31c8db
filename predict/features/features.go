// Package features turns a journey, as far as it has gone, into the row that a model is trained on and asked with.
//
// A [Builder] takes the events of a journey one by one, in order of position, and can give a row after each. It reads headers and data and no
// clock: hours are counted between events. So a row hangs on the events added so far and on nothing else, and what is appended later cannot
// change it. Of the overlay it takes what was delivered and viewed. Suggestions and enrichments are not read: suggestions made of suggestions would
// confirm themselves. [Events] yields what counts.
//
// A row has the columns of the table in columns.go, how often each activity of the [Spec] was there, and what is known of its fields: the context as
// package replay projects it, without what is forward-looking. A [Survey] of the events before a time makes the Spec. [AsOf] reads the ledger up to a position
// and gives a [Snapshot]: the row with its names, and a digest.
//
// # Completeness
//
// Of the fields that the points of all offers so far ask, the part that was delivered and is no junk. What a point asks is how many different fields its offers had
// before the end of training, those in fewer than one in fifty left out; for a point that was not there then it is what the offer has.
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
const Version = 2

// Spec says which activities are counted one by one, which fields of the context are columns, and how many fields each point (sender > receiver, by stage)
// asks. [Survey.Spec] makes it.
type Spec struct {
	Activities []string
	Fields     []Field
	Asked      map[string]int
}

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
	atAnswer
	atReask
	atDelivered
	atViewed
	atRepeat
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

	context   ledger.Context
	values    []table.Value // of spec.Fields
	valueAt   []Place
	envelopes envelopes
	asking    map[string]bool // questions without an answer
	had       map[string]bool // stages that had the work, or were offered it
	reasks    int
	repeats   int

	interactions, offered, accepted, declined, returned, ended, completed int
	bounces, questions, switches, open                                    int
}

// New begins a journey.
func (s *Spec) New() *Builder {
	b := &Builder{spec: s, index: make(map[string]int, len(s.Activities)), counts: make([]float64, len(s.Activities)),
		countAt: make([]Place, len(s.Activities)), held: map[string]bool{}, context: ledger.Context{}, values: make([]table.Value, len(s.Fields)),
		valueAt: make([]Place, len(s.Fields)), envelopes: envelopes{asked: s.Asked}, asking: map[string]bool{}, had: map[string]bool{}}
	for i := range b.values {
		b.values[i] = as(nil, s.Fields[i].Kind)
	}
	for i, a := range s.Activities {
		b.index[a] = i
	}
	return b
}

// Moments are those that examples are taken at, by what [Moment] calls them.
var Moments = []string{"offered", "accepted", "closed"}

// Moment gives the verb of an event that is a critical transition: offered or accepted of a handoff, closed of a journey; and "" for any other.
func Moment(r *ledger.Recorded) string {
	family, verb := ledger.SplitType(r.Type)
	if category, _ := ledger.SplitStream(r.Stream); category != ledger.CategoryJourney {
		return ""
	}
	if family == "handoff" && (verb == "offered" || verb == "accepted") || family == "journey" && verb == "closed" {
		return verb
	}
	return ""
}

// Add takes the next event of the journey, of either stream; what [Counts] refuses changes nothing. A time before the last one counts as no time passed.
func (b *Builder) Add(r *ledger.Recorded) {
	if category, _ := ledger.SplitStream(r.Stream); category == ledger.CategoryOverlay {
		b.overlay(r)
		return
	}
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
		b.question(r, verb, place)
	case "journey":
		if verb == "closed" {
			b.moment = "closed"
		}
	}
	b.know(r, place)
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

// overlay takes what was delivered and viewed.
func (b *Builder) overlay(r *ledger.Recorded) {
	if !delivery(r.Type) || b.journey.Events == 0 {
		return
	}
	_, verb := ledger.SplitType(r.Type)
	at := atDelivered
	if verb == "viewed" {
		at = atViewed
	}
	b.at[at] = Place{r.Position, r.Revision, unique.Make(r.Type).Value()}
	b.envelopes.deliver(r, verb == "viewed")
}

// question counts it, and whether what it asks was known. It comes before the event's own data is.
func (b *Builder) question(r *ledger.Recorded, verb string, place Place) {
	key := r.Facets.Handoff + "\x00" + r.Facets.Field
	switch verb {
	case "asked":
		b.questions++
		b.at[atQuestion] = place
		b.asking[key] = true
		if _, known := b.context[r.Facets.Field]; known {
			b.reasks++
			b.at[atReask] = place
		}
	case "answered":
		delete(b.asking, key)
		b.at[atAnswer] = place
	}
}

// know folds the event's data into the context, and takes from it the values that are columns.
func (b *Builder) know(r *ledger.Recorded, place Place) {
	if len(r.Data) == 0 {
		return
	}
	b.context.Apply(r)
	for i, field := range b.spec.Fields {
		f, there := b.context[field.Name]
		switch {
		case there && f.Position == r.Position && fact(f):
			b.values[i], b.valueAt[i] = as(f.Value, field.Kind), place
		case there && f.Position == r.Position, !there && !missing(b.values[i], field.Kind):
			b.values[i], b.valueAt[i] = as(nil, field.Kind), place
		}
	}
}

func missing(v table.Value, kind table.Kind) bool {
	return kind == table.Number && v.Number != v.Number || kind == table.Category && v.Text == ""
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
		b.envelopes.offer(r, pointOf(r))
		if to := h.Receiver.Stage; b.had[to] || to == b.first {
			b.repeats++
			b.at[atRepeat] = place
		}
		b.had[h.Receiver.Stage], b.had[h.Sender.Stage] = true, true
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
	for _, f := range s.Fields {
		columns = append(columns, table.Column{Name: fieldOf + f.Name, Kind: f.Kind})
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
	return append(dst, b.values...)
}

// SpecOf reads the spec off a model's columns; what points ask (Spec.Asked) is not in them: it is in the card's model.Reads, and its reader sets it. The error is CodeUnsupported where they are not those of this version.
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
		if name, ok := strings.CutPrefix(c.Name, fieldOf); ok {
			s.Fields = append(s.Fields, Field{name, c.Kind})
			continue
		}
		name, ok := strings.CutPrefix(c.Name, countOf)
		if len(s.Fields) > 0 {
			ok = false // they come last
		}
		if !ok || c.Kind != table.Number {
			return nil, fail("the model has a column %q, which journeys do not have", c.Name)
		}
		s.Activities = append(s.Activities, name)
	}
	return s, nil
}
