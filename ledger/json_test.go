package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// extract reads facets with encoding/json: a second opinion that shares no code with the scanner. ok is false where a facet is longer than
// the limit or has control characters, which the intake refuses.
func extract(data []byte) (f ledger.Facets, ok bool) {
	ok = true
	text := func(raw json.RawMessage) (s string) {
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		for _, r := range s {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				ok = false
			}
		}
		ok = ok && len(s) <= ledger.MaxFacet
		return s
	}
	members := func(raw []byte) map[string]json.RawMessage {
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil {
			return nil
		}
		return m
	}
	end := func(raw json.RawMessage, stage, party, kind *string) {
		m := members(raw)
		if m == nil {
			*stage = text(raw)
			return
		}
		*stage, *party, *kind = text(m["stage"]), text(m["party"]), text(m["kind"])
	}
	m := members(data)
	f = ledger.Facets{Activity: text(m["activity"]), Stage: text(m["stage"]), Party: text(m["party"]), Kind: text(m["kind"]),
		Channel: text(m["channel"]), Status: text(m["status"]), Handoff: text(m["handoff"]), Outcome: text(m["outcome"]),
		Reason: text(m["reason"]), Journey: text(m["journey"]), Field: text(m["field"]),
		ExpiresAt: text(m["expires_at"]), Sunset: text(m["sunset"])}
	end(m["from"], &f.Sender, &f.SenderParty, &f.SenderKind)
	end(m["to"], &f.Receiver, &f.ReceiverParty, &f.ReceiverKind)
	return f, ok
}

func depth(data []byte) (deepest int) {
	open, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			open++
			deepest = max(deepest, open)
		case !quoted && (c == '}' || c == ']'):
			open--
		}
	}
	return deepest
}

// checkFacets holds the scanner against encoding/json: it accepts the same texts, save for the documented differences, and reads the
// same facets.
func checkFacets(t interface {
	Helper()
	Fatalf(string, ...any)
}, data []byte) {
	t.Helper()
	got, err := ledger.DeriveFacets(data)
	if err != nil && (ledger.CodeOf(err) != ledger.CodeInvalid && ledger.CodeOf(err) != ledger.CodeTooLarge || ledger.HintOf(err) == "") {
		t.Fatalf("%q: error without a code or a hint: %v", data, err)
	}
	valid := json.Valid(data) && utf8.Valid(data) && depth(data) <= ledger.MaxJSONDepth
	want, labels := ledger.Facets{}, true
	if valid {
		want, labels = extract(data)
	}
	if accepted := err == nil; accepted != (valid && labels) {
		t.Fatalf("%q: accepted %v (%v), encoding/json valid %v, facets in limits %v", data, accepted, err, valid, labels)
	}
	if err == nil && got != want {
		t.Fatalf("%q:\n got %+v\nwant %+v", data, got, want)
	}
}

var jsonSeeds = []string{
	`{"activity":"call","stage":"desk","party":"p","kind":"human","channel":"phone","status":"s","handoff":"h","outcome":"o","reason":"r","journey":"j","field":"f"}`,
	`{"from":{"stage":"a","party":"b","kind":"c"},"to":{"kind":"f","party":"e","stage":"d"}}`, `{"from":"a","to":"b"}`,
	`{"x":{"from":{"stage":"no"}}}`, `{"x":{"stage":"no"},"stage":"yes"}`, `{"from.stage":"no","to.kind":"no"}`, `{"from":{"from":{"stage":"no"}}}`,
	`{"from":{"x":{"stage":"no"},"stage":"yes","from.stage":"no","y":[{"stage":"no"}]}}`, `{"from":[{"stage":"no"}],"to":["no"]}`,
	`[{"stage":"no","from":{"stage":"no"}}]`, `{"activity":"first","activity":"last"}`, `{"activity":"first","activity":null}`,
	`{"from":{"stage":"first"},"from":{"party":"last"}}`, `{"from":"first","from":{"party":"last"}}`, `{"from":{"stage":"a"},"from":7}`,
	`{"from":{"stage":"a","stage":{}},"to":{}}`, `{"from":{"stage":"a","party":"b"},"from":"c"}`,
	`{"\u0061ctivity":"caf\u00e9 \ud83d\ude00 \" \\ \/"}`, `{"activity":"\ud800"}`, `{"activity":"\udc00\ud800x"}`, `{"activity":"a\nb"}`,
	`{"f\u0072om":{"st\u0061ge":"a"}}`, `{"activity":"\u0000"}`, `{"activity":"\u0085"}`, `{"":"a"}`, `{"activity":["x"],"stage":{"stage":"no"}}`,
	`{"Activity":"no","STAGE":"no"}`, "", " ", "null", "true", "tru", "nul", `"a"`, `"a`, `"\`, `"\u12`, `"\x"`, "\"\x01\"", "\"\x7f\"", "1", "-1", "-", "01", "1.", "1.5",
	".5", "1e", "1e+", "1e5", "1E-5", "+1", "0x1", "1 2", "[", "]", "[]", "[1,]", "[,1]", "[1 2]", "[1,2]", "{", "}", "{}", "{,}", `{"a"}`, `{"a":}`,
	`{"a":1,}`, `{"a":1 "b":2}`, `{1:2}`, `{"a":1]`, `[1}`, "\ufeff{}", "{}\x00", "\x00", " \t\r\n{ } ", "\v{}", `{"a":"` + "\xff" + `"}`,
	`{"n":123456789012345678901234567890.000000001e999}`, `{"activity":"` + strings.Repeat("x", 1024) + `"}`, `{"activity":"` + strings.Repeat("x", 1025) + `"}`,
	`{"activity":"` + strings.Repeat("x", 1025) + `","activity":"short"}`,
	strings.Repeat("[", 512) + strings.Repeat("]", 512), strings.Repeat("[", 513) + strings.Repeat("]", 513), strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	strings.Repeat(`{"a":`, 512) + "1" + strings.Repeat("}", 512), strings.Repeat(`{"from":`, 10_000), strings.Repeat("[", 10_000),
}

