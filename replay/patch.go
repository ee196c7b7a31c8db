package replay

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// mergePatch applies an RFC 7396 merge patch: objects are merged member by member, null removes, everything else replaces. Values that
// are not touched keep their bytes, so numbers keep every digit. Both texts are valid JSON; depth is bounded by ledger.MaxJSONDepth.
func mergePatch(target, patch json.RawMessage) json.RawMessage {
	changes, ok := object(patch)
	if !ok {
		return patch
	}
	out, ok := object(target)
	if !ok {
		out = map[string]json.RawMessage{}
	}
	for name, value := range changes {
		if string(value) == "null" {
			delete(out, name)
			continue
		}
		out[name] = mergePatch(out[name], value)
	}
	return encodeObject(out)
}

func object(text json.RawMessage) (map[string]json.RawMessage, bool) {
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, false
	}
	var m map[string]json.RawMessage
	return m, json.Unmarshal(text, &m) == nil
}

func encodeObject(m map[string]json.RawMessage) json.RawMessage {
	out := []byte{'{'}
	for i, name := range sortedNames(m) {
		if i > 0 {
			out = append(out, ',')
		}
		key, _ := json.Marshal(name) // a string always encodes
		out = append(append(append(out, key...), ':'), m[name]...)
	}
	return append(out, '}')
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
