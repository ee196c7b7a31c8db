package depth_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/depth"
)

// naive is a handoff as encoding/json and maps give it: the oracle of the fold.
type naive struct {
	point                    string
	class                    map[string]string
	delivered, viewed, used  map[string]bool
	declared                 string
	looked, completed, shown bool
}

func naively(t *testing.T, o simulate.Options) map[string]*naive {
	t.Helper()
	s, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*naive{}
	over := map[string]bool{} // journeys that are closed
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		family, verb := ledger.SplitType(e.Type)
		if family == "journey" && verb == "closed" {
			over[e.Subject] = true
		}
		if family != "handoff" && family != "suggestion" || over[e.Subject] {
			continue
		}
		var d struct {
			From, To         struct{ Stage string }
			Channel, Handoff string
			Tier             string
			Fields, Used     []string
			Envelope         map[string]json.RawMessage
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		if verb == "offered" && family == "handoff" {
			h := &naive{point: ledger.Point(d.From.Stage, d.To.Stage, d.Channel), class: map[string]string{}, delivered: map[string]bool{}, viewed: map[string]bool{}, used: map[string]bool{}}
			for _, class := range []string{"mandatory", "optional", "forward_looking"} {
				var values map[string]any
				if err := json.Unmarshal(d.Envelope[class], &values); err != nil {
					t.Fatal(err)
				}
				for name := range values {
					h.class[name] = class
				}
			}
			out[e.ID] = h
			continue
		}
		h := out[d.Handoff]
		switch family + "." + verb {
		case "handoff.delivered":
			h.declared = d.Tier
			mark(h.delivered, d.Fields)
		case "handoff.viewed":
			h.looked = true
			mark(h.viewed, d.Fields)
		case "handoff.completed":
			h.looked, h.completed = true, true
			mark(h.used, d.Used)
		case "suggestion.shown":
			h.shown = true
		}
	}
	return out
}

func mark(set map[string]bool, names []string) {
	for _, n := range names {
		set[n] = true
	}
}

// tier is the rule in words of the depth practices.
func (h *naive) tier() string {
	tier := "none"
	for name := range h.delivered {
		identifier := slices.ContainsFunc([]string{"_id", "_ref", "_token"}, func(end string) bool { return strings.HasSuffix(name, end) }) && name != "transcript_ref"
		switch {
		case h.class[name] == "forward_looking" && h.viewed[name]:
			return "predictive"
		case h.class[name] == "forward_looking" || identifier:
			if tier == "none" {
				tier = "minimal"
			}
		default:
			tier = "contextual"
		}
	}
	if h.shown {
		return "predictive"
	}
	return tier
}

// TestTheFoldCountsWhatMapsCount holds every count of tiers and fields against one that decodes everything.
func TestTheFoldCountsWhatMapsCount(t *testing.T) {
	o := simulate.Options{Seed: 11, Journeys: 3000}
	f, _, _ := simulated(t, o, depth.Options{})
	type counts struct{ handoffs, declared, mismatch int64 }
	points, tiers, fields := map[string]*counts{}, map[[2]string]int64{}, map[[3]string]int64{}
	for _, h := range naively(t, o) {
		c := points[h.point]
		if c == nil {
			c = &counts{}
			points[h.point] = c
		}
		c.handoffs++
		tiers[[2]string{h.point, h.tier()}]++
		if h.looked && h.declared != "" {
			c.declared++
			if h.declared != h.tier() {
				c.mismatch++
			}
		}
		for what, set := range map[string]map[string]bool{"delivered": h.delivered, "viewed": h.viewed, "used": h.used} {
			for name := range set {
				fields[[3]string{h.point, name, what}]++
			}
		}
		for name := range h.class {
			fields[[3]string{h.point, name, "offered"}]++
		}
	}
	r := f.Tiers(depth.TierOptions{})
	if len(r.Rows) != len(points) {
		t.Errorf("%d points, want %d", len(r.Rows), len(points))
	}
	for _, row := range r.Rows {
		want := points[row.Point]
		if got := (counts{row.Handoffs, row.Declared, row.Mismatch}); got != *want {
			t.Errorf("%s: handoffs, declared, mismatched %+v, want %+v", row.Point, got, *want)
		}
		for name, got := range map[string]int64{"none": row.None, "minimal": row.Minimal, "contextual": row.Contextual, "predictive": row.Predictive} {
			if want := tiers[[2]string{row.Point, name}]; got != want {
				t.Errorf("%s: %d %s, want %d", row.Point, got, name, want)
			}
		}
		if row.Scored != row.Handoffs-row.None && row.None == 0 {
			t.Errorf("%s: %d scored of %d", row.Point, row.Scored, row.Handoffs)
		}
	}
	for _, row := range f.Fields(depth.Query{}).Rows {
		for what, got := range map[string]int64{"offered": row.Offered, "delivered": row.Delivered, "viewed": row.Viewed, "used": row.Used} {
			at := [3]string{row.Point, row.Field, what}
			if want := fields[at]; got != want {
				t.Errorf("%s %s: %d %s, want %d", row.Point, row.Field, got, what, want)
			}
			delete(fields, at)
		}
	}
	for at := range maps.Keys(fields) {
		t.Errorf("%v is not in the report", at)
	}
	if journeys, handoffs := f.Open(); journeys > 400 || handoffs > 800 {
		t.Errorf("%d journeys and %d handoffs are kept, of journeys that never closed", journeys, handoffs)
	}
}
