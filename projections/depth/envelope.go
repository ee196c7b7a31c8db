package depth

import (
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// maxFields is how many fields of one envelope are read, a contract's limit and some; an envelope with more is a dump, and said to be one.
const maxFields = contract.MaxFields + 12

// Methods by which a value was come by, in the order of their counters.
var methods = [...]string{"user", "system", "model", "default", "inherited", "other"}

const (
	byUser = iota
	bySystem
	byModel
	byDefault
	byInherited
	byOther
)

// given is one value of an offer with what is known of it. Its bytes are the event's.
type given struct {
	name, value    []byte
	class          uint8 // place in contract.Classes
	method         uint8
	classification []byte
	asserted       int64 // milliseconds since 1970, missing where it is not said
	fill           int64 // milliseconds, likewise
	junk           bool
}

// offer is what handoff.offered says, read once. It is used again for the next event.
type offer struct {
	fields   []given
	meta     []given // of envelope.fields, which may stand before the values
	prepared int64   // milliseconds of the sender's time, missing where it is not said
	insight  bool
	panel    int // references
	dropped  int // fields beyond maxFields
}

// read reads an offer's data. Parts of another form than theirs are passed over.
func (o *offer) read(e *ledger.Event) {
	*o = offer{fields: o.fields[:0], meta: o.meta[:0], prepared: missing}
	if !ledger.IsJSON(e.ContentType) {
		return
	}
	r := reader{data: e.Data}
	r.members(func(name []byte) {
		switch string(name) {
		case "prepared_ms":
			o.prepared = r.number()
		case "envelope":
			r.members(func(name []byte) { o.part(&r, name) })
		}
	})
	o.join()
}

// asked counts the fields that somebody had to come by: predictions cost the sender nothing.
func (o *offer) asked() (n int) {
	for i := range o.fields {
		if o.fields[i].class < 2 {
			n++
		}
	}
	return n
}

// part reads a member of the envelope.
func (o *offer) part(r *reader, name []byte) {
	switch string(name) {
	case "mandatory":
		o.values(r, 0)
	case "optional":
		o.values(r, 1)
	case "forward_looking":
		o.values(r, 2)
	case "key_insight":
		o.insight = len(r.text()) > 0
	case "side_panel":
		o.panel = 0
		r.items(func() { r.raw(); o.panel++ })
	case "fields":
		r.members(func(name []byte) { o.about(r, name) })
	}
}

func (o *offer) values(r *reader, class uint8) {
	r.members(func(name []byte) {
		value := r.raw()
		switch {
		case len(value) == 0 || string(value) == "null" || len(name) == 0:
		case len(o.fields) == maxFields:
			o.dropped++
		default:
			o.fields = append(o.fields, given{name: name, value: value, class: class, method: byOther, asserted: missing, fill: missing})
		}
	})
}

// about reads what envelope.fields says of one field.
func (o *offer) about(r *reader, name []byte) {
	g := given{name: name, method: byOther, asserted: missing, fill: missing}
	r.members(func(member []byte) {
		switch string(member) {
		case "method":
			g.method = methodOf(r.text())
		case "asserted_at":
			var t time.Time
			if t.UnmarshalText(r.text()) == nil {
				g.asserted = t.UnixMilli()
			}
		case "fill_ms":
			g.fill = r.number()
		case "classification":
			g.classification = r.text()
		}
	})
	if len(o.meta) < maxFields {
		o.meta = append(o.meta, g)
	}
}

// join gives the fields what is known of them. Both lists come in the same order as a rule, so each search begins where the last one ended.
func (o *offer) join() {
	next := 0
	for i := range o.fields {
		f := &o.fields[i]
		for k := range o.meta {
			m := &o.meta[(next+k)%len(o.meta)]
			if string(m.name) == string(f.name) {
				f.method, f.classification, f.asserted, f.fill = m.method, m.classification, m.asserted, m.fill
				next = next + k + 1
				break
			}
		}
		f.junk = Junk(f.value, methods[f.method], f.fill)
	}
}

func methodOf(name []byte) uint8 {
	for i, m := range methods {
		if m == string(name) {
			return uint8(i)
		}
	}
	return byOther
}

// names reads the list of field names under a member of an event's data, as fields of handoff.delivered; do gets each. also reads other members.
func names(e *ledger.Event, list string, do func(name []byte), also func(r *reader, member []byte)) (there bool) {
	if !ledger.IsJSON(e.ContentType) {
		return false
	}
	r := reader{data: e.Data}
	r.members(func(member []byte) {
		switch {
		case string(member) == list:
			there = r.peek() == '['
			r.items(func() {
				if name := r.text(); len(name) > 0 {
					do(name)
				}
			})
		case also != nil:
			also(&r, member)
		}
	})
	return there
}
