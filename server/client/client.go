// Package client uses a Baton server from Go.
//
// A [Client] is a ledger that another process holds: a [ledger.Reader] and a [ledger.Tailer] over HTTP, an append with the
// intake's signature ([Client.AppendAll]), the read models ([Reports]) and what the holder proves of itself. Whatever folds,
// replays or verifies a directory does the same with a Client in its place.
//
// Errors are the server's own *[ledger.Error]: errors.Is asks for a code, as [ledger.CodeStaleRevision], and errors.As gives
// *[ledger.StaleRevision] and *[ledger.IDConflict] with what the server found. A connection that breaks is
// [ledger.CodeUnavailable], never a short list: an append that ended so may have been written, and sent again it answers the
// first receipts. A Client is safe for concurrent use.
//
// The package also holds the types of the wire, which the server takes from here: what the two say cannot come apart.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Options say how to ask. The zero value is right for a server on this machine without keys.
type Options struct {
	Key  string       // API key, sent as a bearer token; "" sends none
	HTTP *http.Client // nil is one of the package's own, without a time limit: contexts limit
}

// Client asks one server.
type Client struct {
	base string // http://host:port
	key  string
	http *http.Client
}

// shared keeps more connections to one host than http.DefaultTransport does: many goroutines ask one server.
var shared = func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 64
	return &http.Client{Transport: t}
}()

// New makes a client of the server at base, as http://127.0.0.1:8080.
func New(base string, o Options) *Client {
	if o.HTTP == nil {
		o.HTTP = shared
	}
	return &Client{base: strings.TrimSuffix(base, "/"), key: o.Key, http: o.HTTP}
}

// get asks and decodes a JSON answer into out.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, http.MethodGet, path, query, nil, out)
}

func (c *Client) post(ctx context.Context, path string, body []byte, out any) error {
	return c.do(ctx, http.MethodPost, path, nil, body, out)
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	resp, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := decode(resp.Body, out); err != nil {
		return unreachable(ctx, err)
	}
	return nil
}

// decode reads one JSON answer. What reads its own JSON gets it as it is: encoding/json would go over all of it first.
func decode(body io.Reader, out any) error {
	own, ok := out.(json.Unmarshaler)
	if !ok {
		return json.NewDecoder(body).Decode(out)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return own.UnmarshalJSON(text)
}

// send gives a successful response, or the error of a problem. A nil body is none.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "ask the server", "give the address of a server, as http://127.0.0.1:8080", "%w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, readProblem(resp)
	}
	return resp, nil
}

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: "ask the server", Err: err, Hint: "see whether the process that holds the ledger still runs"}
}

// readProblem makes an error of a response that is not a success.
func readProblem(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var p Problem
	if json.Unmarshal(body, &p) == nil && p.Code != "" {
		return p.Ledger()
	}
	return ledger.Errorf(ledger.CodeUnavailable, "ask the server", "see the server's log", "%s: %.200s", resp.Status, fmt.Sprintf("%q", body))
}

// readLines reads NDJSON. A connection that breaks is an error, never a short list.
func readLines[W, T any](ctx context.Context, c *Client, path string, query url.Values, value func(*W) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		resp, err := c.send(ctx, http.MethodGet, path, query, nil)
		if err != nil {
			yield(zero, err)
			return
		}
		defer resp.Body.Close()
		for d := json.NewDecoder(resp.Body); ; {
			var w W
			switch err := d.Decode(&w); {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(zero, unreachable(ctx, err))
				return
			}
			v, err := value(&w)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// values makes a query of the pairs that say something.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}
