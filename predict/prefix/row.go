package prefix

import (
	"math"

	"github.com/baton-ledger/baton/predict/table"
)

// Columns are those of a row.
func (s *Spec) Columns() (columns []table.Column) {
	category := func(names ...string) {
		for _, n := range names {
			columns = append(columns, table.Column{Name: n, Kind: table.Category})
		}
	}
	number := func(names ...string) {
		for _, n := range names {
			columns = append(columns, table.Column{Name: n, Kind: table.Number})
		}
	}
	category("activity", "activity before", "activity 2 before", "activity 3 before", "last 2 activities", "last 3 activities", "last 4 activities")
	for _, a := range s.Activities {
		number("count of " + a)
	}
	number("events", "hours since start", "hours since last event", "hours since same activity", "mean hours between events", "hour", "weekday")
	if s.Parties {
		category("party", "party before", "parties before and now")
		number("changes of party", "returns", "parties", "visits of party", "hours since change of party")
	}
	for _, a := range s.Attributes {
		category(a)
	}
	return columns
}

// Row appends the features as they stand to dst, in the order of Columns. Hours are log(1+h), which trees do not mind and lines like.
func (b *Builder) Row(dst []table.Value) []table.Value {
	text := func(s string) { dst = append(dst, table.Value{Text: s}) }
	number := func(v float64) { dst = append(dst, table.Value{Number: v}) }
	for _, a := range b.last {
		text(a)
	}
	joined := b.last[0]
	for _, a := range b.last[1:] {
		joined = a + " > " + joined
		text(joined)
	}
	for _, c := range b.counts {
		number(c)
	}
	elapsed := hours(b.first, b.now)
	number(float64(b.length))
	number(math.Log1p(elapsed))
	number(math.Log1p(hours(b.previous, b.now)))
	same := table.Missing
	if b.sinceSame >= 0 {
		same = math.Log1p(b.sinceSame)
	}
	number(same)
	number(math.Log1p(elapsed / float64(max(b.length-1, 1))))
	number(float64(b.now.Hour()) + float64(b.now.Minute())/60)
	number(float64(b.now.Weekday()))
	if b.spec.Parties {
		text(b.party)
		text(b.before)
		text(b.before + " > " + b.party)
		number(float64(b.changes))
		number(float64(b.returns))
		number(float64(len(b.visits)))
		number(float64(b.visits[b.party]))
		number(math.Log1p(hours(b.changed, b.now)))
	}
	for i := range b.spec.Attributes {
		text(b.attributes[i])
	}
	return dst
}
