package depth_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections/depth"
)

// TestWatch: the planted category is told of as an event, once, whoever looks and however often the process starts.
func TestWatch(t *testing.T) {
	ctx := t.Context()
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{FS: vfs.NewMem(), TagKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	in := ledger.Intake(store.AppendAll, ledger.Validate)
	s, err := simulate.New(simulate.Options{Seed: 7, Journeys: 4000, Flows: []string{"chatbot-to-human", "ai-agent-to-human"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := interop.Append(ctx, interop.Options{Append: in}, s.Events()); err != nil {
		t.Fatal(err)
	}
	raised := watched(t, store, in, 1)
	planted := func(a depth.Alert) bool {
		return a.Kind == depth.DriftEnum && a.Field == "issue_category" && a.Value == "subscription pause"
	}
	if !slices.ContainsFunc(raised, planted) {
		t.Fatalf("%+v", raised)
	}
	on, err := depth.On(ctx, store)
	if err != nil || len(on) != len(raised) || on[0].Key != raised[0].Key {
		t.Errorf("on are %+v, %v", on, err)
	}
	head, _ := store.Head(ctx)
	c, err := contract.Parse([]byte("contract: other\nversion: 1\nfields: []"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := contract.Do(ctx, store, in, contract.Act{Verb: "drafted", Said: contract.Said{Name: c.Name, Version: 1, Contract: c}}); err != nil {
		t.Fatal(err)
	}
	if again := watched(t, store, in, 0); len(again) != 0 { // another process, which counts anew
		t.Errorf("told again: %+v", again)
	}
	if now, _ := store.Head(ctx); now.Position != head.Position+1 {
		t.Errorf("%d events came in beside the draft", now.Position-head.Position-1)
	}
}

// watched runs a follower and its watch until some alerts were raised, or one look is over, and gives them.
func watched(t *testing.T, store *pebblestore.Store, in ledger.Append, least int) (out []depth.Alert) {
	t.Helper()
	before, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	live := depth.NewLive(store, depth.Options{Renew: func() depth.Options { return depth.Options{} }}, nil)
	ended := make(chan error, 2)
	go func() { ended <- live.Run(ctx) }()
	looked := make(chan struct{}, 100)
	w := depth.NewWatch(depth.WatchOptions{Live: live, Every: 500, Looked: func() { looked <- struct{}{} }, Append: in})
	go func() { ended <- w.Run(ctx) }()
	select {
	case <-looked:
	case <-ctx.Done():
		t.Fatal("nobody looked")
	}
	cancel()
	<-ended
	<-ended
	for r, err := range store.Read(t.Context(), ledger.ReadOptions{From: before.Position + 1}) {
		if err != nil {
			t.Fatal(err)
		}
		var a depth.Alert
		if err := json.Unmarshal(r.Data, &a); err != nil || !strings.HasPrefix(r.Stream, "drift-") || r.Type != ledger.Type("contract", "drift_detected") {
			t.Errorf("%s in %s: %s", r.Type, r.Stream, r.Data)
		}
		out = append(out, a)
	}
	if len(out) < least {
		t.Errorf("%d alerts", len(out))
	}
	return out
}
