package wire

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
)

// A client reads back what it appended, byte for byte: UUID, type, content type, metadata, data. An event of the ledger keeps what of
// that does not follow from its own attributes in extension attributes:
//
//	esdbtime      the metadata is what Encode makes of the event with this recorded time: one of Baton's events, written by an
//	              adapter or copied from another ledger
//	esdbmetadata  the metadata as it is, in base64 without padding
//	esdbid        the UUID, where the event's id is another
//
// They are written by package wire alone, and are not looked at where they say something else than the event (see rendered).
const (
	timeExt = "esdbtime"
	idExt   = "esdbid"
)

var marks = []string{timeExt, idExt, esdb.MetadataExt}

func isMark(a ledger.Attr) bool { return slices.Contains(marks, a.Name) }

// eventOf gives the event that is kept for a client's. actor is what the intake will name as actor where the event names nobody: what is
// kept must fit what is going to be stored.
func eventOf(s *esdb.Stored, actor string) ledger.Event {
	e, recorded, ours := esdb.Decode(s)
	if !ours || slices.ContainsFunc(e.Ext, isMark) || contentType(&e) != s.ContentType {
		return foreign(s, actor)
	}
	if e.Actor == "" {
		e.Actor = actor
	}
	e.Facets = derived(&e)
	again, err := esdb.Encode(s.Stream, &e, recorded)
	if err != nil || again.ID != s.ID || !bytes.Equal(again.Metadata, s.Metadata) {
		return verbatim(e, s)
	}
	return withExt(e, timeExt, recorded.Format(time.RFC3339Nano))
}

func foreign(s *esdb.Stored, actor string) ledger.Event {
	e := esdb.Foreign(s)
	e.Actor = actor
	return e
}

// verbatim has an event keep UUID and metadata as they are.
func verbatim(e ledger.Event, s *esdb.Stored) ledger.Event {
	e.Ext = slices.DeleteFunc(slices.Clone(e.Ext), isMark)
	if len(s.Metadata) > 0 {
		e = withExt(e, esdb.MetadataExt, base64.RawStdEncoding.EncodeToString(s.Metadata))
	}
	return withExt(e, idExt, s.ID.String())
}

func withExt(e ledger.Event, name, value string) ledger.Event {
	e.Ext = append(slices.Clone(e.Ext), ledger.Attr{Name: name, Value: value})
	slices.SortFunc(e.Ext, func(a, b ledger.Attr) int { return strings.Compare(a.Name, b.Name) })
	return e
}

// derived are the facets that the intake derives.
func derived(e *ledger.Event) (f ledger.Facets) {
	if len(e.Data) > 0 && ledger.IsJSON(e.ContentType) && strings.HasPrefix(e.Type, ledger.TypePrefix) {
		f, _ = ledger.DeriveFacets(e.Data) // the intake says what is wrong with it
	}
	return f
}

// contentType is which of EventStoreDB's two an event of Baton's has.
func contentType(e *ledger.Event) string {
	if len(e.Data) > 0 && ledger.IsJSON(e.ContentType) {
		return esdb.JSON
	}
	return esdb.Binary
}

// rendered is an event as clients see it: as a client appended it, else as [esdb.Encode] writes it.
func rendered(r *ledger.Recorded) (s esdb.Stored, err error) {
	e := r.Event
	e.Ext = slices.DeleteFunc(slices.Clone(e.Ext), isMark)
	if s, ok := kept(r, &e); ok {
		return placed(s, r), nil
	}
	if at, err := time.Parse(time.RFC3339Nano, mark(r, timeExt)); err == nil && len(e.Ext) == len(r.Ext)-1 {
		s, err = esdb.Encode(r.Stream, &e, at)
		return placed(s, r), err
	}
	s, err = esdb.Encode(r.Stream, &r.Event, r.RecordedTime)
	return placed(s, r), err
}

func placed(s esdb.Stored, r *ledger.Recorded) esdb.Stored {
	s.Number, s.Created = r.Revision-1, r.RecordedTime
	return s
}

func mark(r *ledger.Recorded, name string) string {
	for _, a := range r.Ext {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// kept gives the UUID and metadata that an event keeps. plain is the event without the marks. Marks may have come in by any way, so they
// count only where they say no more than the event itself: metadata must not speak for another actor, or of another event.
func kept(r *ledger.Recorded, plain *ledger.Event) (s esdb.Stored, ok bool) {
	s = esdb.Stored{Stream: r.Stream, Type: r.Type, ContentType: contentType(plain), Data: r.Data}
	id := mark(r, idExt)
	if id == "" {
		id = r.ID
	}
	var err error
	if s.ID, err = uuid.Parse(id); err != nil || s.ID.String() != id {
		return s, false
	}
	if s.Metadata, err = base64.RawStdEncoding.DecodeString(mark(r, esdb.MetadataExt)); err != nil {
		return s, false
	}
	isForeign := r.Source == esdb.ForeignSource
	if isForeign && (plain.ContentType == esdb.JSON || plain.ContentType == esdb.Binary) {
		s.ContentType = plain.ContentType
	}
	said, _, ours := esdb.Decode(&s)
	switch {
	case ours && said.Actor != "" && said.Actor != r.Actor:
		return s, false
	case isForeign:
		return s, likeForeign(&s, plain)
	case ours: // the same event, but for the id of one that came again and the actor that the intake filled in
		said.ID, said.Actor = plain.ID, plain.Actor
		return s, ledger.RetryDigest(r.Stream, &said) == ledger.RetryDigest(r.Stream, plain)
	}
	return s, false
}

// likeForeign reports whether a foreign event has nothing that its UUID, metadata and data do not say.
func likeForeign(s *esdb.Stored, plain *ledger.Event) bool {
	f := esdb.Foreign(s)
	return plain.ContentType == f.ContentType && plain.Subject == f.Subject && plain.CorrelationID == f.CorrelationID &&
		plain.CausationID == f.CausationID && plain.Schema == "" && plain.DataSubject == "" && plain.TraceParent == "" && len(plain.Ext) == 0
}
