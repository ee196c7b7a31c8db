package contract

import "sync"

// classes of a field in a variant, as places in Classes(); omitted comes after them.
const (
	mandatory = iota
	optional
	forward
	omitted
)

// slot is what an envelope says of one field of the contract.
type slot struct {
	in             [omitted]span // the value, in each class's object
	classification span          // of envelope.fields
}

// extra is a member of a class's object that the contract does not know.
type extra struct {
	class int
	name  span
}

// reading is one event's data as a contract sees it: where each field stands. It is used again for other events.
type reading struct {
	scanner
	of       *Compiled
	next     int // the field that is likely to be named next: senders keep an order
	slots    []slot
	extras   []extra       // in the order of the data; none for a tolerant reader
	root     kind          // of the data
	envelope span          // its kind; of an object, no more
	objects  [omitted]span // the kinds of the classes' objects
	meta     span          // kind of envelope.fields
	insight  span
	from, to party
	channel  span
	segment  span // data.segment
	told     span // data.attributes.segment
	value    span // data.value
}

// party is one end of the handoff.
type party struct{ stage, kind span }

var readings = sync.Pool{New: func() any { return new(reading) }}

// read goes through the data once. Of members with the same name the last one counts, as it does for most readers of JSON.
func (r *reading) read(data []byte) {
	r.reset(data)
	r.root, r.from, r.to = absent, party{}, party{}
	r.channel, r.segment, r.told, r.value = span{}, span{}, span{}, span{}
	r.forget()
	if r.space(); r.peek() != '{' {
		r.root = r.scanner.value().kind
	} else {
		r.root = object
		r.enter()
		for r.member() {
			r.top()
		}
	}
	r.end()
}

// top reads the value of a member of the data.
func (r *reading) top() {
	switch string(r.letters(r.name)) {
	case "envelope":
		r.forget()
		if r.peek() != '{' {
			r.envelope = r.scanner.value()
			return
		}
		r.envelope = span{kind: object}
		r.enter()
		for r.member() {
			r.part()
		}
	case "from":
		r.from = r.party()
	case "to":
		r.to = r.party()
	case "channel":
		r.channel = r.scanner.value()
	case "segment":
		r.segment = r.scanner.value()
	case "value":
		r.value = r.scanner.value()
	case "attributes":
		r.told = r.within("segment")
	default:
		r.scanner.value()
	}
}

// party reads an end of the handoff, which may be its stage alone. It is what ledger.DeriveFacets finds: intake may not have been here.
func (r *reading) party() (p party) {
	if r.peek() != '{' {
		p.stage = r.scanner.value()
		return p
	}
	r.enter()
	for r.member() {
		switch string(r.letters(r.name)) {
		case "stage":
			p.stage = r.scanner.value()
		case "kind":
			p.kind = r.scanner.value()
		default:
			r.scanner.value()
		}
	}
	return p
}

// string gives a text, "" for a value of another kind.
func (r *reading) string(v span) string {
	if v.kind != text {
		return ""
	}
	return string(r.letters(v))
}

// forget drops what an earlier envelope said.
func (r *reading) forget() {
	clear(r.slots)
	r.extras = r.extras[:0]
	r.envelope, r.meta, r.insight, r.objects = span{}, span{}, span{}, [omitted]span{}
}

// within reads an object for one of its members.
func (r *reading) within(name string) (v span) {
	if r.peek() != '{' {
		r.scanner.value()
		return span{}
	}
	r.enter()
	for r.member() {
		if string(r.letters(r.name)) == name {
			v = r.scanner.value()
		} else {
			r.scanner.value()
		}
	}
	return v
}

// part reads the value of a member of the envelope.
func (r *reading) part() {
	switch string(r.letters(r.name)) {
	case "mandatory":
		r.class(mandatory)
	case "optional":
		r.class(optional)
	case "forward_looking":
		r.class(forward)
	case "fields":
		r.about()
	case "key_insight":
		r.insight = r.scanner.value()
	default:
		r.scanner.value()
	}
}

// class reads the object of a class.
func (r *reading) class(c int) {
	if r.objects[c].kind != absent {
		r.forgetClass(c)
	}
	if r.peek() != '{' {
		r.objects[c] = r.scanner.value()
		return
	}
	r.objects[c] = span{kind: object}
	r.enter()
	for r.member() {
		name := r.name
		if i, known := r.field(name); known {
			r.slots[i].in[c] = r.scanner.value()
			continue
		}
		if r.scanner.value(); r.of.strict {
			r.extras = append(r.extras, extra{c, name})
		}
	}
}

// field gives the place of the field that is named.
func (r *reading) field(name span) (int, bool) {
	letters := r.letters(name)
	if i := r.next; i < len(r.of.fields) && r.of.fields[i].Name == string(letters) {
		r.next++
		return i, true
	}
	i, known := r.of.places[string(letters)]
	if known {
		r.next = i + 1
	}
	return i, known
}

func (r *reading) forgetClass(c int) {
	for i := range r.slots {
		r.slots[i].in[c] = span{}
	}
	kept := r.extras[:0]
	for _, e := range r.extras {
		if e.class != c {
			kept = append(kept, e)
		}
	}
	r.extras = kept
}

// about reads what the envelope says of its values.
func (r *reading) about() {
	if r.meta.kind != absent {
		for i := range r.slots {
			r.slots[i].classification = span{}
		}
	}
	r.next = 0
	if r.peek() != '{' {
		r.meta = r.scanner.value()
		return
	}
	r.meta = span{kind: object}
	r.enter()
	for r.member() {
		if i, known := r.field(r.name); known {
			r.slots[i].classification = r.within("classification")
		} else {
			r.scanner.value()
		}
	}
}
