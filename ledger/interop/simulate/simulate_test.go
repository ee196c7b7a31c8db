package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// golden is what version 1 makes of seed 7. Whoever changes a byte raises Version, and then this.
const (
	goldenEvents = "3d64a3a4cf0c99fb"
	goldenTruth  = "4e17b2cd654f2ef6"
)

func digest(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:8]) }

func TestSameSeedSameBytes(t *testing.T) {
	o := Options{Seed: 7, Journeys: 800}
	events, truth := raw(t, o)
	text := bytesOf(events)
	if e, tr := digest(text), digest(truth); e != goldenEvents || tr != goldenTruth {
		t.Errorf("version %d makes events %s and truth %s, want %s and %s: raise Version with every change of a byte",
			Version, e, tr, goldenEvents, goldenTruth)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again, truthAgain := raw(t, o)
	if !bytes.Equal(text, bytesOf(again)) || !bytes.Equal(truth, truthAgain) {
		t.Error("a second run makes other bytes")
	}
	o.Seed = 8
	if other, _ := raw(t, o); bytes.Equal(bytesOf(other)[:2000], text[:2000]) {
		t.Error("another seed makes the same bytes")
	}
}

// TestALongerRunHasTheShorterOne holds what lets a run be extended: journey k does not hang on how many there are.
func TestALongerRunHasTheShorterOne(t *testing.T) {
	bySubject := func(n int) map[string][]byte {
		events, truth := raw(t, Options{Seed: 3, Journeys: n})
		out := map[string][]byte{}
		for i := range events {
			out[events[i].Subject] = append(out[events[i].Subject], bytesOf(events[i:i+1])...)
		}
		for text := range bytes.Lines(truth[bytes.IndexByte(truth, '\n')+1:]) {
			var l line
			strictly(t, text, &l)
			out[l.Journey+" truth"] = text
		}
		return out
	}
	short, long := bySubject(150), bySubject(400)
	if len(short) < 300 || len(long) < 800 {
		t.Fatalf("%d and %d: too few", len(short), len(long))
	}
	for id, text := range short {
		if !bytes.Equal(long[id], text) {
			t.Fatalf("%s differs:\n%s\n%s", id, text, long[id])
		}
	}
}

// TestSlices holds that cutting the window to save memory changes nothing.
func TestSlices(t *testing.T) {
	s, err := New(Options{Seed: 1, Journeys: 3*sliceJourneys + 17})
	if err != nil {
		t.Fatal(err)
	}
	seen, last, n := make([]bool, s.o.Journeys), int64(0), 0
	for d := range s.beginnings() {
		if seen[d.k] || d.at < last || d.at < s.arrivals.start || d.at >= s.arrivals.start+90*day {
			t.Fatalf("journey %d at %s, after %s, seen before: %v", d.k, moment(d.at), moment(last), seen[d.k])
		}
		seen[d.k], last, n = true, d.at, n+1
	}
	if n != s.o.Journeys {
		t.Errorf("%d of %d journeys begin", n, s.o.Journeys)
	}
}

func TestEventsAreValidAndInOrder(t *testing.T) {
	events, _, lines := simulated(t, Options{Seed: 7, Journeys: 3000})
	check := ledger.Validate(func(_ context.Context, b []ledger.Batch) []ledger.Result { return make([]ledger.Result, len(b)) })
	ids, types, last := map[string]bool{}, map[string]int{}, time.Time{}
	for i := range events {
		e := &events[i]
		r := check(t.Context(), []ledger.Batch{{Stream: ledger.StreamFor(e), Expect: ledger.Any, Events: events[i : i+1]}})[0]
		if r.Err != nil {
			t.Fatalf("%v: %s", r.Err, bytesOf(events[i:i+1]))
		}
		if ids[e.ID] || e.Time.Before(last) {
			t.Fatalf("id %s again, or %s before %s", e.ID, e.Time, last)
		}
		ids[e.ID], last = true, e.Time
		if e.CausationID != "" && !ids[e.CausationID] {
			t.Errorf("%s was caused by %s, which is not there", e.ID, e.CausationID)
		}
		types[e.Type]++
		if !strings.HasPrefix(e.Source, "sim/") {
			t.Errorf("source %q", e.Source)
		}
	}
	for v, typ := range eventTypes {
		if types[typ] == 0 {
			t.Errorf("no %s (verb %d)", typ, v)
		}
	}
	if len(lines) != 3000 {
		t.Errorf("the truth has %d lines", len(lines))
	}
}

func TestEverythingIsPlanted(t *testing.T) {
	_, h, lines := simulated(t, Options{Seed: 7, Journeys: 6000})
	flowsSeen, fatesSeen, kinds, classes := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	var missing, left, cut, gamed, second, suggested int
	for _, l := range lines {
		flowsSeen[l.Flow]++
		if l.Suggestion != nil {
			suggested++
		}
		for _, hd := range l.Handoffs {
			fatesSeen[hd.Fate]++
			missing, left, cut, gamed = missing+len(hd.Missing), left+len(hd.Left), cut+len(hd.Cut), gamed+len(hd.Gamed)
			second += hd.Version - 1
		}
		for _, a := range l.Anomalies {
			kinds[a.Name]++
		}
		for _, r := range l.Reasks {
			classes[r.Class]++
		}
	}
	want := func(what string, seen map[string]int, names ...string) {
		for _, name := range names {
			if seen[name] == 0 {
				t.Errorf("no %s %s: %v", what, name, seen)
			}
		}
	}
	want("flow", flowsSeen, FlowNames()...)
	want("fate", fatesSeen, fateAccepted, fateOther, fateDoubled, fateDeclined,
		fateExpired, fateWithdraw, fateFailed, fateReturned, fatePingPong, fateOrphaned, fateDropped)
	want("anomaly", kinds, "zombie", "doubled", "accepted_by_other", "acted_without_custody",
		"ping_pong_direct", "ping_pong_indirect", "act_after_close", "accepted_twice")
	want("class", classes, "lost", "ignored", "gamed")
	if len(FlowNames()) != 9 || missing == 0 || left == 0 || cut == 0 || gamed == 0 || second == 0 || suggested == 0 {
		t.Errorf("%d missing, %d left out, %d cut, %d gamed, %d of version 2, %d suggestions", missing, left, cut, gamed, second, suggested)
	}
	if h.Truth != "baton simulate" || h.Version != Version || h.Seed != 7 || len(h.Flows) != 9 || h.Drift.IsZero() {
		t.Errorf("header %+v", h)
	}
}

// TestTheLedgersFoldFindsWhatWasPlanted compares, journey by journey, what the fold of package ledger flags with the truth: nothing is
// planted that it does not find, and it finds nothing else.
func TestTheLedgersFoldFindsWhatWasPlanted(t *testing.T) {
	events, _, lines := simulated(t, Options{Seed: 11, Journeys: 4000})
	folded := journeys(t, events)
	for _, l := range lines {
		j := folded[l.Journey]
		var found, planted []string
		for _, a := range j.Anomalies {
			found = append(found, a.Name)
		}
		for i, h := range j.Handoffs {
			if h.PingPong != "" {
				found = append(found, "ping_pong_"+h.PingPong)
			}
			if l.Handoffs[i].ID != h.ID || l.Handoffs[i].Accepted == h.Accepted.IsZero() || l.Handoffs[i].Channel != h.Channel {
				t.Errorf("%s: handoff %+v, truth %+v", l.Journey, h, l.Handoffs[i])
			}
		}
		for _, a := range l.Anomalies {
			planted = append(planted, a.Name)
		}
		slices.Sort(found)
		slices.Sort(planted)
		if !slices.Equal(found, planted) || len(j.Handoffs) != len(l.Handoffs) {
			t.Errorf("%s: found %v, planted %v", l.Journey, found, planted)
		}
		if j.IsOpen() != (l.Lost != "") || l.Lost == "" && !j.Closed.Equal(l.Closed) {
			t.Errorf("%s: closed %s, truth %q %s", l.Journey, j.Closed, l.Lost, l.Closed)
		}
		again := folded[l.Journey+"-again"]
		if (again != nil) != l.Recontact || again != nil && (len(again.Anomalies) > 0 || !slices.Equal(again.Links, []string{l.Journey})) {
			t.Errorf("%s: %+v came back, truth %v", l.Journey, again, l.Recontact)
		}
	}
	for id := range maps.Keys(folded) {
		if !strings.HasPrefix(id, "sim-11-") {
			t.Errorf("journey %q", id)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		word string
	}{
		{Options{Journeys: -1}, "journeys"}, {Options{Days: -3}, "days"}, {Options{Days: 5000}, "days"}, {Options{Flows: []string{"return"}}, "return"},
		{Options{Start: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)}, "start"},
	} {
		_, err := New(c.o)
		if ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), c.word) || ledger.HintOf(err) == "" {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}

// fullDisk refuses everything after its first bytes.
type fullDisk struct{ left int }

var errFull = errors.New("no space left on device")

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestTheTruthCannotBeWritten(t *testing.T) {
	s, err := New(Options{Seed: 1, Journeys: 2000, Truth: &fullDisk{100_000}})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range s.Events() {
		last = err
	}
	if !errors.Is(last, errFull) || ledger.HintOf(last) == "" {
		t.Errorf("the last error is %v", last)
	}
}

func TestFlowsCanBeChosen(t *testing.T) {
	_, h, lines := simulated(t, Options{Seed: 1, Journeys: 200, Flows: []string{"returns", "password-reset"}})
	seen := map[string]int{}
	for _, l := range lines {
		seen[l.Flow]++
	}
	if len(seen) != 2 || seen["returns"] == 0 || seen["password-reset"] == 0 || len(h.Flows) != 2 {
		t.Errorf("flows %v, header %v", seen, h.Flows)
	}
}

func BenchmarkEvents(b *testing.B) {
	events := int64(0)
	for b.Loop() {
		s, err := New(Options{Seed: 1, Journeys: 5000})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range s.Events() {
			if err != nil {
				b.Fatal(err)
			}
		}
		events += s.Counts().Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportAllocs()
}
