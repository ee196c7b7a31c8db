package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/baton-ledger/baton/ledger"
)

// Names on the NATS side.
const (
	StreamName    = "BATON"
	SubjectPrefix = "baton.v1."
	AllSubjects   = "baton.v1.>"
	IngestSubject = "baton.ingest.v1"
)

// maxToken bounds one token; servers and their file names cope with subjects of a few hundred bytes.
const maxToken = 200

// Subject is where an event is published: baton.v1.<partition>.<family>.<verb>.<point>. What broke its contract and is in quarantine has the family
// quarantine: who subscribes to handoffs is not to take it for one.
func Subject(r *ledger.Recorded) string {
	family, verb := ledger.SplitType(r.Type)
	switch category, _ := ledger.SplitStream(r.Stream); {
	case family == "" || verb == "":
		family, verb = OtherFamily, r.Type
	case category == ledger.CategoryQuarantine && family != "contract":
		family = ledger.CategoryQuarantine
	}
	return SubjectPrefix + strconv.Itoa(ledger.Partition(r.Stream)) + "." + token(family) + "." + token(verb) + "." + pointToken(&r.Facets)
}

// pointToken is the point that an event's own data names, "_" where it names none.
func pointToken(f *ledger.Facets) string {
	if f.Sender == "" || f.Receiver == "" {
		return "_"
	}
	return token(ledger.Point(f.Sender, f.Receiver, f.Channel))
}

// FilterSubject is the subject filter for a family, a verb and a point as [ledger.Point] spells it; "" is any.
func FilterSubject(family, verb, point string) string {
	some := func(s string) string {
		if s == "" {
			return "*"
		}
		return token(s)
	}
	return SubjectPrefix + "*." + some(family) + "." + some(verb) + "." + some(point)
}

// token cleans and bounds one token. A long one keeps its beginning, for people, and gets "~" and 64 bits of SHA-256; "~" is no
// character of a cleaned token, so a shortened one is never mistaken for another text.
func token(s string) string {
	t := ledger.SubjectToken(s)
	if len(t) <= maxToken {
		return t
	}
	sum := sha256.Sum256([]byte(t))
	return t[:maxToken-17] + "~" + hex.EncodeToString(sum[:8])
}
