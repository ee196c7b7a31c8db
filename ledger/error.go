package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// Code says what kind of failure an [Error] is. A Code is itself an error, so errors.Is(err, CodeStaleRevision) asks for it.
type Code string

// The codes. They are stable: they travel in HTTP problem documents and NATS replies.
const (
	CodeInvalid       Code = "invalid"        // the input is wrong; the message names the field
	CodeTooLarge      Code = "too_large"      // a limit was passed; the message names the field and the limit
	CodeNotFound      Code = "not_found"      // no such stream, journey, position
	CodeStaleRevision Code = "stale_revision" // expected revision is not the current one; Err is a *StaleRevision
	CodeIDConflict    Code = "id_conflict"    // the same stream, source and id with other bytes; Err is an *IDConflict
	CodePartialBatch  Code = "partial_batch"  // some of the batch's events are already there, some are not
	CodeAnswered      Code = "answered"       // the suggestion has another answer, or outcome; the message names it
	CodeViolation     Code = "violation"      // the event breaks its contract, which refuses that; Err is a *Broken
	CodeCorrupt       Code = "corrupt"        // the stored bytes are not what was written
	CodeLocked        Code = "locked"         // another process holds the ledger
	CodeDiskFull      Code = "disk_full"      // no space to write durably
	CodeUnavailable   Code = "unavailable"    // a needed part (disk, NATS, store) does not answer now
	CodeUnsupported   Code = "unsupported"    // this version, engine or build does not do that
	CodeNotKnown      Code = "not_known"      // nobody said who asks: no API key, or one that is not valid
	CodeForbidden     Code = "forbidden"      // who asks is known and may not do that
	CodeTooMany       Code = "too_many"       // more requests than the limit allows; later ones will do
	CodeClosed        Code = "closed"         // used after Close
	CodeInternal      Code = "internal"       // a defect of Baton
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// Error is the one error type of Baton: what kind, in which operation, why, and what a person can do about it.
type Error struct {
	Code Code
	Op   string // the operation, as "append" or "import row 17"
	Err  error  // the cause, naming the field
	Hint string // the next step, one sentence without a full stop's worth of theory; printed after "Try:"
}

// Error renders "op: cause".
func (e *Error) Error() string {
	msg := string(e.Code)
	if e.Err != nil {
		msg = e.Err.Error()
	}
	if e.Op == "" {
		return msg
	}
	return e.Op + ": " + msg
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is this error's code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// Errorf makes an Error whose cause is formatted as by fmt.Errorf.
func Errorf(code Code, op, hint, format string, args ...any) *Error {
	return &Error{Code: code, Op: op, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// CodeOf is the code of the outermost Error in err's chain, CodeInternal where there is none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// HintOf is the first hint in err's chain, "" where there is none.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}

// StaleRevision is the cause of a CodeStaleRevision: the writer's view of the stream is not the current one.
type StaleRevision struct {
	Stream   string
	Expected Expect
	Current  uint64 // 0: the stream does not exist
}

func (e *StaleRevision) Error() string {
	return fmt.Sprintf("stream %q is at revision %d, expected %s", e.Stream, e.Current, e.Expected)
}

// IDConflict is the cause of a CodeIDConflict: an id was used before, for other content.
type IDConflict struct {
	Stream, Source, ID string
	Position           uint64 // where the first one is
	Stored, Offered    Hash   // retry digests, see RetryDigest
}

func (e *IDConflict) Error() string {
	return fmt.Sprintf("event id %q from %q is already in %q at position %d with other content: stored digest %s, offered %s",
		e.ID, e.Source, e.Stream, e.Position, hex.EncodeToString(e.Stored[:8]), hex.EncodeToString(e.Offered[:8]))
}
