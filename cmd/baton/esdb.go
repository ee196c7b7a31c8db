package main

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/server"
)

// esdbFront is where EventStoreDB's clients are met.
type esdbFront struct {
	net.Listener
	url string // connection string, without credentials
}

// esdbOptions are those of the API, at the other address.
func (a *app) esdbOptions(o server.ListenOptions) server.ListenOptions {
	o.Address, o.Setting = a.cfg.ESDBListen, "esdb_listen"
	return o
}

// listenESDB opens the configured address; nil where there is none.
func (a *app) listenESDB(api server.ListenOptions) (*esdbFront, error) {
	o := a.esdbOptions(api)
	if o.Address == "" {
		return nil, nil
	}
	l, address, err := server.ListenPlain(o, "h2")
	if err != nil {
		return nil, err
	}
	f := &esdbFront{l, "esdb://" + address}
	if o.Cert == "" {
		f.url += "?tls=false"
	}
	return f, nil
}

// serveESDB answers EventStoreDB's clients until the context ends, under the keys of the API.
func (a *app) serveESDB(ctx context.Context, n *node, front *front) error {
	keys := front.access.Keys
	admit := func(ctx context.Context, secret string) (context.Context, wire.Caller, error) {
		ctx, p, err := keys.Admit(ctx, secret, "send the API key as password, with any user name: esdb://key:bt_…@host:2113; `baton keys add` makes one")
		return ctx, wire.Caller{Name: p.Name, Reads: p.Role >= server.Reader, Writes: p.Role >= server.Writer, Holds: func() bool { return keys.Holds(p) }}, err
	}
	return wire.New(wire.Options{Source: n.store, Find: n.disk, Append: n.intakeFrom("esdb"), Admit: admit,
		Reads: a.cfg.Limits.Streams, Writes: a.cfg.Limits.Requests, Logger: a.logger()}).Serve(ctx, front.esdb)
}

func (f *esdbFront) where() string {
	if f == nil {
		return ""
	}
	return ", EventStoreDB at " + f.url
}

// close is for a front that was never served: serving closes the listener too.
func (f *esdbFront) close() error {
	if f != nil {
		_ = f.Close() // is closed already where it was served
	}
	return nil
}

// answersESDB reports whether somebody who speaks EventStoreDB's protocol is at an address. Nothing is told, so any certificate will do.
func answersESDB(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, c := range []credentials.TransportCredentials{insecure.NewCredentials(), credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})} {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(c))
		if err != nil {
			continue
		}
		defer conn.Close()
		_, err = serverfeatures.NewServerFeaturesClient(conn).GetSupportedMethods(ctx, &shared.Empty{})
		if err == nil || status.Code(err) == codes.Unauthenticated {
			return true
		}
	}
	return false
}
