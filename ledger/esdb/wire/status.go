package wire

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
)

// statuses translate codes. What clients of EventStoreDB know is told by trailers, see fail.
var statuses = map[ledger.Code]codes.Code{
	ledger.CodeInvalid: codes.InvalidArgument, ledger.CodeTooLarge: codes.InvalidArgument, ledger.CodeNotFound: codes.NotFound,
	ledger.CodeStaleRevision: codes.FailedPrecondition, ledger.CodeIDConflict: codes.AlreadyExists, ledger.CodePartialBatch: codes.FailedPrecondition,
	ledger.CodeCorrupt: codes.DataLoss, ledger.CodeLocked: codes.Unavailable, ledger.CodeDiskFull: codes.ResourceExhausted,
	ledger.CodeUnavailable: codes.Unavailable, ledger.CodeClosed: codes.Unavailable, ledger.CodeUnsupported: codes.Unimplemented,
	ledger.CodeNotKnown: codes.Unauthenticated, ledger.CodeForbidden: codes.PermissionDenied, ledger.CodeTooMany: codes.ResourceExhausted,
}

// fail makes the status that a call ends with, and sets the trailers by which clients tell kinds of errors apart. The hint goes along:
// a status has one text.
func fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err // of gRPC itself: a client that has gone, a message that is too large
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	code, ok := statuses[ledger.CodeOf(err)]
	if !ok {
		code = codes.Internal
	}
	if trailers := trailersOf(err); trailers != nil {
		_ = grpc.SetTrailer(ctx, trailers) // fails outside of a call alone
	}
	text := err.Error()
	if hint := ledger.HintOf(err); hint != "" {
		text += ". Try: " + hint
	}
	return status.Error(code, text)
}

// tooMuch is the cause of an append beyond what one append may carry.
type tooMuch struct{ error }

func trailersOf(err error) metadata.MD {
	var missing *missingMetadata
	switch {
	case errors.As(err, new(tooMuch)):
		return metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(ledger.MaxBatchBytes))
	case errors.As(err, &missing):
		return metadata.Pairs("exception", "missing-required-metadata-property", "required-metadata-properties", "type,content-type")
	case ledger.CodeOf(err) == ledger.CodeForbidden, ledger.CodeOf(err) == ledger.CodeNotKnown:
		return metadata.Pairs("exception", "access-denied")
	}
	return nil
}

// missingMetadata is the cause of an event without the metadata that the protocol requires.
type missingMetadata struct{ name string }

func (e *missingMetadata) Error() string { return "the event's metadata lacks " + e.name }
