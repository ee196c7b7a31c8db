package wire

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/baton-ledger/baton/ledger"
)

// serverVersion is the version of EventStoreDB whose protocol this is. Clients parse it as numbers.
const serverVersion = "24.10.0"

// features answers what a client may call. BatchAppend is not among it: clients that see it there use nothing else.
type features struct {
	serverfeatures.UnimplementedServerFeaturesServer
}

func (features) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	out := &serverfeatures.SupportedMethods{EventStoreServerVersion: serverVersion}
	for _, m := range []string{"event_store.client.streams.streams/append", "event_store.client.streams.streams/read",
		"event_store.client.gossip.gossip/read", "event_store.client.server_features.serverfeatures/getsupportedmethods"} {
		service, method, _ := strings.Cut(m, "/")
		out.Methods = append(out.Methods, &serverfeatures.SupportedMethod{ServiceName: service, MethodName: method})
	}
	return out, nil
}

// node answers clients that look for a cluster with one leader: itself, by the name that the client used.
type node struct {
	gossip.UnimplementedGossipServer
}

// instance tells one run of a server from the next.
var instance = uuid.New()

func (node) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	host, port, err := reachedAt(ctx)
	if err != nil {
		return nil, err
	}
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId: uuidOf(instance, true), TimeStamp: ticks(time.Now()), State: gossip.MemberInfo_Leader, IsAlive: true,
		HttpEndPoint: &gossip.EndPoint{Address: host, Port: port},
	}}}, nil
}

// reachedAt is the address by which a client got here: the name it asked for, which is the one on the certificate, else the IP address.
func reachedAt(ctx context.Context) (host string, port uint32, err error) {
	var candidates []string
	md, _ := metadata.FromIncomingContext(ctx)
	candidates = append(candidates, md.Get(":authority")...)
	if p, ok := peer.FromContext(ctx); ok && p.LocalAddr != nil {
		candidates = append(candidates, p.LocalAddr.String())
	}
	for _, c := range candidates {
		host, text, err := net.SplitHostPort(c)
		n, parseErr := strconv.ParseUint(text, 10, 16)
		if err == nil && parseErr == nil && host != "" {
			return host, uint32(n), nil
		}
	}
	return "", 0, ledger.Errorf(ledger.CodeUnsupported, "", "connect to the node directly, with esdb:// and without discovery", "the server cannot tell by which address it was reached")
}
