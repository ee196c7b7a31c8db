package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/points"
	"github.com/baton-ledger/baton/server"
)

// TestExamplePointsAreTheFlows holds examples/points.yaml against what the simulator does: the contract that each point's offers name, and that suggestions
// come at predictive points alone. The points that are not in the file are those of work that somebody else stepped in for, and of returns.
func TestExamplePointsAreTheFlows(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("examples", "points.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := points.ParseFile(document)
	if err != nil {
		t.Fatal(err)
	}
	mapped := map[string]points.Change{}
	for _, c := range changes {
		if c.Verb == "mapped" {
			mapped[c.Point] = c
		}
		if c.Verb == "pain_recorded" {
			if _, err := points.ParseQuery(c.Evidence, server.CompileEvidence); err != nil {
				t.Errorf("%s: %v", c.Pain, err)
			}
		}
	}
	s, err := simulate.New(simulate.Options{Seed: 5, Journeys: 3000})
	if err != nil {
		t.Fatal(err)
	}
	offers, all, in := map[string]string{}, 0, 0
	suggested, seen := map[string]bool{}, map[string]bool{}
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		checked := ledger.Intake(func(_ context.Context, b []ledger.Batch) []ledger.Result {
			e = b[0].Events[0]
			return make([]ledger.Result, 1)
		}, ledger.Validate)
		checked(t.Context(), []ledger.Batch{{Stream: "s", Expect: ledger.Any, Events: []ledger.Event{e}}})
		switch e.Type {
		case ledger.Type("handoff", "offered"):
			point := ledger.Point(e.Facets.Sender, e.Facets.Receiver, e.Facets.Channel)
			offers[e.ID] = point
			all++
			if m, ok := mapped[point]; ok {
				in++
				seen[point] = true
				if name, _, _ := contract.ReadSchema(e.Schema); name != m.Contract {
					t.Fatalf("an offer at %s names the contract %q, the file %q", point, name, m.Contract)
				}
			}
		case ledger.Type("suggestion", "offered"):
			suggested[offers[e.Facets.Handoff]] = true
		}
	}
	for point := range suggested {
		if m, ok := mapped[point]; ok && m.Style != points.Predictive {
			t.Errorf("%s has suggestions, and is %s in the file", point, m.Style)
		}
	}
	if in*10 < all*9 || len(suggested) < 4 {
		t.Errorf("%d of %d offers are at points of the file; suggestions at %d points", in, all, len(suggested))
	}
	for point := range mapped {
		if !seen[point] {
			t.Errorf("no offer is at %s", point)
		}
	}
}
