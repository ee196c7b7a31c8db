package depth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// TestFreshIsAnExponential compares the integers with math.Exp.
func TestFreshIsAnExponential(t *testing.T) {
	const life = 30 * dayMS
	for age := int64(0); age < 13*life; age += life / 97 {
		want := math.Exp(-float64(age)/life) * 1e6
		if got := float64(fresh(age, life)); math.Abs(got-want) > 150 {
			t.Fatalf("after %g lives: %g, want %g millionths", float64(age)/life, got, want)
		}
	}
	for _, c := range [][3]int64{{-5, 100, 1_000_000}, {1 << 50, 0, 1_000_000}, {1 << 50, 1000, 0}, {1, 1, 367879}} {
		if got := fresh(c[0], c[1]); got-c[2] > 150 || c[2]-got > 150 {
			t.Errorf("fresh(%d, %d) is %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// TestTheReaderReadsJSON compares with encoding/json on documents of every form.
func TestTheReaderReadsJSON(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		doc := randomValue(dice, 0)
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if dice.IntN(2) == 0 {
			var b bytes.Buffer
			if json.Indent(&b, text, "\t", " ") == nil {
				text = b.Bytes()
			}
		}
		r := reader{data: text}
		got, err := json.Marshal(readAll(&r))
		want, _ := json.Marshal(doc)
		if err != nil || r.bad || !bytes.Equal(got, want) {
			t.Fatalf("%s was read as %s", want, got)
		}
	}
}

// readAll makes a value with the reader alone.
func readAll(r *reader) any {
	switch r.peek() {
	case '{':
		out := map[string]any{}
		r.members(func(name []byte) { out[string(name)] = readAll(r) })
		return out
	case '[':
		out := []any{}
		r.items(func() { out = append(out, readAll(r)) })
		return out
	case '"':
		return string(r.text())
	}
	var v any
	if json.Unmarshal(r.raw(), &v) != nil {
		r.bad = true
	}
	return v
}

func randomValue(dice *rand.Rand, depth int) any {
	texts := []string{"", "a", "ü€", `"quoted"`, `back\slash`, "line\nbreak", "{not: an object}", "</script>", "[,]"}
	switch n := dice.IntN(7); {
	case n == 0 && depth < 4:
		out := map[string]any{}
		for range dice.IntN(5) {
			out[texts[dice.IntN(len(texts))]+fmt.Sprint(dice.IntN(9))] = randomValue(dice, depth+1)
		}
		return out
	case n == 1 && depth < 4:
		out := []any{}
		for range dice.IntN(5) {
			out = append(out, randomValue(dice, depth+1))
		}
		return out
	case n < 4:
		return texts[dice.IntN(len(texts))]
	case n == 4:
		return dice.IntN(3) == 0
	case n == 5:
		return nil
	}
	return math.Round(dice.NormFloat64()*1e4) / 1e2
}

// FuzzOffer: whatever is sent as data, the fold takes it and goes on.
func FuzzOffer(f *testing.F) {
	for _, s := range []string{`{}`, `{"envelope":{"mandatory":{"a":"b"},"fields":{"a":{"method":"user","asserted_at":"2026-01-05T00:00:00Z","fill_ms":3.5e2}}}}`, `{"envelope":`, `[`, `{"a":"\`,
		`{"envelope":{"optional":{"a":{"b":{"c":{"d":1}}}},"side_panel":[1,]}}`, "{\"\xff\":tru}", `{"envelope":{"mandatory":{"a":"2026-13-45","b":"a@b.c","c":-1e999,"a":2}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fold := NewFold(Options{})
		for i := range uint64(3) {
			fold.Add(&ledger.Recorded{Event: ledger.Event{ID: fmt.Sprint(i), Type: ledger.Type("handoff", "offered"), Subject: "J", Data: data, Facets: ledger.Facets{Sender: "a", Receiver: "b", Channel: "c"}},
				Stream: "journey-J", Position: i + 1})
			fold.Add(&ledger.Recorded{Event: ledger.Event{Type: ledger.Type("handoff", "delivered"), Data: data, Facets: ledger.Facets{Handoff: fmt.Sprint(i)}}, Stream: "overlay-J", Position: i + 1})
		}
		if n := fold.order[0].handoffs; n != 3 {
			t.Fatalf("%d handoffs", n)
		}
		fold.Drift(DriftOptions{})
		fold.Fields(Query{})
	})
}

// TestLimits: more series, fields and values than are kept apart are counted and do no harm.
func TestLimits(t *testing.T) {
	f := NewFold(Options{Series: 3})
	var wide strings.Builder
	for i := range maxFields + 40 {
		fmt.Fprintf(&wide, `"f%d":%d,`, i, i)
	}
	for i := range uint64(400) {
		f.Add(&ledger.Recorded{Event: ledger.Event{ID: fmt.Sprint(i), Type: ledger.Type("handoff", "offered"), Data: fmt.Appendf(nil, `{"envelope":{"mandatory":{"v":"value %d",%s"z":1}}}`, i, wide.String()),
			Facets: ledger.Facets{Sender: fmt.Sprint("s", i%5), Receiver: "b", Channel: "c"}}, Stream: fmt.Sprint("journey-", i), Position: i + 1})
	}
	if len(f.order) != 3 || f.dropped.Offers != 160 || f.dropped.Fields == 0 {
		t.Errorf("%d series, dropped %+v", len(f.order), f.dropped)
	}
	for _, s := range f.order {
		if a := s.agreement; len(a.fields) > maxFields || !a.fields[a.at["v"]].open || len(a.fields[a.at["v"]].categories) > 0 {
			t.Errorf("%d fields, values %d", len(a.fields), len(a.fields[a.at["v"]].categories))
		}
	}
	if h := f.Tiers(TierOptions{}).Head; h.Dropped == nil || h.Dropped.Offers != 160 {
		t.Errorf("the report says %+v of what was dropped", h.Dropped)
	}
}

func TestForms(t *testing.T) {
	for text, want := range map[string]string{`"2026-03-04"`: "string date", `"2026-03-04T09:00:00+01:00"`: "string date-time", `"a@b.example"`: "string email", `"2026-99-04"`: "string ",
		`"8078e81b-8c39-87e1-b546-6a56b4b24ae9"`: "string uuid", `"https://x.example/a"`: "string uri", `"O-1"`: "string ", `-1.5`: "number ", `true`: "boolean ", `[1]`: "array ", `{"a":1}`: "object ", `""`: "string "} {
		k := kindOfValue([]byte(text))
		if got := kindTexts[k][0] + " " + kindTexts[k][1]; got != want {
			t.Errorf("%s is a %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{`"Zoë 12-x"`: "Aaa 99-a", `"` + strings.Repeat("b", 40) + `"`: strings.Repeat("a", 24) + "…", `12.5`: "99.9"} {
		if got := sample([]byte(text), kindText, false); got != want {
			t.Errorf("the form of %s is %q, want %q", text, got, want)
		}
	}
	if got := sample([]byte(`"Maria"`), kindText, true); strings.Contains(got, "a") && got != "string of 5 bytes" {
		t.Errorf("a private value has the form %q", got)
	}
}

func TestKinds(t *testing.T) {
	want := map[string]int{"order_id": identifier, "contact_ref": identifier, "transcript_ref": history, "last_interaction": history, "product_tier": metadata, "email": identifier, "steps_tried": history, "consent": metadata}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := kindOf(name, "mandatory", 0); got != want[name] {
			t.Errorf("%s is %s, want %s", name, kindNames[got], kindNames[want[name]])
		}
	}
	if kindOf("order_id", "mandatory", 3) != history || kindOf("consent", "optional", 1) != identifier || kindOf("order_id", "forward_looking", 1) != predicted {
		t.Error("a contract's weight and class come first")
	}
}
