package depth_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/depth"
)

// truthLine is what a test needs of a journey in the simulator's truth.
type truthLine struct {
	Journey  string    `json:"journey"`
	Flow     string    `json:"flow"`
	Start    time.Time `json:"start"`
	Category string    `json:"category"`
	Handoffs []struct {
		ID, From, To, Channel string
		Version               int
		Missing, Cut, Gamed   []string
		LeftOut               []string `json:"left_out"`
	} `json:"handoffs"`
	Reasks []struct{ Handoff, Field, Class string } `json:"reasks"`
	Drift  time.Time                                `json:"drift"` // of the header
}

// simulated folds a simulation and gives its truth.
func simulated(t testing.TB, o simulate.Options, with depth.Options) (*depth.Fold, truthLine, []truthLine) {
	t.Helper()
	var truth bytes.Buffer
	o.Truth = &truth
	s, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	f, position := depth.NewFold(with), uint64(0)
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		position++
		r := recorded(t, e, position)
		f.Add(&r)
	}
	var lines []truthLine
	for scan := bufio.NewScanner(&truth); scan.Scan(); {
		var l truthLine
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return f, lines[0], lines[1:]
}

// recorded places an event as an engine does.
func recorded(t testing.TB, e ledger.Event, position uint64) ledger.Recorded {
	t.Helper()
	var err error
	if e.Facets, err = ledger.DeriveFacets(e.Data); err != nil {
		t.Fatal(err)
	}
	return ledger.Recorded{Event: e, Stream: ledger.StreamFor(&e), Position: position, RecordedTime: e.Time.Add(time.Second)}
}

// renamed is the catalogue that says what the simulator's second version calls what: its one rename.
func renamed(schema, _ string) *contract.Contract {
	name, version, ok := contract.ReadSchema(schema)
	if !ok || version != 2 {
		return nil
	}
	return &contract.Contract{Name: name, Version: 2, Upcast: &contract.Upcast{From: 1, Steps: []contract.Step{
		{Rename: &contract.Rename{From: "contact_ref", To: "contact_token"}}}}}
}
