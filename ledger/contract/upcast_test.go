package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

func parse(t testing.TB, text string) *Contract {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const orderV1 = `
contract: support/refund
version: 1
fields:
  - {name: order_no, class: mandatory, schema: {type: string, pattern: "^order-[0-9]+$"}}
  - {name: amount, class: optional, schema: {type: number, minimum: 0}}
  - {name: mood, class: optional, schema: {type: string}}
`

const orderV2 = `
contract: support/refund
version: 2
fields:
  - {name: order, class: mandatory, schema: {type: string, pattern: "^order-[0-9]+$"}}
  - {name: cents, class: optional, schema: {type: number, minimum: 0}}
  - {name: currency, class: mandatory, schema: {enum: [EUR, USD]}}
  - {name: summary, class: forward_looking, schema: {type: string}}
upcast:
  from: 1
  steps:
    - rename: {from: order_no, to: order}
    - derive: {field: cents, class: optional, from: double(fields.amount) * 100.0}
    - drop: amount
    - set: {field: currency, class: mandatory, value: EUR}
    - rename: {from: mood, to: summary}
    - move: {field: summary, class: forward_looking}
`

func TestUpcast(t *testing.T) {
	u, err := parse(t, orderV2).Upcaster()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	e := Envelope{
		Mandatory:  map[string]json.RawMessage{"order_no": json.RawMessage(`"order-7"`)},
		Optional:   map[string]json.RawMessage{"amount": json.RawMessage(`49`), "mood": json.RawMessage(`"calm"`)},
		KeyInsight: "k",
		Fields:     map[string]Meta{"order_no": {Source: "crm", AssertedAt: at}, "amount": {Source: "shop", AssertedAt: at}, "mood": {Method: "model"}},
	}
	made, err := u.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	want := Envelope{
		Mandatory:      map[string]json.RawMessage{"order": json.RawMessage(`"order-7"`), "currency": json.RawMessage(`"EUR"`)},
		Optional:       map[string]json.RawMessage{"cents": json.RawMessage(`4900`)},
		ForwardLooking: map[string]json.RawMessage{"summary": json.RawMessage(`"calm"`)},
		KeyInsight:     "k",
		Fields: map[string]Meta{"order": {Source: "crm", AssertedAt: at}, "cents": {Source: "upcast v1>v2", AssertedAt: at, Method: "inherited"},
			"currency": {Source: "upcast v1>v2", Method: "default"}, "summary": {Method: "model"}},
	}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("%+v\nwant %+v", made, want)
	}
	delete(e.Optional, "amount")
	if made, err = u.Apply(e); err != nil || made.Optional["cents"] != nil {
		t.Error("a field was derived from one that is not there:", made, err)
	}
}

func TestUpcastErrors(t *testing.T) {
	taken := Envelope{Mandatory: map[string]json.RawMessage{"order_no": json.RawMessage(`1`)}, Optional: map[string]json.RawMessage{"order": json.RawMessage(`2`)}}
	if _, err := parse(t, orderV2).Upcast.to(2).Apply(taken); ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), "v1>v2, steps[0]") {
		t.Error(err)
	}
	for expression, want := range map[string]string{
		"fields.amount *":                     "column",
		"now()":                               "undeclared reference",
		"fields.a.matches(fields.b)":          "no literal",
		"[1,2,3].map(x, [1,2,3].map(y, x*y))": "",
		"amount":                              "undeclared reference",
		"string(fields.order) + " + `"` + strings.Repeat("a", 5000) + `"`: "",
	} {
		_, err := newDerivation(expression)
		long := len(expression) > 4096
		if (err == nil) == (want != "" || long) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", expression, err, want)
		}
	}
	list := "[0" + strings.Repeat(",0", 99) + "]"
	d, err := newDerivation(list + ".map(a, " + list + ".map(b, " + list + ".map(c, a+b+c)))")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.value(&Envelope{}); err == nil || !strings.Contains(err.Error(), "cost limit") {
		t.Error("a costly expression was evaluated:", err)
	}
}

