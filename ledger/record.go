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
	lastTag          = firstFacet + 16
)

// facetTags lists the facets in order of their tags, from firstFacet on.
func (f *Facets) list() [lastTag - firstFacet + 1]*string {
	return [...]*string{&f.Activity, &f.Stage, &f.Party, &f.Kind, &f.Channel, &f.Status, &f.Handoff, &f.Sender, &f.SenderParty,
		&f.SenderKind, &f.Receiver, &f.ReceiverParty, &f.ReceiverKind, &f.Outcome, &f.Reason, &f.Journey, &f.Field}
}

// EncodeRecord gives the record of an event in a stream: version byte, header length (uvarint), header fields, data. The record
// is the same over every engine; position, revision and recorded time are not in it. At most MaxHeader bytes of header.
func EncodeRecord(stream string, e *Event) ([]byte, error) {
	header := appendHeader(make([]byte, 0, 384), stream, e)
	if len(header) > MaxHeader {
		return nil, Errorf(CodeTooLarge, "encode", "shorten attributes or drop extension attributes",
			"header of event %q has %d bytes, at most %d are allowed", e.ID, len(header), MaxHeader)
	}
	out := make([]byte, 0, 1+binary.MaxVarintLen16+len(header)+len(e.Data))
	out = binary.AppendUvarint(append(out, recordVersion), uint64(len(header)))
	return append(append(out, header...), e.Data...), nil
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
	sorted := slices.SortedFunc(slices.Values(ext), func(a, b Attr) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range sorted {
		field := binary.AppendUvarint(nil, uint64(len(a.Name)))
		buf = appendField(buf, tagExt, string(append(field, a.Name...))+a.Value)
	}
	return buf
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
	attributes := appendAttributes(nil, stream, e)
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
	n, size := binary.Uvarint(record[1:])
	rest := record[1+max(size, 0):]
	if size <= 0 || n > uint64(len(rest)) || n > MaxHeader {
		return nil, nil, corrupt("record's header length does not fit its %d bytes", len(record))
	}
	return rest[:n:n], rest[n:], nil
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

// DecodeHeader reads the header of a record: one string is made of it, and the event's fields are parts of that string.
func DecodeHeader(header []byte) (stream string, e Event, err error) {
	s := string(header)
	facets := e.Facets.list()
	last := byte(0)
	for len(s) > 0 {
		tag := s[0]
		n, size := uvarint(s[1:])
		if size <= 0 || n > uint64(len(s)-1-size) || tag < last || tag == last && tag != tagExt {
			return "", Event{}, corrupt("header field %d is out of order or longer than the header", tag)
		}
		value := s[1+size : 1+size+int(n)]
		s, last = s[1+size+int(n):], tag
		if tag >= firstFacet && tag <= lastTag {
			*facets[tag-firstFacet] = value
		} else if !e.setAttribute(tag, value, &stream) {
			return "", Event{}, corrupt("header field %d cannot be read", tag)
		}
	}
	if strings.HasSuffix(stream, "-") {
		stream += e.Subject
	}
	return stream, e, nil
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
		if size <= 0 || n > uint64(len(value)-size) {
			return false
		}
		e.Ext = append(e.Ext, Attr{value[size : size+int(n)], value[size+int(n):]})
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
	t := time.Unix(int64(binary.BigEndian.Uint64(b[:])), int64(binary.BigEndian.Uint32(b[8:])))
	if offset == 0 {
		e.Time = t.UTC()
	} else {
		e.Time = t.In(time.FixedZone("", offset))
	}
	return true
}

func uvarint(s string) (uint64, int) {
	var x uint64
	for i := 0; i < len(s) && i < binary.MaxVarintLen64; i++ {
		x |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
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
	return err == nil && bytes.Equal(data, e.Data) && bytes.HasPrefix(header, appendAttributes(nil, stream, e))
}
