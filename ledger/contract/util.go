package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// readSchema decodes a schema, every digit kept: true, false, or an object. Absent is true, what cannot be read is nil.
func readSchema(raw []byte) any {
	if len(bytes.TrimSpace(raw)) == 0 {
		return true
	}
	v, err := decode(raw)
	if err != nil {
		return nil
	}
	return v
}

// decode reads a JSON value with its numbers as they are written.
func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// canonicalText writes a decoded value in one spelling, so that equal values are equal texts. Numbers stay as they were written.
func canonicalText(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(out)
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func values(m map[string]string) []string { return slices.Sorted(maps.Values(m)) }

// renames maps the names that fields had in a version to those that they have, as far as the upcast from there says it.
func renames(u *Upcast, from int) map[string]string {
	out := map[string]string{}
	if u == nil || u.From != from {
		return out
	}
	for _, s := range u.Steps {
		if s.Rename == nil {
			continue
		}
		first := s.Rename.From
		for old, now := range out {
			if now == first {
				first = old
			}
		}
		out[first] = s.Rename.To
	}
	return out
}
