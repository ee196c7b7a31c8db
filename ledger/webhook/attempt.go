package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/baton-ledger/baton/ledger"
)

// outcome is what came of one attempt.
type outcome struct {
	Attempt
	digest     ledger.Hash   // SHA-256 of the body sent
	retryAfter time.Duration // asked for by a 429 or 503
}

func (o *outcome) success() bool { return o.Status >= 200 && o.Status < 300 }

// problem words a failure.
func (o *outcome) problem() string {
	if o.Error != "" {
		return o.Error
	}
	return fmt.Sprintf("the receiver answered %d %s", o.Status, http.StatusText(o.Status))
}

// sender sends to one endpoint, over connections of its own.
type sender struct {
	e      *Endpoint
	client *http.Client
}

func newSender(e *Endpoint, transport http.RoundTripper) *sender {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxConnsPerHost: e.Concurrency,
			MaxIdleConnsPerHost: e.Concurrency, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
			TLSHandshakeTimeout: e.Timeout}
	}
	return &sender{e, &http.Client{Transport: transport,
		// A redirect could lead a signed request anywhere; the configured URL is where it goes.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send makes one attempt. It ends with the endpoint's timeout at the latest.
func (s *sender) send(ctx context.Context, id string, r *ledger.Recorded) (o outcome) {
	body := ledger.AppendCloudEvent(nil, r)
	o.At, o.digest = time.Now().UTC(), hash(body)
	defer func() { o.Duration = int64(time.Since(o.At)) }()
	ctx, cancel := context.WithTimeout(ctx, s.e.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.e.URL, bytes.NewReader(body))
	if err != nil {
		o.Error = reason(err)
		return o
	}
	req.Header.Set("Content-Type", ledger.ContentTypeCloudEvent)
	req.Header.Set("User-Agent", "Baton-Webhook/1")
	if r.TraceParent != "" {
		req.Header.Set("Traceparent", r.TraceParent)
	}
	sign(req.Header, s.e.keys, id, o.At, body)
	resp, err := s.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		o.Status, o.retryAfter = resp.StatusCode, retryAfter(resp, o.At)
		o.Response = snippet(resp.Body) // one that breaks off changes nothing: the status has been said
		return o
	}
	if o.Error = reason(err); errors.Is(ctx.Err(), context.DeadlineExceeded) {
		o.Error = "no answer within " + s.e.Timeout.String()
	}
	return o
}

// reason is an error without the URL, whose query may hold a token.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return clean(err.Error(), 300)
}

// maxRead is how much of an answer is read; more of it ends the connection.
const maxRead = 4 << 10

func snippet(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxRead))
	return clean(string(b), 256)
}

// clean makes text of a receiver fit for logs and terminals: one line, valid, at most n bytes.
func clean(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s[:min(len(s), 4*n)])
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// retryAfter reads the header of a 429 or 503: seconds or a date, at most maxDelay.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := resp.Header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxDelay)
}
