package relay

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
)

// Headers of our own, and those of JetStream that we set. Attributes have the prefix "ce-".
const (
	headerRepair      = "Baton-Repair"       // "true": published again, late
	headerHead        = "Baton-Head"         // with Baton-Repair: how far the relay was
	headerDataOmitted = "Baton-Data-Omitted" // bytes of data that the server's limit did not allow
	headerMsgID       = nats.MsgIdHdr
	headerExpect      = nats.ExpectedLastSeqHdr
	headerExpectID    = nats.ExpectedLastMsgIdHdr
	headerContentType = "content-type"
	headerTraceParent = "traceparent" // as ce-traceparent, under the name that instrumented consumers look for
	attributePrefix   = "ce-"
)

// message renders an event; limit is the most bytes the server takes, 0 for no limit.
func message(ledgerID string, r *ledger.Recorded, limit int64) *nats.Msg {
	h := make(nats.Header, 20)
	h[attributePrefix+"specversion"] = []string{"1.0"}
	for name, value := range r.Attributes() {
		h[attributePrefix+name] = []string{escapeHeader(value)}
	}
	if r.ContentType != "" {
		h[headerContentType] = []string{escapeHeader(r.ContentType)}
	}
	if isTraceParent(r.TraceParent) {
		h[headerTraceParent] = []string{r.TraceParent}
	}
	h[headerMsgID] = []string{messageID(ledgerID, r.Position)}
	m := &nats.Msg{Subject: Subject(r), Header: h, Data: r.Data}
	if limit > 0 && int64(m.Size()+expectRoom) > limit {
		h[headerDataOmitted] = []string{strconv.Itoa(len(r.Data))}
		m.Data = nil
	}
	return m
}

// isTraceParent reports whether s has the form of W3C Trace Context: what has not would only confuse consumers, and is in ce-traceparent.
func isTraceParent(s string) bool {
	const form = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if len(s) < len(form) || len(s) > len(form) && (s[:2] == "00" || s[len(form)] != '-') {
		return false // later versions may add fields
	}
	for i, c := range []byte(s) {
		switch {
		case c <= ' ' || c >= 0x7f:
			return false
		case i < len(form) && (form[i] == '-') != (c == '-'):
			return false
		case i < len(form) && c != '-' && (c < '0' || c > '9' && (c < 'a' || c > 'f')):
			return false
		}
	}
	return s[:2] != "ff"
}

// expectRoom is what the headers that are set later may need.
const expectRoom = 1024

func messageID(ledgerID string, position uint64) string {
	return ledgerID + ":" + strconv.FormatUint(position, 10)
}

// positionOf is the position a message claims, 0 for messages that are not of this ledger.
func positionOf(ledgerID string, h nats.Header) uint64 {
	if !strings.HasPrefix(h.Get(headerMsgID), ledgerID+":") {
		return 0
	}
	n, _ := strconv.ParseUint(h.Get(attributePrefix+"position"), 10, 64)
	return n
}

// Message is a relayed event as a consumer reads it back. The facets, the record and the previous head do not travel.
type Message struct {
	ledger.Recorded
	Subject  string
	Sequence uint64 // in the NATS stream
	Repaired bool   // it was missing and came late
	Omitted  int    // bytes of data that were too many for the server
}

// ParseMessage reads what the relay published.
func ParseMessage(subject string, h nats.Header, data []byte) (Message, error) {
	e, place, err := parseHeaders(h)
	if err != nil {
		return Message{}, err
	}
	m := Message{Recorded: ledger.Recorded{Event: e, Stream: place["stream"]}, Subject: subject, Repaired: h.Get(headerRepair) == "true"}
	m.Data = data
	m.Omitted, _ = strconv.Atoi(h.Get(headerDataOmitted))
	var errs [3]error
	m.Position, errs[0] = strconv.ParseUint(place["position"], 10, 64)
	m.Revision, errs[1] = strconv.ParseUint(place["revision"], 10, 64)
	m.RecordedTime, errs[2] = ledger.ParseTime(place["recordedtime"])
	for _, err := range errs {
		if err != nil {
			return Message{}, ledger.Errorf(ledger.CodeInvalid, "read message", "", "the message on %q has no place of a ledger: %w", subject, err)
		}
	}
	return m, nil
}

// parseHeaders reads binary mode: the event without its data, and apart from it the four attributes of a place.
func parseHeaders(h nats.Header) (e ledger.Event, place map[string]string, err error) {
	place = make(map[string]string, 4)
	seen := make(map[string]bool, len(h))
	for key, values := range h {
		name, ok := cutPrefixFold(key, attributePrefix)
		if !ok || len(values) == 0 {
			continue
		}
		if seen[name] || len(values) > 1 { // which one is meant would depend on the order of a map
			return e, nil, ledger.Errorf(ledger.CodeInvalid, "read message", "send it once", "header ce-%s is there twice", name)
		}
		seen[name] = true
		value, err := url.PathUnescape(values[0])
		if err != nil {
			return e, nil, ledger.Errorf(ledger.CodeInvalid, "read message", "percent-encode the header's value", "header %s: %w", key, err)
		}
		if ledger.ExtensionName(name) != name {
			place[name] = value
			continue
		}
		if err := e.SetAttribute(name, value); err != nil {
			return e, nil, err
		}
	}
	if e.ContentType == "" {
		e.ContentType, _ = url.PathUnescape(header(h, headerContentType))
	}
	e.SortExt()
	return e, place, nil
}

// header is a header's value whatever the case its sender chose: NATS keeps the case, HTTP libraries change it.
func header(h nats.Header, key string) string {
	if v := h.Get(key); v != "" {
		return v
	}
	for k, values := range h {
		if strings.EqualFold(k, key) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func cutPrefixFold(key, prefix string) (string, bool) {
	if len(key) <= len(prefix) || !strings.EqualFold(key[:len(prefix)], prefix) {
		return "", false
	}
	return strings.ToLower(key[len(prefix):]), true
}

// escapeHeader percent-encodes as the CloudEvents HTTP binding says: what is not printable ASCII, the space, the quote and the percent sign.
func escapeHeader(s string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := append(make([]byte, 0, len(s)+16), s[:i]...)
	for ; i < len(s); i++ {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
