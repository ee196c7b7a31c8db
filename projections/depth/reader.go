package depth

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// reader goes once through a JSON text and makes nothing of it but what is asked for: encoding/json takes most of the time of a fold that decodes
// envelopes into maps. Intake has checked the text; one that is no JSON all the same (of a foreign store) ends early, and bad says so.
type reader struct {
	data []byte
	at   int
	bad  bool
}

func (r *reader) fail() {
	r.at, r.bad = len(r.data), true
}

// peek is the next byte that is not white space, 0 at the end.
func (r *reader) peek() byte {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// members calls do for every member of the object that comes next; do reads the value. Anything else is passed over.
func (r *reader) members(do func(name []byte)) {
	if r.peek() != '{' {
		r.raw()
		return
	}
	r.at++
	for first := true; ; first = false {
		switch c := r.peek(); {
		case c == '}':
			r.at++
			return
		case !first && c == ',':
			r.at++
			if r.peek() != '"' {
				r.fail()
				return
			}
		case !first || c != '"':
			r.fail()
			return
		}
		name := plain(r.raw())
		if r.peek() != ':' {
			r.fail()
			return
		}
		r.at++
		before := r.at
		do(name)
		if r.at == before {
			r.raw()
		}
	}
}

// items calls do for every item of the array that comes next; do reads it.
func (r *reader) items(do func()) {
	if r.peek() != '[' {
		r.raw()
		return
	}
	r.at++
	for first := true; ; first = false {
		switch c := r.peek(); {
		case c == ']':
			r.at++
			return
		case c == 0:
			r.fail()
			return
		case !first && c == ',':
			r.at++
		case !first:
			r.fail()
			return
		}
		before := r.at
		do()
		if r.at == before && r.raw() == nil {
			return
		}
	}
}

// raw takes the next value as it is written.
func (r *reader) raw() []byte {
	c, start := r.peek(), r.at
	switch c {
	case 0, ',', ':', ']', '}':
		r.fail()
		return nil
	case '"':
		r.quoted()
	case '{', '[':
		r.nested()
	default:
		for r.at < len(r.data) && bytes.IndexByte([]byte(",:]} \t\r\n"), r.data[r.at]) < 0 {
			r.at++
		}
	}
	if r.bad {
		return nil
	}
	return r.data[start:r.at]
}

// quoted passes over a string, whose quote is next.
func (r *reader) quoted() {
	for i := r.at + 1; i < len(r.data); i++ {
		switch r.data[i] {
		case '\\':
			i++
		case '"':
			r.at = i + 1
			return
		}
	}
	r.fail()
}

// nested passes over an object or array, however deep.
func (r *reader) nested() {
	for depth := 0; r.at < len(r.data); {
		switch r.data[r.at] {
		case '"':
			r.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if r.at++; depth == 0 {
			return
		}
	}
	r.fail()
}

// text takes the next value where it is a string.
func (r *reader) text() []byte { return plain(r.raw()) }

// number takes the next value where it is a number, its fraction cut off; missing else.
func (r *reader) number() int64 {
	raw := r.raw()
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		if x, err := strconv.ParseFloat(string(raw), 64); err == nil && x > -1e15 && x < 1e15 {
			return int64(x)
		}
	}
	return missing
}

// missing stands for a number that is not there.
const missing = -1 << 62

// plain is the text of a JSON string; nil for other values. The bytes are the data's own where nothing is escaped.
func plain(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return []byte(s)
}
