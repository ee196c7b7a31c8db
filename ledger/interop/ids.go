package interop

import (
	"strconv"

	"github.com/google/uuid"
)

// space is the namespace of imported events' ids. It must never change: every id of every imported event hangs on it.
var space = uuid.MustParse("6f0d8f3a-5d0e-5c37-9a57-6a3f2a1c9b10")

// eventID is the UUIDv5 of (source, case, ordinal of the row within the case, verb), with a zero byte between them; verb is "" for the
// row's own interaction. The same row of the same log has the same id whatever file it comes in.
func eventID(scratch []byte, source, caseID string, ordinal int, verb string) (id string, buf []byte) {
	b := append(append(scratch[:0], source...), 0)
	b = append(append(b, caseID...), 0)
	b = strconv.AppendInt(b, int64(ordinal), 10)
	if verb != "" {
		b = append(append(b, 0), verb...)
	}
	return uuid.NewSHA1(space, b).String(), b
}
