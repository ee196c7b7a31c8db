package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Moment says as of when a journey is looked at. The zero value is now: everything that is durable. At most one of Position,
// Revision, Recorded and KnownAt or At may be set; only At and KnownAt go together.
type Moment struct {
	Position uint64    `json:"position,omitempty"` // events up to this place in the whole ledger
	Revision uint64    `json:"revision,omitempty"` // events up to this revision of the journey's stream, and what the overlay had said by then
	At       time.Time `json:"at,omitzero"`        // of the events known at KnownAt, those that had occurred by this time
	KnownAt  time.Time `json:"known_at,omitzero"`  // events recorded by this time; zero is everything durable
	Recorded time.Time `json:"recorded,omitzero"`  // events recorded by this time
}

// MomentFlags are the names of the flags and parameters of a moment, in the order of Moment's fields.
var MomentFlags = []string{"position", "revision", "at", "known-at", "recorded"}

// ParseMoment reads a moment from flags or query parameters: get answers the text of a name in MomentFlags, "" where it was not
// given. Errors are CodeInvalid and name the flag.
func ParseMoment(get func(flag string) string) (Moment, error) {
	var m Moment
	for flag, field := range map[string]*uint64{"position": &m.Position, "revision": &m.Revision} {
		text := strings.TrimSpace(get(flag))
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 {
			return Moment{}, invalid("give --"+flag+" a whole number from 1", "--%s %s is not a whole number from 1", flag, quote(text))
		}
		*field = n
	}
	for flag, field := range map[string]*time.Time{"at": &m.At, "known-at": &m.KnownAt, "recorded": &m.Recorded} {
		text := strings.TrimSpace(get(flag))
		if text == "" {
			continue
		}
		at, err := ParseTime(text)
		if err != nil {
			return Moment{}, invalid("write it as 2010-04-08T09:30:00Z or 2010-04-08", "--%s: %w", flag, err)
		}
		*field = at
	}
	return m, m.Validate()
}

// timeLayouts are what people write. Without an offset it is UTC; without a time of day it is that day's first instant.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// ParseTime reads RFC 3339, or a shorter form of it: a day, or a day and a time, in UTC where no offset is given.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a time", quote(text))
}

// ParseEnd reads one end of a difference, or a moment in one word: "now" or nothing, a revision as 3, a position as @120, or a time as of
// [ParseTime]. Errors are CodeInvalid and name no field: the caller knows which end it was.
func ParseEnd(text string) (Moment, error) {
	number, position := strings.CutPrefix(text, "@")
	n, err := strconv.ParseUint(number, 10, 64)
	switch {
	case text == "" || text == "now":
		return Moment{}, nil
	case err == nil && n > 0 && position:
		return Moment{Position: n}, nil
	case err == nil && n > 0 && len(text) < 10:
		return Moment{Revision: n}, nil
	}
	at, err := ParseTime(text)
	if err != nil {
		return Moment{}, invalid("give a revision (3), a position (@120), a time (2010-04-08) or now", "%w", err)
	}
	return Moment{At: at}, nil
}

// Validate refuses moments that contradict themselves: two answers to the question how much of the record counts.
func (m Moment) Validate() error {
	var set []string
	for i, given := range []bool{m.Position > 0, m.Revision > 0, !m.At.IsZero(), !m.KnownAt.IsZero(), !m.Recorded.IsZero()} {
		if given {
			set = append(set, "--"+MomentFlags[i])
		}
	}
	if len(set) < 2 || len(set) == 2 && !m.At.IsZero() && !m.KnownAt.IsZero() {
		return nil
	}
	return invalid("give one of --position, --revision, --recorded or --at; --at may be joined by --known-at alone",
		"%s contradict each other: each says as of when", strings.Join(set, " and "))
}

// IsZero reports whether the moment is now.
func (m Moment) IsZero() bool { return m == Moment{} }

// String says the moment in words.
func (m Moment) String() string {
	switch {
	case m.Position > 0:
		return fmt.Sprintf("position %d", m.Position)
	case m.Revision > 0:
		return fmt.Sprintf("revision %d", m.Revision)
	case !m.Recorded.IsZero():
		return "what was recorded by " + stamp(m.Recorded)
	case !m.At.IsZero() && !m.KnownAt.IsZero():
		return stamp(m.At) + ", by what was known at " + stamp(m.KnownAt)
	case !m.At.IsZero():
		return stamp(m.At)
	case !m.KnownAt.IsZero():
		return "what was known at " + stamp(m.KnownAt)
	}
	return "the last event"
}

// known is the recorded time that cuts, zero for none.
func (m Moment) known() time.Time {
	if !m.Recorded.IsZero() {
		return m.Recorded
	}
	return m.KnownAt
}

// gate lets through the events of a journey that count at a moment. It must see them in position order.
type gate struct {
	Moment
	head uint64 // durable position when the question was asked; a bound for both streams, so that they show one instant
	done bool   // the cut was reached: the rest need not be read
}

// admits reports whether an event counts.
func (g *gate) admits(r *ledger.Recorded) bool {
	known := g.known()
	switch {
	case g.done:
		return false
	case r.Position > g.head, g.Position > 0 && r.Position > g.Position, !known.IsZero() && r.RecordedTime.After(known):
		g.done = true
		return false
	}
	if g.Revision > 0 && isFact(r) {
		g.done = r.Revision >= g.Revision
		return r.Revision <= g.Revision
	}
	return g.At.IsZero() || !r.Occurred().After(g.At)
}

// isFact tells the journey's stream from its overlay.
func isFact(r *ledger.Recorded) bool { return !isOverlay(r.Stream) }

func isOverlay(stream string) bool {
	category, _ := ledger.SplitStream(stream)
	return category == ledger.CategoryOverlay
}

func invalid(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "replay", hint, format, args...)
}
