package contract

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/bits"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
)

// kind is what a JSON value is.
type kind uint8

const (
	absent kind = iota
	null
	boolean
	number
	text
	array
	object
)

// span is where a value, or what is between the quotes of a text, stands in the data.
type span struct {
	from, to int32
	kind     kind
	escaped  bool // a text with escapes
}

// there reports whether a value counts: a null is absent.
func (v span) there() bool { return v.kind > null }

// scanner walks JSON text once. It never recurses and trusts nothing: what it passes is RFC 8259's grammar in UTF-8, at most
// ledger.MaxJSONDepth deep. What is wrong is kept in wrong; after that nothing more is found.
type scanner struct {
	data  []byte
	at    int
	wrong string
	depth int    // of the objects that enter opened
	begun bool   // the innermost of them has had a member
	name  span   // of the member that member read last
	high  uint64 // all words of texts together: a top bit is set where one may have more than ASCII
	open  []byte // containers within the value that is being read: '{' or '[' each
}

func (s *scanner) reset(data []byte) {
	s.data, s.at, s.wrong, s.depth, s.begun, s.open = data, 0, "", 0, false, s.open[:0]
	if s.high = 0; len(data) > math.MaxInt32 {
		s.fail("it is too large")
	}
}

func (s *scanner) fail(what string) {
	if s.wrong == "" {
		s.wrong, s.at = what, len(s.data)
	}
}

// enter opens the object at this place: after it, member gives its members until it gives false.
func (s *scanner) enter() {
	s.at++
	s.depth++
	s.begun = false
}

// member reads the name of the next member, up to its value.
func (s *scanner) member() bool {
	if at := s.at; s.begun && at+1 < len(s.data) && s.data[at] == ',' && s.data[at+1] == '"' { // most of them, and the rest of the way is short
		s.at++
		s.name = s.text()
		if at = s.at; at+1 < len(s.data) && s.data[at] == ':' && s.data[at+1] > ' ' {
			s.at++
			return true
		}
		return s.afterName()
	}
	s.space()
	c := s.peek()
	if c == '}' {
		s.at++
		s.depth--
		s.begun = true // the object around has had this one
		return false
	}
	if s.begun {
		if c != ',' {
			s.fail("expected , or }")
			return false
		}
		s.at++
		s.space()
	}
	s.begun = true
	return s.colon()
}

// colon reads a name with its colon, and goes to the value.
func (s *scanner) colon() bool {
	if s.peek() != '"' {
		s.fail("expected a name")
		return false
	}
	s.name = s.text()
	return s.afterName()
}

// afterName goes from a name to its value.
func (s *scanner) afterName() bool {
	if s.space(); s.peek() != ':' {
		s.fail("expected :")
		return false
	}
	s.at++
	s.space()
	return true
}

// value reads the whole value that begins here; after an error it is of no use.
func (s *scanner) value() span {
	if s.peek() == '"' {
		return s.text()
	}
	from := int32(s.at)
	v := s.scalar()
	if v.kind == array || v.kind == object {
		s.container(v.kind)
		v.from, v.to = from, int32(s.at)
	}
	return v
}

// scalar reads a value that holds no others. Of one that does it gives the kind, and goes inside.
func (s *scanner) scalar() span {
	from := int32(s.at)
	var k kind
	switch s.peek() {
	case '"':
		return s.text()
	case '{':
		s.at++
		return span{kind: object}
	case '[':
		s.at++
		return span{kind: array}
	case 't':
		k = boolean
		s.word("true")
	case 'f':
		k = boolean
		s.word("false")
	case 'n':
		k = null
		s.word("null")
	default:
		k = number
		s.number()
	}
	return span{from: from, to: int32(s.at), kind: k}
}

// container reads an array or object to its end, with all that is in it.
func (s *scanner) container(k kind) {
	s.open = s.open[:0]
	for first := s.push(k); len(s.open) > 0 && s.wrong == ""; {
		s.space()
		top, c := s.open[len(s.open)-1], s.peek()
		if c == top+2 { // the closing brace and bracket are two after the opening ones
			s.at++
			s.open = s.open[:len(s.open)-1]
			first = false
			continue
		}
		if !first {
			if c != ',' {
				s.fail("expected , or the end")
				return
			}
			s.at++
			s.space()
		}
		if top == '{' && !s.colon() {
			return
		}
		first = false
		if v := s.scalar(); v.kind == array || v.kind == object {
			first = s.push(v.kind)
		}
	}
}

func (s *scanner) push(k kind) (first bool) {
	if s.depth+len(s.open) >= ledger.MaxJSONDepth {
		s.fail("it is nested too deep")
		return true
	}
	if k == object {
		s.open = append(s.open, '{')
	} else {
		s.open = append(s.open, '[')
	}
	return true
}

// text reads a text; its span is what is between the quotes. Eight bytes are looked at together: a byte below n, or equal to one, shows in the
// top bit of its own place (Bit Twiddling Hacks, "Determine if a word has a byte less than n"); only places above the first one may err.
func (s *scanner) text() span {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	data, at := s.data, s.at+1
	v := span{from: int32(at), kind: text}
	for {
		var c byte // that does not stand for itself
		if at+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[at:])
			quote, back := w^(ones*'"'), w^(ones*'\\')
			odd := ((w-ones*' ')&^w | (quote-ones)&^quote | (back-ones)&^back) & tops
			s.high |= w
			if odd == 0 {
				at += 8
				continue
			}
			at += bits.TrailingZeros64(odd) / 8
			c = data[at]
		} else if at < len(data) {
			c = data[at]
			s.high |= uint64(c)
			if c >= ' ' && c != '"' && c != '\\' {
				at++
				continue
			}
		}
		s.at = at
		switch {
		case c == '"':
			v.to = int32(at)
			s.at++
			return v
		case c == '\\' && s.escape():
			v.escaped = true
			at = s.at
		default:
			s.fail("a text has no end, a bad escape, or a control character")
			return span{}
		}
	}
}

// escape passes over one escape.
func (s *scanner) escape() bool {
	b := s.data[s.at:]
	if len(b) < 2 {
		return false
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return true
	case 'u':
		if len(b) < 6 {
			return false
		}
		for _, c := range b[2:6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
		s.at += 6
		return true
	}
	return false
}

func (s *scanner) word(w string) {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		s.fail("expected a value")
		return
	}
	s.at += len(w)
}

// number reads a number, and converts nothing.
func (s *scanner) number() {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		s.fail("expected a value")
		return
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			s.fail("expected a digit")
			return
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			s.fail("expected a digit")
		}
	}
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.data) && s.data[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at > from
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		if c := s.data[s.at]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return
		}
		s.at++
	}
}

// peek is the next byte, 0 at the end: no token begins with it.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

// end holds the data to having ended, but for white space, and to being UTF-8.
func (s *scanner) end() {
	if s.space(); s.at != len(s.data) {
		s.fail("something follows the value")
	}
	if s.high&0x8080808080808080 != 0 && !utf8.Valid(s.data) {
		s.fail("it is not UTF-8")
	}
}

// raw is a value as it stands in the data, a text with its quotes.
func (s *scanner) raw(v span) []byte {
	if v.kind == text {
		return s.data[v.from-1 : v.to+1]
	}
	return s.data[v.from:v.to]
}

// letters are those of a text, escapes resolved; that is rare, and left to the library.
func (s *scanner) letters(v span) []byte {
	if !v.escaped {
		return s.data[v.from:v.to]
	}
	var out string
	if json.Unmarshal(s.raw(v), &out) != nil {
		return s.data[v.from:v.to]
	}
	return []byte(out)
}
