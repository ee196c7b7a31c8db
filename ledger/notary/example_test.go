package notary_test

import (
	"context"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// A ledger is written and sealed; then somebody who has the public key alone is convinced that an event is in it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "baton")
	check(err)
	defer os.RemoveAll(dir)

	keys, err := notary.LoadKeys(dir, "", "example.org/ledger")
	check(err)
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: keys.TagKey, FS: vfs.NewMem(), MinFreeMB: -1})
	check(err)
	defer store.Close()
	n, err := notary.Open(ctx, notary.Options{Store: store, Keys: keys, Dir: dir})
	check(err)

	for _, id := range []string{"a", "b", "c"} {
		event := ledger.Event{ID: id, Source: "example", Type: ledger.Type("interaction", "recorded"), Subject: "7",
			Data: []byte(`{"activity":"call"}`)}
		batch := ledger.Batch{Stream: ledger.StreamFor(&event), Expect: ledger.Any, Events: []ledger.Event{event}}
		for _, r := range ledger.Intake(store.AppendAll, ledger.Validate)(ctx, []ledger.Batch{batch}) {
			check(r.Err)
		}
	}
	check(n.Close(ctx)) // writes the last checkpoint, here and to the file outside the database

	proof, err := notary.Prove(ctx, store, keys.TagKey, n.Latest(), 2)
	check(err)
	end, err := notary.ProveStream(ctx, store, keys, "journey-7")
	check(err)

	public, err := notary.LoadVerifier(dir + "/keys/notary.pub")
	check(err)
	leaf, cp, err := proof.Verify(public)
	check(err)
	fmt.Printf("%s: %s is event %d of %d, revision %d of its stream\n", cp.Origin, leaf.Type, leaf.Position, cp.Size, leaf.Revision)
	state, _, err := end.Verify(public)
	check(err)
	fmt.Printf("that stream has %d events, and no more\n", state.Revision)
	// Output:
	// example.org/ledger: dev.baton.interaction.recorded.v1 is event 2 of 3, revision 2 of its stream
	// that stream has 3 events, and no more
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