func TestFacetsOfKnownTexts(t *testing.T) {
	for _, data := range jsonSeeds {
		checkFacets(t, []byte(data))
	}
	for _, c := range []struct {
		data string
		want ledger.Facets
	}{
		{jsonSeeds[0], ledger.Facets{Activity: "call", Stage: "desk", Party: "p", Kind: "human", Channel: "phone", Status: "s", Handoff: "h",
			Outcome: "o", Reason: "r", Journey: "j", Field: "f"}},
		{jsonSeeds[1], ledger.Facets{Sender: "a", SenderParty: "b", SenderKind: "c", Receiver: "d", ReceiverParty: "e", ReceiverKind: "f"}},
		{jsonSeeds[2], ledger.Facets{Sender: "a", Receiver: "b"}},
		{`{"x":{"from":{"stage":"no"}},"from.stage":"no","from":{"from.stage":"no"}}`, ledger.Facets{}},
		{`{"\u0061ctivity":"caf\u00e9 \ud83d\ude00 \" \\ \/"}`, ledger.Facets{Activity: "café 😀 \" \\ /"}},
		{`{"from":{"stage":"a","party":"b"},"from":{"kind":"c"},"activity":"x","activity":1}`, ledger.Facets{SenderKind: "c"}},
	} {
		if got, err := ledger.DeriveFacets([]byte(c.data)); err != nil || got != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.data, got, err, c.want)
		}
	}
}

// anyJSON draws valid texts rich in the names that matter, at every depth.
var anyJSON = rapid.Custom(func(t *rapid.T) []byte {
	var b bytes.Buffer
	writeJSON(t, &b, 0)
	return b.Bytes()
})

func writeJSON(t *rapid.T, b *bytes.Buffer, level int) {
	kinds := []string{"object", "object", "object", "array", "string", "string", "number", "word"}
	if level == 0 {
		kinds = kinds[:4]
	} else if level > 4 {
		kinds = kinds[4:]
	}
	gap := func() { b.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "\n\t"}).Draw(t, "gap")) }
	gap()
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "object":
		b.WriteByte('{')
		for i := range rapid.IntRange(0, 6).Draw(t, "members") {
			if i > 0 {
				b.WriteByte(',')
			}
			gap()
			b.WriteString(anyName.Draw(t, "name"))
			gap()
			b.WriteByte(':')
			writeJSON(t, b, level+1)
		}
		b.WriteByte('}')
	case "array":
		b.WriteByte('[')
		for i := range rapid.IntRange(0, 3).Draw(t, "elements") {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(t, b, level+1)
		}
		b.WriteByte(']')
	case "string":
		b.WriteString(rapid.SampledFrom([]string{`""`, `"a"`, `"desk"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud800"`, `"\""`, `"\n"`, `"ü"`}).Draw(t, "string"))
	case "number":
		b.WriteString(rapid.SampledFrom([]string{"0", "-1", "1.5e9", "9007199254740993"}).Draw(t, "number"))
	case "word":
		b.WriteString(rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "word"))
	}
	gap()
}

var anyName = rapid.OneOf(rapid.SampledFrom([]string{`"from"`, `"to"`, `"stage"`, `"party"`, `"kind"`, `"from"`, `"to"`, `"stage"`, `"activity"`, `"from.stage"`,
	`"to.party"`, `"channel"`, `"status"`, `"handoff"`, `"outcome"`, `"reason"`, `"journey"`, `"field"`, `"x"`, `""`, `"\u0066rom"`, `"Stage"`}))

func TestFacetsAsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := anyJSON.Draw(t, "data")
		checkFacets(t, data)
		i := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0:
			checkFacets(t, data[:i])
		case 1:
			checkFacets(t, append(bytes.Clone(data[:i]), data[i+1:]...))
		case 2:
			data[i] = rapid.SampledFrom([]byte("{}[],:\"\\ 0-.eE+tfn\x00\x1f\x7f\xff")).Draw(t, "byte")
			checkFacets(t, data)
		}
	})
}

func FuzzDeriveFacets(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkFacets(t, data) })
}

// TestFacetErrors: the message names the member or the byte.
func TestFacetErrors(t *testing.T) {
	for _, c := range []struct {
		data, names string
		code        ledger.Code
	}{
		{`{"a":tru}`, "at byte 5", ledger.CodeInvalid},
		{`{"a":1`, "at byte 6", ledger.CodeInvalid},
		{"{\"a\":\"\n\"}", "control character in a string at byte 6", ledger.CodeInvalid},
		{`{"a":"` + "\xff", "UTF-8", ledger.CodeInvalid},
		{`{"from":{"party":"a\tb"}}`, "data.from.party has a control character", ledger.CodeInvalid},
		{fmt.Sprintf(`{"reason":%q}`, strings.Repeat("x", 1025)), "data.reason has 1025 bytes, at most 1024", ledger.CodeTooLarge},
		{strings.Repeat("[", 10_000), "more than 512 deep at byte 512", ledger.CodeTooLarge},
	} {
		_, err := ledger.DeriveFacets([]byte(c.data))
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.names) || ledger.HintOf(err) == "" {
			t.Errorf("%.40q: %v, hint %q; want %q", c.data, err, ledger.HintOf(err), c.names)
		}
	}
}
