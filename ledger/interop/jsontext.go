package interop

import (
	"encoding/json"
	"unicode/utf8"
)

// isJSONNumber reports whether text is a number by RFC 8259: then it can stand in JSON as it is, with every digit.
func isJSONNumber(s string) bool {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return false
	}
	return json.Valid([]byte(s))
}

// appendString writes a JSON string. Nothing is escaped that JSON does not ask for, so the text reads as it was written. Bytes that
// are not UTF-8 are kept: the intake refuses them, and readers name the row before that.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// appendMember writes "name":"value" with the comma it needs; nothing for an empty value.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(appendName(b, name), value)
}

// appendName writes the comma that a member needs, and its name.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, name), ':')
}

// appendAttr writes an attribute: verbatim JSON, or text.
func appendAttr(b []byte, a attr) []byte {
	b = appendName(b, a.name)
	if a.verbatim {
		return append(b, a.value...)
	}
	return appendString(b, a.value)
}

// unquoteJSON gives the text of a JSON string; what is none comes back as it is.
func unquoteJSON(s string) string {
	var out string
	if json.Unmarshal([]byte(s), &out) != nil || !utf8.ValidString(out) {
		return s
	}
	return out
}
