package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/rpc"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// A program hands a journey over, is told that its view of the journey was an old one, and follows what happens. The client here is
// Connect's; what protoc-gen-go-grpc makes of baton.proto does as well.
func Example() {
	url, stop := startServer()
	defer stop()
	ctx := context.Background()
	c := batonv1.NewHandoffServiceClient(http.DefaultClient, url)

	h, err := c.Handoff(ctx, &batonv1.HandoffRequest{Id: "h-1", Journey: "J-7", From: &batonv1.Party{Stage: "support"},
		To: &batonv1.Party{Stage: "billing"}, Channel: "ticket", Envelope: `{"mandatory":{"amount":49}}`})
	if err != nil {
		log.Fatal(batonv1.ErrorOf(err))
	}
	fmt.Println(h.GetPoint(), h.GetState())

	old := int64(1)
	_, err = c.Append(ctx, &batonv1.AppendRequest{Expect: &old, Events: []*batonv1.Event{{Id: "e-2", Source: "/crm",
		Type: "dev.baton.interaction.recorded.v1", Subject: "J-7", Data: []byte(`{"activity":"refund","stage":"billing"}`)}}})
	var stale *ledger.StaleRevision
	if errors.As(batonv1.ErrorOf(err), &stale) {
		fmt.Println("somebody was faster: revision", stale.Current)
	}

	tail, err := c.Tail(ctx, &batonv1.TailRequest{Filter: `event.family == "handoff"`})
	if err != nil {
		log.Fatal(batonv1.ErrorOf(err))
	}
	defer tail.Close()
	for range 2 {
		tail.Receive()
		fmt.Println(tail.Msg().GetPosition(), tail.Msg().GetEvent().GetEvent().GetType())
	}
	// Output:
	// support>billing@ticket accepted
	// somebody was faster: revision 3
	// 2 dev.baton.handoff.offered.v1
	// 3 dev.baton.handoff.accepted.v1
}

// startServer serves an empty ledger in memory.
func startServer() (url string, stop func()) {
	store, err := pebblestore.Open(context.Background(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		log.Fatal(err)
	}
	intake := ledger.Intake(store.AppendAll, ledger.Validate)
	s := httptest.NewServer(server.New(server.Options{Store: store, Append: intake, Mounts: rpc.New(rpc.Options{Store: store, Append: intake})}).Handler())
	return s.URL, func() {
		s.CloseClientConnections()
		s.Close()
		if err := store.Close(); err != nil {
			log.Fatal(err)
		}
	}
}
