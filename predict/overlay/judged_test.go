package overlay_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/trust"
)

// TestOneRowForAll: training, judging and suggesting see the same row of a moment, what the data of events says included, and so say the same.
func TestOneRowForAll(t *testing.T) {
	d := openWith(t, func(i int) string { return fmt.Sprintf(`,"envelope":{"mandatory":{"size":%d}}`, i%7) })
	m := d.train(1)
	if !slices.ContainsFunc(m.Spec.Fields, func(f features.Field) bool { return f.Name == "size" }) {
		t.Fatalf("the fields are %v: nothing of the data is read", m.Spec.Fields)
	}
	judged, err := trust.Judge(t.Context(), d.store, m, trust.Range{})
	if err != nil {
		t.Fatal(err)
	}
	of := map[uint64]trust.Moment{}
	for _, j := range judged {
		of[j.Position] = j
	}
	if len(d.held) < 40 {
		t.Fatalf("%d moments were held out", len(d.held))
	}
	for _, h := range d.held {
		j := of[h.Position]
		s, err := overlay.Of(t.Context(), d.store, m, j.Journey, h.Position)
		if err != nil {
			t.Fatal(err)
		}
		if j.P != h.P || s.Probability != h.P {
			t.Errorf("position %d: %v when trained, %v when judged, %v when suggested", h.Position, h.P, j.P, s.Probability)
		}
	}
}
