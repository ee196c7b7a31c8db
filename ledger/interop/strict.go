package interop

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decodeStrict decodes YAML into a struct and refuses keys that the struct does not have: the error names the key, its line and the
// near miss. The library's own KnownFields names the Go type instead of what was meant.
func decodeStrict(text []byte, into any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 {
		return fmt.Errorf("the file is empty")
	}
	if err := knownKeys(doc.Content[0], reflect.TypeOf(into), ""); err != nil {
		return err
	}
	return doc.Content[0].Decode(into)
}

func knownKeys(n *yaml.Node, t reflect.Type, path string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s must be a mapping of keys to values", n.Line, strings.TrimSuffix("preset."+path, "."))
	}
	keys, fields := yamlKeys(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := slices.Index(keys, key.Value)
		if at < 0 {
			return fmt.Errorf("line %d: unknown key %q%s", key.Line, path+key.Value, meant(key.Value, keys))
		}
		if err := knownKeys(n.Content[i+1], fields[at], path+key.Value+"."); err != nil {
			return err
		}
	}
	return nil
}

func yamlKeys(t reflect.Type) (keys []string, types []reflect.Type) {
	for i := range t.NumField() {
		keys = append(keys, t.Field(i).Tag.Get("yaml"))
		types = append(types, t.Field(i).Type)
	}
	return keys, types
}

// meant gives ", did you mean …?" for the nearest of the known words, "" where none is near.
func meant(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
