package webhook

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Endpoint is one receiver. Name and URL are required, and a secret or more; zero values are defaults.
type Endpoint struct {
	Name            string
	URL             string        // https, or http to this machine
	Secrets         []string      // "whsec_" and base64 of 24 to 64 bytes; each signs
	Types           []string      // of events, a trailing * matches the rest; default handoff.offered alone
	Receivers       []string      // stages that a handoff goes to; none: all
	Points          []string      // sender>receiver@channel; none: all
	From            uint64        // first position when the endpoint is new; 0: what comes after it was first configured
	Timeout         time.Duration // of one attempt as a whole, default 15 s
	MaxAttempts     int           // default 15
	GiveUpAfter     time.Duration // default 24 h
	Concurrency     int           // attempts at the same time, default 4
	MaxAge          time.Duration // events that occurred longer ago when they are met are left out; 0: none is
	RecordDelivered bool          // append handoff.delivered when the receiver has taken an offer
	Off             bool          // deliver nothing; the cursor waits

	keys [][]byte
}

var endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// check fills in defaults and refuses what cannot work. Who only looks needs no secret.
func (e *Endpoint) check(readOnly bool) (err error) {
	if !endpointName.MatchString(e.Name) {
		return ledger.Errorf(ledger.CodeInvalid, "webhooks", "use letters, digits, dots, dashes and underscores", "name %q of an endpoint", e.Name)
	}
	if err := CheckURL(e.URL); err != nil {
		return ledger.Errorf(ledger.CodeInvalid, "webhooks", ledger.HintOf(err), "endpoint %s: %w", e.Name, err)
	}
	if readOnly && len(e.Secrets) == 0 {
		e.keys = nil
	} else if e.keys, err = parseSecrets(e.Secrets); err != nil {
		return ledger.Errorf(ledger.CodeInvalid, "webhooks", ledger.HintOf(err), "endpoint %s: %w", e.Name, err)
	}
	if len(e.Types) == 0 {
		e.Types = []string{ledger.Type("handoff", "offered")}
	}
	fill(&e.Timeout, 15*time.Second)
	fill(&e.GiveUpAfter, 24*time.Hour)
	fill(&e.MaxAttempts, 15)
	fill(&e.Concurrency, 4)
	return nil
}

func fill[T int | time.Duration](field *T, def T) {
	if *field <= 0 {
		*field = def
	}
}

// CheckURL accepts https URLs, and http ones of this machine. A user or password in the URL is refused: it would be shown and logged.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return ledger.Errorf(ledger.CodeInvalid, "", "write it as https://host/path", "url is no https address")
	case u.User != nil:
		return ledger.Errorf(ledger.CodeInvalid, "", "leave it out: every request is signed", "url holds a user")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return ledger.Errorf(ledger.CodeInvalid, "", "use https; http is for receivers on this machine", "url is http to another machine")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// shownURL is an address without its query, which may hold a token.
func shownURL(address string) string {
	base, _, _ := strings.Cut(address, "?")
	return base
}

// wants reports whether an event is for this endpoint. It looks at the header alone.
func (e *Endpoint) wants(r *ledger.Recorded) bool {
	if category, _ := ledger.SplitStream(r.Stream); category == ledger.CategoryQuarantine {
		return false
	}
	f := &r.Facets
	return slices.ContainsFunc(e.Types, func(t string) bool { return typeMatches(t, r.Type) }) &&
		(len(e.Receivers) == 0 || slices.Contains(e.Receivers, f.Receiver)) &&
		(len(e.Points) == 0 || slices.Contains(e.Points, ledger.Point(f.Sender, f.Receiver, f.Channel)))
}

func typeMatches(pattern, typ string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(typ, prefix)
	}
	return pattern == typ
}

// lane names what an event is kept in order with: its journey, facts and overlay alike, else its stream.
func lane(stream string) string {
	if id := ledger.JourneyOf(stream); id != "" {
		return ledger.JourneyStream(id)
	}
	return stream
}
