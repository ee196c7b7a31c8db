package expr

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Decode gives JSON as CEL's values: whole numbers are int, others double (which has 15 digits: enough to compare, not to prove).
// Text that is no JSON gives nil.
func Decode(text json.RawMessage) any {
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil
	}
	return numbers(value)
}

func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(strings.TrimSuffix(string(v), ".0"), 10, 64); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = numbers(v[name])
		}
	}
	return value
}