func TestChain(t *testing.T) {
	v1, v2 := parse(t, orderV1), parse(t, orderV2)
	v3 := parse(t, strings.Replace(strings.Replace(orderV2, "version: 2", "version: 3", 1), "from: 1\n", "from: 2\n", 1))
	chain, err := Chain([]*Contract{v3, v1, v2}, 1, 3)
	if err != nil || len(chain) != 2 || chain[0].From != 1 || chain[1].To != 3 {
		t.Error(chain, err)
	}
	if chain, err := Chain([]*Contract{v1}, 1, 1); err != nil || len(chain) != 0 {
		t.Error(chain, err)
	}
	if _, err := Chain([]*Contract{v1, v3}, 1, 3); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Error(err)
	}
	if _, err := Chain([]*Contract{v1, v2}, 2, 1); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Error(err)
	}
	a, b := v2.Upcast.to(2), v2.Upcast.to(3)
	if a.Digest() == b.Digest() || a.Digest() != v2.Upcast.to(2).Digest() {
		t.Error("the digest does not tell the versions apart, or is not stable")
	}
}

// TestUpcastIsPure: whatever an upcast does, its argument stays as it was, and the same envelope gives the same bytes.
func TestUpcastIsPure(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names)
		class := rapid.SampledFrom(Classes())
		value := func() json.RawMessage {
			return json.RawMessage(canonicalText(drawValue(t, map[string]any{}, 1)))
		}
		u := &Upcast{From: 1, To: 2}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			var s Step
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				s.Rename = &Rename{From: name.Draw(t, "from"), To: name.Draw(t, "to")}
			case 1:
				s.Set = &Set{Field: name.Draw(t, "set"), Class: class.Draw(t, "class"), Value: value()}
			case 2:
				s.Move = &Move{Field: name.Draw(t, "move"), Class: class.Draw(t, "class")}
			case 3:
				s.Drop = name.Draw(t, "drop")
			case 4:
				s.Derive = &Derive{Field: name.Draw(t, "derive"), Class: class.Draw(t, "class"), From: rapid.SampledFrom([]string{
					"fields.a", "fields.map(k, k)", "fields", `has(fields.b) ? fields.b : "none"`, "size(fields)", `[fields["c"], fields.d]`}).Draw(t, "expression")}
			}
			u.Steps = append(u.Steps, s)
		}
		var e, same Envelope
		for _, n := range names {
			if rapid.IntRange(0, 3).Draw(t, "has") > 0 {
				e.Put(class.Draw(t, "class"), n, value())
				if rapid.Bool().Draw(t, "meta") {
					if e.Fields == nil {
						e.Fields = map[string]Meta{}
					}
					e.Fields[n] = Meta{Source: n}
				}
			}
		}
		before, _ := json.Marshal(e)
		first, err := u.Apply(e)
		after, _ := json.Marshal(e)
		if !bytes.Equal(before, after) {
			t.Fatalf("the argument was %s and is %s", before, after)
		}
		for _, c := range Classes() { // the same envelope, its maps filled the other way round
			list := keys(e.In(c))
			slices.Reverse(list)
			for _, n := range list {
				same.Put(c, n, slices.Clone(e.In(c)[n]))
			}
		}
		same.Fields = maps.Clone(e.Fields)
		again, errAgain := u.Apply(same)
		one, _ := json.Marshal(first)
		two, _ := json.Marshal(again)
		if (err == nil) != (errAgain == nil) || !bytes.Equal(one, two) {
			t.Fatalf("%s, %v and %s, %v", one, err, two, errAgain)
		}
	})
}

func TestUpcastProblems(t *testing.T) {
	v1, v2 := parse(t, orderV1), parse(t, orderV2)
	check := func(c *Contract) func(Envelope) []ledger.Violation {
		return func(e Envelope) (out []ledger.Violation) {
			if valid, known := c.cases()[0].accepts(&e, Strict); !valid || !known {
				out = append(out, ledger.Violation{Type: ledger.UnknownViolation})
			}
			return out
		}
	}
	if problems, err := UpcastProblems(v1, v2, check(v2)); err != nil || len(problems) != 0 {
		t.Errorf("%+v, %v", problems, err)
	}
	narrow := parse(t, strings.Replace(orderV2, "type: number, minimum: 0", "type: number, minimum: 1", 1))
	problems, err := UpcastProblems(v1, narrow, check(narrow))
	if err != nil || len(problems) == 0 || !strings.Contains(string(problems[0].Becomes), `"cents":0`) {
		t.Errorf("%+v, %v", problems, err)
	}
	if _, err := UpcastProblems(v1, v1, check(v1)); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Error(err)
	}
}
