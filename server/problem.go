package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// statuses is the one table from codes to HTTP.
var statuses = map[ledger.Code]int{
	ledger.CodeInvalid: http.StatusBadRequest, ledger.CodeTooLarge: http.StatusRequestEntityTooLarge, ledger.CodeNotFound: http.StatusNotFound,
	ledger.CodeStaleRevision: http.StatusConflict, ledger.CodeIDConflict: http.StatusConflict, ledger.CodePartialBatch: http.StatusConflict,
	ledger.CodeAnswered: http.StatusConflict, ledger.CodeViolation: http.StatusUnprocessableEntity,
	ledger.CodeLocked: http.StatusLocked, ledger.CodeDiskFull: http.StatusInsufficientStorage, ledger.CodeUnavailable: http.StatusServiceUnavailable,
	ledger.CodeNotKnown: http.StatusUnauthorized, ledger.CodeForbidden: http.StatusForbidden, ledger.CodeTooMany: http.StatusTooManyRequests,
	ledger.CodeUnsupported: http.StatusNotImplemented, ledger.CodeClosed: http.StatusServiceUnavailable,
	ledger.CodeCorrupt: http.StatusInternalServerError, ledger.CodeInternal: http.StatusInternalServerError,
}

func init() {
	huma.DefaultArrayNullable = false // lists are [], never null: clients loop over them
	// Huma's own refusals (a query parameter that is no number, a body that is no JSON) are problems of ours too.
	huma.NewError = refusal
}

// refusal says what huma refuses: which part of the request, and what to do. Details quote what was sent, however large it was.
func refusal(status int, message string, errs ...error) huma.StatusError {
	code := codeOf(status)
	p := &client.Problem{Type: "urn:baton:" + string(code), Title: http.StatusText(status), Status: status, Code: code}
	var places []string
	for _, err := range errs {
		message += ": " + shorten(err.Error())
		if d, ok := err.(*huma.ErrorDetail); ok && d.Location != "" && !slices.Contains(places, d.Location) && len(places) < 5 {
			places = append(places, d.Location)
		}
	}
	p.Detail = message
	switch {
	case status == http.StatusRequestEntityTooLarge:
		p.Hint = "send less at once: several requests"
	case status == http.StatusRequestTimeout:
		p.Hint = "send the body without long pauses; the same request again does no harm"
	case status == http.StatusUnsupportedMediaType:
		p.Hint = "send Content-Type: application/json"
	case status < 500 && len(places) > 0:
		p.Hint = "correct " + strings.Join(places, ", ") + "; /openapi.json says what they take"
	case status < 500:
		p.Hint = "see /docs or /openapi.json for what this takes"
	}
	return p
}

// codeOf is the code of a status that no ledger.Error chose.
func codeOf(status int) ledger.Code {
	switch status {
	case http.StatusNotFound:
		return ledger.CodeNotFound
	case http.StatusRequestEntityTooLarge:
		return ledger.CodeTooLarge
	}
	if status >= 500 {
		return ledger.CodeInternal
	}
	return ledger.CodeInvalid
}

// ProblemOf makes a Problem of any error.
func ProblemOf(err error) *client.Problem {
	code := ledger.CodeOf(err)
	status := statuses[code]
	p := &client.Problem{Type: "urn:baton:" + string(code), Title: http.StatusText(status), Status: status, Code: code, Hint: ledger.HintOf(err), Detail: err.Error()}
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
	var broken *ledger.Broken
	if errors.As(err, &broken) {
		p.Notices = broken.Notices
	}
	return p
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
