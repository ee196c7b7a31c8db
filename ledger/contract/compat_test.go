package contract

import (
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// TestComparisonsAreSound holds comparisons to the oracle: where nothing is said to break, no envelope that is valid under one version is
// invalid under the other; and what is said to break for certain is shown by an envelope.
func TestComparisonsAreSound(t *testing.T) {
	var compatible, valid, certain, unsure int
	rapid.Check(t, func(t *rapid.T) {
		old := drawVersion(t, 1)
		now := drawNext(t, old)
		c := Compare(old, now)
		for _, way := range []struct {
			from, to *Contract
			breaks   []Break
			reader   Reader
		}{{old, now, c.Backward, now.Reader}, {now, old, c.Forward, old.Reader}} {
			for _, b := range way.breaks {
				if !b.Certain {
					unsure++
					continue
				}
				certain++
				if !shows(t, b.Witness, way.from, way.to, way.reader) {
					t.Fatalf("%s %s: %s shows nothing\n%s\n%s", b.Field, b.What, b.Witness, old.Canonical(), now.Canonical())
				}
			}
			if len(way.breaks) > 0 {
				continue
			}
			compatible++
			holds := rapid.SampledFrom(everyHolding()).Draw(t, "guards")
			accepts := whole(t, way.from, chosen(way.from, holds), Strict)
			reads := whole(t, way.to, chosen(way.to, holds), way.reader)
			for range 8 {
				e := drawEnvelope(t, way.from, way.to, chosen(way.from, holds))
				if accepts.Validate(e) != nil {
					continue
				}
				valid++
				if err := reads.Validate(e); err != nil {
					t.Fatalf("%s is valid under one and not the other: %v\n%s\n%s", canonicalText(e), err, way.from.Canonical(), way.to.Canonical())
				}
			}
		}
	})
	t.Logf("compatible %d, valid envelopes tried %d, certain breaks %d, unsure %d", compatible, valid, certain, unsure)
	if compatible == 0 || valid == 0 || certain == 0 || unsure*2 > certain {
		t.Errorf("the drawn versions show too little")
	}
}

// shows reports whether a witness is valid under one version, and invalid under the other whatever guards say that leave it valid.
func shows(t rapid.TB, witness json.RawMessage, from, to *Contract, r Reader) bool {
	e, err := decode(witness)
	if err != nil {
		t.Fatalf("%s: %v", witness, err)
	}
	shown := map[string]bool{}
	for _, holds := range everyHolding() {
		variant := chosen(from, holds)
		if whole(t, from, variant, Strict).Validate(e) != nil {
			continue
		}
		refused := whole(t, to, chosen(to, holds), r).Validate(e) != nil
		if was, seen := shown[variant]; !seen || was {
			shown[variant] = refused
		}
	}
	for _, yes := range shown {
		if yes {
			return true
		}
	}
	return false
}

// TestCasesAgreeWithChecks: what comparisons hold valid is what checks pass, and what a version's JSON Schema does.
func TestCasesAgreeWithChecks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawVersion(t, 1)
		c.Variants = nil
		k, err := Compile(c)
		if err != nil {
			t.Fatal(err)
		}
		document, err := decode(c.JSONSchema(""))
		if err != nil {
			t.Fatal(err)
		}
		s := jsonschema.NewCompiler()
		s.AssertFormat()
		if err := s.AddResource("document", document); err != nil {
			t.Fatal(err)
		}
		exported, err := s.Compile("document")
		if err != nil {
			t.Fatal(err)
		}
		oracle := whole(t, c, "", c.Reader)
		for range 5 {
			e := drawEnvelope(t, c, drawNext(t, c), "")
			raw := json.RawMessage(canonicalText(e))
			event := offer("chat", string(raw))
			envelope, ok := ReadEnvelope(event)
			if !ok {
				t.Fatalf("%s was not read", raw)
			}
			valid, known := c.cases()[0].accepts(&envelope, c.Reader)
			checked := k.Check(event)
			passed := len(checked.Violations) == 0
			if want := oracle.Validate(e) == nil; !known || valid != want || passed != want || (exported.Validate(e) == nil) != want {
				t.Fatalf("%s: oracle %v, cases %v, checks %v, JSON Schema %v\n%s", raw, want, valid, checked.Violations, exported.Validate(e), c.Canonical())
			}
		}
	})
}
