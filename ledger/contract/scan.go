package contract

import (
	"math"

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
