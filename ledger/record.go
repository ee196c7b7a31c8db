package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// recordVersion is the first byte of every record. A reader refuses versions it does not know.
const recordVersion = 1

// Header field tags. A field is tag, length (uvarint), bytes; fields stand in ascending order of tag, absent ones are left out, so
// an event has exactly one encoding. Tags below firstFacet are the producer's attributes; those above are derived from the data.
// Numbers are never reused: an old record is read for ever.
const (
	tagID            = 1
	tagSource        = 2
	tagType          = 3
	tagStream        = 4 // category and "-" alone, where the rest of the stream's name is the subject; no name ends in "-"
	tagSubject       = 5
	tagTime          = 6 // seconds (8 bytes), nanoseconds (4), offset from UTC in minutes (2), big-endian
	tagContentType   = 7
	tagSchema        = 8
	tagActor         = 9
	tagDataSubject   = 10
	tagCorrelationID = 11
	tagCausationID   = 12
	tagTraceParent   = 13
	tagExt           = 14 // once for each attribute, by name: name length (uvarint), name, value
	firstFacet       = 32
	lastTag          = firstFacet + 18
)

// facetTags lists the facets in order of their tags, from firstFacet on.
func (f *Facets) list() [lastTag - firstFacet + 1]*string {
	return [...]*string{&f.Activity, &f.Stage, &f.Party, &f.Kind, &f.Channel, &f.Status, &f.Handoff, &f.Sender, &f.SenderParty,
		&f.SenderKind, &f.Receiver, &f.ReceiverParty, &f.ReceiverKind, &f.Outcome, &f.Reason, &f.Journey, &f.Field, &f.ExpiresAt, &f.Sunset}
}

// EncodeRecord gives the record of an event in a stream: version byte, header length (uvarint), header fields, data. The record
// is the same over every engine; position, revision and recorded time are not in it. At most MaxHeader bytes of header; a stream's name
// does not end in "-".
func EncodeRecord(stream string, e *Event) ([]byte, error) {
	if strings.HasSuffix(stream, "-") {
		return nil, Errorf(CodeInvalid, "encode", "name the stream, as journey-<id>", "stream %q ends in a dash", stream)
	}
	header := appendHeader(make([]byte, 0, 512), stream, e)
	if len(header) > MaxHeader {
		return nil, Errorf(CodeTooLarge, "encode", "shorten attributes or drop extension attributes",
			"header of event %q has %d bytes, at most %d are allowed", e.ID, len(header), MaxHeader)
	}
	return JoinRecord(header, e.Data), nil
}

func appendHeader(buf []byte, stream string, e *Event) []byte {
	buf = appendAttributes(buf, stream, e)
	for i, f := range e.Facets.list() {
		buf = appendField(buf, byte(firstFacet+i), *f)
	}
	return buf
}

func appendAttributes(buf []byte, stream string, e *Event) []byte {
	buf = appendField(buf, tagID, e.ID)
	buf = appendField(buf, tagSource, e.Source)
	buf = appendField(buf, tagType, e.Type)
	if category, rest := SplitStream(stream); rest != "" && rest == e.Subject {
		stream = category + "-"
	}
	buf = appendField(buf, tagStream, stream)
	buf = appendField(buf, tagSubject, e.Subject)
	if !e.Time.IsZero() {
		buf = append(buf, tagTime, 14)
		buf = binary.BigEndian.AppendUint64(buf, uint64(e.Time.Unix()))
		buf = binary.BigEndian.AppendUint32(buf, uint32(e.Time.Nanosecond()))
		_, offset := e.Time.Zone()
		buf = binary.BigEndian.AppendUint16(buf, uint16(int16(offset/60)))
	}
	buf = appendField(buf, tagContentType, e.ContentType)
	buf = appendField(buf, tagSchema, e.Schema)
	buf = appendField(buf, tagActor, e.Actor)
	buf = appendField(buf, tagDataSubject, e.DataSubject)
	buf = appendField(buf, tagCorrelationID, e.CorrelationID)
	buf = appendField(buf, tagCausationID, e.CausationID)
	buf = appendField(buf, tagTraceParent, e.TraceParent)
	if len(e.Ext) > 0 {
		buf = appendExt(buf, e.Ext)
	}
	return buf
}

func appendExt(buf []byte, ext []Attr) []byte {
	byName := func(a, b Attr) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(ext, byName) {
		ext = slices.SortedStableFunc(slices.Values(ext), byName)
	}
	for _, a := range ext {
		buf = binary.AppendUvarint(append(buf, tagExt), uint64(uvarintLen(len(a.Name))+len(a.Name)+len(a.Value)))
		buf = append(binary.AppendUvarint(buf, uint64(len(a.Name))), a.Name...)
		buf = append(buf, a.Value...)
	}
	return buf
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func appendField(buf []byte, tag byte, s string) []byte {
	if s == "" {
		return buf
	}
	buf = binary.AppendUvarint(append(buf, tag), uint64(len(s)))
	return append(buf, s...)
}

// RetryDigest is what two events with the same stream, source and id are compared by: SHA-256 over the producer's attributes
// and the data. Facets are left out, since a later version may derive more of them from the same bytes.
func RetryDigest(stream string, e *Event) Hash {
	h := sha256.New()
	attributes := appendAttributes(make([]byte, 0, 512), stream, e)
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(attributes))))
	h.Write(attributes)
	h.Write(e.Data)
	return Hash(h.Sum(nil))
}

