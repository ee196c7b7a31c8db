package projections

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// tiny is a ledger small enough to count by hand. Hours after epoch:
//
//	a  0 bot acts, 1 bot offers to desk (a1), 3 desk accepts, 4 desk acts, 5 desk offers to bot (a2, direct ping-pong), 6 bot accepts,
//	   7 bot completes a2, 8 closed
//	b  0 bot acts, 2 bot offers to desk (b1): never answered
//	c  1 bot offers to desk (c1), 31 desk accepts: late by 6 h; then nothing
//	d  2 bot acts; bot offers to desk (d1), desk declines at 4, bot acts at 5, ghost (who never had it) acts at 90
//	e  100 bot acts: the last occurred time
func tiny() []said {
	h := time.Hour
	return []said{
		act("a", "bot", "R2", 0), offer("a", "a1", "bot", "desk", h), move("a", "a1", "accepted", "desk", 3*h), act("a", "desk", "Ann", 4*h),
		offer("a", "a2", "desk", "bot", 5*h), move("a", "a2", "accepted", "bot", 6*h), move("a", "a2", "completed", "bot", 7*h), life("a", "closed", 8*h),
		act("b", "bot", "R2", 0), offer("b", "b1", "bot", "desk", 2*h),
		offer("c", "c1", "bot", "desk", h), move("c", "c1", "accepted", "desk", 31*h),
		act("d", "bot", "R2", 2*h), offer("d", "d1", "bot", "desk", 2*h), move("d", "d1", "declined", "desk", 4*h), act("d", "bot", "R2", 5*h),
		act("d", "ghost", "Eve", 90*h),
		act("e", "bot", "R2", 100*h),
	}
}

func tinyModels(t *testing.T) *Models {
	store := newLedger(t)
	record(t, store, tiny()...)
	m := openModels(t, store, Options{})
	check(t, m.CatchUp(background))
	t.Cleanup(func() { m.Close(); store.Close() })
	return m
}

func TestSummaryByHand(t *testing.T) {
	s := must[Summary](t)(tinyModels(t).Summary(background))
	want := Counts{Handoffs: 5, Offered: 5, Accepted: 3, NeverAccepted: 2, Waiting: 1, Completed: 1, Declined: 1, PingPongDirect: 1}
	if s.Counts != want {
		t.Errorf("counts are %+v", s.Counts)
	}
	if s.Events != 18 || s.Interactions != 7 || s.Journeys != 5 || s.OpenJourneys != 4 || s.PingPongJourneys != 1 || s.PingPongRate != 0.2 ||
		s.PingPongIndex != 0.2 || !s.FirstOccurred.Equal(epoch) || !s.LastOccurred.Equal(epoch.Add(100*time.Hour)) {
		t.Errorf("summary is %+v", s)
	}
	if s.Queue.Count != 3 || s.Queue.MeanSeconds != 11*3600 || s.Work.Count != 1 || s.Work.MeanSeconds != 3600 || s.EndToEnd.MeanSeconds != 2*3600 ||
		s.FirstAct.Count != 1 || s.FirstAct.MeanSeconds != 3600 || s.JourneyTime.MeanSeconds != 8*3600 {
		t.Errorf("waits are %+v, journeys %+v", s.Waits, s.JourneyTime)
	}
	if p := s.Queue.P50Seconds; p < 2*3600*0.9375 || p > 2*3600*1.0625 {
		t.Errorf("the median wait of 1, 2 and 30 h is given as %v s", p)
	}
}

func TestPointsByHand(t *testing.T) {
	r := must[Report[PointRow]](t)(tinyModels(t).Points(background))
	if len(r.Rows) != 2 || r.Rows[0].Point != "bot>desk@chat" || r.Rows[0].Handoffs != 4 || r.Rows[0].Accepted != 2 || r.Rows[0].Declined != 1 ||
		r.Rows[0].Waiting != 1 || r.Rows[1].Point != "desk>bot@chat" || r.Rows[1].PingPongDirect != 1 || r.Rows[1].Queue.MeanSeconds != 3600 {
		t.Errorf("points are %+v", r.Rows)
	}
	if r.Report != "points" || r.Position != 18 || !r.AsOf.Equal(epoch.Add(100*time.Hour)) {
		t.Errorf("report is %q as of %v at %d", r.Report, r.AsOf, r.Position)
	}
}

