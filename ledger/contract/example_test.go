package contract_test

import (
	"fmt"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// A contract with a variant for phone calls, and two offers: one that breaks it in three ways, and one of the variant.
func ExampleCompiled_Check() {
	c, err := contract.Parse([]byte(`
contract: support/refund
version: 2
fields:
  - {name: order, class: mandatory, schema: {type: string, pattern: "^order-"}}
  - {name: amount, class: mandatory, schema: {type: number, minimum: 0}}
  - {name: churn_risk, class: forward_looking, schema: {type: number, maximum: 1}}
variants:
  - {name: phone, when: 'channel == "phone" && value < 50.0', optional: [order]}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	compiled, err := contract.Compile(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, data := range []string{
		`{"from":{"stage":"support"},"to":{"stage":"billing"},"channel":"ticket","envelope":{"mandatory":{"amount":-49},"optional":{"order":"order-7","colour":"red"}}}`,
		`{"from":{"stage":"support"},"to":{"stage":"billing"},"channel":"phone","value":20,"envelope":{"mandatory":{"amount":20}}}`,
	} {
		verdict := compiled.Check(&ledger.Event{ContentType: "application/json", Data: []byte(data)})
		fmt.Printf("variant %q, valid %v\n", verdict.Variant, verdict.Valid())
		for _, v := range verdict.Violations {
			fmt.Printf("  %s at %s\n    %s\n", v.Type, v.Path, v.Message)
		}
	}
	// Output:
	// variant "", valid false
	//   Required-Missing at /envelope/mandatory/order
	//     mandatory field "order" stands under envelope.optional; move it to envelope.mandatory
	//   Additional-Properties at /envelope/optional/order
	//     field "order" is mandatory here; move it to envelope.mandatory
	//   Datatype-Mismatch at /envelope/mandatory/amount
	//     field "amount" is too small; send at least 0
	//   Additional-Properties at /envelope/optional/colour
	//     the contract has no field "colour"; take it out, or add it to a new version
	// variant "phone", valid true
}

// A version as one JSON Schema, for validators that know no contracts.
func ExampleContract_JSONSchema() {
	c, err := contract.Parse([]byte(`
contract: support/refund
version: 2
fields:
  - {name: order, class: mandatory, schema: {type: string}, classification: internal, purpose: [refund], fresh_for: 7d}
  - {name: note, class: optional, schema: {type: string}, subject: customer}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(c.JSONSchema("")))
	// Output:
	// {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"baton:///contracts/support/refund/v2","x-baton-contract":"support/refund","x-baton-version":2,"type":"object","required":["mandatory"],"properties":{"mandatory":{"type":"object","required":["order"],"properties":{"order":{"type":"string","x-baton-classification":"internal","x-baton-purpose":["refund"],"x-baton-fresh-for":"7d"}},"additionalProperties":false},"optional":{"type":["object","null"],"properties":{"note":{"type":["string","null"],"x-baton-subject":"customer"}},"additionalProperties":false},"forward_looking":{"type":["object","null"],"properties":{},"additionalProperties":false},"key_insight":{"type":["string","null"],"maxLength":280},"fields":{"type":["object","null"],"properties":{"order":{"properties":{"classification":{"enum":["internal",null]}}}}}}}
}
