package points_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/projections/points"
)

// everything is the options that leave no handoff of a simulation out. Version 2 of a simulated envelope calls contact_ref contact_token.
var everything = points.Options{Days: 3660, Journeys: 1 << 20, Aliases: map[string]string{"contact_token": "contact_ref"}}

// sum is what the truth says of a point.
type sum struct {
	handoffs, accepted, lost int
	fields                   map[string]int // lost re-asks
}

func sums(all []truth) map[string]*sum {
	out := map[string]*sum{}
	for _, j := range all {
		of, lost := map[string]*sum{}, map[string]bool{}
		for _, h := range j.Handoffs {
			point := ledger.Point(h.From, h.To, h.Channel)
			if out[point] == nil {
				out[point] = &sum{fields: map[string]int{}}
			}
			s := out[point]
			of[h.ID] = s
			s.handoffs++
			if h.Accepted {
				s.accepted++
			}
		}
		for _, r := range j.Reasks {
			if s := of[r.Handoff]; r.Class == "lost" {
				s.fields[r.Field]++
				if !lost[r.Handoff] {
					s.lost++
				}
				lost[r.Handoff] = true
			}
		}
	}
	return out
}

// TestFactsAreTheTruth holds each point's facts against what the simulator planted: handoffs, acceptances, and every lost re-ask with its field.
func TestFactsAreTheTruth(t *testing.T) {
	b := open(t)
	want := sums(b.simulate(simulate.Options{Seed: 11, Journeys: 1500}))
	lost, renamed := 0, 0
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w := want[name]
		f, err := b.desk.Gather(t.Context(), b.point(name), everything)
		b.check(err)
		got := map[string]int{}
		for _, d := range f.Demand {
			got[d.Field] = d.Lost
		}
		if f.Handoffs != w.handoffs || f.Accepted != w.accepted || f.Lost != w.lost || !maps.Equal(got, w.fields) || !f.Complete {
			t.Errorf("%s has %d handoffs, %d accepted, %d with a lost re-ask %v; the truth is %d, %d, %d %v", name, f.Handoffs, f.Accepted, f.Lost, got, w.handoffs, w.accepted, w.lost, w.fields)
		}
		lost += w.lost
		o := everything
		o.Aliases = nil
		if f, err = b.desk.Gather(t.Context(), b.point(name), o); err != nil || f.Lost > w.lost {
			t.Errorf("%s without aliases: %d lost, %v", name, f.Lost, err)
		}
		renamed += w.lost - f.Lost
	}
	if lost < 100 || renamed == 0 {
		t.Errorf("%d lost re-asks are too few to tell, and %d of them need an alias", lost, renamed)
	}
}

// TestKindsAndVolumes holds facts against the simulator's flows: who is human there, and that volumes by day add up to all offers.
func TestKindsAndVolumes(t *testing.T) {
	b := open(t)
	want := sums(b.simulate(simulate.Options{Seed: 3, Journeys: 800, Flows: []string{"sales-to-support", "chatbot-to-human", "returns"}}))
	for point, humans := range map[string]float64{"sales>support@ticket": 1, "sales>support@e-mail": 1, "chatbot>support-desk@chat": 0, "returns-desk>warehouse@parcel": 0} {
		f, err := b.desk.Gather(t.Context(), b.point(point), everything)
		b.check(err)
		if f.HumanShare() != humans || f.Kinds != want[point].handoffs {
			t.Errorf("%s: %d of %d handoffs are between humans, the flow has a share of %g of %d", point, f.Humans, f.Kinds, humans, want[point].handoffs)
		}
	}
	m, err := b.desk.Matrix(t.Context(), points.Options{Days: 3660})
	b.check(err)
	if len(m.Rows) != len(want) || m.Unmapped != len(want) || m.Share != 1 {
		t.Errorf("the matrix has %d points, %d not mapped; there are %d", len(m.Rows), m.Unmapped, len(want))
	}
	for _, row := range m.Rows {
		if int(row.Offers) != want[row.Point].handoffs {
			t.Errorf("%s: %d offers, the truth has %d", row.Point, row.Offers, want[row.Point].handoffs)
		}
	}
	// A window cuts: its offers are those of a scan.
	o := points.Options{Days: 20, Now: time.Date(2026, 2, 20, 13, 0, 0, 0, time.UTC)}
	m, err = b.desk.Matrix(t.Context(), o)
	b.check(err)
	for _, row := range m.Rows {
		f, err := b.desk.Gather(t.Context(), b.point(row.Point), o)
		b.check(err)
		n := 0
		for h, err := range b.desk.Models.Handoffs(t.Context(), projections.HandoffQuery{}) {
			b.check(err)
			if day := h.Offered.Format(time.DateOnly); h.Point == row.Point && day >= "2026-02-01" && day <= "2026-02-20" {
				n++
			}
		}
		if n != f.Handoffs {
			t.Errorf("%s: %d offers in the 20 days, want %d", row.Point, f.Handoffs, n)
		}
		if int(row.Offers) != f.Handoffs || f.PerDay != row.PerDay || f.Handoffs >= want[row.Point].handoffs && f.Handoffs > 10 {
			t.Errorf("%s: %d offers in 20 days by day, %d by handoff, of %d", row.Point, row.Offers, f.Handoffs, want[row.Point].handoffs)
		}
	}
}
