package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// facetPaths says where in a data object each facet stands, in the order of Facets.list. "from" and "to" may also be plain strings:
// then they are the stage.
var facetPaths = [...]string{"activity", "stage", "party", "kind", "channel", "status", "handoff", "from.stage", "from.party", "from.kind",
	"to.stage", "to.party", "to.kind", "outcome", "reason", "journey", "field", "expires_at", "sunset"}

// Places in facetPaths of the members that are several facets, one after another: stage, party, kind.
const (
	noFacet   = -1
	fromFacet = 7
	toFacet   = 10
)

// facetOf gives the place in facetPaths of a member of the data object, or of the from or to object (base is where that begins, noFacet
// for the data object itself). A member whose literal name has a dot is not the path.
func facetOf(base int, name []byte) int {
	if base != noFacet {
		switch string(name) {
		case "stage":
			return base
		case "party":
			return base + 1
		case "kind":
			return base + 2
		}
		return noFacet
	}
	switch string(name) {
	case "from":
		return fromFacet
	case "to":
		return toFacet
	}
	for i, path := range facetPaths {
		if path == string(name) && (i < fromFacet || i > toFacet+2) {
			return i
		}
	}
	return noFacet
}

// DeriveFacets checks that data is one JSON value of UTF-8 text, at most MaxJSONDepth deep, and reads the facets out of it where it is
// an object. Of members with the same name the last one counts, as it does for most readers of JSON. It looks at every byte once and never
// recurses, so that no input can exhaust the stack; encoding/json would need several times as long, on a path every event takes.
// Errors are *Error naming the member or the byte.
func DeriveFacets(data []byte) (Facets, error) {
	var small [32]byte
	s := scanner{data: data, stack: small[:0], base: noFacet}
	if err := s.document(); err != nil {
		return Facets{}, err
	}
	return s.derived()
}

// checkJSON makes the same checks and reads no facets: what a foreign type calls a reason may be a text of any length.
func checkJSON(data []byte) error {
	var small [32]byte
	s := scanner{data: data, stack: small[:0], base: noFacet, plain: true}
	return s.document()
}

// begun marks an open container that has a member or element already.
const begun = 0x80

// scanner walks JSON text. stack holds the open containers, '{' or '[' each.
type scanner struct {
	data  []byte
	at    int
	stack []byte
	plain bool                    // no facets are wanted
	base  int                     // fromFacet or toFacet inside that object of the data object, else noFacet
	found [len(facetPaths)][]byte // what is between the quotes of each facet's string, escapes resolved
}

func (s *scanner) fail(what string) error {
	return Errorf(CodeInvalid, "", "send data that `jq .` accepts, or set datacontenttype to what it is",
		"data is not valid JSON: %s at byte %d", what, s.at)
}

func (s *scanner) document() error {
	if !utf8.Valid(s.data) {
		return Errorf(CodeInvalid, "", "send data as UTF-8, or set datacontenttype to what it is", "data is not valid UTF-8")
	}
	if err := s.value(noFacet); err != nil {
		return err
	}
	for len(s.stack) > 0 {
		if err := s.next(); err != nil {
			return err
		}
	}
	if s.space(); s.at != len(s.data) {
		return s.fail("text after the value")
	}
	return nil
}

// next reads one member or element of the innermost open container, or its end.
func (s *scanner) next() error {
	top := len(s.stack) - 1
	kind := s.stack[top]
	s.space()
	closing := byte('}')
	if kind&^begun == '[' {
		closing = ']'
	}
	first := kind&begun == 0
	switch c := s.peek(); {
	case c == closing:
		s.at++
		s.stack = s.stack[:top]
		if top == 1 {
			s.base = noFacet
		}
		return nil
	case !first && c != ',':
		return s.fail("expected ',' or '" + string(closing) + "'")
	case !first:
		s.at++
		s.space()
	}
	if first {
		s.stack[top] = kind | begun
	}
	if closing == ']' {
		return s.value(noFacet)
	}
	return s.member()
}

