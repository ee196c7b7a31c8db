package contract

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// members is a JSON object whose members keep their order.
type members []struct {
	name  string
	value json.RawMessage
}

// raw sets a member: in its old place where it is there.
func (m *members) raw(name string, value json.RawMessage) {
	for i := range *m {
		if (*m)[i].name == name {
			(*m)[i].value = value
			return
		}
	}
	*m = append(*m, struct {
		name  string
		value json.RawMessage
	}{name, value})
}

func (m *members) add(name string, value any) { m.raw(name, encode(value)) }

// text and list add what is not empty.
func (m *members) text(name, value string) {
	if value != "" {
		m.add(name, value)
	}
}

func (m *members) list(name string, values []string) {
	if len(values) > 0 {
		m.add(name, values)
	}
}

// nullable lets null into the type, or takes it out.
func (m *members) nullable(yes bool) {
	for i := range *m {
		if (*m)[i].name != "type" {
			continue
		}
		var types []string
		if json.Unmarshal((*m)[i].value, &types) != nil {
			types = []string{strings.Trim(string((*m)[i].value), `" `)}
		}
		types = slices.DeleteFunc(types, func(t string) bool { return t == "null" })
		if yes {
			types = append(types, "null")
		}
		switch len(types) {
		case 0: // null alone, and null is absent
			(*m)[i].name, (*m)[i].value = "not", json.RawMessage("{}")
		case 1:
			(*m)[i].value = encode(types[0])
		default:
			(*m)[i].value = encode(types)
		}
	}
}

func (m members) object() json.RawMessage {
	out := []byte{'{'}
	for i, one := range m {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, encode(one.name)...), ':')
		out = append(out, one.value...)
	}
	return append(out, '}')
}

func list(values ...json.RawMessage) json.RawMessage {
	return append(append([]byte{'['}, bytes.Join(toBytes(values), []byte{','})...), ']')
}

func toBytes(values []json.RawMessage) (out [][]byte) {
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

// encode writes JSON without escaping what HTML minds.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts, numbers and raw JSON only
	}
	return bytes.TrimSpace(b.Bytes())
}
