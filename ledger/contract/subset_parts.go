package contract

import (
	"slices"
)

// itemsWithin compares what the items of arrays may be. What prefixItems says of the first ones narrows the old set only.
func (a conjunction) itemsWithin(b any, path string, e effort) []gap {
	if most, ok := a.count("maxItems", false); ok && most == 0 {
		return nil
	}
	var items conjunction
	possible := true
	for _, s := range a {
		if schema, there := s["items"]; there && possible && s["prefixItems"] == nil {
			items, possible = items.conjoin(schema)
		}
	}
	if !possible {
		return nil
	}
	return items.within(b, path+"/*", e.deeper())
}

// propertiesWithin compares the properties that either names, and those that neither does.
func (a conjunction) propertiesWithin(b map[string]any, path string, e effort) (gaps []gap) {
	named := map[string]bool{}
	listed, _ := b["properties"].(map[string]any)
	for name := range listed {
		named[name] = true
	}
	for _, s := range a {
		props, _ := s["properties"].(map[string]any)
		for name := range props {
			named[name] = true
		}
	}
	rest, restricted := b["additionalProperties"]
	for _, name := range keys(named) {
		schema, there := listed[name]
		if !there {
			schema, there = rest, restricted
		}
		mine, possible := a.property(name)
		if !there || !possible {
			continue
		}
		if schema == false {
			gaps = append(gaps, gap{path: pointer(path, name), what: "<to> does not allow the property, <from> does"})
			continue
		}
		gaps = append(gaps, mine.within(schema, pointer(path, name), e.deeper())...)
	}
	if !restricted {
		return gaps
	}
	mine, possible := a.other()
	switch {
	case !possible:
	case rest == false:
		gaps = append(gaps, gap{path: path, what: "<to> allows only the properties it lists, <from> others too"})
	default:
		gaps = append(gaps, mine.within(rest, path+"/*", e.deeper())...)
	}
	return gaps
}

// combined compares with a schema that is put together of others.
func (a conjunction) combined(b map[string]any, keyword, path string, e effort) (gaps []gap) {
	if a.has(b, keyword) {
		return nil
	}
	if e.spent() {
		return []gap{{path, keyword + " has too many parts to be compared", true}}
	}
	list, _ := b[keyword].([]any)
	inside := func(schema any) bool { return len(a.within(schema, path, e.deeper())) == 0 }
	switch keyword {
	case "allOf":
		for _, schema := range list {
			gaps = append(gaps, a.within(schema, path, e.deeper())...)
		}
		return gaps
	case "anyOf":
		if slices.ContainsFunc(list, inside) {
			return nil
		}
	case "oneOf":
		if i := slices.IndexFunc(list, inside); i >= 0 {
			others := slices.Delete(slices.Clone(list), i, i+1)
			if !slices.ContainsFunc(others, func(schema any) bool { return !a.apart(schema, e.deeper()) }) {
				return nil
			}
		}
	case "not":
		if a.apart(b[keyword], e.deeper()) {
			return nil
		}
	}
	return []gap{{path, "not all that <from> allows is under <to>'s " + keyword + ", as far as can be told", true}}
}
