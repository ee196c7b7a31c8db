package ledger_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func TestBatchesComeBack(t *testing.T) {
	want := []ledger.Batch{
		{Stream: `journey-J "ö" \ `, Expect: 7, Events: []ledger.Event{
			{ID: "1", Source: "s", Type: "t", Subject: "J", Data: []byte("{\"a\":\"\\\"] \\\\\",\n  \"n\":12345678901234567890}")},
			{ID: `quote " and \`, Source: "s", Type: "t", ContentType: "text/plain", Data: []byte("plain\x00\xff"), Ext: []ledger.Attr{{Name: "x", Value: "1"}}, Actor: "a"}}},
		{Stream: "journey-K", Expect: ledger.StreamExists, Events: []ledger.Event{{ID: "1", Source: "s", Type: "t"}}},
		{Stream: "journey-L", Expect: ledger.Any, Events: []ledger.Event{}},
	}
	got, bad, err := ledger.ParseBatches(ledger.AppendBatches([]byte(" "), want))
	if err != nil || !reflect.DeepEqual(bad, []error{nil, nil, nil}) || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v, %v", got, bad, err)
	}
	spaced := " { \"batches\" : [ { \"events\" : [ ] , \"stream\" : \"s\\u002d1\" } , { } ] } \n"
	if got, bad, err := ledger.ParseBatches([]byte(spaced)); err != nil || len(bad) != 2 || got[0].Stream != "s-1" || got[0].Expect != ledger.Any || got[1].Stream != "" {
		t.Errorf("read %+v, %v, %v", got, bad, err)
	}
}

// TestABrokenEventBreaksItsBatch has events that are none among others, whatever stands behind the place where each breaks.
func TestABrokenEventBreaksItsBatch(t *testing.T) {
	good := `{"specversion":"1.0","id":"g","source":"s","type":"t","data":{"a":["}",{}]}}`
	for _, broken := range []string{`7`, `[[1]]`, `"}"`, `{}`, `{"id":"1","id":"2","data":{"a":"]}"}}`, strings.Replace(good, `"g"`, `{"a":[1,"]"]}`, 1)} {
		doc := fmt.Sprintf(`{"batches":[{"stream":"a","events":[%s]},{"stream":"b","events":[%s,%s,%s]},{"stream":"c","events":[%s]}]}`, good, good, broken, good, good)
		got, bad, err := ledger.ParseBatches([]byte(doc))
		if err != nil || len(got) != 3 || bad[0] != nil || bad[2] != nil || got[2].Stream != "c" || len(got[2].Events) != 1 {
			t.Errorf("%s: read %+v, %v, %v", broken, got, bad, err)
		} else if bad[1] == nil || !strings.Contains(bad[1].Error(), "event 2 of the batch") || ledger.HintOf(bad[1]) == "" {
			t.Errorf("%s: the second batch has the error %v", broken, bad[1])
		}
	}
}

func TestBatchesThatAreNone(t *testing.T) {
	for doc, want := range map[string]string{
		"": "not valid JSON", `{"batches":[`: "not valid JSON", `[]`: "the body is not an object", `{}`: "batches is missing", `{"batch":[]}`: `"batch" is no member`,
		`{"batches":{}}`: "batches is not an array", `{"batches":[7]}`: "batches[0] is not an object", `{"batches":[{"stream":7}]}`: "batches[0].stream is not a string",
		`{"batches":[{},{"expect":"any"}]}`: "batches[1].expect is not a whole number", `{"batches":[{"expect":1.5}]}`: "batches[0].expect",
		`{"batches":[{"events":{}}]}`: "batches[0].events is not an array", `{"batches":[{"expects":1}]}`: `"expects" is no member of batches[0]`,
		`{"batches":[` + strings.Repeat(`{},`, ledger.MaxBatches) + `{}]}`: "more than 10000",
	} {
		if _, _, err := ledger.ParseBatches([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) || ledger.HintOf(err) == "" {
			t.Errorf("%.60q: %v, hint %q, want %q", doc, err, ledger.HintOf(err), want)
		}
	}
}

// TestParsingStaysLinear has the texts that a parser with a quadratic step would take minutes for.
func TestParsingStaysLinear(t *testing.T) {
	const frame = `{"specversion":"1.0","id":"1","source":"s","type":"t",%s}`
	for name, doc := range map[string]string{
		"escapes":         fmt.Sprintf(frame, `"data":"`+strings.Repeat(`\n`, 1<<21)+`"`),
		"escaped quotes":  fmt.Sprintf(frame, `"data":"`+strings.Repeat(`\"`, 1<<21)+`"`),
		"many strings":    fmt.Sprintf(frame, `"data":[`+strings.Repeat(`"",`, 1<<20)+`""]`),
		"many attributes": fmt.Sprintf(frame, strings.Repeat(`"a":1,`, 3)+`"x":1`),
		"nested":          fmt.Sprintf(frame, `"data":`+strings.Repeat("[", 400)+strings.Repeat("]", 400)),
	} {
		e, err := ledger.ParseCloudEvent([]byte(doc))
		if name == "many attributes" {
			if err == nil {
				t.Errorf("an attribute that stands three times was read")
			}
		} else if err != nil || len(e.Data) < 800 {
			t.Errorf("%s: %d bytes, %v", name, len(e.Data), err)
		}
	}
	var many strings.Builder
	for i := range 1 << 20 {
		fmt.Fprintf(&many, `"a%d":1,`, i)
	}
	if _, err := ledger.ParseCloudEvent(fmt.Appendf(nil, frame, many.String()+`"x":1`)); err == nil || !strings.Contains(err.Error(), "more than 256 attributes") {
		t.Errorf("a million attributes: %v", err)
	}
}
