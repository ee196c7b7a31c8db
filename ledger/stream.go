package ledger

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Stream categories: the part of a stream's name before its first "-".
const (
	CategoryJourney    = "journey" // facts by producers and receivers
	CategoryOverlay    = "overlay" // what machines and reading make of a journey
	CategoryQuarantine = "quarantine"
	CategoryCheckpoint = "checkpoint"
)

// Partitions is the number of partitions that journeys are spread over, for NATS subjects and parallel work.
const Partitions = 64

// JourneyStream and OverlayStream name the two streams of a journey.
func JourneyStream(id string) string { return CategoryJourney + "-" + id }

// OverlayStream names the stream of suggestions, enrichments, deliveries and views of a journey.
func OverlayStream(id string) string { return CategoryOverlay + "-" + id }

// SplitStream gives category and rest of a stream's name; rest is "" for a name without "-".
func SplitStream(name string) (category, rest string) {
	category, rest, _ = strings.Cut(name, "-")
	return category, rest
}

// JourneyOf is the journey a stream belongs to, "" for streams of other categories.
func JourneyOf(stream string) string {
	switch category, rest := SplitStream(stream); category {
	case CategoryJourney, CategoryOverlay:
		return rest
	}
	return ""
}

// Partition of a stream: FNV-1a 64 of its journey id (else of its name) modulo Partitions.
func Partition(stream string) int {
	key := JourneyOf(stream)
	if key == "" {
		key = stream
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	return int(h.Sum64() % Partitions)
}

// StreamFor is the stream an event belongs to by its type and subject: the overlay for what machines and reading make,
// the journey for the rest. Events without a subject go to the quarantine of their source.
func StreamFor(e *Event) string {
	switch {
	case e.Subject == "":
		return CategoryQuarantine + "-" + e.Source
	case InOverlay(e.Type):
		return OverlayStream(e.Subject)
	}
	return JourneyStream(e.Subject)
}

// Point names a handoff point: "sender>receiver@channel". The three separators inside a name are percent-encoded, so two
// different points never share a name.
func Point(sender, receiver, channel string) string {
	esc := func(s string) string {
		return escape(s, func(c byte) bool { return c > ' ' && c != '%' && c != '>' && c != '@' && c != 0x7f })
	}
	return esc(sender) + ">" + esc(receiver) + "@" + esc(channel)
}

// SplitPoint takes the name of a point apart; ok is false where it is none that Point gives.
func SplitPoint(name string) (sender, receiver, channel string, ok bool) {
	sender, rest, ok1 := strings.Cut(name, ">")
	receiver, channel, ok2 := strings.Cut(rest, "@")
	if !ok1 || !ok2 {
		return "", "", "", false
	}
	parts := [3]*string{&sender, &receiver, &channel}
	for _, p := range parts {
		plain, err := url.PathUnescape(*p)
		if err != nil {
			return "", "", "", false
		}
		*p = plain
	}
	return sender, receiver, channel, Point(sender, receiver, channel) == name
}

// SubjectToken makes one NATS subject token of any text: everything but ASCII letters, digits, "-" and "@" is percent-encoded,
// so no text can add a token, a wildcard or a space. The empty text, and a lone "_", cannot be mistaken for each other: "" gives "_".
func SubjectToken(s string) string {
	if s == "" {
		return "_"
	}
	return escape(s, func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '@'
	})
}

func escape(s string, keep func(byte) bool) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = keep(s[i])
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if keep(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// checkText reports why s cannot be an attribute or a name: too long, not UTF-8, or holding a control character.
func checkText(field, s string, limit int) *Error {
	switch {
	case len(s) > limit:
		return Errorf(CodeTooLarge, "", fmt.Sprintf("shorten %s to %d bytes", field, limit), "%s has %d bytes, at most %d are allowed", field, len(s), limit)
	case !utf8.ValidString(s):
		return Errorf(CodeInvalid, "", "send "+field+" as UTF-8", "%s is not valid UTF-8: %.60q", field, s)
	}
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return Errorf(CodeInvalid, "", "remove control characters from "+field, "%s has a control character at byte %d: %.60q", field, i, s)
	}
	return nil
}