// SplitRecord gives the header and the data of a record, sharing its bytes.
func SplitRecord(record []byte) (header, data []byte, err error) {
	if len(record) == 0 || record[0] != recordVersion {
		return nil, nil, corrupt("record is empty or of an unknown version (this build reads version %d)", recordVersion)
	}
	n, size := uvarint(record[1:])
	rest := record[1+size:]
	if size == 0 || n > len(rest) || n > MaxHeader {
		return nil, nil, corrupt("record's header length does not fit its %d bytes", len(record))
	}
	return rest[:n:n], rest[n:], nil
}

// JoinRecord is the opposite of SplitRecord, for a header that DecodeHeader has taken.
func JoinRecord(header, data []byte) []byte {
	out := make([]byte, 0, 1+binary.MaxVarintLen16+len(header)+len(data))
	out = binary.AppendUvarint(append(out, recordVersion), uint64(len(header)))
	return append(append(out, header...), data...)
}

// DecodeRecord reads what EncodeRecord made. The event's Data shares the record's bytes; its strings do not.
func DecodeRecord(record []byte) (stream string, e Event, err error) {
	header, data, err := SplitRecord(record)
	if err != nil {
		return "", Event{}, err
	}
	stream, e, err = DecodeHeader(header)
	e.Data = data
	return stream, e, err
}

// DecodeHeader reads the header of a record: one string is made of it, and the event's fields are parts of that string. It refuses what
// EncodeRecord would have written otherwise, so that bytes that decode to the same event are the same bytes.
func DecodeHeader(header []byte) (stream string, e Event, err error) {
	s := string(header)
	facets := e.Facets.list()
	last := byte(0)
	for len(s) > 0 {
		tag := s[0]
		n, size := uvarint(s[1:])
		if size == 0 || n == 0 || n > len(s)-1-size || tag <= last && (tag != tagExt || tag < last) {
			return "", Event{}, corrupt("header field %d is out of order, empty or longer than the header", tag)
		}
		value := s[1+size : 1+size+n]
		s, last = s[1+size+n:], tag
		if tag >= firstFacet && tag <= lastTag {
			*facets[tag-firstFacet] = value
		} else if !e.setAttribute(tag, value, &stream) {
			return "", Event{}, corrupt("header field %d cannot be read", tag)
		}
	}
	stream, ok := wholeStream(stream, e.Subject)
	if !ok {
		return "", Event{}, corrupt("stream %q does not go with subject %q", stream, e.Subject)
	}
	return stream, e, nil
}

// wholeStream completes a stream's name as it stands in a header; false where the encoder would have written it otherwise.
func wholeStream(written, subject string) (string, bool) {
	_, rest := SplitStream(written)
	if strings.HasSuffix(written, "-") {
		return written + subject, rest == "" && subject != "" && subject[len(subject)-1] != '-'
	}
	return written, rest == "" || rest != subject
}

// setAttribute reports false for a malformed field. Tags that this version does not know are passed over: a later version wrote them.
func (e *Event) setAttribute(tag byte, value string, stream *string) bool {
	switch tag {
	case tagID:
		e.ID = value
	case tagSource:
		e.Source = value
	case tagType:
		e.Type = value
	case tagStream:
		*stream = value
	case tagSubject:
		e.Subject = value
	case tagTime:
		return e.setTime(value)
	case tagContentType:
		e.ContentType = value
	case tagSchema:
		e.Schema = value
	case tagActor:
		e.Actor = value
	case tagDataSubject:
		e.DataSubject = value
	case tagCorrelationID:
		e.CorrelationID = value
	case tagCausationID:
		e.CausationID = value
	case tagTraceParent:
		e.TraceParent = value
	case tagExt:
		n, size := uvarint(value)
		if size == 0 || n > len(value)-size {
			return false
		}
		a := Attr{value[size : size+n], value[size+n:]}
		if len(e.Ext) > 0 && a.Name < e.Ext[len(e.Ext)-1].Name {
			return false
		}
		e.Ext = append(e.Ext, a)
	}
	return true
}

func (e *Event) setTime(value string) bool {
	if len(value) != 14 {
		return false
	}
	var b [14]byte
	copy(b[:], value)
	offset := int(int16(binary.BigEndian.Uint16(b[12:]))) * 60
	nanos := binary.BigEndian.Uint32(b[8:])
	t := time.Unix(int64(binary.BigEndian.Uint64(b[:])), int64(nanos))
	if nanos >= 1e9 || t.IsZero() {
		return false
	}
	if offset == 0 {
		e.Time = t.UTC()
	} else {
		e.Time = t.In(time.FixedZone("", offset))
	}
	return true
}

// uvarint reads a length in its shortest form, of at most the 3 bytes that MaxHeader needs; size is 0 where there is none.
func uvarint[T string | []byte](s T) (x, size int) {
	for i := 0; i < len(s) && i < binary.MaxVarintLen16; i++ {
		x |= int(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			if s[i] == 0 && i > 0 {
				break
			}
			return x, i + 1
		}
	}
	return 0, 0
}

func corrupt(format string, args ...any) error {
	return Errorf(CodeCorrupt, "decode record", "run `baton verify` to see how far the damage reaches", format, args...)
}

// SameContent reports whether a record holds the content that an event offers again under its id.
func SameContent(record []byte, stream string, e *Event) bool {
	header, data, err := SplitRecord(record)
	if err != nil || !bytes.Equal(data, e.Data) {
		return false
	}
	facets, ok := bytes.CutPrefix(header, appendAttributes(make([]byte, 0, 512), stream, e))
	return ok && (len(facets) == 0 || facets[0] >= firstFacet)
}
