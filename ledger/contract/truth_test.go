package contract_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
)

// TestTruth holds checks by the example contracts against what the simulator planted: exactly the mandatory fields that nobody knew or that
// were left out are missing, and what is malformed is junk that somebody entered, or the category that appears with the drift.
func TestTruth(t *testing.T) {
	var names []string
	for name := range contract.Examples() {
		names = append(names, name)
	}
	slices.Sort(names) // version 1 before version 2
	var documents []string
	for _, name := range names {
		documents = append(documents, string(contract.Examples()[name]))
	}
	d := newDesk(t, documents...)
	var truth bytes.Buffer
	s, err := simulate.New(simulate.Options{Seed: 7, Journeys: 1500, Truth: &truth})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]ledger.Violation{}
	offers := map[string]ledger.Event{}
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == ledger.Type("handoff", "offered") {
			e.Data = bytes.Clone(e.Data)
			offers[e.ID] = e
			n, ok := d.agreed.Check(&e)
			if !ok {
				t.Fatalf("%s follows %s, which no example is of", e.ID, e.Schema)
			}
			found[e.ID] = n.Violations
		}
	}
	missing, malformed, versions := 0, 0, [3]int{}
	for line := range bytes.Lines(truth.Bytes()) {
		var j struct {
			Drifted  bool `json:"drifted"`
			Category string
			Handoffs []struct {
				ID                       string
				Version                  int
				Missing, Left_out, Gamed []string
			}
		}
		if err := json.Unmarshal(line, &j); err != nil {
			t.Fatal(err)
		}
		for _, h := range j.Handoffs {
			e, there := offers[h.ID]
			if !there {
				t.Fatalf("%s is in the truth and was not offered", h.ID)
			}
			versions[h.Version]++
			c := d.agreed.Catalogue(e.Schema, "")
			var want, got []string
			for _, name := range c.In(contract.Mandatory) {
				if name == "consent" && h.Version == 2 {
					continue // version 2 always has it, whatever became of it before
				}
				if slices.Contains(h.Missing, name) || slices.Contains(h.Left_out, name) {
					want = append(want, name)
				}
			}
			for _, v := range found[h.ID] {
				switch {
				case v.Type == ledger.RequiredMissing && v.Field != "":
					got = append(got, v.Field)
				case v.Type == ledger.DatatypeMismatch && (slices.Contains(h.Gamed, v.Field) || v.Field == "issue_category" && j.Category == "subscription pause" && j.Drifted):
					malformed++
				default:
					t.Errorf("%s, %s: %s at %s was not planted: %s", h.ID, e.Schema, v.Type, v.Path, v.Message)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s, %s: missing %v, planted %v", h.ID, e.Schema, got, want)
			}
			missing += len(want)
		}
	}
	if missing < 100 || malformed < 100 || versions[2] < 50 {
		t.Errorf("this test has nothing to find: %d missing, %d malformed, %v of the versions", missing, malformed, versions)
	}
}

// TestExamples: they are what they teach.
func TestExamples(t *testing.T) {
	for name, text := range contract.Examples() {
		c, err := contract.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := strings.ReplaceAll(c.Name, "/", "-") + ".v" + string(rune('0'+c.Version)) + ".yaml"; name != want {
			t.Errorf("%s is of %s version %d", name, c.Name, c.Version)
		}
		for _, f := range contract.Lint(c, contract.LintOptions{Compile: func(c *contract.Contract) error { _, err := contract.Compile(c); return err }}) {
			if f.Level == contract.LevelError {
				t.Errorf("%s: %s: %s", name, f.Rule, f.Message)
			}
		}
	}
}
