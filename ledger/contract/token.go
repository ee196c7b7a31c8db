package contract

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"
)

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
