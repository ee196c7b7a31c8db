package contract

import (
	"strings"
	"sync"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

const order = `
contract: sales/order
version: 3
key_insight: {required: true, max: 20}
fields:
  - {name: order_id, class: mandatory, schema: {type: string, pattern: "^order-[0-9]+$"}, classification: internal}
  - {name: amount, class: mandatory, schema: {type: number, minimum: 0, exclusiveMaximum: 1000, multipleOf: 0.01}}
  - {name: tier, class: optional, schema: {enum: [gold, silver, 1, null, true]}}
  - {name: email, class: optional, schema: {type: string, format: email}, classification: personal}
  - {name: "a/b~c", class: optional, schema: {type: integer}}
  - {name: note, class: optional, schema: {type: string, minLength: 2, maxLength: 4}}
  - {name: items, class: optional, schema: {type: array, items: {type: object, required: [sku], properties: {sku: {type: string}}}}}
  - {name: any, class: optional}
  - {name: churn, class: forward_looking, schema: {type: number, maximum: 1}}
variants:
  - {name: phone, when: 'channel == "phone"', optional: [order_id], omit: [note]}
  - {name: big, when: 'value > 500.0 || fields.tier == "gold"', mandatory: [email]}
`

func compiled(t testing.TB, document string) *Compiled {
	t.Helper()
	c, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	k, err := Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// offer makes an offer with an envelope, or with data where that is no object's content.
func offer(channel, envelope string) *ledger.Event {
	return &ledger.Event{Type: "handoff.offered", ContentType: "application/json",
		Data: []byte(`{"from":{"stage":"shop"},"to":{"stage":"desk"},"channel":"` + channel + `","envelope":` + envelope + `}`)}
}

const good = `{"mandatory":{"order_id":"order-1","amount":49.90},"key_insight":"wants a refund"}`

// replaced is the good envelope with one part changed.
func replaced(from, to string) string { return strings.Replace(good, from, to, 1) }

// TestViolations: every type, with its path, its field, and the fix.
func TestViolations(t *testing.T) {
	k := compiled(t, order)
	for _, c := range []struct{ name, envelope, want string }{
		{"good", good, ""},
		{"all of it", `{"mandatory":{"order_id":"order-1","amount":1e2},"optional":{"tier":"silver","email":"a@example.org","a/b~c":1.0,"note":"äöü","items":[{"sku":"x"}],"any":{"x":[1]}},
			"forward_looking":{"churn":0.5},"key_insight":"ok","fields":{"email":{"classification":"personal","source":"crm"},"other":{"classification":"x"}},"side_panel":[],"more":1}`, ""},
		{"names with escapes", replaced("order_id", `order\u005fid`), ""},
		{"the last of two counts", replaced(`"amount":49.90`, `"amount":"x","amount":1`), ""},
		{"the last of two objects counts", replaced(`{"mandatory":`, `{"mandatory":{"order_id":7,"y":1},"mandatory":`), ""},
		{"optional nulls", replaced(`"key_insight"`, `"optional":{"tier":null,"note":null},"forward_looking":null,"fields":null,"key_insight"`), ""},
		{"missing", replaced(`"order_id":"order-1",`, ""), `Required-Missing /envelope/mandatory/order_id order_id: mandatory field "order_id" is not there; send it`},
		{"null", replaced(`"order-1"`, "null"), `Required-Missing /envelope/mandatory/order_id order_id: mandatory field "order_id" is null; send a value`},
		{"in another class", `{"mandatory":{"amount":1},"optional":{"order_id":"order-1"},"key_insight":"x"}`,
			`Required-Missing /envelope/mandatory/order_id order_id: mandatory field "order_id" stands under envelope.optional; move it to envelope.mandatory
Additional-Properties /envelope/optional/order_id order_id: field "order_id" is mandatory here; move it to envelope.mandatory`},
		{"pattern", replaced("order-1", "secret"), `Datatype-Mismatch /envelope/mandatory/order_id order_id: field "order_id" does not match the pattern ^order-[0-9]+$; send a text that does`},
		{"type", replaced(`"order-1"`, "7"), `Datatype-Mismatch /envelope/mandatory/order_id order_id: field "order_id" is a number; send a text`},
		{"minimum", replaced("49.90", "-1"), `field "amount" is too small; send at least 0`},
		{"maximum", replaced("49.90", "1000"), `field "amount" is too large; send less than 1000`},
		{"multiple", replaced("49.90", "49.905"), `field "amount" is no multiple of 0.01; send one`},
		{"enum", replaced(`"key_insight"`, `"optional":{"tier":"secret"},"key_insight"`), `/envelope/optional/tier tier: field "tier" is none of the allowed values; send "gold", "silver", 1, null, true`},
		{"format", replaced(`"key_insight"`, `"optional":{"email":"secret"},"key_insight"`), `field "email" is not of the format email; send it as name@example.org`},
		{"integer", replaced(`"key_insight"`, `"optional":{"a/b~c":1.5},"key_insight"`), `Datatype-Mismatch /envelope/optional/a~1b~0c a/b~c: field "a/b~c" is a number with a fraction; send a whole number`},
		{"short", replaced(`"key_insight"`, `"optional":{"note":"x"},"key_insight"`), `field "note" has 1 letters; send at least 2`},
		{"long", replaced(`"key_insight"`, `"optional":{"note":"äöüß5"},"key_insight"`), `field "note" has 5 letters; send at most 4`},
		{"deep", replaced(`"key_insight"`, `"optional":{"items":[{"sku":"x"},{"sku":1},{}]},"key_insight"`),
			`Datatype-Mismatch /envelope/optional/items/1/sku items: field "items": what is at this path is of another type; send string
Datatype-Mismatch /envelope/optional/items/2 items: field "items": what is at this path has no member sku; add what is missing`},
		{"deep and unwieldy", replaced(`"key_insight"`, `"optional":{"items":[1e99999]},"key_insight"`), "with an exponent of more than 4"},
		{"unknown", replaced(`"key_insight"`, `"optional":{"z":1,"b":1,"z":2},"forward_looking":{"a":1},"key_insight"`),
			`Additional-Properties /envelope/optional/b : the contract has no field "b"; take it out, or add it to a new version
Additional-Properties /envelope/optional/z : the contract has no field "z"; take it out, or add it to a new version
Additional-Properties /envelope/forward_looking/a : the contract has no field "a"; take it out, or add it to a new version`},
		{"forward-looking as a fact", replaced(`"order_id"`, `"churn":0.1,"order_id"`),
			`Additional-Properties /envelope/mandatory/churn churn: field "churn" is forward-looking, and never mandatory; move it to envelope.forward_looking`},
		{"no insight", replaced(`"wants a refund"`, "null"), `Required-Missing /envelope/key_insight : the key insight is missing; say in one sentence what matters`},
		{"empty insight", replaced(`"wants a refund"`, `""`), `Required-Missing /envelope/key_insight`},
		{"long insight", replaced(`wants`, `wants, after all, nothing less than`), `Datatype-Mismatch /envelope/key_insight : the key insight has 44 letters; send at most 20`},
		{"insight of another kind", replaced(`"wants a refund"`, "[]"), `Datatype-Mismatch /envelope/key_insight : the key insight is an array; send a text of one sentence`},
		{"classification", replaced(`"key_insight"`, `"fields":{"email":{"classification":"public"},"order_id":{"classification":null}},"key_insight"`),
			`Datatype-Mismatch /envelope/fields/email/classification email: field "email" is classified otherwise than the contract has it; send personal, or leave the classification out`},
		{"class of another kind", replaced(`"key_insight"`, `"optional":[],"fields":3,"key_insight"`),
			`Datatype-Mismatch /envelope/optional : optional is an array; send an object
Datatype-Mismatch /envelope/fields : fields is a number; send an object`},
		{"envelope of another kind", `"secret"`, `Datatype-Mismatch /envelope : envelope is a text; send an object
Required-Missing /envelope/mandatory/order_id order_id: mandatory field "order_id" is not there; send it
Required-Missing /envelope/mandatory/amount amount: mandatory field "amount" is not there; send it
Required-Missing /envelope/key_insight : the key insight is missing; say in one sentence what matters`},
		{"not JSON", `{"mandatory":{]}`, `Unknown-Violation  : the data cannot be read as JSON: expected a name; send data that ` + "`jq .` accepts"},
	} {
		v := k.Check(offer("web", c.envelope))
		var lines []string
		for _, one := range v.Violations {
			lines = append(lines, one.Type+" "+one.Path+" "+one.Field+": "+one.Message)
		}
		got := strings.Join(lines, "\n")
		if v.Variant != "" || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: variant %q\n%s\nwant\n%s", c.name, v.Variant, got, c.want)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("%s repeats the value: %s", c.name, got)
		}
	}
}

func listed(v Verdict) string {
	var lines []string
	for _, one := range v.Violations {
		lines = append(lines, one.Type+" "+one.Path+": "+one.Message)
	}
	return strings.Join(lines, "\n")
}

// TestReaders: a tolerant reader lets pass what it does not know, except a prediction among the facts.
func TestReaders(t *testing.T) {
	k := compiled(t, order+"reader: tolerant\n")
	v := k.Check(offer("web", `{"mandatory":{"order_id":"order-1","amount":1,"new":1,"note":7},"optional":{"amount":"x"},"key_insight":"x"}`))
	if !v.Valid() {
		t.Error(listed(v))
	}
	v = k.Check(offer("web", `{"mandatory":{"order_id":"order-1","amount":1,"churn":null},"key_insight":"x"}`))
	if got := listed(v); !strings.Contains(got, "never mandatory") {
		t.Error(got)
	}
}

// TestNoEnvelope: a contract without mandatory fields wants no envelope; others say what is missing.
func TestNoEnvelope(t *testing.T) {
	stateless := compiled(t, "contract: c\nversion: 1\nfields: []\n")
	needy := compiled(t, "contract: c\nversion: 1\nfields: [{name: a, class: mandatory}]\n")
	for _, c := range []struct{ contentType, data, stateless, needy string }{
		{"", ``, "", "Required-Missing /envelope/mandatory/a"},
		{"", `{"from":{}}`, "", "Required-Missing /envelope/mandatory/a"},
		{"", `{"envelope":null}`, "", "Required-Missing /envelope/mandatory/a"},
		{"", `{"envelope":{"mandatory":{"a":{}}}} `, "Additional-Properties /envelope/mandatory/a", ""},
		{"", `[1]`, "", "Unknown-Violation : the data is an array, and no object with an envelope; send one"},
		{"", ` null`, "", "Unknown-Violation : the data is null"},
		{"text/plain", `{"envelope":{"mandatory":{"a":1}}}`, "", "Unknown-Violation : the data is of another type than JSON"},
		{"", `{"envelope":{}} x`, "Unknown-Violation : the data cannot be read as JSON", "Unknown-Violation : the data cannot be read"},
		{"", `{"envelope":{}`, "Unknown-Violation : the data cannot be read as JSON", "Unknown-Violation : the data cannot be read"},
		{"", "{\"envelope\":{\"x\":\"\xff\"}}", "it is not UTF-8", "it is not UTF-8"},
		{"", "{\"envelope\":{\"x\":\"12345678\xff12345678\"}}", "it is not UTF-8", "it is not UTF-8"},
		{"", `{"x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`, "nested too deep", "nested too deep"},
	} {
		for _, one := range []struct {
			k    *Compiled
			want string
		}{{stateless, c.stateless}, {needy, c.needy}} {
			v := one.k.Check(&ledger.Event{ContentType: c.contentType, Data: []byte(c.data)})
			if got := listed(v); len(v.Violations) > 1 || (got == "") != (one.want == "") || !strings.Contains(got, one.want) {
				t.Errorf("%.60s: %s, want %s", c.data, got, one.want)
			}
		}
	}
}

// TestOrder: what is wrong within a value comes in one order, though the library looks at members in any.
func TestOrder(t *testing.T) {
	k := compiled(t, "contract: c\nversion: 1\nfields:\n- {name: a, class: optional, schema: {additionalProperties: {type: integer}, required: [z]}}\n")
	want := ""
	for i := range 30 {
		v := k.Check(offer("web", `{"optional":{"a":{"e":"1","d":"1","c":"1","b":"1","a":"1","ab":"1"}}}`))
		if got := listed(v); i == 0 && len(v.Violations) == 7 && strings.Contains(v.Violations[0].Message, "no member z") && v.Violations[6].Path == "/envelope/optional/a/e" {
			want = got
		} else if got != want {
			t.Fatalf("%s\nwant\n%s", got, want)
		}
	}
}

// TestMany: an offer that is all wrong has an end, and long names are not repeated.
func TestMany(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		b.WriteString(`"x` + strings.Repeat("y", 2*i) + `":1,`)
	}
	v := compiled(t, order).Check(offer("web", `{"mandatory":{`+b.String()+`"order_id":"order-1","amount":1},"key_insight":"x"}`))
	if n := len(v.Violations); n != maxViolations+1 || v.Violations[n-1].Message != "there are 100 more; mend these first" {
		t.Error(n, v.Violations[n-1])
	}
	v = compiled(t, order).Check(offer("web", `{"mandatory":{"`+strings.Repeat("y", 300)+`":1,"order_id":"order-1","amount":1},"key_insight":"x"}`))
	if got := listed(v); len(got) > 200 || !strings.Contains(got, "a name of 300 bytes") {
		t.Error(got)
	}
}

