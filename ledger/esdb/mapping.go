// Package esdb says how Baton's events are kept by EventStoreDB, and how events that others keep there are read.
//
// An event's data is kept byte for byte. Its metadata is a JSON object, because EventStoreDB's own tools and projections read
// that: $correlationId and $causationId where the event has them, then baton with what else is needed to put the record together
// again, byte for byte:
//
//	{"$correlationId":"c-1","$causationId":"h-0","baton":{"v":1,"recordedtime":"2026-03-04T08:52:01.25Z","header":"<base64>"}}
//
// The event's UUID is made of stream, source, id and content, so that a retry has the first one's and other content has another.
//
// Everything here is a pure function. Package wire answers EventStoreDB's protocol with it.
package esdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
)

// Stored is an event as EventStoreDB keeps it.
type Stored struct {
	Stream         string
	ID             uuid.UUID
	Type           string
	ContentType    string // JSON or Binary
	Metadata, Data []byte
	Number         uint64 // in the stream, from 0
	Created        time.Time
}

// The two content types that EventStoreDB has. The event's own is in the header.
const (
	JSON   = "application/json"
	Binary = "application/octet-stream"
)

// metadataVersion is the form of the member baton. A reader takes other versions for foreign metadata.
const metadataVersion = 1

// metadata is what Encode writes, in this order.
type metadata struct {
	CorrelationID string   `json:"$correlationId,omitempty"`
	CausationID   string   `json:"$causationId,omitempty"`
	Baton         envelope `json:"baton"`
}

type envelope struct {
	Version      int    `json:"v"`
	RecordedTime string `json:"recordedtime"`
	Header       []byte `json:"header"` // base64 with padding, as encoding/json writes bytes
}

// Encode gives what Baton writes for one of its events. Number is for the caller to set. It fails where [ledger.EncodeRecord] does.
func Encode(stream string, e *ledger.Event, recorded time.Time) (Stored, error) {
	record, err := ledger.EncodeRecord(stream, e)
	if err != nil {
		return Stored{}, err
	}
	header, _, err := ledger.SplitRecord(record)
	if err != nil {
		return Stored{}, err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	m := metadata{e.CorrelationID, e.CausationID, envelope{metadataVersion, recorded.UTC().Format(time.RFC3339Nano), header}}
	if err := enc.Encode(m); err != nil {
		return Stored{}, &ledger.Error{Code: ledger.CodeInternal, Op: "encode", Err: err}
	}
	s := Stored{Stream: stream, ID: EventID(stream, e), Type: e.Type, ContentType: Binary,
		Metadata: bytes.TrimSuffix(text.Bytes(), []byte("\n")), Data: e.Data, Created: recorded}
	if len(e.Data) > 0 && ledger.IsJSON(e.ContentType) {
		s.ContentType = JSON
	}
	return s, nil
}

// EventID is the UUID of an event in a stream: version 8, of SHA-256 over stream, source and id, each after its length in 4 bytes, and
// the retry digest. A retry therefore has the UUID of the first try, and other content under the same id has another.
func EventID(stream string, e *ledger.Event) uuid.UUID {
	h := sha256.New()
	for _, s := range []string{stream, e.Source, e.ID} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	digest := ledger.RetryDigest(stream, e)
	h.Write(digest[:])
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: the bits mean what we say
	id[8] = id[8]&0x3f | 0x80 // RFC 9562's variant
	return id
}

// Decode reads an event that EventStoreDB keeps. It never fails: what is not one of Baton's events is a foreign one, whose recorded time
// is zero. The event shares s.Data.
func Decode(s *Stored) (e ledger.Event, recorded time.Time, ours bool) {
	e, recorded, header := decode(s)
	return e, recorded, header != nil
}

// decode is Decode, and gives the header's bytes of an event of Baton's.
func decode(s *Stored) (e ledger.Event, recorded time.Time, header []byte) {
	m, ok := canonical(s.Metadata)
	var members map[string]json.RawMessage
	if !ok {
		members = object(s.Metadata)
		ok = json.Unmarshal(members["baton"], &m) == nil && m.Version == metadataVersion
	}
	if ok {
		if e, recorded, ok = decodeOurs(s, &m); ok {
			return e, recorded, m.Header
		}
	}
	if members == nil {
		members = object(s.Metadata)
	}
	return decodeForeign(s, members), time.Time{}, nil
}

// The parts of metadata as Encode writes it for an event without correlation and causation, which most are.
var (
	canonicalStart  = []byte(`{"baton":{"v":1,"recordedtime":"`)
	canonicalHeader = []byte(`","header":"`)
	canonicalEnd    = []byte(`"}}`)
)

// canonical takes such metadata apart without a JSON decoder, which would be most of what mirroring an event costs. False says nothing: the
// decoder is asked then.
func canonical(text []byte) (m envelope, ok bool) {
	rest, ok := bytes.CutPrefix(text, canonicalStart)
	if !ok {
		return m, false
	}
	at, rest, ok := bytes.Cut(rest, canonicalHeader)
	if !ok || len(at) > len(time.RFC3339Nano) {
		return m, false
	}
	encoded, ok := bytes.CutSuffix(rest, canonicalEnd)
	if !ok {
		return m, false
	}
	m = envelope{Version: metadataVersion, RecordedTime: string(at), Header: make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))}
	n, err := base64.StdEncoding.Strict().Decode(m.Header, encoded)
	m.Header = m.Header[:n]
	return m, err == nil && n > 0
}

// decodeOurs reads the member baton. A header of another stream or type was copied from there: that event is not this one.
func decodeOurs(s *Stored, m *envelope) (e ledger.Event, recorded time.Time, ok bool) {
	recorded, err := time.Parse(time.RFC3339Nano, m.RecordedTime)
	if err != nil {
		return ledger.Event{}, time.Time{}, false
	}
	stream, e, err := ledger.DecodeHeader(m.Header)
	if err != nil || stream != s.Stream || e.Type != s.Type {
		return ledger.Event{}, time.Time{}, false
	}
	e.Data = s.Data
	return e, recorded.UTC(), true
}

// object gives the members of a JSON object by their exact names, nothing where text is none.
func object(text []byte) (members map[string]json.RawMessage) {
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	return members
}