func (s *scanner) member() error {
	name, simple, err := s.text()
	if err != nil {
		return err
	}
	if s.space(); s.peek() != ':' {
		return s.fail("expected ':'")
	}
	s.at++
	if s.plain || len(s.stack) > 2 || len(s.stack) == 2 && s.base == noFacet {
		return s.value(noFacet)
	}
	if !simple {
		name = unquote(name)
	}
	place := facetOf(s.base, name)
	s.forget(place)
	return s.value(place)
}

// forget drops what an earlier member of the same name said.
func (s *scanner) forget(place int) {
	if place == noFacet {
		return
	}
	s.found[place] = nil
	if s.base == noFacet && (place == fromFacet || place == toFacet) {
		s.found[place+1], s.found[place+2] = nil, nil
	}
}

// derived checks the facets that were found and makes one string of them all.
func (s *scanner) derived() (f Facets, err error) {
	size := 0
	for _, b := range s.found {
		size += len(b)
	}
	if size == 0 {
		return f, nil
	}
	var all strings.Builder
	all.Grow(size)
	for _, b := range s.found {
		all.Write(b)
	}
	text, list := all.String(), f.list()
	for i, b := range s.found {
		*list[i], text = text[:len(b)], text[len(b):]
		if isLabel(*list[i]) {
			continue
		}
		if err := checkText("data."+facetPaths[i], *list[i], MaxFacet); err != nil {
			return Facets{}, err
		}
	}
	return f, nil
}

// isLabel says quickly of most facets that checkText will not mind them: short ones of printable ASCII.
func isLabel(s string) bool {
	if len(s) > MaxFacet {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// value reads a scalar, or opens a container. place is where in facetPaths a string here belongs.
func (s *scanner) value(place int) error {
	s.space()
	switch c := s.peek(); c {
	case '{', '[':
		if len(s.stack) >= MaxJSONDepth {
			return Errorf(CodeTooLarge, "", "flatten the data", "data is nested more than %d deep at byte %d", MaxJSONDepth, s.at)
		}
		if c == '{' && len(s.stack) == 1 && (place == fromFacet || place == toFacet) {
			s.base = place
		}
		s.stack = append(s.stack, c)
		s.at++
		return nil
	case '"':
		text, simple, err := s.text()
		if err != nil || place == noFacet {
			return err
		}
		if !simple {
			text = unquote(text)
		}
		s.found[place] = text
		return nil
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

// ordinary are the bytes of a string that stand for themselves.
var ordinary = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// text reads a string and gives what is between its quotes; simple is false where it has escapes.
func (s *scanner) text() (inner []byte, simple bool, err error) {
	if s.peek() != '"' {
		return nil, false, s.fail("expected a string")
	}
	start, simple := s.at+1, true
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case ordinary[c]:
		case c == '"':
			s.at = i + 1
			return s.data[start:i], simple, nil
		case c == '\\':
			simple = false
			n := escapeLength(s.data[i:])
			if n == 0 {
				s.at = i
				return nil, false, s.fail("bad escape")
			}
			i += n - 1
		case c < ' ':
			s.at = i
			return nil, false, s.fail("control character in a string")
		}
	}
	return nil, false, s.fail("unfinished string")
}

// escapeLength is the length of the escape that b begins with, 0 where it is none.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// unquote resolves the escapes of a string that text accepted; rare, so the library may do it.
func unquote(inner []byte) []byte {
	var out string
	if err := json.Unmarshal(fmt.Appendf(nil, `"%s"`, inner), &out); err != nil {
		return inner
	}
	return []byte(out)
}

func (s *scanner) literal(word string) error {
	if len(s.data)-s.at < len(word) || string(s.data[s.at:s.at+len(word)]) != word {
		return s.fail("expected a value")
	}
	s.at += len(word)
	return nil
}

// number reads RFC 8259's grammar. Digits are never converted, so numbers of any size keep every digit.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	switch c := s.peek(); {
	case c == '0':
		s.at++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return s.fail("expected a value")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("expected a digit")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("expected a digit")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end: no JSON token begins with it.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}
