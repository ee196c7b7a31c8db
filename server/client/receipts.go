package client

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// The answer to an append has a receipt for each event. Written and read by encoding/json it costs more than the events themselves, so the
// usual form is written by hand, and read by hand where it looks as it was written here; anything else goes to encoding/json.

// AppendJSON appends the answer as JSON, as json.Marshal would write it.
func (r Results) AppendJSON(buf []byte) ([]byte, error) {
	buf = append(buf, `{"results":[`...)
	for i := range r.Results {
		if i > 0 {
			buf = append(buf, ',')
		}
		switch one := &r.Results[i]; {
		case one.Problem != nil || len(one.Receipts) == 0 || len(one.Notices) > 0:
			text, err := json.Marshal(one)
			if err != nil {
				return nil, err
			}
			buf = append(buf, text...)
		default:
			buf = append(appendReceipts(append(buf, '{'), one.Receipts), '}')
		}
	}
	return append(buf, `]}`...), nil
}

// AppendJSON appends the answer as JSON.
func (r Receipts) AppendJSON(buf []byte) ([]byte, error) {
	buf = appendReceipts(append(buf, '{'), r.Receipts)
	if len(r.Notices) > 0 {
		text, err := json.Marshal(r.Notices)
		if err != nil {
			return nil, err
		}
		buf = append(append(buf, `,"notices":`...), text...)
	}
	return append(buf, '}'), nil
}

func appendReceipts(buf []byte, receipts []ledger.Receipt) []byte {
	buf = append(buf, `"receipts":[`...)
	for i := range receipts {
		if i > 0 {
			buf = append(buf, ',')
		}
		r := &receipts[i]
		buf = appendText(append(buf, `{"stream":`...), r.Stream)
		buf = appendText(append(buf, `,"id":`...), r.ID)
		buf = strconv.AppendUint(append(buf, `,"position":`...), r.Position, 10)
		buf = strconv.AppendUint(append(buf, `,"revision":`...), r.Revision, 10)
		buf = r.RecordedTime.AppendFormat(append(buf, `,"recorded_time":"`...), time.RFC3339Nano)
		buf = hex.AppendEncode(append(buf, `","leaf_hash":"`...), r.LeafHash[:])
		if buf = append(buf, '"'); r.Duplicate {
			buf = append(buf, `,"duplicate":true`...)
		}
		buf = append(buf, '}')
	}
	return append(buf, ']')
}

// appendText appends a JSON string.
func appendText(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // a string always can
			return append(buf, text...)
		}
	}
	return append(append(append(buf, '"'), s...), '"')
}

// UnmarshalJSON reads what AppendJSON wrote, and any other JSON of the same meaning.
func (r *Results) UnmarshalJSON(text []byte) error {
	if read := (receiptReader{rest: text}); read.results(r) {
		return nil
	}
	type plain Results
	return json.Unmarshal(text, (*plain)(r))
}

// receiptReader reads the form that AppendJSON writes. bad is set at the first byte that is otherwise.
type receiptReader struct {
	rest []byte
	bad  bool
	time []byte // text of the last time read: all receipts of an append have the same
	at   time.Time
}

func (d *receiptReader) results(r *Results) bool {
	d.want(`{"results":[`)
	for i := 0; !d.bad && !d.has(`]}`); i++ {
		if i > 0 {
			d.want(`,`)
		}
		d.want(`{"receipts":[`)
		one := ResultWire{}
		for k := 0; !d.bad && !d.has(`]}`); k++ {
			if k > 0 {
				d.want(`,`)
			}
			one.Receipts = append(one.Receipts, d.receipt())
		}
		r.Results = append(r.Results, one)
	}
	if d.bad || len(bytes.TrimSpace(d.rest)) > 0 {
		*r = Results{}
		return false
	}
	return true
}

func (d *receiptReader) receipt() (r ledger.Receipt) {
	d.want(`{"stream":"`)
	r.Stream = string(d.until('"'))
	d.want(`,"id":"`)
	r.ID = string(d.until('"'))
	d.want(`,"position":`)
	r.Position = d.number()
	d.want(`,"revision":`)
	r.Revision = d.number()
	d.want(`,"recorded_time":"`)
	r.RecordedTime = d.moment(d.until('"'))
	d.want(`,"leaf_hash":"`)
	if text := d.until('"'); len(text) == 2*len(r.LeafHash) {
		_, err := hex.Decode(r.LeafHash[:], text)
		d.bad = d.bad || err != nil
	} else {
		d.bad = true
	}
	r.Duplicate = d.has(`,"duplicate":true`)
	d.want(`}`)
	return r
}

// has takes a text where it comes next.
func (d *receiptReader) has(text string) bool {
	if len(d.rest) < len(text) || string(d.rest[:len(text)]) != text {
		return false
	}
	d.rest = d.rest[len(text):]
	return true
}

func (d *receiptReader) want(text string) { d.bad = !d.has(text) || d.bad }

// until takes what comes before a byte, and the byte. What is escaped is not read here.
func (d *receiptReader) until(end byte) []byte {
	i := bytes.IndexByte(d.rest, end)
	if i < 0 || bytes.IndexByte(d.rest[:i], '\\') >= 0 {
		d.bad = true
		return nil
	}
	text := d.rest[:i]
	d.rest = d.rest[i+1:]
	return text
}

func (d *receiptReader) number() (n uint64) {
	i := 0
	for ; i < len(d.rest) && i < 19 && d.rest[i] >= '0' && d.rest[i] <= '9'; i++ {
		n = n*10 + uint64(d.rest[i]-'0')
	}
	d.bad = d.bad || i == 0
	d.rest = d.rest[i:]
	return n
}

func (d *receiptReader) moment(text []byte) time.Time {
	if d.time == nil || !bytes.Equal(text, d.time) {
		t, err := ledger.ParseTime(string(text))
		d.bad = d.bad || err != nil
		d.time, d.at = text, t
	}
	return d.at
}
