package contract

import (
	"cmp"
	"encoding/json"
	"math/big"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSamples bounds the values that are tried for one schema, sampleDepth how deep they are, sampleParts how many parts of schemas are
// looked at.
const (
	maxSamples  = 96
	sampleDepth = 4
	sampleParts = 300
	maxSampled  = 4096 // letters or items
)

// sampler makes values that lie on the edges of schemas: what one of them just allows, and another just not.
type sampler struct {
	edges []map[string]any // all schemas whose edges count
	left  int              // parts that may still be looked at
}

// samples gives values for a schema, the shortest first; valid ones are among them more often than not. Others are schemas whose edges are
// of interest too. The same schemas give the same values.
func samples(schema any, others ...any) []any {
	s := &sampler{left: sampleParts}
	a, ok := conjunction(nil).conjoin(inline(schema))
	if !ok {
		return nil
	}
	for _, other := range others {
		if b, ok := conjunction(nil).conjoin(inline(other)); ok {
			s.edges = append(s.edges, b...)
		}
	}
	return shortest(s.of(a, s.edges, 0))
}

// shortest sorts values by the length of their JSON, then by it, each once.
func shortest(list []any) []any {
	texts := make(map[string]any, len(list))
	for _, v := range list {
		texts[canonicalText(v)] = v
	}
	order := keys(texts)
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	out := make([]any, len(order))
	for i, text := range order {
		out[i] = texts[text]
	}
	return out
}

// of makes values for a set, near the edges of others.
func (s *sampler) of(a conjunction, others []map[string]any, depth int) (out []any) {
	if s.left--; depth > sampleDepth || s.left < 0 {
		return nil
	}
	all := append(slices.Clone(a), others...)
	for _, c := range all {
		for _, k := range []string{"const", "default"} {
			if v, ok := c[k]; ok {
				out = append(out, v)
			}
		}
		for _, k := range []string{"enum", "examples"} {
			list, _ := c[k].([]any)
			out = append(out, list[:min(len(list), maxSamples/2)]...)
		}
	}
	for _, t := range a.types() {
		switch t {
		case "null":
			out = append(out, nil)
		case "boolean":
			out = append(out, true, false)
		case "integer", "number":
			out = append(out, numbers(all)...)
		case "string":
			out = append(out, texts(a, all)...)
		case "array":
			out = append(out, s.arrays(a, all, depth)...)
		case "object":
			out = append(out, s.objects(a, others, depth)...)
		}
	}
	for i, c := range a {
		for _, k := range []string{"anyOf", "oneOf"} {
			list, _ := c[k].([]any)
			rest := slices.Clone(a)
			rest[i] = without(c, k)
			for _, branch := range list[:min(len(list), 8)] {
				if part, ok := rest.conjoin(branch); ok {
					out = append(out, s.of(part, others, depth+1)...)
				}
			}
		}
	}
	return out[:min(len(out), 4*maxSamples)]
}

// numbers lie at, before and after every end and step that a schema states.
func numbers(all []map[string]any) (out []any) {
	at := []*big.Rat{big.NewRat(0, 1), big.NewRat(1, 1), big.NewRat(-1, 1), big.NewRat(1, 2), big.NewRat(3, 2), big.NewRat(1001, 1), big.NewRat(-1000003, 1), big.NewRat(1000003, 1)}
	for _, c := range all {
		for _, k := range []string{"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"} {
			r := ratOf(c[k])
			if r == nil {
				continue
			}
			for _, off := range []*big.Rat{new(big.Rat), big.NewRat(1, 1), big.NewRat(-1, 1), big.NewRat(1, 8), big.NewRat(-1, 8)} {
				at = append(at, new(big.Rat).Add(r, off))
			}
			if k == "multipleOf" {
				for _, end := range slices.Clone(at) {
					if r.Sign() > 0 {
						n := new(big.Rat).SetInt(new(big.Int).Div(new(big.Rat).Quo(end, r).Num(), new(big.Rat).Quo(end, r).Denom()))
						at = append(at, new(big.Rat).Mul(n, r), new(big.Rat).Mul(new(big.Rat).Add(n, big.NewRat(1, 1)), r))
					}
				}
			}
		}
	}
	for _, r := range at {
		out = append(out, json.Number(plainNumber(r)))
	}
	return out
}

// formatSamples are values of the formats that validators know.
var formatSamples = map[string]string{"date": "2026-01-05", "date-time": "2026-01-05T09:00:00Z", "time": "09:00:00Z", "duration": "P1D", "email": "a@example.org",
	"hostname": "example.org", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "uri": "https://example.org/", "uri-reference": "/a", "iri": "https://example.org/",
	"uuid": "00000000-0000-4000-8000-000000000000", "json-pointer": "/a", "regex": "a", "semver": "1.0.0"}

// texts have the lengths at which a schema changes its mind, and follow the patterns and formats.
func texts(a conjunction, all []map[string]any) (out []any) {
	lengths := []int{0, 1, 2}
	for _, c := range all {
		for _, k := range []string{"minLength", "maxLength"} {
			if n, ok := countOf(c[k]); ok && n < maxSampled {
				lengths = append(lengths, max(n-1, 0), n, n+1)
			}
		}
		if p, ok := c["pattern"].(string); ok {
			out = append(out, matches(p)...)
		}
		if f, ok := c["format"].(string); ok && formatSamples[f] != "" {
			out = append(out, formatSamples[f])
		}
	}
	for _, n := range lengths {
		for _, letter := range []string{"a", "1", "A"} {
			out = append(out, strings.Repeat(letter, n))
		}
	}
	return append(out, " ", "ä")
}

// matches gives a short and a longer text that a pattern matches.
func matches(pattern string) (out []any) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	for _, more := range []int{0, 1, 7} {
		var b strings.Builder
		if match(&b, re.Simplify(), more, new(int)) {
			out = append(out, b.String())
		}
	}
	return out
}

// match writes what an expression matches, repeating what may repeat that often; false where it would be too long.
func match(b *strings.Builder, re *syntax.Regexp, more int, steps *int) bool {
	if *steps++; *steps > maxSampled {
		return false
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(letterOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpCapture, syntax.OpPlus:
		return match(b, re.Sub[0], more, steps) && (re.Op == syntax.OpCapture || repeat(b, re.Sub[0], more, steps))
	case syntax.OpStar:
		return repeat(b, re.Sub[0], more, steps)
	case syntax.OpQuest:
		return repeat(b, re.Sub[0], min(more, 1), steps)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !match(b, sub, more, steps) {
				return false
			}
		}
	case syntax.OpAlternate:
		return match(b, re.Sub[more%len(re.Sub)], more, steps)
	case syntax.OpNoMatch:
		return false
	}
	return true
}

func repeat(b *strings.Builder, re *syntax.Regexp, times int, steps *int) bool {
	for range times {
		if !match(b, re, times, steps) {
			return false
		}
	}
	return true
}

// letterOf chooses a readable letter of a class, which lists pairs of first and last.
func letterOf(class []rune) rune {
	for _, want := range "a1A_- " {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= want && want <= class[i+1] {
				return want
			}
		}
	}
	if len(class) == 0 {
		return 'a'
	}
	return class[0]
}

// firstValid gives the shortest value that is valid; ok is false where none of the samples is. Null is nobody's example: it counts as absent.
func firstValid(list []any, valid *jsonschema.Schema) (v any, ok bool) {
	for _, v := range list {
		if v != nil && valid.Validate(v) == nil {
			return v, true
		}
	}
	return nil, false
}
