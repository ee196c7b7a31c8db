package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
)

var (
	errClosed    = &ledger.Error{Code: ledger.CodeClosed, Op: "EventStoreDB", Err: errors.New("the connection is closed"), Hint: "open it again"}
	errNotLeader = errors.New("the node is not the leader")
	errWrong     = errors.New("wrong expected version") // an append's expectation did not hold
	errNoStream  = errors.New("no such stream")
)

// away says that there was no answer. Of what gRPC and the official client wrap around the cause only the cause is said.
func away(op string, err error) error {
	hint := awayHint(err.Error())
	if cause := plainly(err); cause != err {
		err = fmt.Errorf("EventStoreDB does not answer: %w", cause)
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: op, Err: err, Hint: hint}
}

// plainly is what the server or gRPC says, without what the official client wraps around it.
func plainly(err error) error {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return errors.New(s.GRPCStatus().Message())
	}
	return err
}

// awayHint says what to do about an EventStoreDB that does not answer. What is wrong with TLS reaches the client as text alone.
func awayHint(text string) string {
	switch {
	case strings.Contains(text, "x509: certificate signed by unknown authority"):
		return "name the file with the CA's certificate in the connection string: tlsCaFile=…"
	case strings.Contains(text, "x509: "):
		return "connect by a name that is on the server's certificate, and see that it is valid now"
	case strings.Contains(text, "first record does not look like a TLS handshake"):
		return "the server does not use TLS: say tls=false in the connection string, or have it use TLS"
	case strings.Contains(text, "server preface"):
		return "the server may want TLS: leave tls=false out of the connection string"
	}
	return "see whether EventStoreDB answers at the configured address; the same request can be sent again"
}

// unanswered is what a caller gets whose call was not answered in time: that EventStoreDB is away, or that the caller itself has gone.
func unanswered(op string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ledger.CodeUnavailable) {
		return away(op, fmt.Errorf("EventStoreDB does not answer in time: %w", err))
	}
	return err
}

// judge says what an error of the official client means, and throws the client away where it is of no more use. The client hands out *Error,
// wrapped ones, and raw gRPC statuses.
func (c *Client) judge(g *generation, op string, err error) error {
	code, known := codeOf(err)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case !known:
		c.dismiss(g, err)
		return away(op, err)
	}
	switch code {
	case eventstore.ErrorCodeWrongExpectedVersion:
		return errWrong
	case eventstore.ErrorCodeResourceNotFound:
		return errNoStream
	case eventstore.ErrorCodeNotLeader:
		return errNotLeader
	case eventstore.ErrorCodeStreamDeleted:
		return ledger.Errorf(ledger.CodeCorrupt, op, "find out who deleted it: nothing of a ledger may be", "a stream was deleted inside EventStoreDB: %w", err)
	case eventstore.ErrorCodeUnauthenticated:
		return ledger.Errorf(ledger.CodeNotKnown, op, "give user and password in the connection string", "EventStoreDB does not know who asks: %w", plainly(err))
	case eventstore.ErrorCodeAccessDenied:
		return ledger.Errorf(ledger.CodeForbidden, op, "give the user of the connection string the rights to read $all and to append", "EventStoreDB refuses: %w", plainly(err))
	case eventstore.ErrorCodeConnectionClosed, eventstore.ErrorUnavailable, eventstore.ErrorCodeInternalClient:
		c.dismiss(g, err)
	case eventstore.ErrorCodeUnsupportedFeature:
		return ledger.Errorf(ledger.CodeUnsupported, op, "name an EventStoreDB or KurrentDB server of version 21.10 or newer", "the server does not do that: %w", plainly(err))
	}
	if refused(err) {
		return ledger.Errorf(ledger.CodeInvalid, op, "see what the server says", "EventStoreDB refuses the request: %w", plainly(err))
	}
	return away(op, err)
}

// codeOf gives the client's code of an error; false where there is none and nothing is known. [eventstore.FromError] misses wrapped ones.
func codeOf(err error) (eventstore.ErrorCode, bool) {
	var e *eventstore.Error
	if errors.As(err, &e) {
		return e.Code(), true
	}
	s, ok := status.FromError(err)
	switch {
	case !ok:
		return 0, false
	case s.Code() == codes.Unavailable || s.Code() == codes.Canceled:
		return eventstore.ErrorUnavailable, true
	case s.Code() == codes.NotFound:
		return eventstore.ErrorCodeResourceNotFound, true
	case s.Code() == codes.Unauthenticated:
		return eventstore.ErrorCodeUnauthenticated, true
	case s.Code() == codes.PermissionDenied:
		return eventstore.ErrorCodeAccessDenied, true
	}
	return eventstore.ErrorCodeUnknown, true
}

// refused reports whether the server found fault with the request itself: trying again would not help.
func refused(err error) bool {
	s, _ := status.FromError(err)
	return s.Code() == codes.InvalidArgument || s.Code() == codes.OutOfRange
}
