package rpc

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// fail makes the error of a call.
func fail(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, err)
	case errors.Is(err, context.Canceled): // by the caller, who hears nothing any more, or by the server's end
		err = ledger.Errorf(ledger.CodeUnavailable, "call", "call again; a tail goes on after the position of its last answer", "the server stops")
	}
	return batonv1.FromProblem(server.ProblemOf(err))
}
