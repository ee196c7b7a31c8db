package projections

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// TestPointsOfAnyLedger holds the index of a point's handoffs, in pages and both ways, and the volumes by day, against a scan of all handoffs.
func TestPointsOfAnyLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := newLedger(t)
		defer store.Close()
		recordAny(t, store, rapid.IntRange(1, 40).Draw(t, "events"))
		m := openModels(t, store, Options{})
		defer m.Close()
		check(t, m.CatchUp(background))
		of, days := map[string][]string{}, map[string]map[time.Time]int64{}
		for h, err := range m.Handoffs(background, HandoffQuery{}) {
			check(t, err)
			of[h.Point] = append(of[h.Point], h.Journey+" "+h.ID)
			if !h.Offered.IsZero() {
				if days[h.Point] == nil {
					days[h.Point] = map[time.Time]int64{}
				}
				days[h.Point][h.Offered.UTC().Truncate(day)]++
			}
		}
		for point, want := range of {
			for _, newest := range []bool{false, true} {
				if newest {
					slices.Reverse(want)
				}
				var got []string
				for q := (HandoffQuery{Point: point, Newest: newest, Limit: 2}); ; {
					n := len(got)
					for h, err := range m.Handoffs(background, q) {
						check(t, err)
						got, q.After = append(got, h.Journey+" "+h.ID), h.Cursor
					}
					if len(got) == n {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s (newest %v) lists %q, want %q", point, newest, got, want)
				}
			}
		}
		volumes, err := m.Volumes(background)
		check(t, err)
		for _, v := range volumes {
			got := map[time.Time]int64{}
			for _, d := range v.Days {
				got[d.Day] = d.Offers
			}
			if !maps.Equal(got, days[v.Point]) {
				t.Fatalf("%s has the volumes %v, want %v", v.Point, got, days[v.Point])
			}
			delete(days, v.Point)
		}
		if len(days) > 0 {
			t.Fatalf("no volumes of %v", days)
		}
	})
}

// TestVolumeBeforeTime counts an offer from before 1970 on the first day there is.
func TestVolumeBeforeTime(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	record(t, store, offer("a", "h", "bot", "desk", time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).Sub(epoch)), offer("a", "i", "bot", "desk", 0))
	m := openModels(t, store, Options{})
	defer m.Close()
	check(t, m.CatchUp(background))
	volumes := must[[]Volume](t)(m.Volumes(background))
	if len(volumes) != 1 || volumes[0].Point != ledger.Point("bot", "desk", "chat") || len(volumes[0].Days) != 2 || volumes[0].Days[0].Day.Unix() != 0 ||
		!volumes[0].Days[1].Day.Equal(epoch.Truncate(day)) {
		t.Errorf("the volumes are %+v", volumes)
	}
}
