package wire

import (
	"regexp"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/baton-ledger/baton/ledger"
)

// filter says which events of all a client wants. A regular expression is Go's (RE2): matching takes time in proportion to the name,
// whatever the expression is.
type filter struct {
	byStream bool
	prefixes []string
	regex    *regexp.Regexp
	interval uint64 // events looked at from one checkpoint to the next
}

// What a filter may be. A longer one is no filter but an attack on the server's memory.
const (
	maxRegex      = 2048
	maxPrefixes   = 1000
	defaultWindow = 32 // where the client names none
	maxInterval   = 1 << 40
)

// newFilter reads a filter; nil where there is none.
func newFilter(o *streams.ReadReq_Options_FilterOptions) (*filter, error) {
	if o == nil {
		return nil, nil
	}
	expression := o.GetEventType()
	f := &filter{interval: defaultWindow}
	if expression == nil {
		expression, f.byStream = o.GetStreamIdentifier(), true
	}
	if n := o.GetMax(); n > 0 {
		f.interval = uint64(n)
	}
	f.interval = min(f.interval*uint64(max(o.GetCheckpointIntervalMultiplier(), 1)), maxInterval)
	f.prefixes = expression.GetPrefix()
	text := expression.GetRegex()
	var err error
	switch {
	case text == "" && len(f.prefixes) == 0:
		return nil, badFilter("send a regular expression or prefixes", "the filter is empty")
	case len(text) > maxRegex || len(f.prefixes) > maxPrefixes:
		return nil, badFilter("shorten it, or filter at the client", "the filter is longer than %d bytes or %d prefixes", maxRegex, maxPrefixes)
	case text != "":
		if f.regex, err = regexp.Compile(text); err != nil {
			return nil, badFilter("use Go's syntax (RE2), which has no look-ahead: ^[^$] says what (?!\\$) does", "the filter is no regular expression: %w", err)
		}
	}
	return f, nil
}

func badFilter(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "read", hint, format, args...)
}

func (f *filter) wants(r *ledger.Recorded) bool {
	name := r.Type
	if f.byStream {
		name = r.Stream
	}
	if f.regex != nil {
		return f.regex.MatchString(name)
	}
	for _, p := range f.prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
