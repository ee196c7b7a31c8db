package contract

import (
	"encoding/json"
	"slices"
	"strings"
)

// arrays have the lengths at which a schema changes its mind, items that are all alike and all different, and each sample as an item.
func (s *sampler) arrays(a conjunction, all []map[string]any, depth int) (out []any) {
	lengths := []int{0, 1, 2}
	var mine, others conjunction
	possible := true
	for i, c := range all {
		for _, k := range []string{"minItems", "maxItems"} {
			if n, ok := countOf(c[k]); ok && n < maxSampled/8 {
				lengths = append(lengths, max(n-1, 0), n, n+1)
			}
		}
		schema, there := c["items"]
		if !there {
			continue
		}
		if i < len(a) {
			if possible {
				mine, possible = mine.conjoin(schema)
			}
		} else if part, ok := conjunction(nil).conjoin(schema); ok {
			others = append(others, part...)
		}
	}
	out = append(out, []any{})
	if !possible {
		return out
	}
	items := shortest(s.of(mine, others, depth+1))
	valid, err := validatorOf(mine.schema())
	if err == nil {
		items = slices.DeleteFunc(items, func(v any) bool { return valid.Validate(v) != nil })
	}
	items = items[:min(len(items), maxSamples/2)]
	least, _ := a.count("minItems", true)
	for i, item := range items {
		alike, different := []any{}, []any{}
		for n := range max(least, 1) {
			alike, different = append(alike, item), append(different, items[(i+n)%len(items)])
		}
		out = append(out, alike, different)
	}
	for _, n := range lengths {
		if len(items) == 0 || n == 0 {
			continue
		}
		alike, different := make([]any, n), make([]any, n)
		for i := range n {
			alike[i], different[i] = items[0], distinct(items, i)
		}
		out = append(out, alike, different)
	}
	return out
}

// distinct gives the i-th item, made up where the samples are used up and are texts or numbers.
func distinct(items []any, i int) any {
	if i < len(items) {
		return items[i]
	}
	switch v := items[len(items)-1].(type) {
	case string:
		return v + strings.Repeat("a", i-len(items)+1)
	case json.Number:
		return json.Number("2" + strings.Repeat("0", min(i, 9)))
	}
	return items[i%len(items)]
}

// objects have the required properties, each other one with each of its samples, and one that nobody names.
func (s *sampler) objects(a conjunction, others []map[string]any, depth int) (out []any) {
	named := map[string]bool{}
	for _, c := range append(slices.Clone(a), others...) {
		props, _ := c["properties"].(map[string]any)
		for name := range props {
			named[name] = true
		}
	}
	for _, name := range append(a.required(), conjunction(others).required()...) {
		named[name] = true
	}
	choices := map[string][]any{}
	for _, name := range append(keys(named), "extra") {
		mine, possible := a.property(name)
		if !possible {
			continue
		}
		theirs, ok := conjunction(others).property(name)
		if !ok {
			theirs = nil
		}
		list := shortest(s.of(mine, theirs, depth+1))
		if valid, err := validatorOf(mine.schema()); err == nil {
			list = slices.DeleteFunc(list, func(v any) bool { return valid.Validate(v) != nil })
		}
		choices[name] = list[:min(len(list), maxSamples/4)]
	}
	base, full := map[string]any{}, map[string]any{}
	for name, list := range choices {
		if len(list) > 0 && name != "extra" {
			full[name] = list[0]
			if slices.Contains(a.required(), name) {
				base[name] = list[0]
			}
		}
	}
	out = append(out, base, full)
	for _, name := range keys(choices) {
		for _, v := range choices[name] {
			for _, from := range []map[string]any{base, full} {
				one := without(from, name)
				one[name] = v
				out = append(out, one)
			}
		}
		out = append(out, without(full, name))
	}
	return out[:min(len(out), 2*maxSamples)]
}
