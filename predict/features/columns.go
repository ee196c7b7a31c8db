package features

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/baton-ledger/baton/predict/table"
)

// countOf begins the name of a column that counts an activity, fieldOf that of a field of the context.
const (
	countOf = "count of "
	fieldOf = "field "
)

// column is one of the columns that every row has: its value, what is said of it, and which events it comes from.
type column struct {
	name  string
	kind  table.Kind
	value func(*Builder) table.Value
	words func(table.Value) string
	from  []int
}

// fixed are the columns of every row. Hours are log(1+h), which trees do not mind and lines like. A change of meaning takes another Version.
var fixed = []column{
	category("moment", func(b *Builder) string { return b.moment }, "the last of handoff and journey is: %s", atLast),
	category("activity", func(b *Builder) string { return b.activity[0] }, "the last activity is %q", atActivity),
	category("activity before", func(b *Builder) string { return b.activity[1] }, "the activity before is %q", atActivityBefore),
	category("activity 2 before", func(b *Builder) string { return b.activity[2] }, "the activity two before is %q", atActivity2Before),
	category("last 2 activities", func(b *Builder) string { return pair(b.activity[1], b.activity[0]) }, "the last two activities are %q", atActivityBefore, atActivity),
	category("begun by", func(b *Builder) string { return b.first }, "the journey began at %q", atStart),
	category("owner", func(b *Builder) string { return b.owner }, "%q has the work", atOwner),
	category("owner before", func(b *Builder) string { return b.before }, "%q had the work before", atOwner),
	category("sender", func(b *Builder) string { return b.point[0] }, "the handoff comes from %q", atOffered),
	category("receiver", func(b *Builder) string { return b.point[1] }, "the handoff goes to %q", atOffered),
	category("handoff", func(b *Builder) string { return pair(b.point[0], b.point[1]) }, "the handoff is %q", atOffered),
	category("channel", func(b *Builder) string { return b.channel }, "the channel is %q", atLast),
	category("kind", func(b *Builder) string { return b.kind }, "a party of kind %q acted last", atLast),
	category("reason", func(b *Builder) string { return b.reason }, "the last reason given is %q", atDeclined, atReturned, atEnded),
	number("events", func(b *Builder) int { return b.journey.Events }, "event", atLast),
	number("interactions", func(b *Builder) int { return b.interactions }, "interaction", atActivity),
	number("handoffs offered", func(b *Builder) int { return b.offered }, "handoff offered", atOffered),
	number("handoffs accepted", func(b *Builder) int { return b.accepted }, "handoff accepted", atAccepted),
	number("handoffs declined", func(b *Builder) int { return b.declined }, "handoff declined", atDeclined),
	number("handoffs returned", func(b *Builder) int { return b.returned }, "handoff returned", atReturned),
	number("handoffs ended otherwise", func(b *Builder) int { return b.ended }, "handoff expired, withdrawn or failed", atEnded),
	number("handoffs completed", func(b *Builder) int { return b.completed }, "handoff completed", atCompleted),
	number("bounces", func(b *Builder) int { return b.bounces }, "return of the work to a former owner", atBounce),
	number("open offers", func(b *Builder) int { return b.open }, "open offer", atOffered),
	number("owners", func(b *Builder) int { return len(b.held) }, "owner so far", atOwner),
	number("questions asked", func(b *Builder) int { return b.questions }, "question asked", atQuestion),
	number("changes of channel", func(b *Builder) int { return b.switches }, "change of channel", atSwitch),
	number("questions about what was known", func(b *Builder) int { return b.reasks }, "question about what was known", atReask),
	number("open questions", func(b *Builder) int { return len(b.asking) }, "question without an answer", atQuestion, atAnswer),
	number("offers to a stage that had it", func(b *Builder) int { return b.repeats }, "offer to a stage that had the work or was offered it", atRepeat),
	number("fields offered last", func(b *Builder) int { return b.envelopes.of().offered }, "field in the last envelope", atOffered),
	number("fields delivered last", func(b *Builder) int { return b.envelopes.of().delivered }, "field delivered of the last envelope", atOffered, atDelivered),
	number("fields viewed last", func(b *Builder) int { return b.envelopes.of().viewed }, "field viewed of the last envelope", atOffered, atViewed),
	number("fields offered", func(b *Builder) int { return b.envelopes.offered }, "field in an envelope so far", atOffered),
	number("fields delivered", func(b *Builder) int { return b.envelopes.delivered }, "field delivered so far", atDelivered),
	number("fields viewed", func(b *Builder) int { return b.envelopes.viewed }, "field viewed so far", atViewed),
	part("share delivered", func(b *Builder) (int, int) { return b.envelopes.delivered, b.envelopes.offered }, "%.0f %% of the offered fields were delivered", atOffered, atDelivered),
	part("share of junk", func(b *Builder) (int, int) { return b.envelopes.junk, b.envelopes.delivered }, "%.0f %% of the delivered fields look like junk", atOffered, atDelivered),
	part("completeness", func(b *Builder) (int, int) { return b.envelopes.delivered - b.envelopes.junk, b.envelopes.wanted },
		"%.0f %% of the fields that were asked for came and are no junk", atOffered, atDelivered),
	category("outcome", func(b *Builder) string { return b.journey.Outcome }, "the journey was closed with %q", atLast),
	hours("hours since start", func(b *Builder) time.Duration { return b.now.Sub(b.start) }, "%s since the journey began", atStart, atLast),
	hours("hours since last event", func(b *Builder) time.Duration { return b.now.Sub(b.previous) }, "%s since the event before", atBefore, atLast),
	hours("hours waited", func(b *Builder) time.Duration { return b.waited }, "%s of waiting between offers and their acceptance", atAccepted),
	hours("hours since handoff", func(b *Builder) time.Duration { return b.now.Sub(b.handed) }, "%s since the last offer or acceptance", atOffered, atAccepted),
	{"hour", table.Number, func(b *Builder) table.Value {
		t := b.now.UTC()
		return table.Value{Number: float64(t.Hour()) + float64(t.Minute())/60}
	}, func(v table.Value) string {
		return fmt.Sprintf("it is %02d:%02d UTC", int(v.Number), int(math.Round(60*(v.Number-math.Floor(v.Number)))))
	}, []int{atLast}},
	{"weekday", table.Number, func(b *Builder) table.Value { return table.Value{Number: float64(b.now.UTC().Weekday())} },
		func(v table.Value) string { return "it is " + time.Weekday(v.Number).String() }, []int{atLast}},
}

