package ledger

import (
	"slices"
	"strconv"
)

// MaxBatches bounds the batches of one document.
const MaxBatches = 10000

// AppendBatches renders batches as JSON after whatever buf holds: {"batches":[{"stream":…,"expect":…,"events":[CloudEvents]}]}. It is written
// by hand because encoding/json would take the white space out of the producers' data, which is evidence.
func AppendBatches(buf []byte, batches []Batch) []byte {
	size := 64
	for i := range batches {
		for k := range batches[i].Events {
			size += len(batches[i].Events[k].Data) + 256
		}
	}
	buf = append(slices.Grow(buf, size), `{"batches":[`...)
	for i := range batches {
		b := &batches[i]
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendString(append(buf, `{"stream":`...), b.Stream)
		buf = strconv.AppendInt(append(buf, `,"expect":`...), int64(b.Expect), 10)
		buf = append(buf, `,"events":[`...)
		for k := range b.Events {
			if k > 0 {
				buf = append(buf, ',')
			}
			buf = AppendCloudEvent(buf, &Recorded{Event: b.Events[k]})
		}
		buf = append(buf, `]}`...)
	}
	return append(buf, `]}`...)
}

// ParseBatches reads what AppendBatches writes; expect that is absent is Any. A batch with an event that cannot be read has its error in
// bad, at the batch's index, and is not to be appended; the others stand. err is for the document as a whole: CodeInvalid or
// CodeTooLarge, naming the member. Nothing is shared with doc.
func ParseBatches(doc []byte) (batches []Batch, bad []error, err error) {
	if err := checkDocument(doc); err != nil {
		return nil, nil, err
	}
	found, p := false, splitter{doc: doc}
	err = p.members("the body", func(name string) error {
		if found = true; name != "batches" {
			return badBatches("leave it out", "%.60q is no member of the body", name)
		}
		return p.elements("batches", func() error {
			if len(batches) == MaxBatches {
				return Errorf(CodeTooLarge, "append", "send several requests", "batches has more than %d elements", MaxBatches)
			}
			b, broken, err := p.batch("batches[" + strconv.Itoa(len(batches)) + "]")
			batches, bad = append(batches, b), append(bad, broken)
			return err
		})
	})
	if err == nil && !found {
		err = badBatches(`send {"batches":[{"stream":"journey-…","events":[…]}]}`, "batches is missing")
	}
	return batches, bad, err
}

func badBatches(hint, format string, args ...any) error {
	return Errorf(CodeInvalid, "append", hint, format, args...)
}

// batch reads one batch; broken is the error of its first event that is none.
func (p *splitter) batch(place string) (b Batch, broken, err error) {
	b.Expect = Any
	err = p.members(place, func(name string) (err error) {
		switch name {
		case "stream":
			value := p.value()
			if value[0] != '"' {
				return badBatches("send it as a JSON string", "%s.stream is not a string: %.60q", place, value)
			}
			b.Stream = jsonText(value)
			return nil
		case "expect":
			value := p.value()
			n, err := strconv.ParseInt(string(value), 10, 64)
			if b.Expect = Expect(n); err != nil {
				return badBatches("send a revision, 0 for no stream, -1 for any or -2 for an existing stream", "%s.expect is not a whole number: %.60q", place, value)
			}
			return nil
		case "events":
			b.Events = make([]Event, 0, min(p.count(), MaxBatchEvents)) // events are large: to grow the list would copy them
			return p.elements(place+".events", func() error {
				start := p.at
				r, err := p.event()
				if err != nil {
					if broken == nil {
						broken = &Error{Code: CodeInvalid, Op: "event " + strconv.Itoa(len(b.Events)+1) + " of the batch", Err: err, Hint: HintOf(err)}
					}
					p.at = start
					p.value()
				}
				b.Events = append(b.Events, r.Event)
				return nil
			})
		}
		return badBatches("leave it out", "%.60q is no member of %s", name, place)
	})
	return b, broken, err
}
