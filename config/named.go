package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// member is one setting within a named entry, as the URL of an endpoint: a key of its own kind.
type member[T any] struct {
	key
	field func(*T) any
}

// toNamed reads entries by name: a map, or the same as JSON. example is one as JSON, what says what is expected.
func toNamed[T any](raw any, example, what string, read func(name string, raw any) (T, error)) (any, error) {
	if text, ok := raw.(string); ok {
		raw = nil
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			return nil, errors.New("is no JSON; expected an object such as " + example)
		}
	}
	table, ok := stringMap(raw)
	if !ok {
		return nil, errors.New("is no map; expected " + what)
	}
	out := make(map[string]T, len(table))
	for _, name := range sortedKeys(table) {
		v, err := read(name, table[name])
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// readMembers reads one entry; those that are left out have their defaults. needs says what it cannot do without.
func readMembers[T any](name string, raw any, members []member[T], needs string) (out T, err error) {
	table, ok := stringMap(raw)
	if !ok {
		return out, fmt.Errorf("has no members for %s; expected %s", name, needs)
	}
	left := maps.Clone(table)
	for _, m := range members {
		value := m.def
		if given, ok := table[m.name]; ok {
			if value, err = m.parse(given); err != nil {
				return out, fmt.Errorf("at %s.%s %w", name, m.name, err)
			}
		}
		delete(left, m.name)
		store(m.field(&out), value)
	}
	if len(left) == 0 {
		return out, nil
	}
	known := make([]string, len(members))
	for i, m := range members {
		known[i] = m.name
	}
	unknown := sortedKeys(left)[0]
	if near := nearest(unknown, known); near != "" {
		return out, fmt.Errorf("has the unknown member %s.%s; did you mean %s?", name, unknown, near)
	}
	return out, fmt.Errorf("has the unknown member %s.%s; expected %s", name, unknown, strings.Join(known, ", "))
}

// store puts a parsed value where it belongs.
func store(field, value any) {
	switch p := field.(type) {
	case *string:
		*p = value.(string)
	case *bool:
		*p = value.(bool)
	case *int:
		*p = value.(int)
	case *time.Duration:
		*p = value.(time.Duration)
	case *[]string:
		*p = slices.Clone(value.([]string))
	}
}

// showNamed writes entries as the environment would give them, members that say nothing left out. Secrets are replaced, and the query of a URL
// with them.
func showNamed[T any](items map[string]T, members []member[T]) string {
	table := make(map[string]map[string]any, len(items))
	for name, item := range items {
		row := map[string]any{}
		for _, m := range members {
			switch p := m.field(&item).(type) {
			case *[]string:
				if len(*p) > 0 {
					row[m.name] = hideEach(*p, m.secret)
				}
			case *time.Duration:
				row[m.name] = showDuration(*p)
			case *string:
				if *p != "" {
					row[m.name] = hideQuery(*p, m.secret)
				}
			case *bool:
				row[m.name] = *p
			case *int:
				row[m.name] = *p
			}
		}
		table[name] = row
	}
	return compactJSON(table)
}

func hideEach(list []string, secret bool) []string {
	list = slices.Clone(list)
	for i := range list {
		if secret {
			list[i] = "xxxxx"
		}
	}
	return list
}

func hideQuery(address string, secret bool) string {
	if base, _, ok := strings.Cut(address, "?"); ok && secret {
		return base + "?xxxxx"
	}
	return address
}

// entryName is a name of letters, digits, dots, dashes and underscores; what it is of completes the error.
func entryName(of, name string) error {
	plain := !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
	if !plain || name == "" || len(name) > 64 || strings.ContainsAny(name[:1], "-_.") {
		return fmt.Errorf("has the %s %q; expected a name of letters, digits, dots, dashes and underscores", of, name)
	}
	return nil
}
