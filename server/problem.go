package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
)

// Problem is an error on the wire (RFC 9457), with the ledger's code and hint. A client gets the same *ledger.Error back from it,
// so errors.Is works on both sides.
type Problem struct {
	Type     string       `json:"type" doc:"urn:baton:<code>"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Code     ledger.Code  `json:"code"`
	Op       string       `json:"op,omitempty"`
	Hint     string       `json:"hint,omitempty" doc:"what to do next"`
	Stream   string       `json:"stream,omitempty" doc:"of stale_revision and id_conflict"`
	Expected *int64       `json:"expected,omitempty" doc:"of stale_revision"`
	Current  *uint64      `json:"current,omitempty" doc:"of stale_revision: the stream's revision"`
	Source   string       `json:"source,omitempty" doc:"of id_conflict"`
	ID       string       `json:"id,omitempty" doc:"of id_conflict"`
	Position uint64       `json:"position,omitempty" doc:"of id_conflict: where the first event is"`
	Stored   *ledger.Hash `json:"stored,omitempty" doc:"of id_conflict: digest of what is recorded"`
	Offered  *ledger.Hash `json:"offered,omitempty" doc:"of id_conflict: digest of what was sent"`
}

// statuses is the one table from codes to HTTP.
var statuses = map[ledger.Code]int{
	ledger.CodeInvalid: http.StatusBadRequest, ledger.CodeTooLarge: http.StatusRequestEntityTooLarge, ledger.CodeNotFound: http.StatusNotFound,
	ledger.CodeStaleRevision: http.StatusConflict, ledger.CodeIDConflict: http.StatusConflict, ledger.CodePartialBatch: http.StatusConflict,
	ledger.CodeLocked: http.StatusLocked, ledger.CodeDiskFull: http.StatusInsufficientStorage, ledger.CodeUnavailable: http.StatusServiceUnavailable,
	ledger.CodeNotKnown: http.StatusUnauthorized, ledger.CodeForbidden: http.StatusForbidden, ledger.CodeTooMany: http.StatusTooManyRequests,
	ledger.CodeUnsupported: http.StatusNotImplemented, ledger.CodeClosed: http.StatusServiceUnavailable,
	ledger.CodeCorrupt: http.StatusInternalServerError, ledger.CodeInternal: http.StatusInternalServerError,
}

func init() {
	huma.DefaultArrayNullable = false // lists are [], never null: clients loop over them
	// Huma's own refusals (a query parameter that is no number, a body that is no JSON) are problems of ours too.
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		code := ledger.CodeInvalid
		switch {
		case status == http.StatusNotFound:
			code = ledger.CodeNotFound
		case status == http.StatusRequestEntityTooLarge:
			code = ledger.CodeTooLarge
		case status >= 500:
			code = ledger.CodeInternal
		}
		for _, err := range errs { // they quote what was sent, however large it was
			message += ": " + shorten(err.Error())
		}
		return &Problem{Type: "urn:baton:" + string(code), Title: http.StatusText(status), Status: status, Detail: message, Code: code}
	}
}

// ProblemOf makes a Problem of any error.
func ProblemOf(err error) *Problem {
	code := ledger.CodeOf(err)
	status := statuses[code]
	p := &Problem{Type: "urn:baton:" + string(code), Title: http.StatusText(status), Status: status, Code: code, Hint: ledger.HintOf(err), Detail: err.Error()}
	var e *ledger.Error
	if errors.As(err, &e) && e.Err != nil {
		p.Op, p.Detail = e.Op, e.Err.Error()
	}
	var stale *ledger.StaleRevision
	if errors.As(err, &stale) {
		expected := int64(stale.Expected)
		p.Stream, p.Expected, p.Current = stale.Stream, &expected, &stale.Current
	}
	var conflict *ledger.IDConflict
	if errors.As(err, &conflict) {
		p.Stream, p.Source, p.ID, p.Position = conflict.Stream, conflict.Source, conflict.ID, conflict.Position
		p.Stored, p.Offered = &conflict.Stored, &conflict.Offered
	}
	return p
}

// Error, GetStatus and ContentType make a Problem what huma writes for an error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is problem+json whatever was asked for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Ledger gives the error the problem was made of.
func (p *Problem) Ledger() error {
	e := &ledger.Error{Code: p.Code, Op: p.Op, Err: errors.New(p.Detail), Hint: p.Hint}
	switch {
	case p.Code == ledger.CodeStaleRevision && p.Expected != nil && p.Current != nil:
		e.Err = &ledger.StaleRevision{Stream: p.Stream, Expected: ledger.Expect(*p.Expected), Current: *p.Current}
	case p.Code == ledger.CodeIDConflict && p.Stored != nil && p.Offered != nil:
		e.Err = &ledger.IDConflict{Stream: p.Stream, Source: p.Source, ID: p.ID, Position: p.Position, Stored: *p.Stored, Offered: *p.Offered}
	}
	return e
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

func shorten(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func fail(err error) error {
	if err == nil {
		return nil
	}
	return ProblemOf(err)
}
