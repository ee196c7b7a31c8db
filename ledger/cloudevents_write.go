package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"iter"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendCloudEvent renders a recorded event as CloudEvents 1.0 JSON, after whatever buf holds. JSON data is spliced in byte for byte; data of
// another content type, and data that JSON splicing would not give back as it is, stands in data_base64. The place is in the
// extension attributes recordedtime, stream, position and revision, and left out where Position is 0: an event that is not recorded yet.
func AppendCloudEvent(buf []byte, r *Recorded) []byte {
	return appendEvent(buf, r, func(data []byte) bool { return true })
}

// AppendCloudEventLine is AppendCloudEvent on one line, for NDJSON: data with line breaks goes to data_base64, since to join its lines
// would change its bytes. There is no line break at the end.
func AppendCloudEventLine(buf []byte, r *Recorded) []byte {
	return appendEvent(buf, r, func(data []byte) bool { return !bytes.ContainsAny(data, "\r\n") })
}

func appendEvent(buf []byte, r *Recorded, mayStand func(data []byte) bool) []byte {
	buf = append(buf, `{"specversion":"1.0"`...)
	for name, value := range r.Attributes() {
		if name == "position" || name == "revision" {
			buf = append(appendName(buf, name), value...)
		} else {
			buf = appendString(appendName(buf, name), value)
		}
	}
	switch data := r.Data; {
	case len(data) == 0:
	case IsJSON(r.ContentType) && spliceable(data) && mayStand(data):
		buf = append(appendName(buf, "data"), data...)
	default:
		buf = append(appendName(buf, "data_base64"), '"')
		buf = append(base64.StdEncoding.AppendEncode(buf, data), '"')
	}
	return append(buf, '}')
}

// Attributes yields the CloudEvents attributes of an event by name, absent ones left out: the event's own, its extensions, and the place
// where it has one. specversion is 1.0 and not among them. Times are RFC 3339 with their offset.
func (r *Recorded) Attributes() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		set := func(name, value string) bool { return value == "" || yield(name, value) }
		ok := set("id", r.ID) && set("source", r.Source) && set("type", r.Type) && set("subject", r.Subject) &&
			set("time", formatTime(r.Time)) && set("datacontenttype", r.ContentType) && set("dataschema", r.Schema) &&
			set("actor", r.Actor) && set("datasubject", r.DataSubject) && set("correlationid", r.CorrelationID) &&
			set("causationid", r.CausationID) && set("traceparent", r.TraceParent)
		for i := 0; ok && i < len(r.Ext); i++ {
			ok = set(ExtensionName(r.Ext[i].Name), r.Ext[i].Value)
		}
		if !ok || r.Position == 0 {
			return
		}
		_ = set("recordedtime", formatTime(r.RecordedTime)) && set("stream", r.Stream) &&
			set("position", strconv.FormatUint(r.Position, 10)) && set("revision", strconv.FormatUint(r.Revision, 10))
	}
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// spliceable reports whether a JSON parser gives back the same bytes: white space around a value is not part of it.
func spliceable(data []byte) bool {
	return len(bytes.TrimSpace(data)) == len(data) && (checkJSON(data) == nil || utf8.Valid(data) && json.Valid(data))
}

func appendName(buf []byte, name string) []byte {
	return append(appendString(append(buf, ','), name), ':')
}

// appendString renders a JSON string. encoding/json would escape ">", which stands in every point's name.
func appendString(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	buf = append(buf, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			buf = append(buf, '\\', byte(c))
		case c < ' ' || c == 0x7f:
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			buf = utf8.AppendRune(buf, c)
		}
	}
	return append(buf, '"')
}
