package ledger

import (
	"bytes"
	"strings"
)

// splitter walks the members of one JSON container that is known to be valid. It gives slices of the document, so that values stay
// as they were written.
type splitter struct {
	doc []byte
	at  int
}

// more reports whether another member or element comes before the closing bracket, and moves to it.
func (p *splitter) more(closing byte) bool {
	p.space()
	if p.doc[p.at] == ',' {
		p.at++
		p.space()
	}
	return p.doc[p.at] != closing
}

func (p *splitter) space() {
	for p.at < len(p.doc) {
		switch p.doc[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// value reads one JSON value, and the white space on both sides of it.
func (p *splitter) value() []byte {
	p.space()
	start, depth := p.at, 0
	for {
		switch p.doc[p.at] {
		case '"':
			p.text()
		case '{', '[':
			depth++
			p.at++
		case '}', ']':
			depth--
			p.at++
		default:
			for p.at++; strings.IndexByte(",:]}{[\" \t\r\n", p.doc[p.at]) < 0; p.at++ {
			}
		}
		if depth == 0 {
			raw := p.doc[start:p.at:p.at]
			p.space()
			return raw
		}
	}
}

// text moves past a string. Each search goes on where the one before ended, so that no text makes it slow.
func (p *splitter) text() {
	p.at++
	end := p.at + bytes.IndexByte(p.doc[p.at:], '"')
	for {
		escape := bytes.IndexByte(p.doc[p.at:end], '\\')
		if escape < 0 {
			p.at = end + 1
			return
		}
		if p.at += escape + 2; p.at > end { // that quote was escaped
			end = p.at + bytes.IndexByte(p.doc[p.at:], '"')
		}
	}
}

// members moves past a JSON object and calls do, which moves past the value, for each member.
func (p *splitter) members(place string, do func(name string) error) error {
	if p.space(); p.doc[p.at] != '{' {
		return badBatches("send a JSON object there", "%s is not an object: %.40q", place, p.value())
	}
	for p.at++; p.more('}'); {
		name := jsonText(p.value())
		p.at++ // the colon
		if err := do(name); err != nil {
			return err
		}
	}
	p.at++
	p.space()
	return nil
}

// count is the number of elements of the array that comes next, 0 for other values. It does not move.
func (p *splitter) count() (n int) {
	ahead := *p
	if ahead.space(); ahead.doc[ahead.at] != '[' {
		return 0
	}
	for ahead.at++; ahead.more(']'); n++ {
		ahead.value()
	}
	return n
}

// elements moves past a JSON array and calls do, which moves past the element, for each.
func (p *splitter) elements(place string, do func() error) error {
	if p.space(); p.doc[p.at] != '[' {
		return badBatches("send a JSON array there", "%s is not an array: %.40q", place, p.value())
	}
	for p.at++; p.more(']'); {
		if err := do(); err != nil {
			return err
		}
	}
	p.at++
	p.space()
	return nil
}
