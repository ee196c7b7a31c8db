package replay_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/replay"
)

// sharedFile is a file of the research data beside the module; the test is skipped where that is absent.
func sharedFile(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs ../shared/data/%s: %v", name, err)
	}
	return path
}

// TestRealJourneys asks every question of the journeys of a real log; the answers must agree with each other. Every state is
// folded, and one journey in ten goes through the rest.
func TestRealJourneys(t *testing.T) {
	path := sharedFile(t, "receipt.xes.gz")
	b := open(t)
	s, err := interop.Import(ctx, interop.Options{Path: path, Preset: "xes", Append: b.append, Ledger: b})
	must(t, s, err)
	moved, err := replay.Compile(`handoffs.exists(h, h.state == "accepted")`)
	must(t, moved, err)
	journeys, events := 0, 0
	for head, err := range b.Streams(ctx, "journey-", "") {
		id := ledger.JourneyOf(must(t, head, err).Stream)
		v, err := replay.AsOf(ctx, b, id, replay.Moment{})
		must(t, v, err)
		journeys, events = journeys+1, events+v.Events
		if journeys%10 == 0 {
			checkJourney(t, b, moved, id, v)
		}
	}
	if journeys != 1434 || events == 0 {
		t.Errorf("%d journeys, %d events", journeys, events)
	}
	if head, err := b.Head(ctx); uint64(events) != must(t, head, err).Position {
		t.Errorf("journeys have %d events, the ledger %d", events, head.Position)
	}
}

func checkJourney(t *testing.T, b *book, moved *replay.Condition, id string, v replay.View) {
	t.Helper()
	var last replay.Entry
	n := 0
	for e, err := range replay.Timeline(ctx, b, id, replay.Moment{}) {
		last = must(t, e, err)
		n++
	}
	if n != v.Events || last.Holder != v.Journey.Owner() || last.Position != v.Journey.Position {
		t.Errorf("%s: the timeline ends with %d events, held by %v; the state has %d, %v", id, n, last.Holder, v.Events, v.Journey.Owner())
	}
	d, err := replay.Diff(ctx, b, id, replay.Moment{Revision: 1}, replay.Moment{})
	must(t, d, err)
	found, err := moved.Bisect(ctx, id, replay.Events(ctx, b, id, replay.Moment{}))
	if must(t, found, err).Found {
		before, err := replay.AsOf(ctx, b, id, replay.Moment{Position: found.First.Position - 1})
		if must(t, before, err); len(before.Journey.Handoffs) > 0 && before.Journey.Handoffs[0].State == ledger.Accepted {
			t.Errorf("%s: a handoff was accepted before %d", id, found.First.Position)
		}
	}
	h, err := replay.WhatIf(ctx, b, id, replay.Moment{}, []replay.Edit{{Op: replay.Drop, Revision: 1}})
	if must(t, h, err); h.Difference.From.Digest != replay.Digest(v) || h.State.Events != v.Events-1 {
		t.Errorf("%s: what-if starts from another state", id)
	}
	var text bytes.Buffer
	for _, a := range []texter{v, d, found, h} {
		if err := a.WriteText(&text, replay.TextOptions{Width: 80}); err != nil {
			t.Fatal(err)
		}
	}
}
