package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// startServer serves an empty ledger in memory, as `baton serve` serves a directory.
func startServer(ctx context.Context) (url string, stop func()) {
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		log.Fatal(err)
	}
	models, err := projections.Open(ctx, "models", store, projections.Options{FS: vfs.NewMem()})
	if err != nil {
		log.Fatal(err)
	}
	s := httptest.NewServer(server.New(server.Options{Store: store, Append: ledger.Intake(store.AppendAll, ledger.Validate), Models: models}).Handler())
	return s.URL, func() {
		s.Close()
		if err := errors.Join(models.Close(), store.Close()); err != nil {
			log.Fatal(err)
		}
	}
}

// A program appends to a ledger, is told that somebody was faster, and reads the journey as it stood after the first event.
func Example() {
	ctx := context.Background()
	url, stop := startServer(ctx)
	defer stop()

	c := client.New(url, client.Options{}) // Options{Key: "…"} where the server asks for a key
	call := ledger.Event{ID: "1", Source: "crm", Type: ledger.Type("interaction", "recorded"), Subject: "J-1",
		Data: []byte(`{"activity":"call","stage":"sales"}`)}
	r := c.AppendAll(ctx, []ledger.Batch{{Stream: ledger.JourneyStream("J-1"), Expect: ledger.NoStream, Events: []ledger.Event{call}}})[0]
	if r.Err != nil {
		log.Fatal(r.Err)
	}
	fmt.Println("recorded at position", r.Receipts[0].Position)

	call.ID = "2"
	r = c.AppendAll(ctx, []ledger.Batch{{Stream: ledger.JourneyStream("J-1"), Expect: ledger.NoStream, Events: []ledger.Event{call}}})[0]
	var stale *ledger.StaleRevision
	if errors.Is(r.Err, ledger.CodeStaleRevision) && errors.As(r.Err, &stale) {
		fmt.Println("the journey is at revision", stale.Current)
	}

	view, err := replay.AsOf(ctx, c, "J-1", replay.Moment{Revision: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("held by", view.Journey.Owner().Stage)
	// Output:
	// recorded at position 1
	// the journey is at revision 1
	// held by sales
}
