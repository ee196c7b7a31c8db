package esdb

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
)

// maxAhead is how far a recorded time may be ahead of EventStoreDB's own clock. A ledger's times never go back: a forged one from
// another century would be that of every event after it.
const maxAhead = time.Hour

// recorded makes a ledger's event of a stored one, of whatever it is: nothing that is in EventStoreDB may hold the mirror up, and every node
// must make the same of it. So it looks at what is stored and at nothing else.
func recorded(s *Stored) ledger.Recorded {
	e, at, header := decode(s)
	ours := header != nil
	r := ledger.Recorded{Event: e, Stream: keptName(s.Stream), Revision: s.Number + 1, RecordedTime: at}
	if !ours || at.After(s.Created.Add(maxAhead)) || at.Unix() < 0 || at.After(time.Unix(0, math.MaxInt64)) {
		r.RecordedTime = time.Unix(0, 0) // the time of the event before will be taken; the server's own clock is not the record's
	}
	if !ours && r.Stream != s.Stream {
		r.Subject = ledger.JourneyOf(r.Stream)
	}
	if ours && r.Stream == s.Stream { // header and data as they are
		r.Record = ledger.JoinRecord(header, s.Data)
		return r
	}
	var err error
	if r.Record, err = ledger.EncodeRecord(r.Stream, &r.Event); err != nil {
		squeeze(&r, s)
	}
	return r
}

// squeeze is for events whose header no record can hold: what is long is represented by its digest.
func squeeze(r *ledger.Recorded, s *Stored) {
	digest := sha256.Sum256(s.Metadata)
	r.Event = ledger.Event{ID: s.ID.String(), Source: ForeignSource, Type: beginning(s.Type, ledger.MaxFacet), Subject: ledger.JourneyOf(r.Stream),
		Time: s.Created, ContentType: Binary, Data: s.Data, Ext: []ledger.Attr{{Name: MetadataExt + "digest", Value: hex.EncodeToString(digest[:])}}}
	if s.ContentType == JSON {
		r.ContentType = JSON
	}
	r.Record, _ = ledger.EncodeRecord(r.Stream, &r.Event) // every part is bounded now
}

// keptName is the name under which a stream is kept: its own, or one with a digest where its own ends in a dash, is too long or no text. A
// name that looks like one with a digest gets one as well, so that no two streams share a name.
func keptName(stream string) string {
	if stream != "" && len(stream) <= ledger.MaxStream && utf8.ValidString(stream) && !strings.HasSuffix(stream, "-") && !hasDigest(stream) {
		return stream
	}
	digest := sha256.Sum256([]byte(stream))
	return beginning(stream, ledger.MaxStream-digestLen) + "~" + hex.EncodeToString(digest[:])
}

const digestLen = 1 + 2*sha256.Size

func hasDigest(stream string) bool {
	if len(stream) < digestLen || stream[len(stream)-digestLen] != '~' {
		return false
	}
	digits := stream[len(stream)-digestLen+1:]
	_, err := hex.DecodeString(digits)
	return err == nil && digits == strings.ToLower(digits)
}

// beginning is a text's first bytes, as text.
func beginning(text string, n int) string {
	return strings.ToValidUTF8(text[:min(len(text), n)], "")
}
