package replay

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Op is what a what-if does to an event.
type Op string

// The operations.
const (
	Drop  Op = "drop"
	Delay Op = "delay"
	Alter Op = "change"
)

// Edit is one supposition about one event of a journey.
type Edit struct {
	Op       Op              `json:"op"`
	Revision uint64          `json:"revision"`          // of the event, in the journey's stream
	Overlay  bool            `json:"overlay,omitempty"` // the revision is of the overlay stream
	By       time.Duration   `json:"by_ns,omitempty"`   // delay: how much later it occurred
	After    uint64          `json:"after,omitempty"`   // delay: the revision of the journey's stream it came after
	Patch    json.RawMessage `json:"patch,omitempty"`   // change: JSON merge patch (RFC 7396) of the data
	Attr     string          `json:"attribute,omitempty"`
	Value    string          `json:"value,omitempty"` // change: of the attribute, "" to remove it
}

// attributes are those of an event that a change may set.
var attributes = map[string]func(e *ledger.Event, value string) error{
	"id":              func(e *ledger.Event, v string) error { e.ID = v; return nil },
	"type":            func(e *ledger.Event, v string) error { e.Type = v; return nil },
	"actor":           func(e *ledger.Event, v string) error { e.Actor = v; return nil },
	"dataschema":      func(e *ledger.Event, v string) error { e.Schema = v; return nil },
	"datacontenttype": func(e *ledger.Event, v string) error { e.ContentType = v; return nil },
	"datasubject":     func(e *ledger.Event, v string) error { e.DataSubject = v; return nil },
	"correlationid":   func(e *ledger.Event, v string) error { e.CorrelationID = v; return nil },
	"causationid":     func(e *ledger.Event, v string) error { e.CausationID = v; return nil },
	"time": func(e *ledger.Event, v string) (err error) {
		if e.Time = (time.Time{}); v != "" {
			e.Time, err = ParseTime(v)
		}
		return err
	},
}

const editHint = `write drop:5, delay:5:48h, delay:5:after:9, change:5:{"stage":"Team B"} or change:5:time=2010-04-08T09:30:00Z; ` +
	`5 is a revision of the journey, o5 one of its overlay`

// ParseEdit reads an edit as people write it: drop:REV, delay:REV:DURATION, delay:REV:after:REV, change:REV:{JSON merge patch},
// change:REV:attribute=value. REV is a revision of the journey's stream, or o and one of its overlay stream. Durations are Go's, with
// d for 24 hours. Errors are CodeInvalid and name the part that is wrong.
func ParseEdit(spec string) (Edit, error) {
	op, rest, _ := strings.Cut(spec, ":")
	where, how, more := strings.Cut(rest, ":")
	e := Edit{Op: Op(op)}
	switch e.Op {
	case Drop, Delay, Alter:
	default:
		return Edit{}, badEdit(spec, "%s is not drop, delay or change", quote(op))
	}
	digits, overlay := strings.CutPrefix(where, "o")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 {
		return Edit{}, badEdit(spec, "%s is not a revision", quote(where))
	}
	e.Revision, e.Overlay = n, overlay
	switch {
	case e.Op == Drop && more:
		err = fmt.Errorf("nothing may follow the revision of a drop, not %s", quote(how))
	case e.Op == Delay:
		err = e.parseDelay(how)
	case e.Op == Alter:
		err = e.parseChange(how)
	}
	if err != nil {
		return Edit{}, badEdit(spec, "%w", err)
	}
	return e, nil
}

// ParseEdits reads one edit from each spec.
func ParseEdits(specs []string) ([]Edit, error) {
	edits := make([]Edit, 0, len(specs))
	for _, spec := range specs {
		e, err := ParseEdit(spec)
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	return edits, nil
}

func badEdit(spec, format string, args ...any) error {
	if len(spec) > 80 {
		spec = strings.ToValidUTF8(spec[:80], "") + "…"
	}
	return ledger.Errorf(ledger.CodeInvalid, "whatif "+quote(spec), editHint, format, args...)
}

func (e *Edit) parseDelay(how string) (err error) {
	if after, ok := strings.CutPrefix(how, "after:"); ok {
		if e.After, err = strconv.ParseUint(after, 10, 64); err != nil || e.After == 0 {
			return fmt.Errorf("%s is not a revision to come after", quote(after))
		}
		return nil
	}
	if e.By, err = parseDuration(how); err != nil {
		return err
	}
	if e.By <= 0 {
		return fmt.Errorf("delay %s is not positive", quote(how))
	}
	return nil
}

// maxDelay keeps a delayed time within the years that RFC 3339 can say.
const maxDelay = 100 * 365 * 24 * time.Hour

// parseDuration is time.ParseDuration with days.
func parseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%s is not a duration as 90m, 48h or 2d12h of at most 100 years", quote(text))
	days, rest, found := strings.Cut(text, "d")
	if !found {
		days, rest = "0", text
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, bad
	}
	total := time.Duration(n) * 24 * time.Hour
	if !found || rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d > maxDelay {
			return 0, bad
		}
		total += d
	}
	if total > maxDelay {
		return 0, bad
	}
	return total, nil
}

func (e *Edit) parseChange(how string) error {
	how = strings.TrimSpace(how)
	if strings.HasPrefix(how, "{") {
		if _, err := ledger.DeriveFacets([]byte(how)); err != nil {
			return fmt.Errorf("patch: %w", err)
		}
		e.Patch = json.RawMessage(how)
		return nil
	}
	name, value, ok := strings.Cut(how, "=")
	if !ok {
		return fmt.Errorf("%s is neither a JSON object nor attribute=value", quote(how))
	}
	if attributes[name] == nil {
		return fmt.Errorf("%s is not an attribute that can be changed: use one of %s", quote(name), strings.Join(sortedNames(attributes), ", "))
	}
	e.Attr, e.Value = name, value
	return nil
}

// String is the edit as ParseEdit reads it.
func (e Edit) String() string {
	rev := itoa(e.Revision)
	if e.Overlay {
		rev = "o" + rev
	}
	switch {
	case e.Op == Delay && e.After > 0:
		return fmt.Sprintf("%s:%s:after:%d", e.Op, rev, e.After)
	case e.Op == Delay:
		return fmt.Sprintf("%s:%s:%s", e.Op, rev, e.By)
	case e.Op == Alter && e.Attr != "":
		return fmt.Sprintf("%s:%s:%s=%s", e.Op, rev, e.Attr, e.Value)
	case e.Op == Alter:
		return fmt.Sprintf("%s:%s:%s", e.Op, rev, e.Patch)
	}
	return fmt.Sprintf("%s:%s", e.Op, rev)
}
