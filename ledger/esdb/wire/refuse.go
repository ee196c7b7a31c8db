package wire

import (
	"context"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/baton-ledger/baton/ledger"
)

// Delete is refused.
func (s *Server) Delete(_ context.Context, r *streams.DeleteReq) (*streams.DeleteResp, error) {
	return nil, immutable("deleted", r.GetOptions().GetStreamIdentifier().GetStreamName())
}

// Tombstone is refused.
func (s *Server) Tombstone(_ context.Context, r *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	return nil, immutable("tombstoned", r.GetOptions().GetStreamIdentifier().GetStreamName())
}

// BatchAppend is not offered, and not advertised.
func (s *Server) BatchAppend(streams.Streams_BatchAppendServer) error {
	return ledger.Errorf(ledger.CodeUnsupported, "", "use Append, as clients do that ask for the server's features first", "Baton does not offer BatchAppend")
}

// immutable refuses what would take something away. Clients see access denied: nobody may.
func immutable(what string, stream []byte) error {
	return ledger.Errorf(ledger.CodeForbidden, "", "append an event that says what no longer holds",
		"stream %.80q cannot be %s: this ledger is immutable", stream, what)
}

// checkFollowable refuses subscriptions to streams that EventStoreDB's system projections would write: nothing would ever come. A read finds
// them not there, as on a server without these projections.
func checkFollowable(stream string) error {
	if !strings.HasPrefix(stream, "$") || strings.HasPrefix(stream, "$$") {
		return nil
	}
	return ledger.Errorf(ledger.CodeUnsupported, "subscribe", "subscribe to all with a filter: by stream prefix for $ce-, by event type for $et-",
		"stream %.80q is of a system projection, which Baton does not have", stream)
}

// checkWritable refuses system streams. A stream's metadata could say $maxAge or $maxCount, which remove events.
func checkWritable(stream string) error {
	if !strings.HasPrefix(stream, "$") {
		return nil
	}
	hint := "name a stream without $"
	if strings.HasPrefix(stream, "$$") {
		hint = "leave stream metadata out: $maxAge, $maxCount and $tb would remove events, which this ledger never does"
	}
	return ledger.Errorf(ledger.CodeForbidden, "", hint, "stream %.80q is a system stream, which cannot be written", stream)
}