func category(name string, value func(*Builder) string, format string, from ...int) column {
	return column{name, table.Category, func(b *Builder) table.Value { return table.Value{Text: value(b)} },
		func(v table.Value) string {
			if v.Text == "" {
				return "nothing is known of: " + name
			}
			return fmt.Sprintf(format, v.Text)
		}, from}
}

func number(name string, value func(*Builder) int, what string, from ...int) column {
	return column{name, table.Number, func(b *Builder) table.Value { return table.Value{Number: float64(value(b))} },
		func(v table.Value) string { return times(v.Number, what) }, from}
}

func part(name string, value func(*Builder) (part, whole int), format string, from ...int) column {
	return column{name, table.Number, func(b *Builder) table.Value { return table.Value{Number: share(value(b))} },
		func(v table.Value) string { return fmt.Sprintf(format, 100*v.Number) }, from}
}

func hours(name string, value func(*Builder) time.Duration, format string, from ...int) column {
	return column{name, table.Number, func(b *Builder) table.Value {
		return table.Value{Number: math.Log1p(float64(value(b)) / float64(time.Hour))}
	}, func(v table.Value) string { return fmt.Sprintf(format, length(math.Expm1(v.Number))) }, from}
}

// times says how often: "no bounce", "1 bounce", "2 × bounce".
func times(n float64, what string) string {
	switch n {
	case 0:
		return "no " + what
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%.0f × %s", n, what)
}

// length says hours for people.
func length(hours float64) string {
	switch {
	case hours >= 48:
		return fmt.Sprintf("%.1f days", hours/24)
	case hours >= 1:
		return fmt.Sprintf("%.1f hours", hours)
	}
	return fmt.Sprintf("%.0f minutes", hours*60)
}

func pair(a, b string) string {
	if a == "" {
		return ""
	}
	return a + " > " + b
}

// Words says what a column's value is.
func (s *Spec) Words(column int, v table.Value) string {
	if column < len(fixed) {
		return fixed[column].words(v)
	}
	column -= len(fixed)
	if column >= len(s.Activities) {
		return s.Fields[column-len(s.Activities)].words(v)
	}
	name := s.Activities[column]
	switch v.Number {
	case 0:
		return fmt.Sprintf("no activity %q so far", name)
	case 1:
		return fmt.Sprintf("activity %q once", name)
	}
	return fmt.Sprintf("activity %q %.0f times", name, v.Number)
}

func (f Field) words(v table.Value) string {
	switch {
	case missing(v, f.Kind):
		return "nothing is known of " + f.Name
	case f.Kind == table.Number:
		return fmt.Sprintf("%s is %v", f.Name, v.Number)
	}
	return fmt.Sprintf("%s is %q", f.Name, v.Text)
}

// Evidence lists the events that a column's value comes from, by position; none where nothing of the sort has happened: the absence is seen in all
// events so far.
func (b *Builder) Evidence(column int) (list []Place) {
	if i := column - len(fixed) - len(b.counts); i >= 0 {
		return present(b.valueAt[i])
	}
	if column >= len(fixed) {
		return present(b.countAt[column-len(fixed)])
	}
	for _, at := range fixed[column].from {
		list = append(list, present(b.at[at])...)
	}
	slices.SortFunc(list, func(a, b Place) int { return cmp.Compare(a.Position, b.Position) })
	return slices.Compact(list)
}

func present(p Place) []Place {
	if p.Position == 0 {
		return nil
	}
	return []Place{p}
}
