package brief_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// TestDeliver: what was given can be derived again from the event that says so, is recorded once for each receiver, and again when it has changed.
func TestDeliver(t *testing.T) {
	b := open(t)
	b.story()
	catalogue, _ := returns(t)
	o := brief.Options{Contracts: catalogue}
	to := ledger.Intake(b.AppendAll, ledger.Validate)
	give := func(receiver string) brief.Delivered {
		t.Helper()
		d, err := brief.Deliver(t.Context(), b, to, brief.Delivery{Journey: "J", Handoff: "h", To: receiver}, o)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := give("ann")
	b.say("suggestion.shown", "", `{"handoff":"h"}`)
	if again := give("ann"); !again.Receipt.Duplicate || again.Receipt.Position != first.Receipt.Position {
		t.Errorf("the same again: %+v, first %+v", again.Receipt, first.Receipt)
	}
	if other := give("bob"); other.Receipt.Duplicate {
		t.Errorf("another receiver: %+v", other.Receipt)
	}
	s, err := brief.AssembleSnapshots(t.Context(), b, "J", "h", o)
	if err != nil || s.Delivered.AsOf == 0 || *s.Delivered.Declared != first.Brief.Digest {
		t.Fatalf("%+v %v", s.Delivered, err)
	}
	again := o
	again.Handoff, again.Moment = "h", replay.Moment{Position: s.Delivered.AsOf}
	b.say("interaction.recorded", "", `{"activity":"x","attributes":{"mood":"glad"}}`)
	if derived := assemble(t, b, again); derived.Digest != *s.Delivered.Declared {
		t.Errorf("derived again it is %s, delivered was %s", derived.Digest, s.Delivered.Declared)
	}
	if changed := give("ann"); changed.Receipt.Duplicate || changed.Brief.Digest == first.Brief.Digest {
		t.Errorf("changed: %+v", changed.Receipt)
	}

	var data map[string]any
	for e, err := range b.ReadStream(t.Context(), "overlay-J", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Position == first.Receipt.Position {
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, want := range map[string]any{"contract": "returns", "version": 1.0, "tier": "predictive", "key_insight": "said", "given_to": "ann", "resolver": brief.Resolver, "channel": "chat"} {
		if data[name] != want {
			t.Errorf("%s is %v, want %v", name, data[name], want)
		}
	}
	if _, err := brief.Deliver(t.Context(), b, to, brief.Delivery{Journey: "J", Handoff: "no"}, o); !errors.Is(err, ledger.CodeNotFound) {
		t.Error(err)
	}
}

// TestDeliverAtOnce: many who give the same leave one event.
func TestDeliverAtOnce(t *testing.T) {
	b := open(t)
	b.story()
	to := ledger.Intake(b.AppendAll, ledger.Validate)
	var all sync.WaitGroup
	positions := make([]uint64, 8)
	for i := range positions {
		all.Go(func() {
			d, err := brief.Deliver(t.Context(), b, to, brief.Delivery{Journey: "J", Handoff: "h", To: "ann"}, brief.Options{})
			if err != nil {
				t.Error(err)
			}
			positions[i] = d.Receipt.Position
		})
	}
	all.Wait()
	slices.Sort(positions)
	if positions[0] == 0 || positions[0] != positions[7] {
		t.Errorf("positions %v", positions)
	}
}

// TestSeeAndCorrect records what a receiver opens and what a customer says; the same again is the same event, and what cannot be meant is refused.
func TestSeeAndCorrect(t *testing.T) {
	b := open(t)
	b.story()
	to := ledger.Intake(b.AppendAll, ledger.Validate)
	v := brief.View{Journey: "J", Handoff: "h", By: ledger.Party{Stage: "desk", Party: "ann"}, Fields: []string{"risk", "mood", "risk"}, SidePanel: []string{"doc:2"}}
	for i := range 2 {
		r, err := brief.See(t.Context(), b, to, v)
		if err != nil || r.Receipt.Stream != "overlay-J" || r.Receipt.Duplicate != (i == 1) {
			t.Fatalf("%+v %v", r, err)
		}
	}
	s, err := brief.AssembleSnapshots(t.Context(), b, "J", "h", brief.Options{})
	if err != nil || !slices.Equal(s.Viewed.Fields, []string{"amount", "mood", "order", "risk"}) || len(s.Viewed.SidePanel) != 2 {
		t.Errorf("%+v %v", s.Viewed, err)
	}
	for want, v := range map[string]brief.View{"has no handoff": {Journey: "J", Handoff: "no"}, "side_panel[1] is empty": {Journey: "J", Handoff: "h", SidePanel: []string{"a", " "}},
		"fields has 501": {Journey: "J", Handoff: "h", Fields: make([]string, 501)}} {
		if _, err := brief.See(t.Context(), b, to, v); err == nil || !strings.Contains(err.Error(), want) || ledger.HintOf(err) == "" {
			t.Errorf("%v, want %q", err, want)
		}
	}

	c := brief.Correction{Journey: "J", Field: "mood", Value: json.RawMessage(`"glad"`), By: "c-7"}
	for i := range 2 {
		if r, err := brief.Correct(t.Context(), b, to, c); err != nil || r.Receipt.Duplicate != (i == 1) {
			t.Fatalf("%+v %v", r, err)
		}
	}
	got := assemble(t, b, brief.Options{})
	if f := field(t, got, "mood"); string(f.Value) != `"glad"` || f.Source != "customer" || f.Method != "user" || !f.AfterAccept {
		t.Errorf("%+v", f)
	}
	view, err := replay.AsOf(t.Context(), b, "J", replay.Moment{})
	if err != nil || view.Journey.Activity != brief.CorrectionActivity || len(view.Journey.Anomalies) != 0 {
		t.Errorf("%+v %v", view.Journey, err)
	}
	for want, c := range map[string]brief.Correction{"is no name": {Journey: "J", Value: json.RawMessage(`1`)}, "value is missing": {Journey: "J", Field: "a"},
		"not in the ledger": {Journey: "K", Field: "a", Value: json.RawMessage(`1`)}} {
		if _, err := brief.Correct(t.Context(), b, to, c); err == nil || !strings.Contains(err.Error(), want) || ledger.HintOf(err) == "" {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
