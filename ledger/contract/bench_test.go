package contract

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-ledger/baton/ledger"
)

// refundCase is the contract of twenty fields that `baton bench` uses too, and an offer that keeps it.
func refundCase(t testing.TB) (*Compiled, *ledger.Event) {
	t.Helper()
	const folder = "../../cmd/baton/bench/contract/"
	document, err := os.ReadFile(folder + "refund.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(folder + "refund.json")
	if err != nil {
		t.Fatal(err)
	}
	k, e := compiled(t, string(document)), &ledger.Event{ContentType: "application/json", Data: data}
	if v := k.Check(e); !v.Valid() || len(k.fields) != 20 {
		t.Fatalf("%d fields: %s", len(k.fields), listed(v))
	}
	return k, e
}

// TestRefundCase: the twenty fields are all there, all checked by rules, and take no allocation to speak of.
func TestRefundCase(t *testing.T) {
	k, e := refundCase(t)
	env, _ := ReadEnvelope(e)
	if n, m := len(env.Names()), len(env.Fields); n != 20 || m != 20 {
		t.Errorf("%d values, %d of them described", n, m)
	}
	for _, f := range k.fields {
		if f.rule == nil {
			t.Errorf("%s is not checked by a rule", f.Name)
		}
	}
	if n := testing.AllocsPerRun(200, func() { k.Check(e) }); n > 20 {
		t.Errorf("%v allocations, at most 20 are allowed", n)
	}
}

// p50 reports the median beside what the framework reports. The clock's own time, some 50 ns, is in it.
func p50(b *testing.B, f func()) {
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		f()
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
}

// BenchmarkCheck holds the check against the library on the same contract as one schema: from the bytes on, as the check does, and with the JSON
// decoded already.
func BenchmarkCheck(b *testing.B) {
	k, e := refundCase(b)
	b.Run("check", func(b *testing.B) {
		p50(b, func() { k.Check(e) })
	})
	guarded := *k.contract
	guarded.Variants = []Variant{{Name: "phone", When: `channel == "phone"`}, {Name: "large", When: `fields.amount > 500`}}
	g, err := Compile(&guarded)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("check-two-guards", func(b *testing.B) {
		p50(b, func() { g.Check(e) })
	})
	whole, err := wholeSchema(k.contract, "")
	if err != nil {
		b.Fatal(err)
	}
	decode := func() any {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
		if err != nil {
			b.Fatal(err)
		}
		return v.(map[string]any)["envelope"]
	}
	valid := func(v any) {
		if err := whole.Validate(v); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("jsonschema", func(b *testing.B) {
		p50(b, func() { valid(decode()) })
	})
	envelope := decode()
	b.Run("jsonschema-decoded", func(b *testing.B) {
		p50(b, func() { valid(envelope) })
	})
}

// wholeSchema compiles what JSONSchema wrote.
func wholeSchema(c *Contract, variant string) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.JSONSchema(variant)))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	url := doc.(map[string]any)["$id"].(string)
	if err := compiler.AddResource(url, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(url)
}
