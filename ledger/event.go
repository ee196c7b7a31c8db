package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Limits of one event and of one batch, the same for every way in. Sizes are in bytes.
const (
	MaxData        = 1 << 20  // data of one event
	MaxHeader      = 16 << 10 // encoded header of one event
	MaxID          = 256      // id, and source
	MaxStream      = 512      // stream name
	MaxBatchEvents = 1000     // events of one append
	MaxBatchBytes  = 8 << 20  // data of one append
	MaxJSONDepth   = 512      // nesting of JSON data
	MaxFacet       = 1024     // one facet: a name or a label, not a text
)

// Event is one CloudEvents 1.0 event as its producer sent it. ID and Source together are the idempotency key within a stream.
// Data is kept byte for byte.
type Event struct {
	ID            string    // required
	Source        string    // required, a URI reference
	Type          string    // required, see the catalogue in types.go; foreign types are kept as they are
	Subject       string    // the journey
	Time          time.Time // when it happened; zero where the producer did not say
	ContentType   string    // datacontenttype
	Schema        string    // dataschema: contract and version
	Actor         string    // who sent it, as authenticated
	DataSubject   string    // whose data it is, a token
	CorrelationID string
	CausationID   string
	TraceParent   string
	Ext           []Attr // further extension attributes, sorted by name
	Data          []byte

	// Facets are derived from Data at intake; what a producer puts here is overwritten there.
	Facets Facets
}

// Attr is one extension attribute of a CloudEvent that Baton has no field for. Name is lower-case letters and digits.
type Attr struct{ Name, Value string }

// Facets are what routing, folding and indexing need of an event's data, so that none of them parses JSON: the members of the
// data object with these names, where they are strings (from and to may be objects with stage, party and kind).
// Each is at most MaxFacet bytes; "" is absent.
type Facets struct {
	Activity      string // what was done
	Stage         string // the group, team or system that did it
	Party         string // the person, bot or agent in it
	Kind          string // human, bot, ai_agent, system, team, partner, customer
	Channel       string // web, chat, phone, e-mail …
	Status        string // the producer's own sub-status
	Handoff       string // id of the handoff's offered event
	Sender        string // from.stage
	SenderParty   string // from.party
	SenderKind    string // from.kind
	Receiver      string // to.stage
	ReceiverParty string // to.party
	ReceiverKind  string // to.kind
	Outcome       string // how a journey or a handoff ended
	Reason        string // why it was declined, returned, failed …
	Journey       string // the other journey of journey.linked
	Field         string // the context field a question, feedback or suggestion is about
	ExpiresAt     string // when an offer ends, RFC 3339
	Sunset        string // when a contract ends, RFC 3339
}

// Recorded is an event with the place the ledger gave it.
type Recorded struct {
	Event
	Stream       string
	Position     uint64    // in the whole ledger, from 1 without gaps
	Revision     uint64    // in its stream, from 1 without gaps
	RecordedTime time.Time // written by Baton, never decreasing with position
	PrevHead     Hash      // chained head of the stream before this event
	Record       []byte    // the record's bytes, header and data; nil when read without data
}

// Occurred is when the event happened: the producer's time, or else the time it was recorded.
func (r *Recorded) Occurred() time.Time {
	if r.Time.IsZero() {
		return r.RecordedTime
	}
	return r.Time
}

// Receipt acknowledges one event: it is on disk and has this place. A retry gets the first one again, with Duplicate set.
type Receipt struct {
	Stream       string    `json:"stream"`
	ID           string    `json:"id"`
	Position     uint64    `json:"position"`
	Revision     uint64    `json:"revision"`
	RecordedTime time.Time `json:"recorded_time"`
	LeafHash     Hash      `json:"leaf_hash"`
	Duplicate    bool      `json:"duplicate,omitempty"`
}

// Again is the id of an event whose id its stream had before it came to this revision. Baton never writes such an event; stores that do not
// compare ids may hold some, and every event needs an id of its own here. It is another id than the one given, also where that is as long as
// an id may be: a digest then stands for what was cut off.
func Again(id string, revision uint64) string {
	suffix := "@" + strconv.FormatUint(revision, 10)
	if len(id)+len(suffix) > MaxID {
		digest := sha256.Sum256([]byte(id))
		suffix = "~" + hex.EncodeToString(digest[:16]) + suffix
	}
	return id[:min(len(id), MaxID-len(suffix))] + suffix
}
