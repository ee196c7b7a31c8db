package contract

import (
	"strings"
	"testing"
)

const refund = `
contract: support/refund
version: 2
title: Refund
owner: support
points: ["support>billing@ticket"]
mode: quarantine
fields:
  - {name: order, class: mandatory, schema: {type: string, pattern: "^order-"}, purpose: [refund], fresh_for: 7d}
  - {name: amount, class: mandatory, schema: {type: number, minimum: 0}}
  - {name: churn_risk, class: forward_looking, schema: {type: number}}
variants:
  - {name: large, when: "fields.amount > 500", optional: [order]}
upcast:
  from: 1
  steps: [{rename: {from: order_no, to: order}}]
`

func TestParse(t *testing.T) {
	c, err := Parse([]byte(refund))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(c.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	if c.Digest() != again.Digest() || again.Fields[0].FreshFor.String() != "7d" || again.Reader != Strict || again.Compatibility != Backward {
		t.Errorf("%s\n%s", c.Canonical(), again.Canonical())
	}
	other, err := Parse([]byte(strings.Replace(refund, "{type: number, minimum: 0}", "{minimum: 0, type: number}", 1)))
	if err != nil || other.Digest() != c.Digest() {
		t.Errorf("the order of a schema's members changed the digest: %v", err)
	}
	if name, version, ok := ReadSchema(Schema(c.Name, c.Version)); !ok || name != c.Name || version != 2 {
		t.Error(name, version, ok)
	}
	for _, bad := range []string{"", "contracts/v1", "contracts/x/v0", "contracts/x/v01", "contracts/x/va", "https://x/v1", "contracts/x/v1234567890"} {
		if _, _, ok := ReadSchema(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"contract: support/refund", "contract: support//refund", "is no name"},
		{"version: 2", "version: 0", "version: 0"},
		{"version: 2", "version: two", "version is a string"},
		{"mode: quarantine", "mode: block", `mode: "block"`},
		{"owner:", "ownr:", `unknown field "ownr"`},
		{"class: mandatory, schema: {type: n", "class: needed, schema: {type: n", `field "amount", class: "needed"`},
		{"name: amount", "name: order", `"order" stands there twice`},
		{"fresh_for: 7d", "fresh_for: week", `"week" is no span`},
		{"optional: [order]", "optional: [ordr]", `no field "ordr"`},
		{"optional: [order]", "optional: [churn_risk]", "forward-looking"},
		{"from: 1\n", "from: 2\n", "upcast.from: 2"},
		{"order_no, to: order}}", "order_no, to: order}, drop: x}", "says 2 things"},
		{"\ncontract", "\n- contract", "not YAML"},
	} {
		_, err := Parse([]byte(strings.Replace(refund, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.to, c.from, err, c.want)
		}
	}
}

// TestYAML: what is written for people is read back as the same contract.
func TestYAML(t *testing.T) {
	for name, text := range Examples() {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil || again.Digest() != c.Digest() {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
