package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-ledger/baton/ledger"
)

// TestRulesAgree: every schema against every value: a rule, and the library.
func TestRulesAgree(t *testing.T) {
	rules := 0
	for _, schema := range oracleSchemas {
		if schema == "" {
			continue
		}
		s, err := compileSchema(json.RawMessage(schema))
		if err != nil {
			t.Fatal(schema, err)
		}
		r, ok := newRule(s)
		if !ok {
			continue
		}
		rules++
		for _, raw := range oracleValues {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
			if err != nil {
				t.Fatal(raw, err)
			}
			sc := &scanner{data: []byte(raw)}
			got := r.check(sc, sc.value())
			if want := s.Validate(v); (got == "") != (want == nil) {
				t.Errorf("%s of %s: %q, the library says %v", schema, raw, got, want)
			}
		}
	}
	if rules < 35 {
		t.Errorf("only %d schemas are rules", rules)
	}
}

// FuzzRule: no schema and no value makes a check fall over, and a rule passes what the library does.
func FuzzRule(f *testing.F) {
	for i, schema := range oracleSchemas {
		f.Add([]byte(schema), []byte(oracleValues[i%len(oracleValues)]))
	}
	f.Fuzz(func(t *testing.T, schema, value []byte) {
		s, err := compileSchema(schema)
		sc := &scanner{data: value}
		v := sc.value()
		if sc.end(); err != nil || sc.wrong != "" || unwieldy(value) {
			return
		}
		decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
		if err != nil {
			t.Fatal(err)
		}
		said := s.Validate(decoded)
		got := len(deep(s, value)) == 0
		if r, ok := newRule(s); ok {
			got = r.check(sc, v) == ""
		}
		if got != (said == nil) {
			t.Fatalf("%v, the library says %v", got, said)
		}
	})
}

// FuzzRead: the reading takes what encoding/json takes, and finds the same values.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"envelope":{"mandatory":{"a":1,"\u0061":"x","b":{"c":[1,2,{}]}},"optional":{"a":null},"key_insight":"x","fields":{"a":{"classification":"y"}}}}`,
		`{"envelope":{"mandatory":{"a":1},"mandatory":[]}}`, `{"envelope":7}`, `[{]`, `{"a":"\ud800\u00e4"}`, `{"a":01}`, `{"a":1,}`, "{\"a\":\"\x01\"}", "{\"\xff\":1}", `{"a":-}`, `{"a":1.e3}`, `{}{}`, `{"a" 1}`, `["\x"]`, `nul`, ``,
		`{"envelope":{"mandatory":{"a":"12345678\"12345678\\"}},"envelope":{}}`, `{"to":"x","from":{"stage":"y","kind":3},"channel":"z","attributes":{"segment":"s"},"value":1e3}`} {
		f.Add([]byte(seed))
	}
	k, err := Compile(&Contract{Fields: []Field{{Name: "a", Class: Mandatory}, {Name: "b", Class: Optional}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := readings.New().(*reading)
		r.use(k)
		r.read(data)
		_, bad := ledger.DeriveFacets(append([]byte{'['}, append(bytes.Clone(data), ']')...))
		if json.Valid(data) && r.wrong != "" && bad == nil || !json.Valid(data) && r.wrong == "" {
			t.Fatalf("valid %v, and %q", json.Valid(data), r.wrong)
		}
		if r.wrong != "" || r.root != object {
			return
		}
		var doc struct {
			Envelope any `json:"envelope"`
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		if raw, there := all["envelope"]; there {
			if err := json.Unmarshal(raw, &doc.Envelope); err != nil {
				t.Fatal(err)
			}
		}
		envelope, _ := doc.Envelope.(map[string]any)
		for class, name := range classNames {
			values, _ := envelope[name].(map[string]any)
			for i, f := range k.fields {
				got := r.slots[i].in[class]
				want, there := values[f.Name]
				if there != (got.kind != absent) {
					t.Fatalf("%s.%s: found %v, want %v", name, f.Name, got.kind, there)
				}
				if !there {
					continue
				}
				var v any
				if err := json.Unmarshal(r.raw(got), &v); err != nil || fmt.Sprint(v) != fmt.Sprint(want) {
					t.Fatalf("%s.%s: %v, want %v (%v)", name, f.Name, v, want, err)
				}
			}
		}
		k.Check(&ledger.Event{Data: data})
	})
}
