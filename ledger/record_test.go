package ledger_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent.Draw(t, "event")
		stream := anyStream(t, e.Subject)
		record, err := ledger.EncodeRecord(stream, &e)
		if err != nil {
			t.Fatal(err)
		}
		gotStream, got, err := ledger.DecodeRecord(record)
		if err != nil {
			t.Fatal(err)
		}
		if gotStream != stream {
			t.Fatalf("stream %q became %q", stream, gotStream)
		}
		if !got.Time.Equal(e.Time) || got.Time.Format(time.RFC3339Nano) != e.Time.Format(time.RFC3339Nano) {
			t.Fatalf("time %v became %v", e.Time, got.Time)
		}
		slices.SortFunc(e.Ext, func(a, b ledger.Attr) int { return strings.Compare(a.Name, b.Name) })
		e.Time, got.Time = time.Time{}, time.Time{}
		if !bytes.Equal(e.Data, got.Data) {
			t.Fatalf("data %x became %x", e.Data, got.Data)
		}
		e.Data, got.Data = nil, nil
		if !reflect.DeepEqual(e, got) {
			t.Fatalf("event\n%+v became\n%+v", e, got)
		}
		checkCanonical(t, record)
	})
}

// TestOneEncoding: whatever order the attributes are given in, the bytes are the same, and no other bytes decode to the event.
func TestOneEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent.Draw(t, "event")
		stream := anyStream(t, e.Subject)
		record, err := ledger.EncodeRecord(stream, &e)
		if err != nil {
			t.Fatal(err)
		}
		e.Ext = rapid.Permutation(e.Ext).Draw(t, "order")
		if shuffled, err := ledger.EncodeRecord(stream, &e); err != nil || !bytes.Equal(record, shuffled) {
			t.Fatalf("the order of extension attributes shows: %x, %x, %v", record, shuffled, err)
		}
		mutated := bytes.Clone(record)
		i := rapid.IntRange(0, len(record)-1).Draw(t, "at")
		mutated[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		checkCanonical(t, mutated)
	})
}

// checkCanonical fails where bytes are accepted that the encoder would have written otherwise. Bytes with tags of later versions are
// accepted by design, and cannot be encoded again by this one.
func checkCanonical(t interface{ Fatalf(string, ...any) }, record []byte) {
	stream, e, err := ledger.DecodeRecord(record)
	if err != nil {
		if !errors.Is(err, ledger.CodeCorrupt) {
			t.Fatalf("error without CodeCorrupt: %v", err)
		}
		return
	}
	if header, _, _ := ledger.SplitRecord(record); hasLaterTag(header) {
		return
	}
	again, err := ledger.EncodeRecord(stream, &e)
	if err != nil {
		t.Fatalf("decoded event does not encode: %v\n%x", err, record)
	}
	if !bytes.Equal(again, record) {
		t.Fatalf("two encodings of one event:\n%x\n%x", record, again)
	}
}

func hasLaterTag(header []byte) bool {
	for len(header) > 0 {
		tag, n, size := header[0], 0, 1
		for ; header[size] >= 0x80; size++ {
			n |= int(header[size]&0x7f) << (7 * (size - 1))
		}
		n |= int(header[size]) << (7 * (size - 1))
		if tag == 0 || tag > 14 && tag < 32 || tag > 48 {
			return true
		}
		header = header[1+size+n:]
	}
	return false
}

