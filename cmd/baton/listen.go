package main

import (
	"context"
	"errors"

	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// front is where the API is met: its addresses, and who may come in.
type front struct {
	*server.Listener
	access server.Access
	esdb   *esdbFront // nil where EventStoreDB's clients are not served
}

// listenOptions are the configured ones, under the keys of the data directory.
func (a *app) listenOptions() (server.ListenOptions, error) {
	keys, err := server.OpenKeyring(a.cfg.Data)
	return server.ListenOptions{Address: a.cfg.Listen, Cert: a.cfg.ListenTLS.Cert, Key: a.cfg.ListenTLS.Key, Insecure: a.cfg.InsecureListen, Keys: keys}, err
}

// listen opens the API's addresses, and makes the key with which commands of this machine get in.
func (a *app) listen() (*front, error) {
	o, err := a.listenOptions()
	if err != nil {
		return nil, err
	}
	l, err := server.Listen(o)
	if err != nil {
		return nil, err
	}
	if err := o.Keys.OpenLocal(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	esdb, err := a.listenESDB(o)
	if err != nil {
		return nil, errors.Join(err, o.Keys.CloseLocal(), l.Close())
	}
	c := a.cfg.Limits
	return &front{l, server.Access{Keys: o.Keys, Hosts: a.cfg.Hosts, World: o.World(), PublicMetrics: a.cfg.Metrics.Public,
		Limits: server.Limits{Rate: c.Rate, Burst: c.Burst, Requests: c.Requests, Streams: c.Streams, Stall: c.Stall}}, esdb}, nil
}

func (f *front) close() error {
	return errors.Join(f.access.Keys.CloseLocal(), f.Close(), f.esdb.close())
}

// serve answers requests until the context ends.
func (f *front) serve(ctx context.Context, api *server.Server) error {
	return api.Serve(ctx, f.All()...)
}

// ask makes a client of the server that holds the configured data directory.
func (a *app) ask(held holder) *client.Client {
	return client.New(held.API, client.Options{Key: server.LocalToken(a.cfg.Data)})
}
