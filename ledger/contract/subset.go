package contract

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
)

// gap is one reason why a value may be valid under one schema and not under another.
type gap struct {
	path   string // JSON Pointer into the value, * for any item or property
	what   string // with <from> for the version of a, and <to> for that of b
	unsure bool   // it cannot be told by comparing; a witness decides
}

// maxDepth and maxSteps bound what one comparison of schemas does, and maxValues how many values are tried one by one: alternatives of
// alternatives multiply.
const (
	maxDepth  = 24
	maxSteps  = 2000
	maxValues = 64
)

// effort is what a comparison has spent.
type effort struct {
	depth int
	steps *int
}

func newEffort() effort { return effort{steps: new(int)} }

func (e effort) deeper() effort { *e.steps++; return effort{e.depth + 1, e.steps} }

func (e effort) spent() bool { return e.depth > maxDepth || *e.steps > maxSteps }

// within compares sets of values: it gives no gap only where every value of a is valid under b, by a proof over the keywords. Where there
// are gaps the sets may still be so; whoever asks looks for a witness.
func (a conjunction) within(b any, path string, e effort) []gap {
	switch b := b.(type) {
	case bool:
		if b || len(a.types()) == 0 {
			return nil
		}
		return []gap{{path: path, what: "<to> allows no value at all"}}
	case map[string]any:
		if e.spent() {
			return []gap{{path, "the schema has too many parts or alternatives to be compared", true}}
		}
		return a.withinObject(b, path, e)
	}
	return []gap{{path, "the schema cannot be read", true}}
}

func (a conjunction) withinObject(b map[string]any, path string, e effort) []gap {
	same := slices.ContainsFunc(a, func(s map[string]any) bool { return reflect.DeepEqual(s, b) })
	if len(a.types()) == 0 || same && !refers(b) {
		return nil
	}
	if list, ok := a.list(); ok && !refers(b) {
		return judgeEach(list, b, path)
	}
	gaps := a.keywords(b, path, e)
	if len(gaps) == 0 {
		return nil
	}
	if split, ok := a.split(); ok {
		return unionWithin(split, b, path, e)
	}
	return gaps
}

// split takes a set apart: into the alternatives of the first anyOf or oneOf, else into its types. ok is false where it is one piece.
func (a conjunction) split() (parts []conjunction, ok bool) {
	for i, s := range a {
		for _, k := range []string{"anyOf", "oneOf"} {
			list, there := s[k].([]any)
			if !there {
				continue
			}
			rest := slices.Clone(a)
			rest[i] = without(s, k)
			for _, branch := range list {
				if part, possible := rest.conjoin(branch); possible {
					parts = append(parts, part)
				}
			}
			return parts, true
		}
	}
	types := a.types()
	if len(types) < 2 {
		return nil, false
	}
	for _, t := range types {
		part, _ := a.conjoin(map[string]any{"type": t})
		parts = append(parts, part)
	}
	return parts, true
}

func without(s map[string]any, keyword string) map[string]any {
	out := make(map[string]any, len(s))
	for k, v := range s {
		if k != keyword {
			out[k] = v
		}
	}
	return out
}

func unionWithin(parts []conjunction, b map[string]any, path string, e effort) (gaps []gap) {
	for _, part := range parts {
		for _, g := range part.within(b, path, e.deeper()) {
			if !slices.Contains(gaps, g) {
				gaps = append(gaps, g)
			}
		}
	}
	return gaps
}

// list gives the values of a set that has few, perhaps some more that a is not sure about; ok is false where there may be others.
func (a conjunction) list() (list []any, ok bool) {
	for _, s := range a {
		if v, there := s["const"]; there {
			list, ok = []any{v}, true
		} else if v, there := s["enum"].([]any); there && !ok {
			list, ok = v, true
		}
	}
	if !ok {
		list, ok = a.few()
	}
	if !ok {
		return nil, false
	}
	var parts []any
	for _, s := range a {
		if !refers(s) {
			parts = append(parts, s)
		}
	}
	valid, err := validatorOf(map[string]any{"allOf": parts})
	if len(parts) > 0 && err == nil {
		list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return valid.Validate(v) != nil })
	}
	return list, true
}

// few lists the values where their types leave few: true, false, null, whole numbers of a short range.
func (a conjunction) few() (list []any, ok bool) {
	for _, t := range a.types() {
		switch t {
		case "null":
			list = append(list, nil)
		case "boolean":
			list = append(list, true, false)
		case "integer":
			lo, hi := a.lower(true).at, a.upper(true).at
			if lo == nil || hi == nil || new(big.Rat).Sub(hi, lo).Cmp(big.NewRat(maxValues, 1)) > 0 {
				return nil, false
			}
			for n := new(big.Int).Set(lo.Num()); n.Cmp(hi.Num()) <= 0; n = new(big.Int).Add(n, big.NewInt(1)) {
				list = append(list, json.Number(n.String()))
			}
		default:
			return nil, false
		}
	}
	return list, true
}

// judgeEach tries values one by one.
func judgeEach(list []any, b map[string]any, path string) []gap {
	valid, err := validatorOf(b)
	if err != nil {
		return []gap{{path, "the schema does not compile", true}}
	}
	var bad []string
	for _, v := range list {
		if valid.Validate(v) != nil {
			bad = append(bad, clip(canonicalText(v)))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	more := ""
	if len(bad) > 3 {
		bad, more = bad[:3], fmt.Sprintf(" and %d more", len(bad)-3)
	}
	return []gap{{path: path, what: "<from> allows " + strings.Join(bad, ", ") + more + ", <to> does not"}}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// apart reports whether no value is in both sets; false also where that cannot be told.
func (a conjunction) apart(b any, e effort) bool {
	other, possible := conjunction(nil).conjoin(b)
	if !possible || e.spent() {
		return !possible
	}
	var both []string
	for _, t := range a.types() {
		if covers(other.types(), t) || t == "number" && slices.Contains(other.types(), "integer") {
			both = append(both, t)
		}
	}
	if len(both) == 0 {
		return true
	}
	for _, pair := range [][2]conjunction{{a, other}, {other, a}} {
		if list, ok := pair[0].list(); ok && !slices.ContainsFunc(pair[1], func(s map[string]any) bool { return refers(s) }) {
			parts := make([]any, len(pair[1]))
			for i, s := range pair[1] {
				parts[i] = s
			}
			valid, err := validatorOf(map[string]any{"allOf": append(parts, true)})
			if err == nil && !slices.ContainsFunc(list, func(v any) bool { return valid.Validate(v) == nil }) {
				return true
			}
		}
	}
	if slices.Equal(both, []string{"object"}) {
		for _, p := range a.required() {
			if mine, ok := a.property(p); slices.Contains(other.required(), p) {
				theirs, possible := other.property(p)
				if !ok || !possible || mine.apart(theirs.schema(), e.deeper()) {
					return true
				}
			}
		}
	}
	return false
}

// schema writes a set as one schema.
func (a conjunction) schema() any {
	parts := []any{true}
	for _, s := range a {
		parts = append(parts, s)
	}
	return map[string]any{"allOf": parts}
}
