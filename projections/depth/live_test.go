package depth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections/depth"
)

// TestLiveFollowsALedger runs the follower over an engine: it says what it does not know yet, catches up, and then says what a fold of the same events says.
func TestLiveFollowsALedger(t *testing.T) {
	ctx := t.Context()
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{FS: vfs.NewMem(), TagKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := simulate.New(simulate.Options{Seed: 3, Journeys: 150})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := interop.Append(ctx, interop.Options{Append: ledger.Intake(store.AppendAll, ledger.Validate)}, s.Events()); err != nil {
		t.Fatal(err)
	}
	handled := 0
	live := depth.NewLive(store, depth.Options{}, nil)
	r, err := live.Tiers(ctx, depth.TierOptions{})
	head, herr := store.Head(ctx)
	if err = errors.Join(err, herr); err != nil || r.Behind != head.Position || r.Position != 0 || len(r.Rows) != 0 {
		t.Fatalf("before it began: %+v, %v", r.Head, err)
	}
	if err := live.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	f := depth.NewFold(depth.Options{})
	for e, err := range store.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		f.Add(&e)
		handled++
	}
	if live.Progress().Lag() != 0 || handled == 0 {
		t.Errorf("lag %d after %d events", live.Progress().Lag(), handled)
	}
	tiers, err1 := live.Tiers(ctx, depth.TierOptions{})
	fields, err2 := live.Fields(ctx, depth.Query{})
	drift, err3 := live.Drift(ctx, depth.DriftOptions{Charts: true})
	again, err4 := live.Drift(ctx, depth.DriftOptions{Charts: true})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, tiers, fields, drift), all(t, f); got != want || text(t, drift) != text(t, again) {
		t.Error("the follower and a fold of the same events differ")
	}
	if drift.Behind != 0 || drift.Position != head.Position {
		t.Errorf("%+v", drift.Head)
	}

	// It goes on while the ledger grows, and reports can be asked meanwhile.
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- live.Run(running) }()
	e := ledger.Event{ID: "new", Source: "test", Type: ledger.Type("handoff", "offered"), Subject: "N", Data: []byte(`{"from":"web","to":"desk","channel":"chat","envelope":{"mandatory":{"a":1}}}`)}
	if r := ledger.Intake(store.AppendAll, ledger.Validate)(ctx, []ledger.Batch{{Stream: "journey-N", Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	for {
		r, err := live.Tiers(ctx, depth.TierOptions{Query: depth.Query{Point: "web>desk@chat"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Rows) == 1 && r.Behind == 0 {
			break
		}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}
