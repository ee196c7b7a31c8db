package rpc_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// TestRoles calls every procedure with no key, a reader's and a writer's: each does what its name says and no more, and events are their sender's.
func TestRoles(t *testing.T) {
	ring, err := server.OpenKeyring(t.TempDir())
	must(t, err)
	keys := map[server.Role]string{server.Public: "bt_nobody"}
	for _, role := range []server.Role{server.Reader, server.Writer} {
		keys[role], _, err = ring.Add(role.String(), role, time.Time{})
		must(t, err)
	}
	n := start(t, func(o *server.Options) { o.Access.Keys = ring })
	cc := n.dial()
	with := func(ctx context.Context, role server.Role) context.Context {
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+keys[role])
	}
	writes := map[string]bool{"Append": true, "AppendAll": true, "Handoff": true, "MoveHandoff": true, "Journey": false, "Tail": false}
	methods := batonv1.File_baton_v1_baton_proto.Services().ByName("HandoffService").Methods()
	for i := range methods.Len() {
		name := string(methods.Get(i).Name())
		write, known := writes[name]
		if !known {
			t.Errorf("say who may call %s", name)
		}
		for role := range keys {
			ctx, cancel := context.WithTimeout(with(within(t), role), 20*time.Second)
			if name == "Tail" {
				_, err = tail(ctx, cc, &batonv1.TailRequest{Filter: "1"})() // a mistake, for those who may make it
			} else {
				err = batonv1.ErrorOf(cc.Invoke(ctx, "/baton.v1.HandoffService/"+name, &batonv1.AppendRequest{}, &batonv1.AppendResponse{}))
			}
			cancel()
			denied := ledger.CodeOf(err) == ledger.CodeForbidden
			if nobody := ledger.CodeOf(err) == ledger.CodeNotKnown; nobody != (role == server.Public) || denied != (write && role == server.Reader) {
				t.Errorf("%s by a %v is answered %v", name, role, err)
			}
		}
	}
	_, err = appendTo(with(within(t), server.Writer), cc, &batonv1.AppendRequest{Events: steps("A", 1)})
	must(t, err)
	for r, err := range n.store.Read(t.Context(), ledger.ReadOptions{}) {
		if must(t, err); r.Actor != "writer" {
			t.Errorf("the event is %q's", r.Actor)
		}
	}
	err = cc.Invoke(within(t), batonv1.HandoffServiceJourneyProcedure, &batonv1.JourneyRequest{}, &batonv1.JourneyResponse{})
	if connect.Code(status.Code(err)) != connect.CodeUnauthenticated {
		t.Errorf("without a key the answer is %v", err)
	}
}