func TestCustodyByHand(t *testing.T) {
	m := tinyModels(t)
	r := must[CustodyReport](t)(m.Custody(background, CustodyOptions{}))
	rows := make(map[string]CustodyRow)
	for _, row := range r.Rows {
		rows[row.Kind] = row
	}
	for kind, want := range map[string][]string{KindDropped: {"b"}, KindLate: {"c"}, KindOrphaned: {"d"}, AnomalyPingPongDirect: {"a"},
		AnomalyPingPongIndirect: {}, "zombie": {}, "doubled": {}, ledger.AnomalyOutsider: {"d"}} {
		var got []string
		for _, e := range rows[kind].Examples {
			got = append(got, e.Journey)
		}
		if !slices.Equal(got, want) || rows[kind].Count != int64(len(want)) || rows[kind].Journeys != int64(len(want)) || rows[kind].Kind == "" {
			t.Errorf("%s: %+v, want %v", kind, rows[kind], want)
		}
	}
	if e := rows[KindDropped].Examples[0]; e.Handoff != "b1" || e.Point != "bot>desk@chat" || e.Seconds != 98*3600 {
		t.Errorf("dropped: %+v", e)
	}
	if e := rows[KindOrphaned].Examples[0]; e.Stage != "bot" || e.Seconds != 95*3600 {
		t.Errorf("the outsider's act at 90 h must not hide that bot left d at 5 h: %+v", e)
	}
	if e := rows[AnomalyPingPongDirect].Examples[0]; e.Handoff != "a2" || e.Stage != "desk" || e.Position != 5 {
		t.Errorf("ping-pong: %+v", e)
	}
	var longest []string
	for _, w := range r.LongestWaits {
		longest = append(longest, w.Handoff+" "+w.Ended)
	}
	if want := []string{"b1 waiting", "c1 accepted", "a1 accepted", "d1 declined", "a2 accepted"}; !slices.Equal(longest, want) {
		t.Errorf("longest waits are %v", longest)
	}
}

// TestCustodyOptions moves the clock and the limits, of all points and of one.
func TestCustodyOptions(t *testing.T) {
	m := tinyModels(t)
	h := time.Hour
	for name, c := range map[string]struct {
		o                       CustodyOptions
		dropped, late, orphaned int64
	}{
		"early":          {CustodyOptions{Now: epoch.Add(20 * h)}, 0, 1, 0},
		"much later":     {CustodyOptions{Now: epoch.Add(1000 * h), Top: 1}, 1, 1, 3},
		"tight":          {CustodyOptions{Limits: Limits{Accept: 90 * time.Minute, Orphan: 10 * h}}, 1, 2, 2},
		"generous":       {CustodyOptions{Limits: Limits{Accept: 99 * h, Orphan: 96 * h}}, 0, 0, 0},
		"generous point": {CustodyOptions{Points: map[string]Limits{"bot>desk@chat": {Accept: 99 * h}}}, 0, 0, 1},
		"tight point":    {CustodyOptions{Points: map[string]Limits{"desk>bot@chat": {Accept: 30 * time.Minute}, "bot>desk@chat": {Orphan: h}}}, 1, 2, 2},
	} {
		r := must[CustodyReport](t)(m.Custody(background, c.o))
		if r.Rows[0].Count != c.dropped || r.Rows[2].Count != c.late || r.Rows[1].Count != c.orphaned {
			t.Errorf("%s: dropped %d, late %d, orphaned %d; want %d, %d, %d", name, r.Rows[0].Count, r.Rows[2].Count, r.Rows[1].Count,
				c.dropped, c.late, c.orphaned)
		}
		if c.o.Top == 1 && (len(r.LongestWaits) != 1 || len(r.Rows[1].Examples) != 1 || r.Rows[1].Examples[0].Journey != "d") {
			t.Errorf("%s: the longest are %+v and %+v", name, r.LongestWaits, r.Rows[1].Examples)
		}
	}
}

// TestClosedJourneyEndsTheWait closes a journey over an open offer and opens it again.
func TestClosedJourneyEndsTheWait(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	m := openModels(t, store, Options{})
	defer m.Close()
	record(t, store, offer("a", "h", "bot", "desk", 0), life("a", "closed", 30*time.Hour), act("b", "bot", "", 300*time.Hour))
	check(t, m.CatchUp(background))
	wait := func() WaitRow {
		return must[CustodyReport](t)(m.Custody(background, CustodyOptions{})).LongestWaits[0]
	}
	if w := wait(); w.Ended != "closed" || w.Seconds != 30*3600 {
		t.Errorf("wait in a closed journey: %+v", w)
	}
	record(t, store, act("a", "bot", "", 40*time.Hour))
	check(t, m.CatchUp(background))
	if w := wait(); w.Ended != "waiting" || w.Seconds != 300*3600 {
		t.Errorf("wait in a journey that is open again: %+v", w)
	}
	agrees(t, m, folded(t, store))
}

func TestNetworkByHand(t *testing.T) {
	m := tinyModels(t)
	r := must[NetworkReport](t)(m.Network(background, NetworkOptions{Norm: "total"}))
	if want := []NetworkRow{{"bot", "desk", 1, 0.5}, {"bot", "ghost", 1, 0.5}}; !slices.Equal(r.Rows, want) || r.Self != 1 || r.Pairs != 2 {
		t.Errorf("groups: %+v", r)
	}
	r = must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: LevelResource, Self: true, Norm: "row", Top: 1}))
	if r.Pairs != 3 || r.Distinct != 3 || len(r.Rows) != 1 || r.Rows[0] != (NetworkRow{"R2", "Ann", 1, 1. / 3}) {
		t.Errorf("resources: %+v", r)
	}
	r = must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: LevelOffered}))
	if want := []NetworkRow{{"bot", "desk", 4, 0}, {"desk", "bot", 1, 0}}; !slices.Equal(r.Rows, want) {
		t.Errorf("offered: %+v", r.Rows)
	}
	for _, o := range []NetworkOptions{{Level: "team"}, {Norm: "column"}} {
		if _, err := m.Network(background, o); !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
			t.Errorf("%+v gives %v", o, err)
		}
	}
}
