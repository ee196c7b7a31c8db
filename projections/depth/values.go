package depth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/baton-ledger/baton/projections"
)

// Kinds of JSON values: the type, and of texts the format.
const (
	kindBool = iota
	kindNumber
	kindObject
	kindArray
	kindText
	kindDateTime
	kindDate
	kindEmail
	kindUUID
	kindURI
	kindCount
)

var kindTexts = [kindCount][2]string{{"boolean", ""}, {"number", ""}, {"object", ""}, {"array", ""}, {"string", ""}, {"string", "date-time"}, {"string", "date"},
	{"string", "email"}, {"string", "uuid"}, {"string", "uri"}}

// kindOfValue tells the kind of a value as it is written. Formats are told by their form alone.
func kindOfValue(raw []byte) uint8 {
	switch raw[0] {
	case '{':
		return kindObject
	case '[':
		return kindArray
	case 't', 'f':
		return kindBool
	case '"':
		return formatOf(raw[1 : len(raw)-1])
	}
	return kindNumber
}

func formatOf(text []byte) uint8 {
	switch n := len(text); {
	case n == 10 && text[4] == '-' && text[7] == '-':
		if _, err := time.Parse(time.DateOnly, string(text)); err == nil {
			return kindDate
		}
	case n >= 20 && n <= 35 && text[4] == '-' && text[10] == 'T':
		var t time.Time
		if t.UnmarshalText(text) == nil {
			return kindDateTime
		}
	case n == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-':
		if _, err := hex.DecodeString(strings.ReplaceAll(string(text), "-", "")); err == nil {
			return kindUUID
		}
	}
	if i := bytes.IndexByte(text, '@'); i > 0 && bytes.IndexByte(text[i:], '.') > 1 && bytes.IndexByte(text, ' ') < 0 {
		return kindEmail
	}
	if i := bytes.Index(text, []byte("://")); i > 0 && i < 12 && bytes.IndexByte(text, ' ') < 0 {
		return kindURI
	}
	return kindText
}

// Limits of what is kept of values.
const (
	maxCategories = 64 // of an enumeration; a field with more is none
	maxShapes     = 2 * maxFields
)

// Buckets of numbers begin where categories cannot reach. A number counts in thousandths, in projections' buckets.
const numbers = 1000

// draw counts a value of a field as one draw of its distribution.
func (f *Fold) draw(a *agreement, i int, fd *fieldDay, g *given, kind uint8, at sight) {
	field := &a.fields[i]
	fd.kinds[kind]++
	switch {
	case g.junk:
	case kind == kindNumber:
		if x, err := strconv.ParseFloat(string(g.value), 64); err == nil && !math.IsInf(x, 0) {
			n := int64(math.Round(max(-1e12, min(x, 1e12)) * 1000))
			bucket := int32(numbers + projections.Bucket(max(n, 0)))
			if n < 0 {
				bucket = -int32(numbers + projections.Bucket(-n))
			}
			fd.values.add(bucket, 1)
		}
	case kind != kindObject && kind != kindArray && !field.open:
		field.category(fd, g, at)
	}
}

// category counts a value of an enumeration. Values are told apart by a hash, so that none of a private field is kept.
func (a *agreed) category(fd *fieldDay, g *given, at sight) {
	a.seen++
	h := fnv.New64a()
	_, _ = h.Write(g.value)
	key := h.Sum64()
	i, known := a.index[key]
	if !known {
		if len(a.categories) == maxCategories {
			a.open, a.categories, a.index = true, nil, nil
			return
		}
		if a.index == nil {
			a.index = map[uint64]int32{}
		}
		i = int32(len(a.categories))
		a.index[key] = i
		at.journey = strings.Clone(at.journey)
		a.categories = append(a.categories, category{label: a.label(g.value), before: a.seen - 1, first: at})
	}
	c := &a.categories[i]
	c.n, c.last = c.n+1, max(c.last, at.at)
	fd.values.add(i, 1)
}

// label is a value as a report may show it: itself where it is public or internal, else a digest.
func (a *agreed) label(value []byte) string {
	if a.private {
		sum := sha256.Sum256(value)
		return "sha256:" + hex.EncodeToString(sum[:6])
	}
	text := string(value)
	if p := plain(value); p != nil {
		text = string(p)
	}
	if len(text) > 80 {
		text = text[:80]
	}
	return strings.ToValidUTF8(text, "�")
}

// noteShape counts the form of a value, and says where it was seen first.
func (s *series) noteShape(field int, class, kind uint8, path string, value []byte, private bool, at sight) {
	for i := range s.shapes {
		if h := &s.shapes[i]; h.field == field && h.class == class && h.kind == kind && h.path == path {
			h.n++
			h.last = max(h.last, at.at)
			return
		}
	}
	if len(s.shapes) >= maxShapes {
		return
	}
	at.journey = strings.Clone(at.journey)
	s.shapes = append(s.shapes, shape{field: field, class: class, kind: kind, path: strings.Clone(path), n: 1,
		before: s.agreement.offers - 1, first: at, last: at.at, sample: sample(value, kind, private)})
}

// nestedShapes notes the members of an object, three levels deep.
func (s *series) nestedShapes(field int, class uint8, path string, value []byte, private bool, at sight, level int) {
	r := reader{data: value}
	r.members(func(name []byte) {
		raw := r.raw()
		if len(raw) == 0 || string(raw) == "null" || len(name) > 64 {
			return
		}
		kind, below := kindOfValue(raw), path+"/"+string(name)
		s.noteShape(field, class, kind, below, raw, private, at)
		if kind == kindObject && level < 3 {
			s.nestedShapes(field, class, below, raw, private, at, level+1)
		}
	})
}

// sample shows a value's form and not the value: letters are a or A, digits 9. Of private ones the length is all.
func sample(value []byte, kind uint8, private bool) string {
	text := value
	if p := plain(value); p != nil {
		text = p
	}
	switch {
	case kind == kindObject || kind == kindArray:
		return kindTexts[kind][0] + " of " + strconv.Itoa(len(value)) + " bytes"
	case private:
		return kindTexts[kind][0] + " of " + strconv.Itoa(len(text)) + " bytes"
	}
	var b strings.Builder
	for i, r := range string(text) {
		if i >= 24 {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsDigit(r):
			b.WriteByte('9')
		case unicode.IsUpper(r):
			b.WriteByte('A')
		case unicode.IsLetter(r):
			b.WriteByte('a')
		case unicode.IsGraphic(r):
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
