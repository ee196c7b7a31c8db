package projections

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// paged reads a query by pages of one, every page from the cursor of the page before.
func paged(t *testing.T, m *Models, q Query) []string {
	t.Helper()
	var ids []string
	for q.Limit = 1; ; {
		n := len(ids)
		for l, err := range m.Journeys(background, q) {
			check(t, err)
			ids, q.After = append(ids, l.Journey.ID), l.Cursor
		}
		if len(ids) == n {
			return ids
		}
	}
}

func TestJourneysByPages(t *testing.T) {
	m := tinyModels(t)
	check(t, m.Handle(background, nil))
	for want, q := range map[string]Query{
		"a b c d e": {},
		"e d c b a": {Newest: true},
		"b c d e":   {State: "open"},
		"a":         {State: "closed"},
		"a b d e":   {Stage: "bot"},
		"c":         {Stage: "desk"},
		"b d e":     {Stage: "bot", State: "open"},
		"d":         {Anomaly: ledger.AnomalyOutsider},
		"a ":        {Anomaly: AnomalyPingPongDirect, State: "closed"},
		"b":         {Prefix: "b"},
		"":          {Stage: "nobody"},
	} {
		if got := paged(t, m, q); strings.Join(got, " ") != strings.TrimSpace(want) {
			t.Errorf("%+v lists %v, want %s", q, got, want)
		}
		whole := []string{}
		for l, err := range m.Journeys(background, q) {
			check(t, err)
			whole = append(whole, l.Journey.ID)
		}
		if strings.Join(whole, " ") != strings.TrimSpace(want) {
			t.Errorf("%+v lists %v in one piece", q, whole)
		}
	}
}

// TestOneAnomalyManyTimes lists a journey once however often it did it.
func TestOneAnomalyManyTimes(t *testing.T) {
	store := newLedger(t)
	defer store.Close()
	m := openModels(t, store, Options{})
	defer m.Close()
	for _, j := range []string{"a", "a\u00e9", "b"} {
		record(t, store, act(j, "bot", "", 0), act(j, "ghost", "", 1), act(j, "ghost", "", 2))
	}
	check(t, m.CatchUp(background))
	q := Query{Anomaly: ledger.AnomalyOutsider}
	if got := paged(t, m, q); !slices.Equal(got, []string{"a", "a\u00e9", "b"}) {
		t.Errorf("lists %q", got)
	}
}

func TestHandoffsByPages(t *testing.T) {
	m := tinyModels(t)
	for want, q := range map[string]HandoffQuery{
		"a1 a2 b1 c1 d1": {},
		"d1 c1 b1 a2 a1": {Newest: true},
		"b1":             {Order: ByOffered},
		"c1 a1 d1 a2":    {Order: ByWait},
		"a2":             {Point: "desk>bot@chat"},
		"a1 b1 c1 d1":    {Point: "bot>desk@chat"},
		"d1 c1 b1 a1":    {Point: "bot>desk@chat", Newest: true},
		"d1":             {State: ledger.Declined},
		"":               {Order: ByOffered, Before: epoch.Add(2 * time.Hour)},
	} {
		var got []string
		for q.Limit = 1; ; {
			n := len(got)
			for r, err := range m.Handoffs(background, q) {
				check(t, err)
				got, q.After = append(got, r.ID), r.Cursor
			}
			if len(got) == n {
				break
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v lists %v, want %s", q, got, want)
		}
	}
}

func TestOneHandoff(t *testing.T) {
	m := tinyModels(t)
	r := must[HandoffRow](t)(m.Handoff(background, "", "a2"))
	if r.Journey != "a" || r.Point != "desk>bot@chat" || r.State != ledger.Completed || *r.QueueSeconds != 3600 || *r.WorkSeconds != 3600 ||
		*r.EndToEndSeconds != 7200 || r.FirstActSeconds != nil || r.Owner.Stage != "bot" || r.JourneyOpen || r.PingPong != "direct" {
		t.Errorf("a2 is %s", asJSON(t, r))
	}
	if r := must[HandoffRow](t)(m.Handoff(background, "", "c1")); r.Owner.Stage != "desk" || !r.JourneyOpen || r.WorkSeconds != nil {
		t.Errorf("c1 is %s", asJSON(t, r))
	}
}

func TestBadQueries(t *testing.T) {
	m := tinyModels(t)
	first := Listed{}
	for l := range m.Journeys(background, Query{Limit: 1}) {
		first = l
	}
	failing := func(q Query) (err error) {
		for _, err = range m.Journeys(background, q) {
		}
		return err
	}
	for _, q := range []Query{{State: "half"}, {After: "!"}, {After: first.Cursor, Newest: true}, {After: first.Cursor, Stage: "bot"}} {
		if err := failing(q); !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
			t.Errorf("%+v gives %v", q, err)
		}
	}
	for _, q := range []HandoffQuery{{Order: "size"}, {After: first.Cursor}} {
		for _, err := range m.Handoffs(background, q) {
			if !errors.Is(err, ledger.CodeInvalid) {
				t.Errorf("%+v gives %v", q, err)
			}
		}
	}
	if _, err := m.Journey(background, "nobody"); !errors.Is(err, ledger.CodeNotFound) || ledger.HintOf(err) == "" {
		t.Errorf("an unknown journey gives %v", err)
	}
	if r := must[HandoffRow](t)(m.Handoff(background, "a", "a2")); r.ID != "a2" {
		t.Errorf("handoff a2 of its journey is %+v", r)
	}
	if _, err := m.Handoff(background, "another", "a2"); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("handoff a2 of another journey: %v", err)
	}
	if _, err := m.Handoff(background, "", "nothing"); !errors.Is(err, ledger.CodeNotFound) || ledger.HintOf(err) == "" {
		t.Errorf("an unknown handoff gives %v", err)
	}
}
