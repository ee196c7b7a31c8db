package contract

// quickFormats say yes to most texts that have a format, without an allocation. A no means nothing: then the library's own function is asked,
// so that its judgement holds for every text.
var quickFormats = map[string]func([]byte) bool{
	"date-time": quickDateTime,
	"date":      quickDate,
	"email":     quickEmail,
	"uuid":      quickUUID,
	"uri":       quickURI,
}

// formatExample shows what a format wants.
func formatExample(name string) string {
	switch name {
	case "date-time":
		return "; send it as 2026-03-04T08:52:00Z"
	case "date":
		return "; send it as 2026-03-04"
	case "time":
		return "; send it as 08:52:00Z"
	case "duration":
		return "; send it as P3DT4H"
	case "email":
		return "; send it as name@example.org"
	case "uuid":
		return "; send it as 8-4-4-4-12 hexadecimal digits"
	case "uri":
		return "; send it as https://example.org/page"
	}
	return "; send one"
}

// like reports whether b has the shape of a picture: a 0 stands for a digit, anything else for itself.
func like(b []byte, picture string) bool {
	if len(b) != len(picture) {
		return false
	}
	for i, c := range b {
		if p := picture[i]; p == '0' {
			if c < '0' || c > '9' {
				return false
			}
		} else if c != p {
			return false
		}
	}
	return true
}

func two(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

// quickDate knows the days that every month has, and leaves the others to the calendar.
func quickDate(b []byte) bool {
	return like(b, "0000-00-00") && two(b[5:]) >= 1 && two(b[5:]) <= 12 && two(b[8:]) >= 1 && two(b[8:]) <= 28
}

// quickDateTime leaves leap seconds to the library.
func quickDateTime(b []byte) bool {
	if len(b) < 20 || !quickDate(b[:10]) || b[10] != 'T' || !like(b[11:19], "00:00:00") || two(b[11:]) > 23 || two(b[14:]) > 59 || two(b[17:]) > 59 {
		return false
	}
	rest := b[19:]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 1 {
			return false
		}
		rest = rest[n:]
	}
	if len(rest) == 1 {
		return rest[0] == 'Z'
	}
	return len(rest) == 6 && (rest[0] == '+' || rest[0] == '-') && like(rest[1:], "00:00") && two(rest[1:]) <= 23 && two(rest[4:]) <= 59
}

func quickUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z'
}

// quickEmail knows addresses of letters, digits, and single . - _ + between them.
func quickEmail(b []byte) bool {
	at, after := -1, true // after something that no sign may follow
	for i, c := range b {
		switch {
		case alphanumeric(c):
			after = false
			continue
		case after:
			return false
		case c == '@' && at < 0:
			at = i
		case c == '.' || c == '-':
		case (c == '_' || c == '+') && at < 0:
		default:
			return false
		}
		after = true
	}
	return !after && at > 0 && at <= 64 && len(b)-at-1 <= 63
}

// quickURI knows http and https, with a host of letters, digits, and . - and a path of a few more.
func quickURI(b []byte) bool {
	rest, ok := b, false
	for _, scheme := range []string{"https://", "http://"} {
		if len(b) > len(scheme) && string(b[:len(scheme)]) == scheme {
			rest, ok = b[len(scheme):], true
		}
	}
	if !ok || !alphanumeric(rest[0]) {
		return false
	}
	path := false
	for _, c := range rest {
		switch {
		case alphanumeric(c) || c == '.' || c == '-':
		case c == '/':
			path = true
		case path && (c == '_' || c == '?' || c == '=' || c == '&' || c == '~'):
		default:
			return false
		}
	}
	return true
}
