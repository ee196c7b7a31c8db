package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// ReadReply reads what another program answered, whole or not at all: one JSON value of at most max bytes, valid UTF-8, and nothing behind it. The error
// has CodeTooLarge or CodeInvalid, and neither operation nor hint: its caller knows who was asked.
func ReadReply(answer []byte, max int, into any) *Error {
	switch {
	case len(answer) > max:
		return Errorf(CodeTooLarge, "", "", "the reply has %d bytes, at most %d are allowed", len(answer), max)
	case len(bytes.TrimSpace(answer)) == 0:
		return Errorf(CodeInvalid, "", "", "the reply is empty")
	case !utf8.Valid(answer):
		return Errorf(CodeInvalid, "", "", "the reply is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(answer))
	var other *json.UnmarshalTypeError
	switch err := d.Decode(into); {
	case errors.As(err, &other) && other.Field != "": // by the names that the program knows, not by ours
		return Errorf(CodeInvalid, "", "", "the reply is not the JSON that was asked for: member %.80q is a %s", other.Field, other.Value)
	case err != nil:
		return Errorf(CodeInvalid, "", "", "the reply is not the JSON that was asked for: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Errorf(CodeInvalid, "", "", "the reply goes on after its JSON value")
	}
	return nil
}