// TestCompileRefuses: errors name the field or the variant, and say what to do.
func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`minimum: 0`, `minimum: "0"`, `field "amount", schema: at '/minimum': got string, want number`},
		{`type: number, minimum`, `type: money, minimum`, `field "amount", schema: at '/type'`},
		{`"^order-[0-9]+$"`, `"(?=x)"`, `field "order_id", schema: at '/pattern': '(?=x)' is not valid regex`},
		{`"^order-[0-9]+$"`, `"x", $id: "https://example.org/x"`, `field "order_id", schema: $id is the contract's to give`},
		{`type: array`, `$ref: "https://json-schema.org/draft/2020-12/schema", type: array`, `field "items", schema: $ref: "https://json-schema.org/draft/2020-12/schema" is outside the schema`},
		{`type: array`, `not: {$ref: "file:///etc/passwd"}, type: array`, `$ref: "file:///etc/passwd" is outside`},
		{`type: array`, `$ref: "#/$defs/gone", type: array`, `field "items", schema: `},
		{`type: array`, `$schema: "http://json-schema.org/draft-07/schema#", type: array`, `$schema names another dialect`},
		{`value > 500.0`, `valeu > 500.0`, `variant "big": guard, line 1, column 1: undeclared reference to 'valeu'`},
		{`name: big`, `name: phone`, `variant "phone" stands there twice`},
	} {
		changed := strings.Replace(order, c.from, c.to, 1)
		contract, err := Parse([]byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(contract)
		if err == nil || ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), c.want) || changed == order {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
	for schema, want := range map[string]string{`{"maxItems":1e99999}`: "an exponent of more than 4", `{"minimum":` + strings.Repeat("9", 500) + `}`: "more than 400 digits",
		`{`: "it is not JSON", `{} {}`: "it is not JSON"} {
		if _, err := Compile(&Contract{Fields: []Field{{Name: "a", Schema: []byte(schema)}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", schema, err, want)
		}
	}
	predicted := &Contract{Fields: []Field{{Name: "a", Class: ForwardLooking}}, Variants: []Variant{{Name: "v", When: "true", Mandatory: []string{"a"}}}}
	if _, err := Compile(predicted); err == nil || !strings.Contains(err.Error(), `"a" is forward-looking`) {
		t.Error(err)
	}
	same := &Contract{Fields: []Field{{Name: "a"}, {Name: "a"}}}
	if _, err := Compile(same); err == nil || !strings.Contains(err.Error(), `field "a" stands there twice`) {
		t.Error(err)
	}
}

// TestTogether: checks of different contracts and offers at the same time do not disturb each other.
func TestTogether(t *testing.T) {
	small, large := compiled(t, "contract: c\nversion: 1\nfields: [{name: order_id, class: mandatory, schema: {type: integer}}]\n"), compiled(t, order)
	var work sync.WaitGroup
	for i := range 8 {
		k, envelope := small, good
		if i%2 == 1 {
			k = large
		}
		if i%4 > 1 {
			envelope = replaced("order-1", "x") // also wrong for the other reason
		}
		e := offer([]string{"web", "phone"}[i/4], envelope)
		want := k.Check(e)
		work.Go(func() {
			for range 500 {
				if v := k.Check(e); v.Variant != want.Variant || listed(v) != listed(want) {
					t.Errorf("%q %s, want %q %s", v.Variant, listed(v), want.Variant, listed(want))
					return
				}
			}
		})
	}
	work.Wait()
}
