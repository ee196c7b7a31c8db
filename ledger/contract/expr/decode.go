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
		return Number(string(v))
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

// Number gives a JSON number as Decode does.
func Number(text string) any {
	if whole := strings.TrimSuffix(text, ".0"); !strings.ContainsAny(whole, ".eE") {
		if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return n
		}
	}
	f, _ := strconv.ParseFloat(text, 64)
	return f
}
