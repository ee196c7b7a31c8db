package enrich

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Limits of an answer.
const (
	MaxReply = 64 << 10 // bytes
	maxText  = 256      // bytes of a version or a text of a field's metadata
)

// Request is what a source of kind http or nats is sent.
type Request struct {
	Journey  string                     `json:"journey"`
	Handoff  string                     `json:"handoff"` // with the source's name the key by which a request that comes again is known
	Point    string                     `json:"point"`
	Channel  string                     `json:"channel"`
	Fields   []string                   `json:"fields"`              // that are asked for
	Known    map[string]json.RawMessage `json:"known"`               // those of the source's needs that are known
	BudgetMS int64                      `json:"budget_ms,omitempty"` // what is left of it; absent: as long as the timeout
}

// Answer is what it answers. Members that are not named here are not looked at.
type Answer struct {
	Values  map[string]json.RawMessage `json:"values"` // by field; absent or null: not known
	Fields  map[string]Meta            `json:"fields"` // what is known of each value
	Version string                     `json:"version"`
}

// Meta is what a source says of a value.
type Meta struct {
	Source         string     `json:"source,omitempty"`
	AssertedAt     *time.Time `json:"asserted_at,omitempty"`
	Method         string     `json:"method,omitempty"`
	Confidence     *float64   `json:"confidence,omitempty"`
	Classification string     `json:"classification,omitempty"`
}

func refuse(code ledger.Code, format string, args ...any) error {
	return ledger.Errorf(code, "enrichment", "correct the source; docs/context.md says what it may answer. Handoffs go on", format, args...)
}

// ParseAnswer reads an answer to a question for some fields, whole or not at all. Errors are CodeTooLarge or CodeInvalid, and name the member.
func ParseAnswer(text []byte, fields []string) (a Answer, err error) {
	if e := ledger.ReadReply(text, MaxReply, &a); e != nil {
		return a, refuse(e.Code, "%w", e)
	}
	if a.Values == nil {
		return a, refuse(ledger.CodeInvalid, "values is missing; {} says that nothing is known")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Values)) {
		if !slices.Contains(fields, name) {
			return a, refuse(ledger.CodeInvalid, "values.%.80s was not asked for", name)
		}
		if string(a.Values[name]) == "null" {
			delete(a.Values, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		if err := a.Fields[name].check(name); err != nil {
			return a, err
		}
	}
	if len(a.Version) > maxText {
		return a, refuse(ledger.CodeTooLarge, "version has %d bytes, at most %d are allowed", len(a.Version), maxText)
	}
	return a, nil
}

func (m Meta) check(field string) error {
	for name, text := range map[string]string{"source": m.Source, "method": m.Method, "classification": m.Classification} {
		if len(text) > maxText {
			return refuse(ledger.CodeTooLarge, "fields.%.80s.%s has %d bytes, at most %d are allowed", field, name, len(text), maxText)
		}
	}
	switch {
	case m.Confidence != nil && !(*m.Confidence >= 0 && *m.Confidence <= 1):
		return refuse(ledger.CodeInvalid, "fields.%.80s.confidence is %g, and not from 0 to 1", field, *m.Confidence)
	case m.Method != "" && !slices.Contains([]string{"user", "system", "model", "default", "inherited"}, m.Method):
		return refuse(ledger.CodeInvalid, "fields.%.80s.method is %.40q, and none of user, system, model, default, inherited", field, m.Method)
	}
	return nil
}

// Ask sends a NATS request and gives the reply.
type Ask func(ctx context.Context, subject string, request []byte) ([]byte, error)

// question asks one source and reads its answer. text is the answer as it came.
func (e *Enricher) question(ctx context.Context, s *Source, q Request) (a Answer, text []byte, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return a, nil, ledger.Errorf(ledger.CodeInternal, "enrichment", "", "%w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	switch s.Kind {
	case HTTP:
		text, err = e.post(ctx, s, body)
	case NATS:
		if e.o.Ask == nil {
			return a, nil, ledger.Errorf(ledger.CodeUnavailable, "enrichment", "set nats.enabled, or use a source of kind http", "NATS is off")
		}
		text, err = e.o.Ask(ctx, s.Subject, body)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return a, nil, ledger.Errorf(ledger.CodeUnavailable, "enrichment", "make the source faster, or its timeout larger; handoffs go on", "no answer within %s", s.Timeout)
	}
	if err != nil {
		return a, nil, err
	}
	a, err = ParseAnswer(text, q.Fields)
	return a, text, err
}

// post sends the question over HTTP. The URL, whose query may hold a token, is in no error.
func (e *Enricher) post(ctx context.Context, s *Source, body []byte) ([]byte, error) {
	away := func(format string, args ...any) error {
		return ledger.Errorf(ledger.CodeUnavailable, "enrichment", "see whether the source is up; handoffs go on", format, args...)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return nil, away("the address of the source cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Baton-Enrichment/1")
	if s.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.Token)
	}
	resp, err := e.http.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return nil, away("%w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, away("the source answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxReply+1))
	if err != nil {
		return nil, away("the answer broke off: %w", err)
	}
	return text, nil
}

// newClient asks over connections of its own. A redirect could lead a token anywhere; the configured URL is where it goes.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: perSource,
		IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func digest(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }

// plain makes text of others fit for an event that people read: one line, at most 300 bytes.
func plain(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
