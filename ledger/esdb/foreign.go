package esdb

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
)

// ForeignSource is the source of events that came from EventStoreDB and are not Baton's.
const ForeignSource = "/eventstoredb"

// MetadataExt is the extension attribute that keeps foreign metadata: base64 without padding of its bytes.
const MetadataExt = "esdbmetadata"

// Foreign reads an event as one that somebody else wrote, whatever its metadata says.
func Foreign(s *Stored) ledger.Event { return decodeForeign(s, object(s.Metadata)) }

func decodeForeign(s *Stored, members map[string]json.RawMessage) ledger.Event {
	e := ledger.Event{ID: s.ID.String(), Source: ForeignSource, Type: s.Type, Subject: ledger.JourneyOf(s.Stream), Time: s.Created,
		ContentType: Binary, CorrelationID: attribute(members["$correlationId"]), CausationID: attribute(members["$causationId"]), Data: s.Data}
	if s.ContentType == JSON {
		e.ContentType = JSON
	}
	if len(s.Metadata) > 0 {
		e.Ext = []ledger.Attr{{Name: MetadataExt, Value: base64.RawStdEncoding.EncodeToString(s.Metadata)}}
	}
	if e.ContentType == JSON && len(e.Data) > 0 && strings.HasPrefix(e.Type, ledger.TypePrefix) {
		if f, err := ledger.DeriveFacets(e.Data); err == nil { // an intake says what is wrong; a reader takes what is there
			e.Facets = f
		}
	}
	return e
}

// attribute is a JSON string that the intake would take as an attribute, "" for everything else: the metadata keeps that as it is.
func attribute(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil || len(s) > ledger.MaxID || strings.ContainsRune(s, utf8.RuneError) || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}
