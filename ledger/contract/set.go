package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// set is the values of an enum, or the one of a const.
type set struct {
	texts   []string
	numbers []decimal
	yes, no bool
	null    bool
	listed  string // for messages
}

func (r *rule) addSet(values []any) bool {
	var s set
	var listed []string
	for _, v := range values {
		switch v := v.(type) {
		case string:
			s.texts = append(s.texts, v)
		case json.Number:
			s.numbers = append(s.numbers, readDecimal([]byte(v)))
		case bool:
			s.yes, s.no = s.yes || v, s.no || !v
		case nil:
			s.null = true
		default:
			return false
		}
		listed = append(listed, string(encode(v)))
	}
	s.listed = shorten(listed)
	r.sets = append(r.sets, s)
	return true
}

// shorten lists values for a message.
func shorten(values []string) string {
	const most = 12
	if n := len(values); n > most {
		values = append(slices.Clone(values[:most]), fmt.Sprintf("or one of %d more", n-most))
	}
	return strings.Join(values, ", ")
}

func (s *set) hasText(letters []byte) bool {
	for _, t := range s.texts {
		if t == string(letters) {
			return true
		}
	}
	return false
}

func (s *set) hasNumber(d decimal) bool {
	return slices.ContainsFunc(s.numbers, func(n decimal) bool { return n.compare(d) == 0 })
}

func (s *set) hasOther(k kind, yes bool) bool {
	switch k {
	case null:
		return s.null
	case boolean:
		return yes && s.yes || !yes && s.no
	}
	return false
}

func (s *set) outside() string { return "is none of the allowed values; send " + s.listed }
