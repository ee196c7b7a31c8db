package batonv1

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// codes is the one table from the ledger's codes to those of gRPC. stale_revision is Aborted, since the caller should decide again and then try
// again; what is too large is wrong for ever, and so no ResourceExhausted, which clients retry.
var codes = map[ledger.Code]connect.Code{
	ledger.CodeInvalid: connect.CodeInvalidArgument, ledger.CodeTooLarge: connect.CodeInvalidArgument, ledger.CodeNotFound: connect.CodeNotFound,
	ledger.CodeStaleRevision: connect.CodeAborted, ledger.CodeIDConflict: connect.CodeAlreadyExists, ledger.CodePartialBatch: connect.CodeFailedPrecondition, ledger.CodeAnswered: connect.CodeFailedPrecondition, ledger.CodeViolation: connect.CodeFailedPrecondition,
	ledger.CodeLocked: connect.CodeFailedPrecondition, ledger.CodeDiskFull: connect.CodeResourceExhausted, ledger.CodeUnavailable: connect.CodeUnavailable,
	ledger.CodeNotKnown: connect.CodeUnauthenticated, ledger.CodeForbidden: connect.CodePermissionDenied, ledger.CodeTooMany: connect.CodeResourceExhausted,
	ledger.CodeUnsupported: connect.CodeUnimplemented, ledger.CodeClosed: connect.CodeUnavailable,
	ledger.CodeCorrupt: connect.CodeDataLoss, ledger.CodeInternal: connect.CodeInternal,
}

// plain is the way back for errors without a Problem: of a proxy, or of the transport.
var plain = map[connect.Code]ledger.Code{
	connect.CodeInvalidArgument: ledger.CodeInvalid, connect.CodeOutOfRange: ledger.CodeInvalid, connect.CodeNotFound: ledger.CodeNotFound,
	connect.CodeResourceExhausted: ledger.CodeTooMany, connect.CodeUnavailable: ledger.CodeUnavailable, connect.CodeUnauthenticated: ledger.CodeNotKnown,
	connect.CodePermissionDenied: ledger.CodeForbidden, connect.CodeUnimplemented: ledger.CodeUnsupported, connect.CodeDataLoss: ledger.CodeCorrupt,
}

// Err is the *ledger.Error that a Problem tells of, nil where there is none.
func (p *Problem) Err() error {
	if p == nil {
		return nil
	}
	out := &client.Problem{Code: ledger.Code(p.GetCode()), Op: p.GetOp(), Detail: p.GetMessage(), Hint: p.GetHint()}
	if c := p.GetStaleRevision(); c != nil {
		out.Stream, out.Expected, out.Current = c.GetStream(), &c.Expected, &c.Current
	}
	if c := p.GetIdConflict(); c != nil && len(c.GetStored()) == len(ledger.Hash{}) && len(c.GetOffered()) == len(ledger.Hash{}) {
		stored, offered := ledger.Hash(c.GetStored()), ledger.Hash(c.GetOffered())
		out.Stream, out.Source, out.ID, out.Position, out.Stored, out.Offered = c.GetStream(), c.GetSource(), c.GetId(), c.GetPosition(), &stored, &offered
	}
	return out.Ledger()
}

// FromProblem makes the error of a call: a code of gRPC, the message, and the Problem as its detail.
func FromProblem(p *client.Problem) *connect.Error {
	e := connect.NewError(codes[p.Code], errors.New(p.Detail))
	if detail, err := connect.NewErrorDetail(NewProblem(p)); err == nil {
		e.AddDetail(detail)
	}
	return e
}

// NewProblem is a Problem of REST as this interface has it.
func NewProblem(p *client.Problem) *Problem {
	out := &Problem{Code: string(p.Code), Op: p.Op, Message: p.Detail, Hint: p.Hint}
	switch {
	case p.Expected != nil && p.Current != nil:
		out.Cause = &Problem_StaleRevision{StaleRevision: &StaleRevision{Stream: p.Stream, Expected: *p.Expected, Current: *p.Current}}
	case p.Stored != nil && p.Offered != nil:
		out.Cause = &Problem_IdConflict{IdConflict: &IDConflict{Stream: p.Stream, Source: p.Source, Id: p.ID, Position: p.Position,
			Stored: p.Stored[:], Offered: p.Offered[:]}}
	}
	return out
}

// ErrorOf makes the error of a call, by a Connect client or by one of google.golang.org/grpc, a *ledger.Error again, with its code, its
// hint and, for the two conflicts, its cause. The end of the caller's own context is that context's error. nil stays nil.
func ErrorOf(err error) error {
	if err == nil {
		return nil
	}
	code, message, details := parts(err)
	for _, d := range details {
		if p, ok := d.(*Problem); ok {
			return p.Err()
		}
	}
	switch code {
	case connect.CodeDeadlineExceeded:
		return context.DeadlineExceeded
	case connect.CodeCanceled:
		return context.Canceled
	}
	known, ok := plain[code]
	if !ok {
		known = ledger.CodeInternal
	}
	return ledger.Errorf(known, "call", "see whether the server runs, and its log", "%s", message)
}

// parts takes either client's error apart.
func parts(err error) (code connect.Code, message string, details []any) {
	var e *connect.Error
	if errors.As(err, &e) {
		for _, d := range e.Details() {
			if m, err := d.Value(); err == nil {
				details = append(details, m)
			}
		}
		return e.Code(), e.Message(), details
	}
	s, _ := status.FromError(err)
	return connect.Code(s.Code()), s.Message(), s.Details()
}
