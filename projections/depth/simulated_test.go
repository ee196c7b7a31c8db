package depth_test

import (
	"maps"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/depth"
)

type pointField struct{ point, field string }

// TestFieldsAreTheTruths holds every point and field against what the simulator did with each handoff.
func TestFieldsAreTheTruths(t *testing.T) {
	f, _, lines := simulated(t, simulate.Options{Seed: 5, Journeys: 4000}, depth.Options{Contracts: renamed})
	gone, junk, lost, ignored, gamed := map[pointField]int64{}, map[pointField]int64{}, map[pointField]int64{}, map[pointField]int64{}, map[pointField]int64{}
	handoffs := map[string]int64{}
	for _, l := range lines {
		points := map[string]string{}
		for _, h := range l.Handoffs {
			point := ledger.Point(h.From, h.To, h.Channel)
			points[h.ID] = point
			handoffs[point]++
			for _, name := range append(h.Missing, h.LeftOut...) {
				if name == "consent" && h.Version == 2 {
					continue // nobody knew it, and version 2 sends it all the same
				}
				gone[pointField{point, name}]++
			}
			for _, name := range h.Gamed {
				junk[pointField{point, name}]++
			}
		}
		for _, r := range l.Reasks {
			at := pointField{points[r.Handoff], r.Field}
			switch r.Class {
			case "lost":
				lost[at]++
			case "ignored":
				ignored[at]++
			case "gamed":
				gamed[at]++
			}
		}
	}
	r := f.Fields(depth.Query{})
	for _, row := range r.Rows {
		at := pointField{row.Point, row.Field}
		if row.Class == "mandatory" && row.Missing != gone[at] {
			t.Errorf("%s %s: missing %d, in truth %d", row.Point, row.Field, row.Missing, gone[at])
		}
		for _, c := range []struct {
			what string
			got  int64
			want map[pointField]int64
		}{{"junk", row.Junk, junk}, {"lost", row.AskedLost, lost}, {"ignored", row.AskedIgnored, ignored}, {"gamed", row.AskedJunk, gamed}} {
			if c.got != c.want[at] {
				t.Errorf("%s %s: %s %d, in truth %d", row.Point, row.Field, c.what, c.got, c.want[at])
			}
			delete(c.want, at)
		}
	}
	for _, left := range []map[pointField]int64{junk, lost, ignored, gamed} {
		for at := range maps.Keys(left) {
			t.Errorf("%s %s is not in the report", at.point, at.field)
		}
	}
	for _, row := range f.Tiers(depth.TierOptions{}).Rows {
		if row.Handoffs != handoffs[row.Point] {
			t.Errorf("%s: %d handoffs, in truth %d", row.Point, row.Handoffs, handoffs[row.Point])
		}
	}
}