func FuzzDecodeRecord(f *testing.F) {
	stream, e := benchEvent()
	for _, ext := range [][]ledger.Attr{nil, {{Name: "a", Value: "b"}}, {{Name: "a"}, {Name: "c", Value: "d"}}} {
		e.Ext = ext
		record, err := ledger.EncodeRecord(stream, e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	f.Add([]byte{1, 0})
	f.Add([]byte{1, 0x80, 0x00})
	f.Fuzz(func(t *testing.T, record []byte) { checkCanonical(t, record) })
}

// field is one header field; header puts fields behind version and length.
func field(tag byte, value string) string { return string([]byte{tag, byte(len(value))}) + value }

func record(fields ...string) []byte {
	h := strings.Join(fields, "")
	return append([]byte{1, byte(len(h))}, h...)
}

func TestDecodeRefuses(t *testing.T) {
	const (
		noon  = "\x00\x00\x00\x00\x4f\x77\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00"
		nanos = "\x00\x00\x00\x00\x4f\x77\x00\x00" + "\x3b\x9a\xca\x00" + "\x00\x00" // 1e9
		zero  = "\xff\xff\xff\xf1\x88\x6e\x09\x00" + "\x00\x00\x00\x00" + "\x00\x00" // the year 1
	)
	if _, e, err := ledger.DecodeRecord(record(field(1, "a"), field(6, noon))); err != nil || e.Time.Year() != 2012 {
		t.Fatalf("a good record is refused: %v, %v", err, e.Time)
	}
	for name, b := range map[string][]byte{
		"empty":                       {},
		"version 0":                   {0, 0},
		"version 2":                   {2, 0},
		"no length":                   {1},
		"length not in shortest form": {1, 0x80, 0x00},
		"length past the end":         {1, 5, 1, 1, 'a'},
		"unfinished length":           {1, 0xff, 0xff, 0xff},
		"length of eleven bytes":      {1, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02, 1, 'a'},
		"field past the header":       record("\x01\x05a"),
		"field without length":        record("\x01"),
		"empty field":                 record(field(1, "")),
		"field length, long form":     record("\x01\x81\x00a"),
		"field length wraps":          record("\x01\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02a"),
		"fields out of order":         record(field(2, "a"), field(1, "b")),
		"a field twice":               record(field(1, "a"), field(1, "b")),
		"a facet twice":               record(field(32, "a"), field(32, "b")),
		"time too short":              record(field(6, noon[1:])),
		"time with 1e9 nanoseconds":   record(field(6, nanos)),
		"time that means no time":     record(field(6, zero)),
		"attributes out of order":     record(field(14, "\x01bx"), field(14, "\x01ax")),
		"attribute without a length":  record(field(14, "\x05a")),
		"stream spelled out":          record(field(4, "journey-7"), field(5, "7")),
		"stream without its subject":  record(field(4, "journey-")),
		"stream with two dashes":      record(field(4, "a-b-"), field(5, "7")),
		"stream that ends in a dash":  record(field(4, "a-"), field(5, "7-")),
	} {
		t.Run(name, func(t *testing.T) {
			stream, e, err := ledger.DecodeRecord(b)
			if !errors.Is(err, ledger.CodeCorrupt) || ledger.HintOf(err) == "" {
				t.Errorf("decoded to %q %+v, %v", stream, e, err)
			}
		})
	}
}

// TestDecodePassesLaterTagsOver: a later version of Baton may add fields; this one reads what it knows.
func TestDecodePassesLaterTagsOver(t *testing.T) {
	stream, e, err := ledger.DecodeRecord(record(field(1, "a"), field(4, "s"), field(20, "new"), field(33, "desk"), field(99, "newer")))
	if err != nil || stream != "s" || e.ID != "a" || e.Facets.Stage != "desk" {
		t.Errorf("got %q %+v, %v", stream, e, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	long := strings.Repeat("x", ledger.MaxHeader)
	_, err := ledger.EncodeRecord("s", &ledger.Event{ID: "a", Ext: []ledger.Attr{{Name: "big", Value: long}}})
	if !errors.Is(err, ledger.CodeTooLarge) || ledger.HintOf(err) == "" {
		t.Errorf("header over the limit: %v", err)
	}
	if _, err := ledger.EncodeRecord("journey-", &ledger.Event{ID: "a"}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("stream that ends in a dash: %v", err)
	}
	// The longest header there is: four bytes go to the tags and lengths of the two fields.
	e := ledger.Event{ID: "a", Schema: long[:ledger.MaxHeader-3-4]}
	if record, err := ledger.EncodeRecord("", &e); err != nil {
		t.Errorf("header of exactly the limit: %v", err)
	} else if _, got, err := ledger.DecodeRecord(record); err != nil || got.Schema != e.Schema {
		t.Errorf("header of exactly the limit does not decode: %v", err)
	}
}

// TestSameContent: a retry is the same only if no attribute and no byte differs, whichever side has more; facets do not count.
func TestSameContent(t *testing.T) {
	base := ledger.Event{ID: "a", Source: "s", Type: "t", Subject: "7", Data: []byte(`{}`), Actor: "me",
		Time: time.Date(2012, 1, 2, 3, 4, 5, 6, time.UTC), Ext: []ledger.Attr{{Name: "a", Value: "1"}}}
	with := func(change func(*ledger.Event)) ledger.Event {
		e := base
		e.Ext = slices.Clone(e.Ext)
		change(&e)
		return e
	}
	variants := map[string]ledger.Event{
		"base":          base,
		"data":          with(func(e *ledger.Event) { e.Data = []byte(`{ }`) }),
		"no data":       with(func(e *ledger.Event) { e.Data = nil }),
		"type":          with(func(e *ledger.Event) { e.Type = "u" }),
		"subject":       with(func(e *ledger.Event) { e.Subject = "8" }),
		"time":          with(func(e *ledger.Event) { e.Time = e.Time.Add(1) }),
		"zone":          with(func(e *ledger.Event) { e.Time = e.Time.In(time.FixedZone("", 3600)) }),
		"no time":       with(func(e *ledger.Event) { e.Time = time.Time{} }),
		"more ext":      with(func(e *ledger.Event) { e.Ext = append(e.Ext, ledger.Attr{Name: "b", Value: "2"}) }),
		"no ext":        with(func(e *ledger.Event) { e.Ext = nil }),
		"causation":     with(func(e *ledger.Event) { e.CausationID = "x" }),
		"traceparent":   with(func(e *ledger.Event) { e.TraceParent = "x" }),
		"content type":  with(func(e *ledger.Event) { e.ContentType = "x" }),
		"schema":        with(func(e *ledger.Event) { e.Schema = "x" }),
		"data subject":  with(func(e *ledger.Event) { e.DataSubject = "x" }),
		"correlation":   with(func(e *ledger.Event) { e.CorrelationID = "x" }),
		"trace, no ext": with(func(e *ledger.Event) { e.TraceParent, e.Ext = "x", nil }),
	}
	for a, stored := range variants {
		stored.Facets.Activity = "derived"
		record, err := ledger.EncodeRecord("journey-7", &stored)
		if err != nil {
			t.Fatal(err)
		}
		for b, offered := range variants {
			if got := ledger.SameContent(record, "journey-7", &offered); got != (a == b) {
				t.Errorf("stored %s, offered %s: SameContent is %v", a, b, got)
			}
			same := ledger.RetryDigest("journey-7", &stored) == ledger.RetryDigest("journey-7", &offered)
			if same != (a == b) {
				t.Errorf("stored %s, offered %s: equal digests is %v", a, b, same)
			}
		}
		if ledger.SameContent(record, "overlay-7", &stored) || ledger.RetryDigest("journey-7", &stored) == ledger.RetryDigest("overlay-7", &stored) {
			t.Errorf("%s is the same in another stream", a)
		}
	}
	if ledger.SameContent([]byte{9}, "journey-7", &base) {
		t.Error("bytes that are no record are the same as an event")
	}
}

// TestFrozenRecord: a failure means that the format changed, and that ledgers which exist can no longer be read or verified.
func TestFrozenRecord(t *testing.T) {
	stream, e := frozenEvent()
	record, err := ledger.EncodeRecord(stream, e)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "record.hex", hex.Dump(record))
	golden(t, "retry-digest.hex", ledger.RetryDigest(stream, e).String()+"\n")
}

// frozenEvent sets every field there is.
func frozenEvent() (string, *ledger.Event) {
	return "journey-1-364285768", &ledger.Event{
		ID: "e-1", Source: "/crm", Type: "dev.baton.handoff.offered.v1", Subject: "1-364285768",
		Time: time.Date(2012, 3, 31, 15, 59, 42, 123456789, time.FixedZone("", 2*3600)), ContentType: "application/json", Schema: "c/1",
		Actor: "svc", DataSubject: "tok", CorrelationID: "co", CausationID: "ca", TraceParent: "00-1-2-01",
		Ext: []ledger.Attr{{Name: "tenant", Value: "eu"}, {Name: "partitionkey", Value: "7"}}, Data: []byte("{\"activity\":\"r\\u00e9f\"}\x00"),
		Facets: ledger.Facets{Activity: "réf", Stage: "st", Party: "pa", Kind: "ki", Channel: "ch", Status: "su", Handoff: "ha", Sender: "s",
			SenderParty: "sp", SenderKind: "sk", Receiver: "r", ReceiverParty: "rp", ReceiverKind: "rk", Outcome: "ou", Reason: "re",
			Journey: "jo", Field: "fi"},
	}
}
