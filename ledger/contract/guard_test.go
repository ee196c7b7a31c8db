package contract

import (
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// TestVariants: the first guard that holds is taken; one that asks for what is not there does not hold; one that fails is reported.
func TestVariants(t *testing.T) {
	k := compiled(t, order)
	for _, c := range []struct{ name, channel, envelope, variant, want string }{
		{"none", "web", good, "", ""},
		{"channel", "phone", replaced(`"order_id":"order-1",`, ""), "phone", ""},
		{"moved", "phone", good, "phone", `field "order_id" is optional here; move it to envelope.optional`},
		{"omitted", "phone", `{"mandatory":{"amount":1},"optional":{"note":"abc"},"key_insight":"x"}`, "phone",
			`Additional-Properties /envelope/optional/note: field "note" is not passed in variant "phone"; take it out`},
		{"field", "web", replaced(`"key_insight"`, `"optional":{"tier":"gold"},"key_insight"`), "big", `Required-Missing /envelope/mandatory/email`},
		{"field of another kind", "web", replaced(`"key_insight"`, `"optional":{"tier":1},"key_insight"`), "", ""},
	} {
		v := k.Check(offer(c.channel, c.envelope))
		got := listed(v)
		if v.Variant != c.variant || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: variant %q, want %q\n%s\nwant\n%s", c.name, v.Variant, c.variant, got, c.want)
		}
	}
	e := offer("web", good)
	e.Data = []byte(strings.Replace(string(e.Data), `{"from"`, `{"value":501,"from"`, 1))
	if v := k.Check(e); v.Variant != "big" {
		t.Errorf("value 501 took %q", v.Variant)
	}
	if got := k.Effective("phone"); got["order_id"] != Optional || got["note"] != Omitted || got["amount"] != Mandatory || got["churn"] != ForwardLooking {
		t.Errorf("phone: %v", got)
	}
	if got := k.Effective(""); got["order_id"] != Mandatory || len(got) != 9 || k.Effective("fax") != nil {
		t.Errorf("base: %v", got)
	}
}

// TestGuards: each variable has the value that the documentation says.
func TestGuards(t *testing.T) {
	document := func(when string) string {
		return "contract: c\nversion: 1\nfields:\n" +
			"- {name: segment, class: optional}\n- {name: value, class: optional}\n- {name: amount, class: optional}\n- {name: churn, class: forward_looking}\n" +
			"variants:\n- name: taken\n  when: >-\n    " + when + "\n"
	}
	data := func(more, envelope string) string {
		return `{"from":{"stage":"a b","kind":"bot"},"to":{"stage":"desk","kind":"human"},"channel":"chat"` + more + `,"envelope":` + envelope + `}`
	}
	for _, c := range []struct {
		when, data string
		want       bool
	}{
		{`channel == "chat" && sender == "a b" && receiver == "desk" && sender_kind == "bot" && receiver_kind == "human"`, data("", "{}"), true},
		{`point == "a%20b>desk@chat"`, data("", "{}"), true},
		{`sender == "a" && receiver == "" && sender_kind == ""`, `{"from":"a","to":{"stage":7}}`, true},
		{`sender == "b"`, `{"from":{"stage":"a"},"from":{"stage":"b"}}`, true},
		{`segment == "" && value == 0.0 && size(fields) == 0`, data("", "{}"), true},
		{`segment == "vip"`, data(`,"segment":"vip","attributes":{"segment":"other"}`, `{"optional":{"segment":"third"}}`), true},
		{`segment == "other"`, data(`,"segment":7,"attributes":{"segment":"other"}`, `{"optional":{"segment":"third"}}`), true},
		{`segment == "other"`, data(`,"attributes":{"x":{"segment":"no"},"segment":"other"}`, `{}`), true},
		{`segment == "thiräd"`, data(`,"attributes":{}`, `{"optional":{"segment":"thir\u00e4d"}}`), true},
		{`value > 10`, data(`,"value":10.5`, `{"optional":{"value":1}}`), true},
		{`value == 7.0`, data(`,"value":"10.5"`, `{"optional":{"value":7}}`), true},
		{`fields.amount * 2 == 14`, data("", `{"optional":{"amount":7}}`), true},
		{`fields.amount > 6.5`, data("", `{"optional":{"amount":7}}`), true},
		{`fields["amount"] == "x"`, data("", `{"optional":{"amount":"x"}}`), true},
		{`has(fields.amount) || "churn" in fields`, data("", `{"forward_looking":{"churn":0.5}}`), true},
		{`has(fields.amount)`, data("", `{"optional":{"amount":null}}`), false},
		{`fields.amount > 1`, data("", `{"mandatory":{"amount":null},"optional":{"amount":7}}`), true},
		{`fields.amount > 1`, data("", `{}`), false},
		{`!has(fields.amount) && fields.amount > 1`, data("", `{}`), false},
		{`fields.undeclared == 3 && size(fields) == 1`, data("", `{"optional":{"undeclared":3}}`), true},
		{`fields.exists(name, name.startsWith("am"))`, data("", `{"optional":{"amount":3}}`), true},
		{`fields.amount[1].x == "y"`, data("", `{"optional":{"amount":[1,{"x":"y"}]}}`), true},
	} {
		k := compiled(t, document(c.when)+"reader: tolerant\n")
		v := k.Check(&ledger.Event{Data: []byte(c.data)})
		if taken := v.Variant == "taken"; taken != c.want || len(v.Violations) > 0 {
			t.Errorf("%s: taken %v, want %v: %s", c.when, taken, c.want, listed(v))
		}
	}
	for when, want := range map[string]string{
		`fields.amount > 1`: "compares or combines values of different types",
		`fields.amount`:     "neither true nor false",
		`timestamp(fields.amount) > timestamp("2020-01-01T00:00:00Z")`:                                                                                  "it fails with these values",
		`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, a + b + c + d > 0))))`: "more than 10000 steps",
	} {
		v := compiled(t, document(when)).Check(&ledger.Event{Data: []byte(data("", `{"optional":{"amount":"secret"}}`))})
		if got := listed(v); v.Variant != "" || len(v.Violations) != 1 || !strings.HasPrefix(got, `Unknown-Violation : the guard of variant "taken" cannot be evaluated: `) ||
			!strings.Contains(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%s: %q %s", when, v.Variant, got)
		}
	}
}
